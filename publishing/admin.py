"""Jobs with their history, and the worker slots, in the ops console."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RadioFilter
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator

from connections.admin_base import (
    NONE,
    OperatedAdmin,
    PlatformFilter,
    ReadOnlyAdmin,
    ReadOnlyInline,
    TimeRangeFilter,
    coloured,
    display,
    isolated,
    link,
    moment,
    operation,
    platform_label,
)
from publishing import admin_follow_ups, operations
from publishing.engine.in_doubt import can_be_cancelled
from publishing.engine.retry import late_at
from publishing.models import JobEvent, Outcome, PublishJob, Status, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK, DEAD_AFTER
from socialpublishing.audit import Action
from socialpublishing.clock import database_now

STATUS_COLOURS: dict[str, str] = {
    Status.SCHEDULED: "primary",
    Status.PENDING: "info",
    Status.PROCESSING: "info",
    Status.PUBLISHED: "success",
    Status.UNCONFIRMED: "warning",
    Status.FAILED: "danger",
    Status.CONTENT_REJECTED: "danger",
}
TEXT_START_LENGTH = 60
# Long addresses and words must not widen a phone's page.
WRAP = "overflow-wrap: anywhere"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


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


class ErrorFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With an error code"), ("no", "Without")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PublishJob]
    ) -> QuerySet[PublishJob]:
        match self.value():
            case "yes":
                return queryset.exclude(error_code="")
            case "no":
                return queryset.filter(error_code="")
        return queryset


class JobEventInline(ReadOnlyInline):
    model = JobEvent
    verbose_name_plural = "History"
    fields = readonly_fields = (
        "time",
        "status_change",
        "step",
        "note_isolated",
        "code",
        "platform_response",
        "duration",
        "actor",
    )

    @display(description="time")
    def time(self, event: JobEvent) -> str:
        return moment(event.at)

    @display(description="status")
    def status_change(self, event: JobEvent) -> str:
        if event.from_status == event.to_status:
            return event.to_status
        return f"{event.from_status} → {event.to_status}".removeprefix(" ")

    @display(description="note")
    def note_isolated(self, event: JobEvent) -> str:
        return isolated(event.note)

    @display(description="platform's response")
    def platform_response(self, event: JobEvent) -> str:
        parts = [event.platform_status or "", event.platform_code, event.platform_request_id]
        return isolated(" · ".join(str(part) for part in parts if part))

    @display(description="duration")
    def duration(self, event: JobEvent) -> str:
        return NONE if event.duration_ms is None else f"{event.duration_ms:,}\N{NO-BREAK SPACE}ms"


@admin.register(PublishJob)
class PublishJobAdmin(OperatedAdmin):
    list_display = (
        "created", "status_label", "platform_name", "account_and_user", "scheduled_and_published",
        "error_and_attempts", "text_start",
    )  # fmt: skip
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        PlatformFilter,
        ErrorFilter,
        admin_follow_ups.AtRiskFilter,
        admin_follow_ups.FollowUpFilter,
        ("created_at", TimeRangeFilter),
        ("scheduled_at", TimeRangeFilter),
    )
    search_fields = ("user_id__startswith", "account_name", "text", "remote_id__exact")
    search_help_text = "Any id, account or text"
    # Millions of rows are neither counted nor sorted by a column that no index serves.
    ordering = ("-created_at", "-id")
    sortable_by = ()
    show_full_result_count = False
    paginator = InfinitePaginator
    fieldsets = (
        (
            "Post",
            {
                "fields": (
                    "status_label", "platform_name", "account_name_isolated", "user_id",
                    "connection_link", "destination_name", "full_text", "asset_list",
                    "platform_specific_options",
                )
            },
        ),
        (
            "Outcome",
            {
                "fields": (
                    "published_post", "remote_id", "error_code", "error_message_isolated",
                    "waiting_for", "who_acts", "warning_list", admin_follow_ups.risk_list,
                    admin_follow_ups.taken_down, "attempts",
                )
            },
        ),
        (
            "Timing",
            {
                "fields": (
                    "created", "scheduled", "late", "next_attempt", "submitted", "published",
                )
            },
        ),
        (
            "Engine",
            {
                "classes": ("collapse",),
                "fields": (
                    "id", "lease_owner", "fencing_token", "claims", "publish_requests", "lookups",
                    "retry_pause_s", "late_grace_s", "refused_token_version", "idempotency_key",
                    "progress",
                ),
            },
        ),
    )  # fmt: skip
    inlines = (admin_follow_ups.FollowUpInline, JobEventInline)
    actions = actions_detail = ("retry", "cancel", "resolve_published", "resolve_not_published")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PublishJob], search_term: str
    ) -> tuple[QuerySet[PublishJob], bool]:
        try:
            pk = uuid.UUID(search_term.strip())
        except ValueError:
            results: tuple[QuerySet[PublishJob], bool] = super().get_search_results(
                request, queryset, search_term
            )
            return results
        return queryset.filter(pk=pk) | queryset.filter(connection=pk), False

    # --- The list -------------------------------------------------------------------------------

    @display(description="created")
    def created(self, job: PublishJob) -> str:
        return moment(job.created_at)

    @display(description="status")
    def status_label(self, job: PublishJob) -> str:
        return coloured(job.status, STATUS_COLOURS)

    @display(description="platform")
    def platform_name(self, job: PublishJob) -> str:
        return platform_label(job.platform)

    @display(description="account and user", header=True)
    def account_and_user(self, job: PublishJob) -> tuple[str, str]:
        return isolated(job.account_name or job.account), isolated(job.user_id)

    @display(description="scheduled, published", header=True)
    def scheduled_and_published(self, job: PublishJob) -> tuple[str, str]:
        scheduled = moment(job.scheduled_at) if job.scheduled_at else "at once"
        return scheduled, moment(job.published_at)

    @display(description="error and attempts", header=True)
    def error_and_attempts(self, job: PublishJob) -> tuple[str, str]:
        return job.error_code or NONE, f"{job.attempts} attempts" if job.attempts else ""

    @display(description="text")
    def text_start(self, job: PublishJob) -> str:
        return format_html(
            '<bdi dir="auto" style="display: block; min-width: 11rem">{}</bdi>',
            Truncator(job.text).chars(TEXT_START_LENGTH),
        )

    # --- The page -------------------------------------------------------------------------------

    @display(description="account")
    def account_name_isolated(self, job: PublishJob) -> str:
        return isolated(job.account_name or job.account)

    @display(description="connection")
    def connection_link(self, job: PublishJob) -> str:
        if job.connection_id is None:
            return "gone"
        page = reverse("admin:connections_socialconnection_change", args=(job.connection_id,))
        return link(page, str(job.connection_id))

    @display(description="destination")
    def destination_name(self, job: PublishJob) -> str:
        return isolated(job.destination.name) if job.destination else NONE

    @display(description="text")
    def full_text(self, job: PublishJob) -> str:
        if not job.text:
            return NONE
        return format_html(
            '<bdi dir="auto" style="white-space: pre-wrap; {}">{}</bdi>', WRAP, job.text
        )

    @display(description="assets")
    def asset_list(self, job: PublishJob) -> str:
        rows = [
            (
                WRAP,
                f"{asset.get('kind', '')} {asset.get('mime_type', '')}",
                filesizeformat(asset["size_bytes"]) if asset.get("size_bytes") else "",
                asset.get("url", ""),
                isolated(asset.get("alt_text") or ""),
            )
            for asset in job.assets
        ]
        return format_html_join("", '<p style="{}">{} {}<br>{}<br>{}</p>', rows) or NONE

    @display(description="warnings")
    def warning_list(self, job: PublishJob) -> str:
        rows = [(each["code"], isolated(each["message"])) for each in job.warnings or []]
        return format_html_join("", "<p>{}: {}</p>", rows) or NONE

    @display(description="post")
    def published_post(self, job: PublishJob) -> str:
        return post_link(job.post_url) if job.post_url else NONE

    @display(description="error message")
    def error_message_isolated(self, job: PublishJob) -> str:
        return isolated(job.error_message)

    @display(description="scheduled for")
    def scheduled(self, job: PublishJob) -> str:
        return moment(job.scheduled_at)

    @display(description="next attempt")
    def next_attempt(self, job: PublishJob) -> str:
        return moment(job.next_attempt_at)

    @display(description="too late after")
    def late(self, job: PublishJob) -> str:
        return moment(late_at(job, settings.LATE_PUBLISH_GRACE_SECONDS))

    @display(description="submitted")
    def submitted(self, job: PublishJob) -> str:
        return moment(job.in_doubt_since or job.publish_started_at)

    @display(description="published")
    def published(self, job: PublishJob) -> str:
        return moment(job.published_at)

    # --- Operations ------------------------------------------------------------------------------

    retry = operation(
        "Retry",
        icon="replay",
        variant=ActionVariant.PRIMARY,
        title="Retry",
        done="retried",
        action=Action.RETRIED,
        act=operations.retry_job,
        warning="A failed or rejected job is retried. An unconfirmed one is looked up, and is "
        "published again only if the lookup proves that the platform does not have it.",
    )

    cancel = operation(
        "Cancel",
        icon="cancel_schedule_send",
        variant=ActionVariant.DANGER,
        title="Cancel the post",
        done="cancelled",
        action=Action.CANCELLED,
        act=operations.cancel_job,
        warning="What has been submitted to its platform can no longer be cancelled.",
    )

    resolve_published = operation(
        "Resolve: published",
        icon="done",
        title="Resolve: published",
        done="resolved",
        action=Action.RESOLVED_AS_PUBLISHED,
        act=partial(operations.resolve_job, outcome=Outcome.PUBLISHED),
        warning="For an unconfirmed post that a person has seen at its platform.",
    )

    resolve_not_published = operation(
        "Resolve: not published",
        icon="block",
        variant=ActionVariant.DANGER,
        title="Resolve: not published",
        done="resolved",
        action=Action.RESOLVED_AS_NOT_PUBLISHED,
        act=partial(operations.resolve_job, outcome=Outcome.NOT_PUBLISHED),
        warning="For an unconfirmed post that is certainly not at its platform. If the post "
        "exists, a retry publishes it a second time.",
    )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """The operations that fit the job's status; they check it again when they run."""
        job = self.get_object(request, object_id)
        names: set[str] = set()
        if job and job.status in {Status.FAILED, Status.CONTENT_REJECTED}:
            names = {"retry"}
        elif job and job.status == Status.UNCONFIRMED:
            names = {"retry", "resolve_published", "resolve_not_published"}
        elif job and can_be_cancelled(job):
            names = {"cancel"}
        fitting = {f"{self.opts.app_label}_{self.opts.model_name}_{name}" for name in names}
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if action.action_name in fitting]


@admin.register(WorkerSlot)
class WorkerSlotAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "last_heartbeat", "generation")
    list_display_links = None
    ordering = ("name",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkerSlot]:
        is_alive = Q(heartbeat_at__gt=database_now() - DEAD_AFTER)
        return WorkerSlot.objects.exclude(name=CLAIM_LOCK).annotate(is_alive=is_alive)

    @display(description="state")
    def state(self, slot: Any) -> str:
        word, colour = ("alive", "success") if slot.is_alive else ("silent", "danger")
        return coloured(word, {word: colour})

    @display(description="last heartbeat")
    def last_heartbeat(self, slot: WorkerSlot) -> str:
        return moment(slot.heartbeat_at)
