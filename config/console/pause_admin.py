"""Platforms that are paused: because they refuse our app, or by staff, who end it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from connections.admin_base import display, isolated, moment, platform_label
from connections.operated_admin import OperatedAdmin, operation
from connections.operations import Operation
from publishing.pausing import pause_platform, resume_platforms
from socialpublishing import audit
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.pauses import BY_STAFF, PlatformPause

LIST = "admin:socialpublishing_platformpause_changelist"


class NewPauseForm(forms.Form):
    platform = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    reason = forms.CharField(
        max_length=audit.REASON_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Stored with the operation and your name. Users read it on their posts.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        platform: Any = self.fields["platform"]
        platform.choices = [(name, each.label) for name, each in PLATFORMS.items()]


@admin.register(PlatformPause)
class PlatformPauseAdmin(OperatedAdmin):
    list_display = ("platform_name", "reason_isolated", "code", "feature", "paused_since", "next")
    sortable_by = ()
    list_disable_select_all = True  # a resumption is one transaction
    fields = readonly_fields = (
        "platform_name", "login", "feature", "code", "platform_code", "reason_isolated",
        "paused_since", "next",
    )  # fmt: skip
    actions = actions_detail = ("resume",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("socialpublishing.add_platformpause")

    @display(description="platform")
    def platform_name(self, pause: PlatformPause) -> str:
        return platform_label(pause.platform)

    @display(description="reason")
    def reason_isolated(self, pause: PlatformPause) -> str:
        return isolated(pause.reason)

    @display(description="since")
    def paused_since(self, pause: PlatformPause) -> str:
        return moment(pause.since)

    @display(description="next probe")
    def next(self, pause: PlatformPause) -> str:
        return "staff resume it" if pause.code == BY_STAFF else moment(pause.probe_at)

    resume = operation(
        "Resume",
        icon="play_arrow",
        title="Resume",
        done="resumed",
        action=audit.Action.RESUMED,
        warning="Waiting posts go out now. If the platform still refuses, it is paused again.",
    )

    def apply(
        self,
        request: HttpRequest,
        rows: Iterable[Any],
        operation: Operation,
        values: Mapping[str, Any],
    ) -> None:
        actor = audit.Actor.of_request(request)
        resume_platforms([*rows], reason=values["reason"], actor=actor)
        self.message_user(request, "Resumed.", messages.SUCCESS)

    def operate(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().operate(request, *args, **kwargs)
        # The page of a pause is gone with it.
        return redirect(LIST) if response.status_code == 302 else response

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewPauseForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            actor = audit.Actor.of_request(request)
            pause_platform(**form.cleaned_data, actor=actor)
            return redirect(LIST)
        context = {
            **self.admin_site.each_context(request),
            "title": "Pause a platform",
            "opts": self.opts,
            "form": form,
            "text": "Nothing is published there until staff resume it. Its posts wait within their "
            "grace, then they fail as too late. What was submitted is still looked up.",
            "back": reverse(LIST),
        }
        return TemplateResponse(request, "console/new.html", context)
