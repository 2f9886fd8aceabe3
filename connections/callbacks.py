"""What platforms tell us about a person: our app was removed, or the person's data is to go.

Meta sends both to addresses that the operator enters in the app's dashboard. Nobody is signed in:
the signature of the message is what counts, and each message is handled once.
"""

from __future__ import annotations

import hashlib
import logging
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from connections.disconnecting import end_without_revoking
from connections.models import PlatformCallback, SocialConnection, SocialConnectionQuerySet
from socialpublishing.clock import database_now
from socialpublishing.erasure import Subject, Tally, erase
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms import PLATFORMS, offered_platform
from socialpublishing.platforms.callbacks import SendsCallbacks

logger = logging.getLogger(__name__)


class CallbackNotFoundError(SocialPublishingBaseError):
    code = "not_found"
    sentence = "There is no such callback."


def handle_callback(platform: str, kind: str, signed_request: str) -> PlatformCallback:
    """End the person's connections of the platform's app. A repetition changes nothing.

    A deletion is begun at once; `finish_callbacks` does what it leaves. Raises
    CallbackNotFoundError for a platform that sends no callbacks, CallbackRefusedError.
    """
    if platform not in PLATFORMS or not isinstance(PLATFORMS[platform].app, SendsCallbacks):
        raise CallbackNotFoundError
    app = offered_platform(platform).app
    assert isinstance(app, SendsCallbacks)
    now = database_now()
    person = app.person_of_callback(signed_request, now)
    # Of what is signed: the signature itself can be written in more than one way.
    signed = signed_request.partition(".")[2]
    digest = hashlib.sha256(f"{platform} {kind} {signed}".encode()).hexdigest()
    with transaction.atomic():
        callback, is_new = PlatformCallback.objects.get_or_create(
            digest=digest,
            defaults={
                "platform": platform,
                "kind": kind,
                "external_user_id": person[:128],
                "received_at": now,
            },
        )
        if is_new:
            _end_connections(callback)
    if callback.done_at is None:
        _finish(callback)
    return callback


def finish_callbacks() -> None:
    """Go on with what was interrupted, or had to wait for a post that was being published."""
    for callback in PlatformCallback.objects.filter(done_at__isnull=True).order_by("received_at"):
        _finish(callback)


def _finish(callback: PlatformCallback) -> None:
    """Erase what came from the person's accounts, if that is asked for. Then forget the person."""
    if callback.kind == PlatformCallback.Kind.DATA_DELETION:
        # One that the person has connected again since stays: that is another consent.
        old = _connections(callback).filter(status=SocialConnection.Status.REVOKED)
        subject = Subject(
            connections=frozenset(old.values_list("pk", flat=True)),
            actor=f"platform {callback.platform}",
        )
        if not erase(subject, Tally()):
            return
    callback.external_user_id, callback.done_at = "", database_now()
    callback.save(update_fields=["external_user_id", "done_at"])


def _connections(callback: PlatformCallback) -> SocialConnectionQuerySet:
    return connections_of_app(callback.platform).filter(
        Q(external_user_id=callback.external_user_id)
        | Q(profile__app_scoped_id=callback.external_user_id)
    )


def _end_connections(callback: PlatformCallback) -> None:
    platform = callback.platform
    count = 0
    for connection in _connections(callback).exclude(status=SocialConnection.Status.REVOKED):
        label = connection.platform_type.label
        end_without_revoking(
            connection,
            reason=f"Its owner removed this service at {label}.",
            actor=f"platform {platform}",
        )
        count += 1
    logger.info(
        "platform callback",
        extra={
            "platform": platform,
            "kind": callback.kind,
            "callback_id": str(callback.pk),
            "connections_ended": count,
        },
    )


def connections_of_app(name: str) -> SocialConnectionQuerySet:
    """Those whose owners authorized the app of platform `name`; some platforms share one."""
    logins = Q(pk__in=[])
    for platform in PLATFORMS.values():
        for each in (platform, *platform.logins.values()):
            if (each.app.authorized_app or each.name) == name:
                logins |= Q(platform=each.name, login=each.login)
    return SocialConnection.objects.filter(logins)


def state_address(callback: PlatformCallback) -> str:
    """Where the person sees what became of the request. Built from a setting alone."""
    return (
        f"{settings.SERVICE_BASE_URL}/api/v1/connections/callbacks/{callback.platform}"
        f"/data-deletion/{callback.confirmation_code}"
    )


def deletion_request(platform: str, confirmation_code: str) -> PlatformCallback:
    """Raises CallbackNotFoundError."""
    try:
        pk = uuid.UUID(hex=confirmation_code)
    except ValueError:
        raise CallbackNotFoundError from None
    found = PlatformCallback.objects.filter(
        pk=pk, platform=platform, kind=PlatformCallback.Kind.DATA_DELETION
    ).first()
    if found is None:
        raise CallbackNotFoundError
    return found
