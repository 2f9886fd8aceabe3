"""Insights in the ops console: the week of each account as a heat map, and its posts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from connections.admin_base import (
    NONE,
    PlatformFilter,
    display,
    isolated,
    link,
    moment,
    platform_label,
)
from connections.models import SocialConnection
from connections.operated_admin import OperatedAdmin, operation
from insights.best_times import refresh_estimates
from insights.models import ConnectionInsights, MetricSchedule, WeekEstimate
from socialpublishing.audit import Action

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MAX_POSTS_SHOWN = 50
MIN_SPAN = 0.25


@admin.register(ConnectionInsights)
class ConnectionInsightsAdmin(OperatedAdmin):
    list_display = ("account", "platform_name", "user_id", "estimated")
    list_filter = (PlatformFilter,)
    search_fields = ("user_id__startswith", "external_display_name", "external_user_id__exact")
    search_help_text = "User id, account name, or id at the platform"
    sortable_by = ()
    fieldsets = (
        ("Account", {"fields": ("account", "platform_name", "user_id", "zone", "connection")}),
        ("Week estimates", {"fields": ("weeks",)}),
        ("Metrics of published posts", {"fields": ("schedules", "last_error")}),
    )
    actions_detail = ("refresh_insights",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            ConnectionInsights.objects.exclude(status=SocialConnection.Status.REVOKED)
            .defer("access_token", "refresh_token")
            .annotate(estimated_at=Max("week_estimates__made_at"))
        )

    @display(description="account")
    def account(self, connection: ConnectionInsights) -> str:
        return isolated(connection.external_display_name or connection.external_user_id)

    @display(description="platform")
    def platform_name(self, connection: ConnectionInsights) -> str:
        return platform_label(connection.platform)

    @display(description="estimated")
    def estimated(self, connection: Any) -> str:
        return moment(connection.estimated_at)

    @display(description="time zone")
    def zone(self, connection: ConnectionInsights) -> str:
        return connection.timezone or "not set; hours are UTC"

    @display(description="connection")
    def connection(self, connection: ConnectionInsights) -> str:
        page = reverse("admin:connections_socialconnection_change", args=(connection.pk,))
        return link(page, str(connection.pk))

    @display(description="week")
    def weeks(self, connection: ConnectionInsights) -> str:
        estimates = WeekEstimate.objects.filter(connection=connection)
        context = {"estimates": [_context(each) for each in estimates], "hours": range(24)}
        return render_to_string("insights/weeks.html", context)

    @display(description="metric schedules")
    def schedules(self, connection: ConnectionInsights) -> str:
        schedules = MetricSchedule.objects.filter(job__connection_id=connection.pk)
        waiting = schedules.filter(next_read_at__isnull=False)
        return f"{schedules.count()} posts, of which {waiting.count()} will be read again"

    @display(description="last error")
    def last_error(self, connection: ConnectionInsights) -> str:
        failed = MetricSchedule.objects.filter(job__connection_id=connection.pk).exclude(
            error_code=""
        )
        last = failed.order_by("-job__published_at").first()
        return isolated(f"{last.error_code}: {last.error_message}") if last else NONE

    refresh_insights = operation(
        "Estimate again",
        icon="insights",
        title="Estimate again",
        done="estimated",
        action=Action.ESTIMATED,
        afterwards=refresh_estimates,
        warning="The account's posts are read at its platform with its owner's token, unless "
        "they are still cached. If the platform charges for reads, this costs money.",
    )


def _context(estimate: WeekEstimate) -> dict[str, Any]:
    best = {(slot["day_of_week"], slot["hour_of_day"]) for slot in estimate.slots}
    days = [estimate.surface[24 * day : 24 * (day + 1)] for day in range(7)]
    low = min(estimate.surface, default=0)
    # If the hours differ little, their shades must differ little too.
    span = max(max(estimate.surface, default=1) - low, MIN_SPAN)
    return {
        "estimate": estimate,
        "made_at": moment(estimate.made_at),
        "days": [
            {
                "name": DAYS[day],
                "hours": [
                    {
                        "hour": hour,
                        "percent": round(100 * score),
                        "shade": round(100 * (score - low) / span),
                        "is_best": (day, hour) in best,
                    }
                    for hour, score in enumerate(scores)
                ],
            }
            for day, scores in enumerate(days)
        ],
        "best": [
            f"{DAYS[slot['day_of_week']]} {slot['hour_of_day']:02}:00" for slot in estimate.slots
        ],
        "posts": [
            {**post, "published_at": moment(dt.datetime.fromisoformat(post["published_at"]))}
            for post in estimate.posts[:MAX_POSTS_SHOWN]
        ],
        "older_posts": max(len(estimate.posts) - MAX_POSTS_SHOWN, 0),
    }
