"""The ops console: Django admin in unfold's clothes."""

from __future__ import annotations

from typing import Any

from csp.constants import UNSAFE_EVAL
from csp.middleware import CSPMiddleware, PolicyParts
from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

# Title of a group; and title, icon (a name of Material Symbols) and model of its pages.
NAVIGATION = (
    (
        "Publishing",
        (
            ("Jobs", "send", "publishing.PublishJob"),
            ("Worker slots", "conveyor_belt", "publishing.WorkerSlot"),
        ),
    ),
    (
        "Accounts",
        (
            ("Connections", "link", "connections.SocialConnection"),
            ("Insights", "insights", "insights.ConnectionInsights"),
        ),
    ),
    ("Background jobs", (("Schedules", "schedule", "django_q.Schedule"),)),
    ("Staff", (("Users", "person", "auth.User"), ("Groups", "group", "auth.Group"))),
)


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    index_title = "Console"


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """What the sidebar shows, called by unfold: the pages that this user may look at."""
    groups = []
    for title, pages in NAVIGATION:
        items = []
        for name, icon, label in pages:
            model = apps.get_model(label)
            if admin.site.get_model_admin(model).has_view_permission(request):
                address = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
                items.append({"title": name, "icon": icon, "link": reverse(address)})
        if items:
            groups.append({"title": title, "items": items})
    return groups


class PolicyMiddleware(CSPMiddleware):
    """The policies that browsers are told, loosened for the console alone."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if _is_console(request):
            # Under `no-referrer` browsers post forms with `Origin: null`, and no form would pass
            # the check against forgery: nobody could sign in.
            response.headers.setdefault("Referrer-Policy", "same-origin")
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if _is_console(request):
            # unfold's Alpine.js compiles the expressions that stand in its templates.
            parts.update = {"script-src": [UNSAFE_EVAL]}
        return parts


def _is_console(request: HttpRequest) -> bool:
    return request.resolver_match is not None and "admin" in request.resolver_match.app_names
