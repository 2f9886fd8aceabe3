"""Names of the code change; tables and columns keep theirs: ciphertext is bound to them."""

from django.db import migrations

import socialpublishing.crypto


class Migration(migrations.Migration):
    dependencies = [("connections", "0003_timezone")]
    operations = [
        migrations.AlterModelTable(name="oauthattempt", table="connections_oauthattempt"),
        migrations.AlterField(
            "oauthattempt",
            "grant",
            socialpublishing.crypto.EncryptedTextField(db_column="grant", null=True),
        ),
        migrations.RenameField("oauthattempt", "grant", "credentials"),
        migrations.RenameModel("oauthattempt", "AuthorizationSession"),
    ]
