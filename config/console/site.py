"""The admin site of the ops console and its sidebar."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

# The title of each group; the title, icon (a name of Material Symbols) and model of each page.
NAVIGATION = (
    (
        "Publishing",
        (
            ("Jobs", "send", "publishing.PublishJob"),
            ("Paused platforms", "pause_circle", "socialpublishing.PlatformPause"),
            ("Worker slots", "conveyor_belt", "publishing.WorkerSlot"),
        ),
    ),
    (
        "Accounts",
        (
            ("Connections", "link", "connections.SocialConnection"),
            ("Revocations", "link_off", "connections.Revocation"),
            ("Insights", "insights", "insights.ConnectionInsights"),
        ),
    ),
    ("Background jobs", (("Schedules", "schedule", "django_q.Schedule"),)),
    ("Staff", (("Users", "person", "auth.User"), ("Groups", "group", "auth.Group"))),
)


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    index_title = "Console"


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: the pages that this user may view. Called by unfold."""
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
