"""Jobs with their history, and the worker slots, in the ops console."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextInputWidget

from connections.admin_base import (
    NONE,
    PlatformFilter,
    ReadOnlyAdmin,
    TimeRangeFilter,
    coloured,
    display,
    isolated,
    link,
    moment,
    platform_label,
)
from connections.operated_admin import OperatedAdmin, operation
from connections.operations import ReasonForm
from publishing import admin_follow_ups, operations
from publishing.admin_filters import (
    AttentionFilter,
    CodeFilter,
    EndedFilter,
    LatenessFilter,
    UserFilter,
    WaitingForFilter,
    WhoActsFilter,
    search,
)
from publishing.engine.in_doubt import can_be_cancelled
from publishing.engine.retry import late_at
from publishing.exporting import COLUMNS, csv_response, rows
from publishing.job_page import WRAP, head_of, post_link, status_labels
from publishing.models import Outcome, PublishJob, Status, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK, DEAD_AFTER
from socialpublishing import audit
from socialpublishing.audit import Action
from socialpublishing.clock import database_now

TEXT_START_LENGTH = 60


class FoundPostForm(ReasonForm):
    """For one post: its id and address, if the person has them."""

    remote_id = forms.CharField(
        label="Id of the post",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="As the platform names it. A thread needs it.",
    )
    post_url = forms.CharField(
        label="Address of the post",
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
    )


@admin.register(PublishJob)
class PublishJobAdmin(OperatedAdmin):
    list_display = (
        "created", "status_label", "platform_name", "account_and_user", "scheduled_and_published",
        "error_and_attempts", "text_start",
    )  # fmt: skip
    list_filter = (
        AttentionFilter,
        ("status", ChoicesCheckboxFilter),
        WaitingForFilter,
        WhoActsFilter,
        LatenessFilter,
        EndedFilter,
        CodeFilter,
        UserFilter,
        PlatformFilter,
        admin_follow_ups.AtRiskFilter,
        admin_follow_ups.FollowUpFilter,
        ("created_at", TimeRangeFilter),
        ("next_attempt_at", TimeRangeFilter),
    )
    search_fields = ("id",)  # any: `search` looks
    search_help_text = "Id of a job, connection, batch, user or post, your reference, or an account"
    list_before_template = "publishing/export_link.html"
    change_form_before_template = "publishing/job_head.html"
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
                    "platform_name", "account_name_isolated", "user_id", "external_reference",
                    "connection_link", "destination_name", "full_text", "asset_list",
                    "platform_specific_options",
                )
            },
        ),
        (
            "Outcome",
            {
                "fields": (
                    "published_post", "remote_id", "who_acts", "warning_list",
                    admin_follow_ups.risk_list, admin_follow_ups.taken_down, "attempts",
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
    inlines = (admin_follow_ups.FollowUpInline,)
    actions = actions_detail = ("retry", "cancel", "resolve_published", "resolve_not_published")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PublishJob], search_term: str
    ) -> tuple[QuerySet[PublishJob], bool]:
        return search(queryset, search_term) if search_term.strip() else queryset, False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["head"] = head_of(kwargs["obj"])
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def get_urls(self) -> list[Any]:
        export = path(
            "export/",
            self.admin_site.admin_view(self.export),
            name="publishing_publishjob_export",
        )
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """The jobs of the list as CSV, with the list's filters and search."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        jobs = self.get_changelist_instance(request).get_queryset(request)
        audit.record(Action.EXPORTED, actor=audit.Actor.of_request(request), row=None)
        return csv_response("jobs.csv", COLUMNS, rows(jobs))

    # --- The list -------------------------------------------------------------------------------

    @display(description="created")
    def created(self, job: PublishJob) -> str:
        return moment(job.created_at)

    @display(description="status")
    def status_label(self, job: PublishJob) -> str:
        return format_html_join("", "<div>{}</div>", [(label,) for label in status_labels(job)])

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
        form=FoundPostForm,
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
