"""Jobs, their stories and the lanes in the ops console."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RadioFilter
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator

from connections.console import (
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
from publishing import services
from publishing.engine.retry import late_at
from publishing.models import JobEvent, Outcome, PublishJob, Status, WorkerSlot
from publishing.worker.process import CLAIM_LOCK, DEAD_AFTER
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
SNIPPET_LENGTH = 60
# Long addresses and words must not widen a phone's page.
WRAP = "overflow-wrap: anywhere"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def post_link(url: str) -> str:
    """A link where it is safe to follow one: `url` is a platform's word. Else its text."""
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
    verbose_name_plural = "Story"
    fields = readonly_fields = (
        "when",
        "arrow",
        "step",
        "what",
        "code",
        "response",
        "took",
        "actor",
    )

    @display(description="at")
    def when(self, event: JobEvent) -> str:
        return moment(event.at)

    @display(description="arrow")
    def arrow(self, event: JobEvent) -> str:
        if event.from_status == event.to_status:
            return event.to_status
        return f"{event.from_status} → {event.to_status}".removeprefix(" ")

    @display(description="note")
    def what(self, event: JobEvent) -> str:
        return isolated(event.note)

    @display(description="platform's answer")
    def response(self, event: JobEvent) -> str:
        words = [event.platform_status or "", event.platform_code, event.platform_request_id]
        return isolated(" · ".join(str(word) for word in words if word))

    @display(description="took")
    def took(self, event: JobEvent) -> str:
        return NONE if event.duration_ms is None else f"{event.duration_ms:,}\N{NO-BREAK SPACE}ms"


@admin.register(PublishJob)
class PublishJobAdmin(OperatedAdmin):
    list_display = (
        "created", "state", "platform_name", "account_and_user", "times", "error_and_attempts",
        "snippet",
    )  # fmt: skip
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        PlatformFilter,
        ErrorFilter,
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
                    "state", "platform_name", "account_name_isolated", "user_id", "connection_link",
                    "destination_name", "whole_text", "asset_list", "platform_specific_options",
                )
            },
        ),
        ("Outcome", {"fields": ("post", "remote_id", "error_code", "error", "attempts")}),
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
                    "id", "lease_owner", "fencing_token", "claims", "publish_calls", "lookups",
                    "retry_pause_s", "late_grace_s", "refused_token_version", "idempotency_key",
                    "progress",
                ),
            },
        ),
    )  # fmt: skip
    inlines = (JobEventInline,)
    actions = actions_detail = ("retry", "cancel", "resolve_published", "resolve_not_published")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PublishJob], search_term: str
    ) -> tuple[QuerySet[PublishJob], bool]:
        try:
            sought = uuid.UUID(search_term.strip())
        except ValueError:
            found: tuple[QuerySet[PublishJob], bool] = super().get_search_results(
                request, queryset, search_term
            )
            return found
        return queryset.filter(pk=sought) | queryset.filter(connection=sought), False

    # --- In the list -----------------------------------------------------------------------------

    @display(description="created")
    def created(self, job: PublishJob) -> str:
        return moment(job.created_at)

    @display(description="status")
    def state(self, job: PublishJob) -> str:
        return coloured(job.status, STATUS_COLOURS)

    @display(description="platform")
    def platform_name(self, job: PublishJob) -> str:
        return platform_label(job.platform)

    @display(description="account and user", header=True)
    def account_and_user(self, job: PublishJob) -> tuple[str, str]:
        return isolated(job.account_name or job.account), isolated(job.user_id)

    @display(description="scheduled, published", header=True)
    def times(self, job: PublishJob) -> tuple[str, str]:
        planned = moment(job.scheduled_at) if job.scheduled_at else "at once"
        return planned, moment(job.published_at)

    @display(description="error and attempts", header=True)
    def error_and_attempts(self, job: PublishJob) -> tuple[str, str]:
        return job.error_code or NONE, f"{job.attempts} attempts" if job.attempts else ""

    @display(description="text")
    def snippet(self, job: PublishJob) -> str:
        return format_html(
            '<bdi dir="auto" style="display: block; min-width: 11rem">{}</bdi>',
            Truncator(job.text).chars(SNIPPET_LENGTH),
        )

    # --- On the page -----------------------------------------------------------------------------

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
    def whole_text(self, job: PublishJob) -> str:
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

    @display(description="post")
    def post(self, job: PublishJob) -> str:
        return post_link(job.post_url) if job.post_url else NONE

    @display(description="error message")
    def error(self, job: PublishJob) -> str:
        return isolated(job.error_message)

    @display(description="scheduled for")
    def scheduled(self, job: PublishJob) -> str:
        return moment(job.scheduled_at)

    @display(description="next looked at")
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
        done="tried again",
        act=services.retry_job,
        warning="A failed or rejected job is tried anew. An unconfirmed one is looked up: it "
        "is published again only if the platform surely does not have it.",
    )

    cancel = operation(
        "Cancel",
        icon="cancel_schedule_send",
        variant=ActionVariant.DANGER,
        title="Cancel the post",
        done="cancelled",
        act=services.cancel_job,
        warning="What has been submitted to its platform can no longer be cancelled.",
    )

    resolve_published = operation(
        "It is published",
        icon="done",
        title="It is published",
        done="settled",
        act=partial(services.resolve_job, outcome=Outcome.PUBLISHED),
        warning="For an unconfirmed post that somebody has seen at its platform.",
    )

    resolve_not_published = operation(
        "It is not published",
        icon="block",
        variant=ActionVariant.DANGER,
        title="It is not published",
        done="settled",
        act=partial(services.resolve_job, outcome=Outcome.NOT_PUBLISHED),
        warning="For an unconfirmed post that is surely not at its platform. Tried again "
        "afterwards, it is published: if it was there after all, twice.",
    )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """The operations that this job's status leaves; the services have the last word."""
        job = self.get_object(request, object_id)
        possible = set()
        if job and job.status in {Status.FAILED, Status.CONTENT_REJECTED, Status.UNCONFIRMED}:
            possible.add("Retry")
            if job.status == Status.UNCONFIRMED:
                possible |= {"It is published", "It is not published"}
        elif job and services.can_be_cancelled(job):
            possible.add("Cancel")
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if each.description in possible]


@admin.register(WorkerSlot)
class WorkerSlotAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "beat", "generation")
    list_display_links = None
    ordering = ("name",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkerSlot]:
        return WorkerSlot.objects.exclude(name=CLAIM_LOCK)

    @display(description="state")
    def state(self, slot: WorkerSlot) -> str:
        is_alive = slot.heartbeat_at is not None and database_now() - slot.heartbeat_at < DEAD_AFTER
        word, colour = ("beating", "success") if is_alive else ("silent", "danger")
        return coloured(word, {word: colour})

    @display(description="last beat")
    def beat(self, slot: WorkerSlot) -> str:
        return moment(slot.heartbeat_at)
