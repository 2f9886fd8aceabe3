"""What stands on top of a job's page in the console: its state, what helps, and its history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html

from connections.admin_base import coloured, connect_address, isolated, platform_label
from connections.models import SocialConnection
from publishing.attention import TROUBLED
from publishing.engine.retry import late_at
from publishing.models import ENDED, JobEvent, PublishJob, Status, WaitingFor
from socialpublishing.clock import readable
from socialpublishing.codes import CODES
from socialpublishing.errors import WhoActs

STATUS_COLOURS: dict[str, str] = {
    Status.SCHEDULED: "primary",
    Status.PENDING: "info",
    Status.PROCESSING: "info",
    Status.PUBLISHED: "success",
    Status.UNCONFIRMED: "warning",
    Status.FAILED: "danger",
    Status.CONTENT_REJECTED: "danger",
}
# Of a job that waits, beside its status: it must not look like one that is new.
WAITING_LABELS = {
    WaitingFor.RETRY: "waits for a retry",
    WaitingFor.RATE_LIMIT: "waits for a limit",
    WaitingFor.PLATFORM: "waits for the platform",
    WaitingFor.OUTCOME: "waits for a lookup",
    WaitingFor.OWNER: "waits for its owner",
    WaitingFor.OPERATOR: "waits for the operator",
}
WAITING_COLOURS: dict[str, str] = {
    label: "danger" if waiting_for in {WaitingFor.OWNER, WaitingFor.OPERATOR} else "warning"
    for waiting_for, label in WAITING_LABELS.items()
}
# Long addresses and words must not widen a phone's page.
WRAP = "overflow-wrap: anywhere"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
EVENTS_SHOWN, MAX_EVENTS = 10, 500


def post_link(url: str) -> str:
    """A link if it is safe to follow, else plain text: `url` comes from a platform."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return isolated(url)
    is_sandbox = bool(settings.SANDBOX_URL) and parts.hostname in LOOPBACK
    if parts.scheme == "https" or (parts.scheme == "http" and is_sandbox):
        return format_html(
            '<a href="{0}" class="text-link" style="{1}" '
            'target="_blank" rel="noopener noreferrer">{0}</a>',
            url,
            WRAP,
        )
    return isolated(url)


def status_labels(job: PublishJob) -> list[str]:
    labels = [coloured(job.status, STATUS_COLOURS)]
    if job.waiting_for in WAITING_LABELS:
        label = WAITING_LABELS[WaitingFor(job.waiting_for)]
        labels = [coloured(job.status, {}), coloured(label, WAITING_COLOURS)]
    return labels


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the history."""

    event: JobEvent
    title: str
    note: str
    details: str


@dataclass(frozen=True, kw_only=True)
class Head:
    job: PublishJob
    tone: str
    labels: Sequence[str]
    message: str
    meaning: str
    next_step: str
    connection: str
    reconnect: str
    post: str
    entries: Sequence[Entry]
    older: Sequence[Entry]


def head_of(job: PublishJob) -> Head:
    events = list(job.events.order_by("-at", "-id")[:MAX_EVENTS])
    entries = [_entry(event) for event in events]
    code = CODES.get(job.error_code)
    connection = ""
    if job.connection_id:
        connection = reverse("admin:connections_socialconnection_change", args=(job.connection_id,))
    reconnect = ""
    if job.connection_id and WhoActs.OWNER in {job.who_acts, job.waiting_for}:
        # Without its tokens.
        logins = SocialConnection.objects.filter(pk=job.connection_id).values_list("login")
        reconnect = "".join(connect_address(job.platform, login) for [login] in logins)
    return Head(
        job=job,
        tone=_tone(job),
        labels=status_labels(job),
        message=isolated(job.error_message) if job.error_message else "",
        meaning=code.on_job if code else "",
        next_step=next_step(job),
        connection=connection,
        reconnect=reconnect,
        post=post_link(job.post_url) if job.post_url else "",
        entries=entries[:EVENTS_SHOWN],
        older=entries[EVENTS_SHOWN:],
    )


def _tone(job: PublishJob) -> str:
    """As on the start page: `bad`, `warn`, `calm`, or empty for what is well."""
    if job.status in TROUBLED or (job.needs_person and job.status not in ENDED):
        return "bad"
    if job.status == Status.UNCONFIRMED or job.waiting_for:
        return "warn"
    return "" if job.status == Status.PUBLISHED else "calm"


def _entry(event: JobEvent) -> Entry:
    title = event.to_status
    if event.from_status and event.from_status != event.to_status:
        title = f"{event.from_status} → {event.to_status}"
    return Entry(
        event=event,
        title=title,
        note=isolated(event.note) if event.note else "",
        details=isolated(" · ".join(_details(event))),
    )


def _details(event: JobEvent) -> Iterator[str]:
    if event.step:
        yield event.step
    if event.code:
        yield event.code
    response = (event.platform_status or "", event.platform_code, event.platform_request_id)
    if text := " ".join(str(part) for part in response if part):
        yield f"platform's response {text}"
    if event.duration_ms is not None:
        yield f"{event.duration_ms:,} ms"
    yield event.actor


# --- What helps ----------------------------------------------------------------------------------

AFTER_FAILURE = {
    WhoActs.USER: "Its author changes the post and publishes it again.",
    WhoActs.OWNER: "The owner of the account acts first; then retry it.",
    WhoActs.OPERATOR: "Remove the cause, which lies with this service; then retry it.",
    WhoActs.NOBODY: "Retry it, if it is still wanted.",
}


def next_step(job: PublishJob) -> str:
    """What to do next, and who; that nothing is to be done, if so."""
    match job.status:
        case Status.UNCONFIRMED:
            return _after_doubt(job)
        case Status.FAILED | Status.CONTENT_REJECTED:
            if job.content_erased_at is not None:
                return "Nothing: its content was erased."
            return AFTER_FAILURE[WhoActs(job.who_acts)]
        case Status.PUBLISHED | Status.CANCELLED:
            return ""
    return _while_open(job)


def _after_doubt(job: PublishJob) -> str:
    if job.next_attempt_at is not None:
        at = readable(job.next_attempt_at, job.updated_at)
        return f"Nothing yet: the platform is asked at {at} whether it has the post."
    place = f"{platform_label(job.platform)}, on {job.account_name or job.account}"
    return (
        f"Look for the post at {place}. If it is there, resolve it as published; "
        "if it is certainly not there, resolve it as not published, and then retry it."
    )


def _while_open(job: PublishJob) -> str:
    if job.next_attempt_at is None:
        return ""
    end = readable(late_at(job, settings.LATE_PUBLISH_GRACE_SECONDS), job.updated_at)
    match job.waiting_for:
        case WaitingFor.OWNER:
            return (
                "The owner of the account connects it again. The post then goes out by itself, "
                f"unless that is after {end}."
            )
        case WaitingFor.OPERATOR:
            return (
                "The operator of this service removes the cause. The post then goes out by "
                f"itself, unless that is after {end}."
            )
        case "":
            return ""
    at = readable(job.next_attempt_at, job.updated_at)
    return f"Nothing: it goes on by itself at {at}."
