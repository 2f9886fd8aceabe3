"""Confirming a connect that is bound to no browser, or taking its credentials back."""

from __future__ import annotations

import datetime as dt
import hmac
import logging
import uuid

from django.db import transaction
from django.db.models import F

from connections.connecting import after_connect, digest, store_credentials
from connections.credentials import OAuthCredentials
from connections.models import AuthorizationSession, Revocation, SocialConnection
from connections.revoking import queue_revocation, revoke
from socialpublishing.clock import database_now
from socialpublishing.errors import SocialPublishingBaseError

logger = logging.getLogger(__name__)

MAX_FAILED_CONFIRMS = 10
# Sessions that can no longer be finished are kept for so long.
KEEP_EXPIRED = dt.timedelta(days=1)


class AuthorizationSessionNotFoundError(SocialPublishingBaseError):
    code = "not_found"
    sentence = "There is no such pending connection, or the completion code is wrong."


def confirm_connect(
    *, user_id: str, attempt_id: uuid.UUID, completion_code: str
) -> SocialConnection:
    """Finish a connect that is bound to no browser. A repetition returns the same connection.

    Raises AuthorizationSessionNotFoundError for anyone but the user who started it, with its code.
    If someone else has the code, or after too many wrong codes, the credentials are revoked.
    """
    now = database_now()
    session = AuthorizationSession.objects.filter(pk=attempt_id, expires_at__gt=now).first()
    if session is None or not session.completion_hash:
        raise AuthorizationSessionNotFoundError
    is_user = session.user_id == user_id
    has_code = hmac.compare_digest(session.completion_hash, digest(completion_code))
    if not is_user or not has_code:
        _refuse_confirm(session, is_code_leaked=has_code)
        raise AuthorizationSessionNotFoundError
    with transaction.atomic():
        session = AuthorizationSession.objects.select_for_update().get(pk=attempt_id)
        credentials = None
        if session.credentials is not None:
            credentials = OAuthCredentials.from_secret(session.credentials)
            session.connection = store_credentials(
                user_id=user_id, platform=session.platform, credentials=credentials
            )
            session.credentials = None
            session.save(update_fields=["connection", "credentials"])
    if session.connection is None:
        raise AuthorizationSessionNotFoundError
    if credentials is not None:
        after_connect(session.connection, credentials)
    return session.connection


def _refuse_confirm(session: AuthorizationSession, *, is_code_leaked: bool) -> None:
    same = AuthorizationSession.objects.filter(pk=session.pk)
    same.update(failed_confirms=F("failed_confirms") + 1)
    session.refresh_from_db(fields=["failed_confirms"])
    if not is_code_leaked and session.failed_confirms < MAX_FAILED_CONFIRMS:
        return
    # It is in doubt whose account this is.
    if revocation := withdraw(session):
        revoke(revocation)


def withdraw(session: AuthorizationSession) -> Revocation | None:
    """Take the credentials back, to be revoked. None if the right user has them by now."""
    stored = session.credentials
    with transaction.atomic():
        # The right user may confirm at the same moment: only one of the two gets them.
        same = AuthorizationSession.objects.filter(pk=session.pk, credentials__isnull=False)
        if not same.update(credentials=None, completion_hash="") or stored is None:
            return None
        credentials = OAuthCredentials.from_secret(stored)
        return queue_revocation(
            user_id=session.user_id,
            platform=session.platform,
            login=session.login,
            external_user_id=credentials.profile.id,
            access_token=credentials.access_token,
            refresh_token=credentials.refresh_token,
        )


def end_expired_sessions(now: dt.datetime) -> None:
    """Take back credentials that nobody has confirmed in time, and delete old sessions."""
    expired = AuthorizationSession.objects.filter(expires_at__lt=now)
    for session in expired.filter(credentials__isnull=False).iterator():
        try:
            withdraw(session)
        except SocialPublishingBaseError:
            logger.exception("credentials cannot be read", extra={"attempt_id": str(session.pk)})
    expired.filter(expires_at__lt=now - KEEP_EXPIRED).delete()
