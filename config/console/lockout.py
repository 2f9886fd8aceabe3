"""Locks sign-ins after too many wrong passwords or codes.

django-axes counts failures by user and address, and in all by address. Both are known to all web
processes: they are rows in the database, because without Redis each process has its own cache. The
response does not depend on whether the user exists or the password is right, and the lock ends by
itself: attempts during it do not extend it.
"""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from socialpublishing import audit

logger = logging.getLogger(__name__)


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    def get_failures(self, request: HttpRequest, credentials: Any = None) -> Any:
        """The failures of the user; the limit, if the address has reached its own."""
        of_address, of_user = (
            int(attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0)
            for attempts in self.get_user_attempts(request, credentials)
        )
        if of_address >= settings.CONSOLE_ADDRESS_FAILURES:
            return max(of_user, settings.CONSOLE_USER_FAILURES)
        return of_user

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        was_locked = request.axes_locked_out
        name = credentials.get("username") or ""
        user = User.objects.filter(username=name).first()
        with transaction.atomic():
            super().user_login_failed(sender, credentials, request, **kwargs)
            if request.axes_locked_out and not was_locked:
                actor = audit.Actor.of_user(user, request)
                audit.record(audit.Action.LOCKED_OUT, actor=actor, row=user)
        logger.warning(
            "sign-in failed",
            extra={
                # Only names that exist: people type passwords into the wrong field.
                "staff": user.get_username() if user else "",
                "address": audit.client_address(request),
                "is_locked_out": request.axes_locked_out,
            },
        )


def counted_address(request: HttpRequest) -> str | None:
    """The address that failures count for: of IPv6 the network, which one person can have."""
    address = audit.client_address(request)
    if address is None or "." in address:
        return address
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)


def counted_name(request: HttpRequest, credentials: dict[str, Any]) -> str:
    """No user has a longer name, and the column of axes would not take it."""
    return str(credentials["username"])[: User._meta.get_field("username").max_length]


def is_locked_out(request: HttpRequest, user: audit.AnyUser) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": user.get_username()})


def wrong_code(request: HttpRequest, user: audit.AnyUser) -> None:
    """A wrong code of the second factor counts like a wrong password."""
    credentials = {"username": user.get_username()}
    user_login_failed.send(sender=__name__, credentials=credentials, request=request)


def forget_failures(request: HttpRequest, user: audit.AnyUser) -> None:
    """After a complete sign-in. Failures of other users from this address still count."""
    AccessAttempt.objects.filter(
        username=user.get_username(), ip_address=counted_address(request)
    ).delete()


def refuse(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None
) -> HttpResponse:
    """The response to a sign-in that is locked. Called by axes."""
    minutes = settings.CONSOLE_LOCKOUT_MINUTES
    context = {
        **admin.site.each_context(request),
        "title": "Too many attempts",
        "minutes": minutes,
    }
    refusal = render(request, "console/locked.html", context, status=429)
    refusal.headers["Retry-After"] = str(minutes * 60)
    return refusal
