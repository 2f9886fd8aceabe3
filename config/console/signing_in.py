"""The pages between the password and the console: enrolment, and the code of the second factor."""

from __future__ import annotations

from typing import Any

import segno
from django import forms
from django.contrib import admin
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminTextInputWidget

from config.console import lockout, second_factor, sessions
from socialpublishing import audit

NEXT = "next"


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autofocus": True, "autocomplete": "one-time-code", "spellcheck": "false"}
        ),
    )


def signed_in(sender: Any, request: HttpRequest, user: audit.AnyUser, **kwargs: Any) -> None:
    """After the right password. Without a second factor the sign-in is complete."""
    sessions.begin(request.session)
    if not second_factor.is_missing(request.session, user):
        _complete(request, user)


def _complete(request: HttpRequest, user: audit.AnyUser) -> None:
    lockout.forget_failures(request, user)
    sessions.SessionStore.clear_expired()
    audit.record(audit.Action.SIGNED_IN, actor=audit.Actor.of_user(user, request), row=user)


def needs_code(request: HttpRequest) -> bool:
    """Has this member of the staff given the password, and still owes the second factor?"""
    user = request.user
    return bool(user.is_active and user.is_staff) and second_factor.is_missing(
        request.session, user
    )


def code_page(request: HttpRequest) -> str:
    query = urlencode({NEXT: request.GET.get(NEXT, "")})
    return f"{reverse('admin:second_factor')}?{query}"


@never_cache
@csrf_protect
@sensitive_post_parameters("code")
def ask_for_code(request: HttpRequest) -> HttpResponse:
    if not needs_code(request):
        return redirect(_next(request))
    # A session whose factor was reset ends: it may be what the reset is for.
    if "leave" in request.POST or second_factor.SESSION_KEY in request.session:
        logout(request)
        return redirect("admin:login")
    if lockout.is_locked_out(request, request.user):
        return lockout.refuse(request)
    form = CodeForm(request.POST or None)
    is_enrolled = second_factor.confirmed_factor(request.user) is not None
    if form.is_valid():
        given = form.cleaned_data["code"]
        response = _verify(request, given) if is_enrolled else _enrol(request, given)
        if response:
            return response
        lockout.wrong_code(request, request.user)
        form.add_error("code", "This code is wrong, was used, or has expired. Try the next one.")
    context = {"form": form} if is_enrolled else {"form": form, **_key_to_show(request)}
    return _page(request, "console/second_factor.html", **context)


def _verify(request: HttpRequest, code: str) -> HttpResponse | None:
    if not second_factor.verify(request, code):
        return None
    _finish(request)
    return redirect(_next(request))


def _enrol(request: HttpRequest, code: str) -> HttpResponse | None:
    codes = second_factor.enrol(request, code)
    if codes is None:
        return None
    _finish(request)
    return _page(request, "console/recovery_codes.html", codes=codes)


def _finish(request: HttpRequest) -> None:
    # A key that was known before the code is worth nothing.
    request.session.cycle_key()
    _complete(request, request.user)


def _key_to_show(request: HttpRequest) -> dict[str, Any]:
    shown = second_factor.enrolment(request)
    code = segno.make(shown.address_for_app, micro=False)
    return {
        "qr_code": code.svg_data_uri(scale=4, light="white"),
        "key_to_type": shown.key_to_type,
    }


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Second factor",
        "next": _next(request),
        **context,
    }
    return TemplateResponse(request, template, context)


def _next(request: HttpRequest) -> str:
    wanted = request.GET.get(NEXT, "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if wanted and is_ours else reverse("admin:index")
