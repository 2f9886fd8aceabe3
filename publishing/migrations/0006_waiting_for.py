from django.db import migrations, models

from socialpublishing.migrating import AddColumn


class Migration(migrations.Migration):
    dependencies = [("publishing", "0005_plain_names")]
    atomic = False
    operations = [
        AddColumn(
            model_name="publishjob",
            name="waiting_for",
            field=models.CharField(
                blank=True,
                choices=[
                    ("retry", "our next attempt"),
                    ("rate_limit", "the end of a rate limit"),
                    ("platform", "the platform, which processes the post"),
                    ("outcome", "the next lookup"),
                    ("owner", "the account's owner"),
                    ("operator", "the operator of this service"),
                ],
                db_default="",
                default="",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="publishjob",
            name="account",
            field=models.CharField(
                help_text="platform:id of the account or destination", max_length=200
            ),
        ),
    ]
