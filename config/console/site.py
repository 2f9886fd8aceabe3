"""The admin site of the ops console and its sidebar."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from http import HTTPStatus
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.sites import UnfoldAdminSite

from config.console import second_factor, sessions, signing_in
from config.console.overview import overview
from socialpublishing import audit

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
    (
        "Webhooks",
        (
            ("Webhooks", "webhook", "socialpublishing.Webhook"),
            ("Deliveries", "outbox", "socialpublishing.WebhookDelivery"),
        ),
    ),
    (
        "Background jobs",
        (
            ("Bulk operations", "checklist", "socialpublishing.BulkOperation"),
            ("Schedules", "schedule", "django_q.Schedule"),
        ),
    ),
    (
        "Staff",
        (
            ("Users", "person", "auth.User"),
            ("Roles", "group", "auth.Group"),
            ("Audit", "history", "socialpublishing.AuditRecord"),
        ),
    ),
)


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    def get_urls(self) -> list[Any]:
        code = path("second-factor/", signing_in.ask_for_code, name="second_factor")
        part = path("start/", self.part_view(self.start_part), name="start_part")
        return [code, part, *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The start page."""
        context = {**self.each_context(request), "title": "Console", "overview": overview(request)}
        return TemplateResponse(request, "console/start.html", context)

    def start_part(self, request: HttpRequest) -> HttpResponse:
        """The part of the start page that refreshes itself."""
        return render(request, "console/start_part.html", {"overview": overview(request)})

    def has_permission(self, request: HttpRequest) -> bool:
        """Every page but the sign-in asks this."""
        return bool(super().has_permission(request)) and not second_factor.is_missing(
            request.session, request.user
        )

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        def used(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            sessions.keep_alive(request.session)
            return view(request, *args, **kwargs)

        guarded: Callable[..., Any] = super().admin_view(update_wrapper(used, view), cacheable)
        return guarded

    def part_view(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """A part of a page that refreshes itself. That is no use of the console: the session of a
        page that nobody looks at ends.
        """
        guarded: Callable[..., Any] = super().admin_view(view)
        return guarded

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if signing_in.needs_code(request) and request.method == "GET":
            return redirect(signing_in.code_page(request))
        response: HttpResponse = super().login(request, extra_context)
        return response

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().password_change(request, extra_context)
            if response.status_code == HTTPStatus.FOUND:
                actor = audit.Actor.of_request(request)
                audit.record(audit.Action.PASSWORD_CHANGED, actor=actor, row=request.user)
        return response


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
