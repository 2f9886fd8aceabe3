"""Publish jobs, their history, and the worker slots of the processes that publish them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import models
from django.db.models import Q

from connections.models import Destination, SocialConnection
from connections.targets import PostingTarget
from publishing.claiming import ClaimingQuerySet
from publishing.engine_state import EngineState
from publishing.engine_state import WaitingFor as WaitingFor
from publishing.indexes import IS_IN_DOUBT, JOB_INDEXES
from publishing.progress import JobProgress
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms import platform_named
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.follow_ups import FIRST_COMMENT, TAKE_DOWN, FollowUpSteps
from socialpublishing.platforms.progress import LookupRules
from socialpublishing.posts import Media, Post, PostWarning


class Status(models.TextChoices):
    """The public statuses: those of the specification, and two of our own."""

    PENDING = "Pending"
    SCHEDULED = "Scheduled"
    PROCESSING = "Processing"
    PUBLISHED = "Published"
    FAILED = "Failed"
    CONTENT_REJECTED = "ContentRejected", "ContentRejected"
    CANCELLED = "Cancelled"
    UNCONFIRMED = "Unconfirmed"


class Outcome(models.TextChoices):
    """What a person found at the platform, where no lookup could find it out."""

    PUBLISHED = "published"
    NOT_PUBLISHED = "not_published"


# Nothing keeps the job from going on.
NOTHING_WRONG: Mapping[str, str] = {
    "error_code": "",
    "error_message": "",
    "waiting_for": "",
    "who_acts": "",
}
ENDED = (Status.PUBLISHED, Status.FAILED, Status.CONTENT_REJECTED, Status.CANCELLED)


class PublishJobQuerySet(ClaimingQuerySet["PublishJob"]):
    def alive(self) -> PublishJobQuerySet:
        """Jobs on which the engine still works by itself."""
        return self.filter(next_attempt_at__isnull=False)

    def in_doubt(self) -> PublishJobQuerySet:
        """Jobs with a publish request whose outcome is unknown."""
        return self.alive().filter(IS_IN_DOUBT)

    def with_limit(self) -> PublishJobQuerySet:
        """Each with `limited_until`, the end of its account's rate limit: see `account_limit`."""
        own = models.F("destination__limited_until")
        of_connection = models.F("connection__limited_until")
        to_destination = models.When(destination__isnull=False, then=own)
        return self.annotate(limited_until=models.Case(to_destination, default=of_connection))

    def partly_public(self) -> PublishJobQuerySet:
        """Jobs of which some posts are public and others are not, or not yet."""
        return self.filter(remote_id="").exclude(post_url="")

    def with_posts(self, accounts: Collection[str], since: dt.datetime) -> list[PublishJob]:
        """Jobs of these accounts with public posts: published since then, or partly public."""
        jobs = self.filter(account__in=accounts).only(
            "account", "remote_id", "progress", "published_at"
        )
        published = jobs.filter(published_at__gte=since).exclude(remote_id="")
        return [*published, *jobs.partly_public()]


class PublishBatch(models.Model):
    """Posts for several accounts that were accepted together. Each then goes its own way."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.CharField(max_length=128)
    external_reference = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=300, blank=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    first_response = models.TextField(blank=True, default="", db_default="", editable=False)
    # How many events callers got about it, and when its one batch.ended was stored.
    event_sequence = models.PositiveIntegerField(default=0, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["user_id", "-created_at", "-id"], name="batch_of_user")]
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="batch_once_per_idempotency_key",
            )
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}"


class PublishJob(EngineState):
    """One post for one account. Its row is the queue: nothing else has to survive a crash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.CharField(max_length=128)
    # The history outlives the connection, so the account's key and name are copied.
    connection = models.ForeignKey(
        SocialConnection,
        null=True,
        on_delete=models.SET_NULL,
        db_index=False,  # job_of_connection
    )
    destination = models.ForeignKey(Destination, null=True, on_delete=models.SET_NULL)
    platform = models.CharField(max_length=32)
    account = models.CharField(
        max_length=200, help_text="platform:id of the account or destination"
    )
    account_name = models.CharField(max_length=255, blank=True)
    batch = models.ForeignKey(
        PublishBatch,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,  # job_of_batch
    )
    # The caller's own: we keep and return it.
    external_reference = models.CharField(max_length=200, blank=True, default="", db_default="")
    metadata = models.JSONField(null=True, blank=True)

    text = models.TextField(blank=True)
    assets = models.JSONField(default=list, blank=True)
    platform_specific_options = models.JSONField(default=dict, blank=True)
    # When text, assets and options were erased. Such a job cannot be published any more.
    content_erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What its author should know: PostWarnings as JSON. Null: none.
    warnings = models.JSONField(null=True, blank=True)
    # What would keep a scheduled post from being published, as the pre-flight found at
    # `checked_at` (preflight.py). Any change of the job makes both out of date: they are null.
    at_risk = models.JSONField(null=True, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    status = models.CharField(max_length=16, choices=Status)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    late_grace_s = models.PositiveIntegerField(null=True, blank=True)

    post_url = models.CharField(max_length=500, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    # When the post was taken down at the platform, at its user's request.
    deleted_at = models.DateTimeField(null=True, blank=True)
    # How many events callers got about this job.
    event_sequence = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # The request that accepted the job, as the log names it.
    request_id = models.CharField(
        max_length=128, blank=True, default="", db_default="", editable=False
    )
    # The caller's Idempotency-Key with the endpoint in front, and a hash of the request.
    idempotency_key = models.CharField(max_length=300, blank=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    # With a key: the JSON of the first response, for requests that repeat it.
    first_response = models.TextField(blank=True, default="", db_default="", editable=False)

    # Set on the unsaved job by which the engine works on a follow-up (follow_ups.py).
    follow_up: FollowUp | None = None

    objects = PublishJobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = JOB_INDEXES
        constraints = [
            # Platforms order and limit by account: one post at a time, on however many machines.
            models.UniqueConstraint(
                fields=["account"], condition=~Q(lease_owner=""), name="job_one_in_hand_per_account"
            ),
            models.UniqueConstraint(
                fields=["account", "remote_id"],
                condition=~Q(remote_id=""),
                name="job_one_per_remote_post",
            ),
            models.UniqueConstraint(
                fields=["user_id", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="job_once_per_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ENDED, next_attempt_at__isnull=True)
                | Q(
                    status__in=[Status.PENDING, Status.SCHEDULED, Status.PROCESSING],
                    next_attempt_at__isnull=False,
                )
                | Q(status=Status.UNCONFIRMED),
                name="job_has_next_attempt_until_ended",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.PUBLISHED) | Q(published_at__isnull=False),
                name="job_published_has_time",
            ),
            models.CheckConstraint(
                condition=Q(lease_owner="") | Q(next_attempt_at__isnull=False),
                name="job_in_hand_has_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} on {self.account_name or self.account}"

    @property
    def platform_type(self) -> type[Platform]:
        return platform_named(self.platform, self.connection.login if self.connection else "")

    @property
    def post(self) -> Post:
        return Post(
            text=self.text,
            media=tuple(Media.from_asset(asset) for asset in self.assets),
            options=self.platform_specific_options,
        )

    @property
    def target(self) -> PostingTarget | None:
        """Where the post goes; None once the account is disconnected."""
        if self.connection is None:
            return None
        return PostingTarget(connection=self.connection, destination=self.destination)

    @property
    def account_limit(self) -> dt.datetime | None:
        """When the rate limit of the account ends, if that was read with the job. Asks nothing."""
        account = self._state.fields_cache.get(
            "destination" if self.destination_id else "connection"
        )
        limit: dt.datetime | None = getattr(account or self, "limited_until", None)
        return limit

    @property
    def due_at(self) -> dt.datetime:
        return self.scheduled_at or self.created_at

    @property
    def needs_person(self) -> bool:
        """Does nothing go on by itself, because it has ended or a person must act first?"""
        waits_for_person = self.waiting_for in {WaitingFor.OWNER, WaitingFor.OPERATOR}
        return self.next_attempt_at is None or waits_for_person

    @property
    def stored_progress(self) -> JobProgress:
        return JobProgress.from_json(self.progress)

    @property
    def posted(self) -> tuple[str, ...]:
        """Ids of the public parts of a post that goes out in several requests."""
        return self.stored_progress.platform.posted

    @property
    def parts_left(self) -> int:
        """How many parts of the post are not public, as far as is known."""
        try:
            count = self.platform_type.count_parts(self.post)
        except SocialPublishingBaseError:  # the platform is no longer in PLATFORMS
            return 1
        return count - len(self.posted)

    @property
    def follow_up_kind(self) -> str:
        """Empty on the job of a post."""
        return self.follow_up.kind if self.follow_up else ""

    @property
    def steps_type(self) -> type[Platform] | type[FollowUpSteps[Any]]:
        """What the engine does: it publishes the post, or does what follows it."""
        return self.platform_type.steps_of(self.follow_up_kind)

    @property
    def public_ids(self) -> list[str]:
        """The ids of the published post, of a thread those of all its parts."""
        return list(self.posted) or [self.remote_id] if self.remote_id else []

    @property
    def needs_preparation(self) -> bool:
        """Media are uploaded, or drafts made, before the publish request."""
        return self.steps_type.needs_preparation(self.post)

    @property
    def lookup_rules(self) -> LookupRules:
        """How far a lookup of the post can be trusted."""
        return self.steps_type.lookup_rules(
            self.post, at_destination=self.destination_id is not None
        )

    def warnings_with(self, more: Iterable[PostWarning]) -> list[dict[str, str]] | None:
        """The stored warnings and `more`, each once, as they are stored."""
        stored = self.warnings or []
        added = [vars(each) for each in more]
        return [*stored, *(each for each in added if each not in stored)] or None

    def with_public_parts(self, message: str) -> str:
        """`message`, after a sentence about the parts that are public already."""
        count = len(self.posted)
        if not count:
            return message
        are = "is" if count == 1 else "are"
        return f"{count} of its posts {are} public already: {self.post_url}. {message}"


class FollowUp(EngineState):
    """What follows a published post. Its failure never touches the post."""

    class Kind(models.TextChoices):
        FIRST_COMMENT = FIRST_COMMENT, "First comment"
        TAKE_DOWN = TAKE_DOWN, "Take-down"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(PublishJob, on_delete=models.CASCADE, related_name="follow_ups")
    kind = models.CharField(max_length=16, choices=Kind)
    text = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=Status)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="follow_up_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "kind"], name="follow_up_one_of_kind_per_job")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of job {self.job_id}"


class JobEvent(models.Model):
    """One entry in a job's history: a change of its status, or how a step ended. Append-only."""

    job = models.ForeignKey(PublishJob, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16, choices=Status)
    actor = models.CharField(max_length=150)
    step = models.CharField(max_length=16, blank=True)
    note = models.CharField(max_length=500, blank=True)
    code = models.CharField(max_length=64, blank=True)
    platform_status = models.PositiveSmallIntegerField(null=True, blank=True)
    platform_code = models.CharField(max_length=64, blank=True)
    platform_request_id = models.CharField(max_length=64, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("Events are append-only.")
        super().save(*args, **kwargs)


class WorkerSlot(models.Model):
    """A place for one publishing process. Its newest worker owns it; an older one only finishes."""

    name = models.CharField(primary_key=True, max_length=100)
    # Grows with each worker that takes the slot over.
    generation = models.PositiveBigIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, db_column="beat_at")

    class Meta:
        db_table = "publishing_lane"

    def __str__(self) -> str:
        return self.name
