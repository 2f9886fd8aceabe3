"""What the engine stores of its work on a job or a follow-up, between one step and the next."""

from __future__ import annotations

from django.db import models


class WaitingFor(models.TextChoices):
    """What a job waits for. Empty: it is new, scheduled or running, or it has ended."""

    RETRY = "retry", "our next attempt"
    RATE_LIMIT = "rate_limit", "the end of a rate limit"
    PLATFORM = "platform", "the platform, which processes the post"
    OUTCOME = "outcome", "the next lookup"
    OWNER = "owner", "the account's owner"
    OPERATOR = "operator", "the operator of this service"


class EngineState(models.Model):
    # When the engine works on the job next: its due time, the end of a worker's lease, or the next
    # lookup. Null when it never will again.
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    # Grows with each claim, each publish intent and each change from outside; who read an older one
    # writes nothing.
    fencing_token = models.PositiveIntegerField(default=0, db_column="fence")
    # Claims since the last recorded outcome. Many of them show that the job kills its workers.
    claims = models.PositiveSmallIntegerField(default=0)
    # Retries that count towards MAX_API_RETRIES.
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_pause_s = models.FloatField(default=0)
    waiting_for = models.CharField(
        max_length=16, choices=WaitingFor, blank=True, default="", db_default=""
    )
    # Who must act before the job can go on, or must have acted; it stays when the job has ended.
    who_acts = models.CharField(max_length=16, blank=True, default="", db_default="")
    # The version of the token that the platform refused last: that token is not sent again.
    refused_token_version = models.PositiveIntegerField(null=True, blank=True)

    # How far the job has come: publishing/progress.py alone reads and writes its JSON.
    progress = models.JSONField(default=dict, blank=True)
    # The publish intent, stored before the one request that makes the post public. While it stands
    # without an outcome, nobody may publish again: the post may exist.
    publish_started_at = models.DateTimeField(null=True, blank=True)
    # The first publish request in doubt. The response to a retry does not settle it.
    in_doubt_since = models.DateTimeField(null=True, blank=True, db_column="unclear_since")
    publish_requests = models.PositiveSmallIntegerField(default=0, db_column="publish_calls")
    # Lookups since the last publish request.
    lookups = models.PositiveSmallIntegerField(default=0, db_column="looks")

    remote_id = models.CharField("id at the platform", max_length=200, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        abstract = True
