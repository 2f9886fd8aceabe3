"""The indexes of publish jobs, and the expressions that they share with the queries they serve."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

# A publish request was made whose outcome is unknown. A worker of the release before stores the
# publish intent alone.
IS_IN_DOUBT = Q(in_doubt_since__isnull=False) | Q(publish_started_at__isnull=False)
OPEN_STATUSES = ["Pending", "Scheduled", "Processing"]
# Those that a post which goes out never has: the others cost no write of their index.
RARE_STATUSES = ["Unconfirmed", "Failed", "ContentRejected", "Cancelled"]
# When a post is due; `PublishJob.due_at` in SQL.
DUE = Coalesce("scheduled_at", "created_at")

JOB_INDEXES = [
    models.Index(
        fields=["next_attempt_at", "id"],
        condition=Q(next_attempt_at__isnull=False),
        name="job_due",
    ),
    models.Index(
        fields=["account"],
        condition=Q(next_attempt_at__isnull=False) & IS_IN_DOUBT,
        name="job_looking",
    ),
    models.Index(
        fields=["account"],
        condition=Q(remote_id="") & ~Q(post_url=""),
        name="job_partly_out",
    ),
    # The lists of users: each serves one filter in the list's own order, so that a page
    # costs the same however many jobs there are. Those of rare values hold few rows, and begin with
    # the value: they serve the console too, which asks for the jobs of all users.
    models.Index(fields=["user_id", "-created_at", "-id"], name="job_of_user"),
    models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="job_of_batch"),
    models.Index(fields=["connection", "-created_at", "-id"], name="job_of_connection"),
    models.Index("user_id", DUE, "id", name="job_of_user_by_due"),
    models.Index(fields=["user_id", "updated_at"], name="job_of_user_changed"),
    models.Index(
        fields=["status", "user_id", "-created_at", "-id"],
        condition=Q(status__in=RARE_STATUSES),
        name="jobs_by_status",
    ),
    models.Index(
        "user_id",
        DUE,
        "id",
        condition=Q(next_attempt_at__isnull=False),
        name="job_of_user_open_by_due",
    ),
    *(
        models.Index(
            fields=[name, "user_id", "-created_at", "-id"],
            condition=~Q(**{name: ""}),
            name=f"jobs_by_{name}",
        )
        for name in ("external_reference", "error_code", "waiting_for", "who_acts")
    ),
    models.Index(fields=["-created_at", "-id"], name="job_newest"),  # the console's list
    models.Index(
        fields=["remote_id"], condition=~Q(remote_id=""), name="job_by_post"
    ),  # its search
    models.Index(fields=["published_at"], condition=Q(status="Published"), name="job_published"),
    models.Index(
        fields=["account"], condition=Q(published_at__isnull=True), name="job_unpublished"
    ),
    models.Index(
        fields=["updated_at"],
        condition=Q(next_attempt_at__isnull=True, content_erased_at__isnull=True),
        name="job_with_old_content",
    ),
]
