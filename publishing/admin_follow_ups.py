"""What may become of a scheduled post, and what follows a published one, in the ops console."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import RadioFilter

from connections.admin_base import NONE, ReadOnlyInline, display, isolated, moment
from publishing.models import FollowUp, PublishJob, Status

IS_OPEN = Q(next_attempt_at__isnull=False)
HAS_FAILED = Q(status__in=[Status.FAILED, Status.CONTENT_REJECTED, Status.UNCONFIRMED])


@display(description="at risk")
def risk_list(job: PublishJob) -> str:
    """Each reason, and when the pre-flight last found it."""
    risks = [(each["code"], isolated(each["message"])) for each in job.at_risk or []]
    if not risks:
        return NONE
    reasons = format_html_join("", "<p>{}: {}</p>", risks)
    return format_html("{}<p>Checked {}</p>", reasons, moment(job.checked_at))


@display(description="taken down")
def taken_down(job: PublishJob) -> str:
    return moment(job.deleted_at)


class AtRiskFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    title = "at risk"
    parameter_name = "at_risk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Scheduled posts at risk")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PublishJob]
    ) -> QuerySet[PublishJob]:
        # Only open jobs have risks: an index has those.
        is_at_risk = IS_OPEN & Q(at_risk__isnull=False)
        return queryset.filter(is_at_risk) if self.value() == "yes" else queryset


class FollowUpFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    title = "first comment, take-down"
    parameter_name = "follow_up"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", "Under way"),
            ("failed", "Failed or unconfirmed"),
            *((kind.value, str(kind.label)) for kind in FollowUp.Kind),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PublishJob]
    ) -> QuerySet[PublishJob]:
        match self.value():
            case "open":
                wanted = IS_OPEN
            case "failed":
                wanted = HAS_FAILED & ~IS_OPEN
            case kind if kind in FollowUp.Kind.values:
                wanted = Q(kind=kind)
            case _:
                return queryset
        return queryset.filter(pk__in=FollowUp.objects.filter(wanted).values("job_id"))


class FollowUpInline(ReadOnlyInline):
    """The first comment of the post, and its take-down."""

    model = FollowUp
    verbose_name_plural = "First comment, take-down"
    fields = readonly_fields = (
        "kind", "status", "text_isolated", "created", "next_attempt", "attempts", "error",
        "remote_id",
    )  # fmt: skip

    @display(description="text")
    def text_isolated(self, follow_up: FollowUp) -> str:
        return isolated(follow_up.text)

    @display(description="created")
    def created(self, follow_up: FollowUp) -> str:
        return moment(follow_up.created_at)

    @display(description="next attempt")
    def next_attempt(self, follow_up: FollowUp) -> str:
        return moment(follow_up.next_attempt_at)

    @display(description="error")
    def error(self, follow_up: FollowUp) -> str:
        if not follow_up.error_code:
            return NONE
        message = isolated(follow_up.error_message)
        return format_html("{}: {}", follow_up.error_code, message)
