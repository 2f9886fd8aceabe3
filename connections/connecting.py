"""Connecting an account by OAuth: start, callback, storing the credentials.

A connect that starts in a browser ends in the same browser. One without a browser
(`redirect=false`) waits after the callback until its user confirms it (confirming.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction

from connections.connection_events import tell
from connections.credentials import OAuthCredentials, identify
from connections.destinations import check_unlisted, store_destinations
from connections.hooks import on_reconnect
from connections.models import SESSION_LIFETIME, AuthorizationSession, SocialConnection
from connections.revoking import queue_tokens_of, revoke_now
from socialpublishing.clock import database_now
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    OAuthConnectionError,
    PlatformApiError,
    PlatformConfigurationError,
    TokenEncryptionError,
    WhoActs,
)
from socialpublishing.events.models import EventType
from socialpublishing.masking import masked
from socialpublishing.oauth import authorization_url, new_verifier
from socialpublishing.platforms import login_wanted, offered_platform, platform_named
from socialpublishing.platforms.accounts import Profile
from socialpublishing.platforms.base import Platform

logger = logging.getLogger(__name__)

MAX_PENDING_SESSIONS = 10
STATE = re.compile(r"[A-Za-z0-9_-]{43}")
# Longer than any platform's; codes of Facebook and LinkedIn have some hundred characters.
MAX_CODE_LENGTH = 4096
# Errors of a consent page (RFC 6749 and LinkedIn's) that are not the user's choice: those that our
# app's settings cause, and those of the platform itself.
OUR_ERRORS = {
    "invalid_client",
    "invalid_redirect_uri",
    "invalid_request",
    "invalid_scope",
    "redirect_uri_mismatch",
    "unauthorized_client",
    "unauthorized_scope_error",
    "unsupported_response_type",
}
PLATFORMS_ERRORS = {"server_error", "temporarily_unavailable"}
EXPIRED_SIGN_IN = "This sign-in has expired."
# One sentence, so that nobody finds out which sign-ins there were.
UNUSABLE_SIGN_IN = (
    "This sign-in was used already, is unknown, or began in another browser. If the page before "
    "reported that the account is connected, it is, and there is nothing to do."
)


# --- Start ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Started:
    attempt_id: uuid.UUID
    authorization_url: str


def start_connect(
    *, user_id: str, platform: str, login: str = "", return_to: str = "", browser_id: str = ""
) -> Started:
    """Start to connect an account of `platform`, by `login` where it has more ways than one.

    Without `login` it is the operator's default ({PLATFORM}_LOGIN). With a `browser_id` only that
    browser can finish; without one, the user has to confirm.
    """
    login = login_wanted(platform, login)
    offered = offered_platform(platform, login)
    state, verifier = secrets.token_urlsafe(32), new_verifier()
    now = database_now()
    session = AuthorizationSession(
        user_id=user_id,
        platform=platform,
        login=login,
        state_hash=digest(state),
        verifier=verifier,
        browser_hash=digest(browser_id) if browser_id else "",
        return_to=return_to,
        created_at=now,
        expires_at=now + SESSION_LIFETIME,
    )
    with transaction.atomic():
        _expire_surplus(user_id, now)
        session.save(force_insert=True)
    url = authorization_url(
        offered.app.oauth,
        base_url=offered.app.host("auth"),
        client_id=offered.app.client_id(),
        redirect_uri=redirect_uri(platform),
        state=state,
        verifier=verifier,
        params=offered.app.authorize_params(
            was_declined=any(
                connection.missing_scopes
                for connection in SocialConnection.objects.of(user_id).filter(
                    platform=platform, login=login
                )
            )
        ),
    )
    return Started(attempt_id=session.pk, authorization_url=url)


def _expire_surplus(user_id: str, now: dt.datetime) -> None:
    """Make room for one more pending session: the oldest ones go first."""
    pending = AuthorizationSession.objects.filter(
        user_id=user_id, expires_at__gt=now, used_at__isnull=True
    )
    newest_first = pending.order_by("-created_at").values_list("pk", flat=True)
    surplus = list(newest_first[MAX_PENDING_SESSIONS - 1 :])
    AuthorizationSession.objects.filter(pk__in=surplus).update(expires_at=now)


# --- Callback ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a callback ended: connected, waiting for its confirmation, or failed."""

    platform: str
    return_to: str
    attempt_id: uuid.UUID
    profile: Profile | None = None  # of the account, unless it failed
    connection: SocialConnection | None = None
    completion_code: str = ""
    error: OAuthConnectionError | None = None


def finish_connect(
    *, platform: str, query: Mapping[str, Sequence[str]], browser_id: str
) -> Finished:
    """Handle a platform's callback. `query` has all values of each of its parameters.

    Raises OAuthConnectionError (`invalid_state`) if the callback belongs to no pending session of
    this browser; then nothing was changed and no token was requested.
    """
    platform_named(platform)
    now = database_now()
    session = _use_session(platform, query.get("state", ()), browser_id, now)
    offered = offered_platform(platform, session.login)
    finished = Finished(platform=platform, return_to=session.return_to, attempt_id=session.pk)
    try:
        credentials = _exchange(offered, session, query, now)
    except OAuthConnectionError as error:
        _log_failure(offered, session, error)
        return replace(finished, error=error)
    finished = replace(finished, profile=credentials.profile)
    if session.browser_hash:
        connection = store_credentials(
            user_id=session.user_id, platform=platform, credentials=credentials
        )
        after_connect(connection, credentials)
        return replace(finished, connection=connection)
    code = secrets.token_urlsafe(32)
    session.credentials = credentials.to_secret()
    session.completion_hash = digest(code)
    # The user has the same time again to confirm.
    session.expires_at = now + SESSION_LIFETIME
    session.save(update_fields=["credentials", "completion_hash", "expires_at"])
    return replace(finished, completion_code=code)


def _use_session(
    platform: str, states: Sequence[str], browser_id: str, now: dt.datetime
) -> AuthorizationSession:
    if len(states) != 1 or not STATE.fullmatch(states[0]):
        raise OAuthConnectionError("invalid_state", UNUSABLE_SIGN_IN)
    session = AuthorizationSession.objects.filter(state_hash=digest(states[0])).first()
    # A stranger's browser must not be able to use up the session of the right one.
    if session is None or not _is_from(browser_id, session):
        raise OAuthConnectionError("invalid_state", UNUSABLE_SIGN_IN)
    used = AuthorizationSession.objects.filter(
        pk=session.pk, used_at__isnull=True, expires_at__gt=now
    ).update(used_at=now)
    if not used:
        is_expired = session.used_at is None and session.expires_at <= now
        raise OAuthConnectionError(
            "invalid_state", EXPIRED_SIGN_IN if is_expired else UNUSABLE_SIGN_IN
        )
    if session.platform != platform:
        raise OAuthConnectionError("invalid_state", UNUSABLE_SIGN_IN)
    return session


def _is_from(browser_id: str, session: AuthorizationSession) -> bool:
    """Whether the browser is the one that the session is bound to, if it is bound to any."""
    return not session.browser_hash or hmac.compare_digest(session.browser_hash, digest(browser_id))


def _exchange(
    platform: type[Platform],
    session: AuthorizationSession,
    query: Mapping[str, Sequence[str]],
    now: dt.datetime,
) -> OAuthCredentials:
    codes, errors = query.get("code", ()), query.get("error", ())
    if errors and not codes:
        raise _refusal(platform, query)
    if errors or len(codes) != 1 or not _is_code(codes[0]):
        raise OAuthConnectionError("oauth_failed", f"{platform.label} sent back no usable code.")
    try:
        tokens = platform.app.exchange_code(
            code=codes[0], redirect_uri=redirect_uri(platform.name), verifier=session.verifier
        )
        return identify(platform, tokens, now)
    except PlatformApiError as error:
        raise _failed(platform, error) from error


def _refusal(platform: type[Platform], query: Mapping[str, Sequence[str]]) -> OAuthConnectionError:
    """What the consent page sent back instead of a code: RFC 6749, section 4.1.2.1."""
    # The description may hold anything: it is for the log alone.
    code, words = (
        masked(" ".join(query.get(name, ())), query.get("state", ()))
        for name in ("error", "error_description")
    )
    facts: dict[str, Any] = {"platform": platform.name, "platform_code": code[:64]}
    cause = (PlatformConfigurationError if code in OUR_ERRORS else PlatformApiError)(words, **facts)
    error = _failed(platform, cause)
    if code not in OUR_ERRORS | PLATFORMS_ERRORS:
        denied = f"{platform.label} was not allowed to connect."
        error = OAuthConnectionError("oauth_denied", denied)
    error.__cause__ = cause
    return error


def _failed(platform: type[Platform], cause: PlatformApiError) -> OAuthConnectionError:
    sentence = f"{platform.label} could not finish the sign-in. Please connect again."
    if cause.who_acts == WhoActs.OPERATOR:
        sentence = (
            f"{platform.label} refuses this service, so connecting again does not help: its "
            "operator has to look at the app's settings there."
        )
    return OAuthConnectionError("oauth_failed", sentence)


def _log_failure(
    platform: type[Platform], session: AuthorizationSession, error: OAuthConnectionError
) -> None:
    """Everything that an operator needs to find the reason, in the platform's own words."""
    cause = error.__cause__
    facts = {}
    if isinstance(cause, PlatformApiError):
        facts = {
            "error": type(cause).__name__,
            "error_code": cause.code,
            "who_acts": str(cause.who_acts),
            "status": cause.status_code,
            "platform_code": cause.platform_code,
            "platform_request_id": cause.request_id,
        }
    logger.log(
        logging.INFO if error.code == "oauth_denied" else logging.WARNING,
        "connecting failed: %s",
        cause or error,
        extra={
            "platform": platform.name,
            "login": platform.login or platform.app.login,
            "attempt_id": str(session.pk),
            "code": error.code,
            **facts,
        },
    )


def _is_code(code: str) -> bool:
    return 0 < len(code) <= MAX_CODE_LENGTH and code.isascii() and code.isprintable()


# --- Storing -------------------------------------------------------------------------------------


def store_credentials(
    *, user_id: str, platform: str, credentials: OAuthCredentials
) -> SocialConnection:
    """Create the connection, or update it if the user has connected this account before."""
    with transaction.atomic():
        # Two callbacks for one account may come at once: one creates the row, both write to it.
        connection, is_new = SocialConnection.objects.select_for_update().get_or_create(
            user_id=user_id,
            platform=platform,
            external_user_id=credentials.profile.id,
            defaults={"access_token": credentials.access_token, "token_version": 0},
        )
        refresh_token = _refresh_token(connection, credentials)
        _replace_grant(connection, credentials)
        connection.external_display_name = credentials.profile.display_name[:255]
        connection.kind = credentials.profile.kind
        connection.profile = dict(credentials.profile.facts)
        connection.access_token = credentials.access_token
        connection.refresh_token = refresh_token
        connection.token_version += 1
        connection.expires_at = credentials.expires_at
        connection.refresh_expires_at = credentials.refresh_expires_at
        connection.login = credentials.login
        connection.last_refreshed_at = database_now()
        connection.refreshing_until = connection.refresh_failed_at = None
        connection.scopes = list(credentials.scopes)
        connection.status = SocialConnection.Status.ACTIVE
        connection.status_reason = ""
        connection.save()
        store_destinations(connection, credentials.destinations)
        tell(
            connection, EventType.CONNECTION_CONNECTED if is_new else EventType.CONNECTION_RESTORED
        )
        if not is_new:
            for callback in on_reconnect:
                callback(connection)
    return connection


def _refresh_token(connection: SocialConnection, credentials: OAuthCredentials) -> Secret | None:
    """The new one; without one, that of before, where such a token stays the same."""
    kept: Secret | None = credentials.refresh_token
    stays = (
        connection.login == credentials.login
        and connection.status == SocialConnection.Status.ACTIVE
        and not connection.platform_type.app.oauth.rotates_refresh_token
    )
    if kept is None and stays:
        with suppress(TokenEncryptionError):
            kept = connection.refresh_token
    return kept


def _replace_grant(connection: SocialConnection, credentials: OAuthCredentials) -> None:
    """Queue the revocation of the tokens that `credentials` replace, if any."""
    is_same_app = connection.login == credentials.login
    if connection.token_version == 0 or connection.status != SocialConnection.Status.ACTIVE:
        return
    if is_same_app and not connection.platform_type.revokes_single_grants:
        return  # it would end the new authorization too
    try:
        if connection.refresh_token == credentials.refresh_token and is_same_app:
            return
    except TokenEncryptionError:
        return
    queue_tokens_of(connection)


def after_connect(connection: SocialConnection, credentials: OAuthCredentials) -> None:
    """What sends further requests once the credentials are stored."""
    check_unlisted(connection, credentials.destinations)
    revoke_now(connection)


def redirect_uri(platform: str) -> str:
    """The callback's address. Built from a setting alone: request headers can be forged."""
    return f"{settings.SERVICE_BASE_URL}/api/v1/connections/connect/{platform}/callback"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
