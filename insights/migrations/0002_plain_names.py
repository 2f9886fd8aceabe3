"""Names of the code change; tables keep theirs: the release before runs on them."""

import django.db.models.deletion
from django.db import migrations, models

RENAMED_MODELS = {
    ("watch", "insights_watch"): "MetricSchedule",
    ("reading", "insights_reading"): "MetricSnapshot",
    ("rhythm", "insights_rhythm"): "WeekEstimate",
}


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0004_plain_names"),
        ("publishing", "0005_plain_names"),
        ("insights", "0001_initial"),
    ]
    operations = [
        operation
        for (old, table), new in RENAMED_MODELS.items()
        for operation in (
            migrations.AlterModelTable(name=old, table=table),
            migrations.RenameModel(old, new),
        )
    ] + [
        migrations.AlterField(
            "metricschedule",
            "job",
            models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="metric_schedule",
                serialize=False,
                to="publishing.publishjob",
            ),
        ),
        migrations.AlterField(
            "metricsnapshot",
            "job",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="metric_snapshots",
                to="publishing.publishjob",
            ),
        ),
        migrations.AlterField(
            "weekestimate",
            "connection",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="week_estimates",
                to="connections.socialconnection",
            ),
        ),
        migrations.AlterModelOptions(
            name="weekestimate",
            options={
                "ordering": ["-made_at"],
                "verbose_name": "estimate of an account's week",
                "verbose_name_plural": "estimates of accounts' weeks",
            },
        ),
    ]
