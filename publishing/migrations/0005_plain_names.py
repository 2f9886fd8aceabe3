"""Names of the code change; tables and columns keep theirs: the release before runs on them."""

from django.db import migrations, models
from django.db.models import Q

RENAMED_FIELDS = {
    # model, old name, new name: the field as it stands under both.
    ("publishjob", "fence", "fencing_token"): models.PositiveIntegerField(
        db_column="fence", default=0
    ),
    ("publishjob", "unclear_since", "in_doubt_since"): models.DateTimeField(
        blank=True, db_column="unclear_since", null=True
    ),
    ("publishjob", "publish_calls", "publish_requests"): models.PositiveSmallIntegerField(
        db_column="publish_calls", default=0
    ),
    ("publishjob", "looks", "lookups"): models.PositiveSmallIntegerField(
        db_column="looks", default=0
    ),
    ("lane", "beat_at", "heartbeat_at"): models.DateTimeField(db_column="beat_at", null=True),
}
PERMISSIONS = ("add", "change", "delete", "view")


def rename_permissions(apps, schema_editor, old="lane", new="workerslot"):
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="publishing"
    )
    for verb in PERMISSIONS:
        permissions.filter(codename=f"{verb}_{old}").update(codename=f"{verb}_{new}")


def restore_permissions(apps, schema_editor):
    rename_permissions(apps, schema_editor, old="workerslot", new="lane")


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("publishing", "0004_unclear_since"),
    ]
    operations = [
        migrations.AlterModelTable(name="lane", table="publishing_lane"),
        *(
            operation
            for (model, old, new), field in RENAMED_FIELDS.items()
            for operation in (
                migrations.AlterField(model, old, field),
                migrations.RenameField(model, old, new),
            )
        ),
        # The index in the database stays as it is: it names columns.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("publishjob", "job_looking"),
                migrations.AddIndex(
                    "publishjob",
                    models.Index(
                        condition=Q(next_attempt_at__isnull=False)
                        & (Q(in_doubt_since__isnull=False) | Q(publish_started_at__isnull=False)),
                        fields=["account"],
                        name="job_looking",
                    ),
                ),
            ]
        ),
        migrations.RenameModel("lane", "WorkerSlot"),
        migrations.RunPython(rename_permissions, restore_permissions),
    ]
