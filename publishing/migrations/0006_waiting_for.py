from django.db import migrations, models


def owners_are_waited_for(apps, schema_editor):
    """The release before stored what a job waits for in its error code alone."""
    jobs = apps.get_model("publishing", "PublishJob").objects
    # Those that wait have a next attempt: an index finds them.
    waiting = jobs.filter(next_attempt_at__isnull=False, status="Pending")
    waiting.filter(error_code="needs_reauth").update(waiting_for="owner")


class Migration(migrations.Migration):
    dependencies = [("publishing", "0005_plain_names")]
    operations = [
        migrations.AddField(
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
        migrations.RunPython(owners_are_waited_for, migrations.RunPython.noop),
    ]
