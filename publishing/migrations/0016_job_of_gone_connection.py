from django.db import migrations, models

from socialpublishing.migrating import AddIndexWithoutLock


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('publishing', '0015_accepting_request'),
    ]

    operations = [
        AddIndexWithoutLock(
            model_name='publishjob',
            index=models.Index(condition=models.Q(('connection__isnull', True)), fields=['user_id', 'platform', '-created_at', '-id'], name='job_of_gone_connection'),
        ),
    ]
