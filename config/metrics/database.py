"""Everything that the database knows of the service's state, in a few queries.

Each reads an index of what has not ended, or of the last minutes, so it costs the same however many
jobs have ended.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from django.db import Error as DatabaseError
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Min, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from connections.expiring import ENDS_AT, FIRST_WARNING
from connections.models import SocialConnection
from publishing.indexes import DUE, RARE_STATUSES
from publishing.models import FollowUp, PublishJob, Status, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.clock import database_now
from socialpublishing.events.heartbeat import DeliveryHeartbeat
from socialpublishing.events.models import Event
from socialpublishing.events.webhooks import Webhook, WebhookDelivery, WebhookStatus
from socialpublishing.platforms.pauses import PlatformPause

RECENT = dt.timedelta(minutes=10)
LATE_AFTER = dt.timedelta(seconds=60)
OF_JOB = ("platform", "status", "waiting_for", "who_acts")
IS_OPEN = Q(next_attempt_at__isnull=False)
LATENESS = ExpressionWrapper(F("published_at") - DUE, output_field=DurationField())


class Gauge:
    """One metric, and its samples."""

    def __init__(self, name: str, help_: str, *labels: str) -> None:
        self.family = GaugeMetricFamily(f"socialpublishing_{name}", help_, labels=labels)

    def add(self, value: float | dt.timedelta, *labels: str) -> None:
        number = value.total_seconds() if isinstance(value, dt.timedelta) else value
        self.family.add_metric(labels, number)


def read() -> list[Metric]:
    """All metrics; of a database that is away only that it is."""
    up = Gauge("database_up", "Whether the database can be read.")
    try:
        now = database_now()
        found = [*_jobs(now), *_ended(now), *_queues(now), *_workers(now), *_accounts(now)]
    except DatabaseError:
        up.add(0)
        return [up.family]
    up.add(1)
    return [up.family, *(each.family for each in found)]


def _jobs(now: dt.datetime) -> Iterator[Gauge]:
    jobs = Gauge("jobs", "Jobs that have not ended, or are left to a person.", *OF_JOB)
    late = Gauge(
        "jobs_late", "Open jobs that are due for over a minute.", "platform", "waiting_for"
    )
    latest = Gauge(
        "job_lateness_max_seconds",
        "How long the open job that was due first is due.",
        "platform",
        "waiting_for",
    )
    expired = Gauge("leases_expired", "Jobs whose worker does not extend its lease any more.")
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], dt.datetime] = {}
    over = 0
    open_jobs = PublishJob.objects.filter(IS_OPEN).alias(due=DUE).order_by().values(*OF_JOB)
    for row in open_jobs.annotate(
        jobs=Count("pk"),
        late=Count("pk", filter=Q(due__lt=now - LATE_AFTER)),
        first=Min("due"),
        expired=Count("pk", filter=Q(next_attempt_at__lt=now) & ~Q(lease_owner="")),
    ):
        jobs.add(row["jobs"], *(row[name] for name in OF_JOB))
        key = (row["platform"], row["waiting_for"])
        counts[key] += row["late"]
        first[key] = min(row["first"], first.get(key, row["first"]))
        over += row["expired"]
    for key, count in counts.items():
        late.add(count, *key)
        latest.add(max(now - first[key], dt.timedelta()), *key)
    expired.add(over)
    # The second condition is that of an index.
    left = PublishJob.objects.filter(
        ~IS_OPEN, status=Status.UNCONFIRMED, status__in=RARE_STATUSES
    ).order_by()
    for row in left.values(*OF_JOB).annotate(jobs=Count("pk")):
        jobs.add(row["jobs"], *(row[name] for name in OF_JOB))
    yield from (jobs, late, latest, expired)


def _ended(now: dt.datetime) -> Iterator[Gauge]:
    ended = Gauge(
        "jobs_ended_10m", "Jobs that ended in the last ten minutes.", "platform", "status", "code"
    )
    lateness = Gauge(
        "published_lateness_seconds",
        "How long after their time the posts of the last ten minutes went out (stat: mean, max).",
        "platform",
        "stat",
    )
    since = now - RECENT
    # The first three conditions are those of an index. A later change is no end.
    recent = PublishJob.objects.filter(
        ~IS_OPEN,
        Q(published_at__isnull=True) | Q(published_at__gte=since),
        content_erased_at__isnull=True,
        updated_at__gte=since,
    ).exclude(status=Status.UNCONFIRMED)
    groups = recent.order_by().values("platform", "status", "error_code")
    for row in groups.annotate(jobs=Count("pk"), mean=Avg(LATENESS), most=Max(LATENESS)):
        ended.add(row["jobs"], row["platform"], row["status"], row["error_code"])
        if row["status"] == Status.PUBLISHED:
            lateness.add(row["mean"], row["platform"], "mean")
            lateness.add(row["most"], row["platform"], "max")
    yield from (ended, lateness)


def _queues(now: dt.datetime) -> Iterator[Gauge]:
    due = Gauge("due", "What is due and not taken by a process yet, by queue.", "queue")
    oldest = Gauge("oldest_due_seconds", "For how long the oldest of it is due.", "queue")
    is_due = Q(next_attempt_at__lte=now)
    is_free = is_due & Q(lease_owner="")
    active = Q(webhook__status=WebhookStatus.ACTIVE)
    for queue, rows, column in (
        ("posts", PublishJob.objects.filter(is_free), "next_attempt_at"),
        ("follow_ups", FollowUp.objects.filter(is_free), "next_attempt_at"),
        ("deliveries", WebhookDelivery.objects.filter(is_due & active), "next_attempt_at"),
        ("events", Event.objects.filter(position__isnull=True), "at"),
    ):
        found = rows.order_by().aggregate(count=Count("pk"), first=Min(column))
        due.add(found["count"], queue)
        oldest.add(max(now - (found["first"] or now), dt.timedelta()), queue)
    yield from (due, oldest)


def _workers(now: dt.datetime) -> Iterator[Gauge]:
    heartbeats = Gauge(
        "worker_heartbeat_age_seconds", "Since the last heartbeat of each worker slot.", "slot"
    )
    deliveries = Gauge(
        "delivery_heartbeat_age_seconds",
        "Since the last heartbeat of each worker group's process that delivers webhooks.",
        "group",
    )
    paused = Gauge(
        "platform_pause_seconds",
        "For how long a platform is paused for our app.",
        *("platform", "login", "feature", "code"),
    )
    for slot in WorkerSlot.objects.exclude(name=CLAIM_LOCK):
        if slot.heartbeat_at is not None:
            heartbeats.add(now - slot.heartbeat_at, slot.name)
    for delivery in DeliveryHeartbeat.objects.all():
        deliveries.add(now - delivery.heartbeat_at, delivery.group)
    for each in PlatformPause.objects.all():
        paused.add(now - each.since, each.platform, each.login, each.feature, each.code)
    yield from (heartbeats, deliveries, paused)


def _accounts(now: dt.datetime) -> Iterator[Gauge]:
    connections = Gauge("connections", "Connected accounts.", "platform", "status")
    expiring = Gauge(
        "connections_expiring",
        "Connections that end within seven days, unless their owners connect them again.",
        "platform",
    )
    webhooks = Gauge(
        "webhooks", "Webhooks; reason: why it is paused, or failing.", "status", "reason"
    )
    is_ending = Q(ends_at__gt=now, ends_at__lte=now + FIRST_WARNING)
    rows = SocialConnection.objects.exclude(status=SocialConnection.Status.REVOKED)
    groups = rows.alias(ends_at=ENDS_AT).order_by().values("platform", "status")
    for row in groups.annotate(count=Count("pk"), ending=Count("pk", filter=is_ending)):
        connections.add(row["count"], row["platform"], row["status"])
        if row["status"] == SocialConnection.Status.ACTIVE:
            expiring.add(row["ending"], row["platform"])
    fails = Q(failing_since__isnull=False)
    hooks = Webhook.objects.order_by().values("status", "paused_reason")
    for hook in hooks.annotate(count=Count("pk"), failing=Count("pk", filter=fails)):
        failing = hook["failing"] if hook["status"] == WebhookStatus.ACTIVE else 0
        webhooks.add(hook["count"] - failing, hook["status"], hook["paused_reason"])
        if failing:
            webhooks.add(failing, hook["status"], "failing")
    yield from (connections, expiring, webhooks)
