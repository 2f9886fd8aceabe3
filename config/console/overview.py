"""What the start page of the console shows: which posts, accounts and receivers need attention."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Min, Q
from django.db.models.functions import TruncHour
from django.http import HttpRequest
from django.urls import reverse

from config.console.charts import Chart, Hour, chart
from connections.admin_base import platform_label
from connections.expiring import FIRST_WARNING, ending_soon
from connections.models import SocialConnection
from publishing.attention import LATE_AFTER, NEEDS_PERSON, OPEN, TROUBLED, ended_since, late
from publishing.indexes import DUE
from publishing.models import PublishJob, Status, WaitingFor, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK, DEAD_AFTER
from socialpublishing.clock import database_now
from socialpublishing.events.webhooks import FAILING, Webhook
from socialpublishing.platforms.pauses import PlatformPause

PERIOD = dt.timedelta(hours=24)
CODES_SHOWN = 6
LATENESS = ExpressionWrapper(F("published_at") - DUE, output_field=DurationField())
WAITING_TEXTS = {
    WaitingFor.RETRY: "for our next attempt",
    WaitingFor.RATE_LIMIT: "for the end of a rate limit",
    WaitingFor.PLATFORM: "for the platform, which processes the post",
    WaitingFor.OUTCOME: "for the next lookup of their outcome",
    WaitingFor.OWNER: "for their account's owner",
    WaitingFor.OPERATOR: "for the operator of this service",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    text: str
    link: str
    count: int | None = None
    at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """A question, the number that it asks for, and the lines that explain it."""

    title: str
    count: int
    link: str
    # What it means when the number is not 0: `bad`, `warn`, or `calm`.
    tone: str
    empty: str
    lines: Sequence[Line] = ()


@dataclass(kw_only=True)
class Overview:
    at: dt.datetime
    cards: list[Card] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    is_new: bool = False

    @property
    def is_calm(self) -> bool:
        return not any(card.count for card in self.cards if card.tone != "calm")


def overview(request: HttpRequest) -> Overview:
    """The parts that this user may view."""
    user, now = request.user, database_now()
    shown = Overview(at=now)
    if user.has_perm("publishing.view_publishjob"):
        ended = _ended(now)
        shown.cards += [*_open_cards(now), _failing(ended), _late(now, ended)]
        shown.charts = _charts(ended, now)
        shown.is_new = not ended and not PublishJob.objects.exists()
    if user.has_perm("publishing.view_workerslot"):
        shown.cards.append(_slots(now))
    if user.has_perm("socialpublishing.view_platformpause"):
        shown.cards.append(_pauses())
    if user.has_perm("connections.view_socialconnection"):
        shown.cards.append(_connections(now))
    if user.has_perm("socialpublishing.view_webhook"):
        shown.cards.append(_webhooks())
    return shown


def _list(model: str, **query: str | Sequence[str]) -> str:
    page = reverse(f"admin:{model}_changelist")
    return f"{page}?{urlencode(query, doseq=True)}" if query else page


def _jobs(**query: str | Sequence[str]) -> str:
    return _list("publishing_publishjob", **query)


# --- Jobs ----------------------------------------------------------------------------------------


def _open_cards(now: dt.datetime) -> list[Card]:
    rows = (
        PublishJob.objects.filter(OPEN)
        .values("waiting_for")
        .annotate(count=Count("pk"), left=Count("pk", filter=NEEDS_PERSON))
    )
    left_over, waiting = 0, Counter[str]()
    for row in rows:
        if row["waiting_for"]:
            waiting[row["waiting_for"]] += row["count"]
        else:
            left_over += row["left"]
    person = {name: waiting.pop(name, 0) for name in (WaitingFor.OPERATOR, WaitingFor.OWNER)}
    lines = [
        Line(
            text="unconfirmed: look at the platform, then resolve them",
            count=left_over,
            link=_jobs(attention="resolve"),
        ),
        *(_waiting_line(name, count) for name, count in person.items()),
    ]
    return [
        Card(
            title="Needs a person",
            count=left_over + sum(person.values()),
            link=_jobs(attention="person"),
            tone="bad",
            empty="No post waits for a person.",
            lines=_some(lines),
        ),
        Card(
            title="Waiting",
            count=sum(waiting.values()),
            link=_jobs(attention="waiting"),
            tone="calm",
            empty="No post waits for a retry, a limit or a platform.",
            lines=_some(_waiting_line(name, count) for name, count in waiting.most_common()),
        ),
    ]


def _waiting_line(name: str, count: int) -> Line:
    text = WAITING_TEXTS.get(WaitingFor(name), name)
    return Line(text=f"wait {text}", count=count, link=_jobs(waiting_for=name))


def _some(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.count]


def _ended(now: dt.datetime) -> list[dict[str, Any]]:
    """Jobs that have ended in the period, by platform, hour, status and error code."""
    rows: Any = (
        PublishJob.objects.filter(ended_since(now - PERIOD))
        .annotate(hour=TruncHour("updated_at"))
        .values("platform", "hour", "status", "error_code")
        .order_by()
        .annotate(
            count=Count("pk"),
            worst=Max(LATENESS),
            late=Count("pk", filter=Q(published_at__gt=DUE + LATE_AFTER)),
        )
    )
    return list(rows)


def _failing(ended: Iterable[dict[str, Any]]) -> Card:
    codes: Counter[str] = Counter()
    for row in ended:
        if row["status"] in TROUBLED:
            codes[row["error_code"]] += row["count"]
    period: dict[str, Any] = {"ended": "24h", "status__exact": [*TROUBLED]}
    lines = [
        Line(text=code or "without a code", count=count, link=_jobs(error_code=code, **period))
        for code, count in codes.most_common(CODES_SHOWN)
    ]
    return Card(
        title="Failed in 24 hours",
        count=codes.total(),
        link=_jobs(**period),
        tone="bad",
        empty="No post has failed.",
        lines=lines,
    )


def _late(now: dt.datetime, ended: Iterable[dict[str, Any]]) -> Card:
    found = late(now).aggregate(count=Count("pk"), oldest=Min(DUE))
    went_out_late = sum(row["late"] for row in ended if row["status"] == Status.PUBLISHED)
    lines = _some(
        [
            Line(
                text="published late in 24 hours",
                count=went_out_late,
                link=_jobs(late="published"),
            )
        ]
    )
    if found["oldest"]:
        oldest = Line(text="the oldest was due", at=found["oldest"], link=_jobs(late="now"))
        lines.insert(0, oldest)
    return Card(
        title="Late now",
        count=found["count"],
        link=_jobs(late="now"),
        tone="bad",
        empty="Every due post is on time.",
        lines=lines,
    )


def _charts(ended: Sequence[dict[str, Any]], now: dt.datetime) -> list[Chart]:
    last = now.replace(minute=0, second=0, microsecond=0)
    starts = [last - dt.timedelta(hours=back) for back in range(24, -1, -1)]
    charts = []
    for platform in sorted({row["platform"] for row in ended}):
        hours = {at: Hour(at=at) for at in starts}
        for row in ended:
            if row["platform"] == platform and row["hour"] in hours:
                hours[row["hour"]].add(row, is_published=row["status"] == Status.PUBLISHED)
        charts.append(
            chart(
                platform_label(platform),
                list(hours.values()),
                link=_jobs(platform=platform, ended="24h"),
            )
        )
    return charts


# --- The rest ------------------------------------------------------------------------------------


def _slots(now: dt.datetime) -> Card:
    slots = list(WorkerSlot.objects.exclude(name=CLAIM_LOCK).order_by("name"))
    page = _list("publishing_workerslot")
    silent = [
        slot for slot in slots if not (slot.heartbeat_at and slot.heartbeat_at > now - DEAD_AFTER)
    ]
    alive = f"{len(slots) - len(silent)} of {len(slots)} slots alive."
    if not slots:
        return Card(
            title="Silent worker slots", count=1, link=page, tone="bad", empty="",
            lines=[Line(text="No worker has ever run.", link=page)],
        )  # fmt: skip
    lines = [
        Line(text=f"{slot.name}: last heartbeat", at=slot.heartbeat_at, link=page)
        for slot in silent[:CODES_SHOWN]
    ]
    return Card(
        title="Silent worker slots",
        count=len(silent),
        link=page,
        tone="bad",
        empty=alive,
        lines=[*lines, Line(text=alive, link=page)] if silent else [],
    )


def _pauses() -> Card:
    paused = list(PlatformPause.objects.all())
    page = _list("socialpublishing_platformpause")
    return Card(
        title="Paused platforms",
        count=len(paused),
        link=page,
        tone="warn",
        empty="No platform is paused.",
        lines=[
            Line(
                text=f"{platform_label(each.platform)}, {each.code}, since",
                at=each.since,
                link=reverse("admin:socialpublishing_platformpause_change", args=(each.pk,)),
            )
            for each in paused
        ],
    )


def _connections(now: dt.datetime) -> Card:
    needs_owner = Q(status=SocialConnection.Status.NEEDS_REAUTH)
    counts = SocialConnection.objects.aggregate(
        owner=Count("pk", filter=needs_owner), ending=Count("pk", filter=ending_soon(now))
    )
    lines = [
        Line(
            text="have to be connected again by their owner",
            count=counts["owner"],
            link=_list("connections_socialconnection", status__exact="needs_reauth"),
        ),
        Line(
            text=f"end within {FIRST_WARNING.days} days",
            count=counts["ending"],
            link=_list("connections_socialconnection", ends="soon"),
        ),
    ]
    return Card(
        title="Connections for their owner",
        count=counts["owner"] + counts["ending"],
        link=_list("connections_socialconnection", ends="attention"),
        tone="warn",
        empty="Every account can publish.",
        lines=_some(lines),
    )


def _webhooks() -> Card:
    failing = list(Webhook.objects.filter(FAILING).only("url", "failing_since", "paused_at"))
    return Card(
        title="Failing webhooks",
        count=len(failing),
        link=_list("socialpublishing_webhook", failing="yes"),
        tone="warn",
        empty="Every webhook gets its events.",
        lines=[
            Line(
                text=f"{each.url[:60]}, since",
                at=each.failing_since or each.paused_at,
                link=reverse("admin:socialpublishing_webhook_change", args=(each.pk,)),
            )
            for each in failing[:CODES_SHOWN]
        ],
    )
