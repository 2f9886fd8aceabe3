"""What users can do with their connections, and how tokens are kept fresh."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import re
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from connections.credentials import OAuthCredentials, identify
from connections.models import SESSION_LIFETIME, AuthorizationSession, Destination, SocialConnection
from connections.targets import DestinationNotFoundError
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    OAuthConnectionError,
    PlatformApiError,
    PlatformUnreachableError,
    SocialPublishingBaseError,
    TokenExpiredError,
)
from socialpublishing.oauth import authorization_url, new_verifier
from socialpublishing.platforms import PLATFORMS, client_for, offered_platform
from socialpublishing.platforms.accounts import DestinationFacts, Renewal
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.boards import Boards, NewBoard, Section

logger = logging.getLogger(__name__)

MAX_OPEN_SESSIONS = 10
MAX_FAILED_CONFIRMS = 10
STATE = re.compile(r"[A-Za-z0-9_-]{43}")
# Longer than any platform's; codes of Facebook and LinkedIn run to some hundred characters.
MAX_CODE_LENGTH = 4096
# As long as one refresh may take, its time-outs included.
REFRESH_LEASE = dt.timedelta(seconds=90)
# Grants with less than this left are renewed though nobody needs them; so many in one go.
IDLE_MARGIN, IDLE_BATCH = dt.timedelta(days=7), 200

# Whoever has to act when a connection ends or lives again; `publishing` joins at start. The first
# are told who ended it and answer how many jobs they cancelled. Both run inside the transaction of
# the change.
on_disconnect: list[Callable[[SocialConnection, str], int]] = []
on_reconnect: list[Callable[[SocialConnection], None]] = []


class ConnectionNotFoundError(SocialPublishingBaseError):
    code = "connection_not_found"
    sentence = "You have no such connection."


class BoardsNotSupportedError(SocialPublishingBaseError):
    code = "boards_not_supported"

    def __init__(self, label: str) -> None:
        super().__init__(
            f"Destinations at {label} are neither made through us nor divided into sections."
        )


class AuthorizationSessionNotFoundError(SocialPublishingBaseError):
    code = "not_found"
    sentence = "There is no such attempt to connect, or its completion code is another."


# --- Connecting ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Started:
    attempt_id: uuid.UUID
    authorization_url: str


def start_connect(
    *, user_id: str, platform: str, login: str = "", return_to: str = "", browser_id: str = ""
) -> Started:
    """Begin to connect an account of `platform`, by `login` where it has more ways than one.

    With a `browser_id` only that browser can finish; without, the user has to confirm.
    """
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
        open_ones = AuthorizationSession.objects.filter(
            user_id=user_id, expires_at__gt=now, used_at__isnull=True
        )
        surplus = open_ones.order_by("-created_at").values_list("pk", flat=True)
        AuthorizationSession.objects.filter(pk__in=list(surplus[MAX_OPEN_SESSIONS - 1 :])).update(
            expires_at=now
        )
        session.save(force_insert=True)
    url = authorization_url(
        offered.app.oauth,
        base_url=offered.app.host("auth"),
        client_id=offered.app.client_id(),
        redirect_uri=redirect_uri(platform),
        state=state,
        verifier=verifier,
    )
    return Started(attempt_id=session.pk, authorization_url=url)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a callback ended: connected, waiting for its confirmation, or with an error."""

    return_to: str
    attempt_id: uuid.UUID
    connection: SocialConnection | None = None
    completion_code: str = ""
    error: OAuthConnectionError | None = None


def finish_connect(
    *, platform: str, query: Mapping[str, Sequence[str]], browser_id: str
) -> Finished:
    """Take a platform's callback, `query` being all values of each of its parameters.

    Raises OAuthConnectionError (`invalid_state`) if the callback belongs to no open attempt of this
    browser; then nothing was changed and no token asked for.
    """
    offered_platform(platform)
    now = database_now()
    session = _spend(platform, query.get("state", ()), browser_id, now)
    offered = offered_platform(platform, session.login)
    try:
        credentials = _exchange(offered, session, query, now)
    except OAuthConnectionError as error:
        logger.info("connecting failed", extra={"platform": platform, "code": error.code})
        return Finished(return_to=session.return_to, attempt_id=session.pk, error=error)
    if session.browser_hash:
        connection = store_credentials(
            user_id=session.user_id, platform=platform, credentials=credentials
        )
        return Finished(return_to=session.return_to, attempt_id=session.pk, connection=connection)
    code = secrets.token_urlsafe(32)
    session.credentials = credentials.to_secret()
    session.completion_hash = digest(code)
    # The user gets as long again to come back.
    session.expires_at = now + SESSION_LIFETIME
    session.save(update_fields=["credentials", "completion_hash", "expires_at"])
    return Finished(return_to=session.return_to, attempt_id=session.pk, completion_code=code)


def _spend(
    platform: str, states: Sequence[str], browser_id: str, now: dt.datetime
) -> AuthorizationSession:
    invalid = OAuthConnectionError(
        "invalid_state", "This sign-in has expired, was used already, or began in another browser."
    )
    if len(states) != 1 or not STATE.fullmatch(states[0]):
        raise invalid
    session = AuthorizationSession.objects.filter(state_hash=digest(states[0])).first()
    if session is None:
        raise invalid
    if session.browser_hash and not hmac.compare_digest(session.browser_hash, digest(browser_id)):
        # A stranger's browser must not be able to use up the attempt of the right one.
        raise invalid
    spent = AuthorizationSession.objects.filter(
        pk=session.pk, used_at__isnull=True, expires_at__gt=now
    ).update(used_at=now)
    if not spent or session.platform != platform:
        raise invalid
    return session


def _exchange(
    platform: type[Platform],
    session: AuthorizationSession,
    query: Mapping[str, Sequence[str]],
    now: dt.datetime,
) -> OAuthCredentials:
    codes, errors = query.get("code", ()), query.get("error", ())
    if errors and not codes:
        # Theirs may hold anything; ours is one sentence.
        raise OAuthConnectionError("oauth_denied", f"{platform.label} was not allowed to connect.")
    if errors or len(codes) != 1 or not _is_code(codes[0]):
        raise OAuthConnectionError("oauth_failed", f"{platform.label} sent back no usable code.")
    try:
        tokens = platform.app.exchange_code(
            code=codes[0], redirect_uri=redirect_uri(platform.name), verifier=session.verifier
        )
        return identify(platform, tokens, now)
    except (PlatformApiError, LookupError, TypeError, AttributeError) as error:
        # An answer without the fields that its description promises is no better than none.
        logger.warning("token exchange failed: %s", type(error).__name__)
        raise OAuthConnectionError(
            "oauth_failed", f"{platform.label} could not finish the sign-in. Please connect again."
        ) from error


def _is_code(code: str) -> bool:
    return 0 < len(code) <= MAX_CODE_LENGTH and code.isascii() and code.isprintable()


def confirm_connect(
    *, user_id: str, attempt_id: uuid.UUID, completion_code: str
) -> SocialConnection:
    """Finish a connect that no browser was bound to. May be repeated with the same answer.

    Raises AuthorizationSessionNotFoundError to anyone but its user with its code; then the
    grant is revoked.
    """
    now = database_now()
    session = AuthorizationSession.objects.filter(pk=attempt_id, expires_at__gt=now).first()
    if session is None or not session.completion_hash:
        raise AuthorizationSessionNotFoundError
    knows_code = hmac.compare_digest(session.completion_hash, digest(completion_code))
    if session.user_id != user_id or not knows_code:
        _refuse_confirm(session, is_stranger=session.user_id != user_id and knows_code)
        raise AuthorizationSessionNotFoundError
    with transaction.atomic():
        session = AuthorizationSession.objects.select_for_update().get(pk=attempt_id)
        if session.credentials is not None:
            session.connection = store_credentials(
                user_id=user_id,
                platform=session.platform,
                credentials=OAuthCredentials.from_secret(session.credentials),
            )
            session.credentials = None
            session.save(update_fields=["connection", "credentials"])
    if session.connection is None:
        raise AuthorizationSessionNotFoundError
    return session.connection


def _refuse_confirm(session: AuthorizationSession, *, is_stranger: bool) -> None:
    same = AuthorizationSession.objects.filter(pk=session.pk)
    same.update(failed_confirms=F("failed_confirms") + 1)
    session.refresh_from_db(fields=["failed_confirms"])
    if not is_stranger and session.failed_confirms < MAX_FAILED_CONFIRMS:
        return
    # Somebody else holds the code: whose account this is has become doubtful. One who confirms
    # rightly at the same moment has the grant, or finds none.
    credentials = session.credentials
    taken = same.filter(credentials__isnull=False).update(credentials=None, completion_hash="")
    if not taken or credentials is None:
        return
    given = OAuthCredentials.from_secret(credentials)
    _revoke_quietly(
        SocialConnection(
            platform=session.platform,
            login=session.login,
            external_user_id=given.profile.id,
            access_token=given.access_token,
            refresh_token=given.refresh_token,
        )
    )


def store_credentials(
    *, user_id: str, platform: str, credentials: OAuthCredentials
) -> SocialConnection:
    """Make the connection, or renew it where the user has this account already."""
    with transaction.atomic():
        # Two callbacks for the same account may come at once: one makes the row, both write it.
        connection, _ = SocialConnection.objects.select_for_update().get_or_create(
            user_id=user_id,
            platform=platform,
            external_user_id=credentials.profile.id,
            defaults={"access_token": credentials.access_token, "token_version": 0},
        )
        connection.external_display_name = credentials.profile.display_name[:255]
        connection.kind = credentials.profile.kind
        connection.profile = dict(credentials.profile.facts)
        connection.access_token = credentials.access_token
        connection.refresh_token = credentials.refresh_token
        connection.token_version += 1
        connection.expires_at = credentials.expires_at
        connection.refresh_expires_at = credentials.refresh_expires_at
        connection.login = credentials.login
        connection.last_refreshed_at = database_now()
        connection.refreshing_until = None
        connection.scopes = list(credentials.scopes)
        connection.status = SocialConnection.Status.ACTIVE
        connection.status_reason = ""
        connection.save()
        store_destinations(connection, credentials.destinations)
        for act in on_reconnect:
            act(connection)
    return connection


def store_destinations(connection: SocialConnection, found: Iterable[DestinationFacts]) -> None:
    """Write down where `connection`, locked by the caller, can post.

    What is no longer there stays, without the right.
    """
    known = {destination.external_id: destination for destination in connection.destinations.all()}
    for facts in found:
        _store_destination(connection, facts, known.pop(facts.id, None))
    connection.destinations.filter(pk__in=[gone.pk for gone in known.values()]).update(
        can_publish=False, is_default=False, access_token=None
    )
    _choose_the_only_one(connection)


def _lock(connection: SocialConnection) -> None:
    """Until the transaction ends, nobody else changes the destinations of `connection`."""
    SocialConnection.objects.select_for_update().get(pk=connection.pk)


def _store_destination(
    connection: SocialConnection, facts: DestinationFacts, known: Destination | None
) -> Destination:
    destination = known or Destination(connection=connection, external_id=facts.id)
    destination.name = facts.name[:255]
    destination.kind = facts.kind
    destination.can_publish = facts.can_publish
    destination.access_token = facts.token
    destination.profile = dict(facts.profile)
    destination.save()
    return destination


def _choose_the_only_one(connection: SocialConnection) -> None:
    if connection.platform_type.posts_as_account:
        return  # it is not the only place: there is the account itself
    eligible = connection.destinations.filter(can_publish=True)
    if eligible.count() == 1:
        eligible.update(is_default=True)


def choose_default(connection: SocialConnection, destination_id: uuid.UUID) -> Destination:
    """Make a destination the one that posts go to unless they name another."""
    with transaction.atomic():
        _lock(connection)
        chosen = connection.destinations.filter(pk=destination_id, can_publish=True).first()
        if chosen is None:
            raise DestinationNotFoundError
        connection.destinations.filter(is_default=True).exclude(pk=chosen.pk).update(
            is_default=False
        )
        chosen.is_default = True
        chosen.save(update_fields=["is_default"])
    return chosen


def choose_none(connection: SocialConnection) -> None:
    """From now on posts go to the account itself, or have to name their destination."""
    connection.destinations.filter(is_default=True).update(is_default=False)


def choose_timezone(connection: SocialConnection, name: str) -> None:
    connection.timezone = name
    connection.save(update_fields=["timezone", "updated_at"])


# --- Boards: destinations that are made here ----------------------------------------------------


def create_destination(connection: SocialConnection, board: NewBoard) -> Destination:
    """Make a board at the platform; from then on posts can go there.

    Raises BoardsNotSupportedError where there are none. It is called once: after a lost answer,
    connecting again tells whether the board exists.
    """
    facts = _boards(connection).create_board(board)
    with transaction.atomic():
        _lock(connection)
        known = connection.destinations.filter(external_id=facts.id).first()
        destination = _store_destination(connection, facts, known)
        _choose_the_only_one(connection)
    destination.refresh_from_db()
    return destination


def sections(destination: Destination) -> list[Section]:
    return _boards(destination.connection).sections(destination.external_id)


def create_section(destination: Destination, name: str) -> Section:
    return _boards(destination.connection).create_section(destination.external_id, name)


def _boards(connection: SocialConnection) -> Boards:
    platform = connection.platform_type
    if not issubclass(platform, Boards):
        raise BoardsNotSupportedError(platform.label)
    client = client_of(connection)
    assert isinstance(client, Boards)
    return client


# --- Disconnecting -------------------------------------------------------------------------------


def disconnect(
    connection: SocialConnection, *, reason: str = "Disconnected by its user.", actor: str = ""
) -> int:
    """End a connection; answers how many waiting jobs were cancelled with it.

    The row stays for history, without tokens. The platform is told where it lets us; if it cannot
    be reached, `finish_revocations` tries again.
    """
    with transaction.atomic():
        ended = (
            SocialConnection.objects.filter(pk=connection.pk)
            .exclude(status=SocialConnection.Status.REVOKED)
            .update(
                status=SocialConnection.Status.REVOKED,
                status_reason=reason[:300],
                updated_at=database_now(),
            )
        )
        if not ended:
            raise ConnectionNotFoundError
        actor = actor or f"user {connection.user_id}"
        cancelled = sum(act(connection, actor) for act in on_disconnect)
    _revoke_and_wipe(connection)
    return cancelled


def finish_revocations(older_than: dt.datetime) -> int:
    """Revoke and wipe what a crash during a disconnect left behind; answers how many."""
    left = SocialConnection.objects.filter(
        status=SocialConnection.Status.REVOKED,
        access_token__isnull=False,
        updated_at__lt=older_than,
    )
    for connection in left:
        _revoke_and_wipe(connection)
    return len(left)


def _revoke_and_wipe(connection: SocialConnection) -> None:
    of_one_person = SocialConnection.objects.filter(
        external_user_id=connection.external_user_id
    ).exclude(status=SocialConnection.Status.REVOKED)
    # Two users may have connected one account, and one of them two platforms with one login: a
    # revocation would end the other's grant too.
    if all(other.authorized_app != connection.authorized_app for other in of_one_person):
        _revoke_quietly(connection)
    with transaction.atomic():
        wiped = SocialConnection.objects.filter(
            pk=connection.pk, status=SocialConnection.Status.REVOKED
        ).update(access_token=None, refresh_token=None, updated_at=database_now())
        # Its owner may have connected it again meanwhile: those tokens are new.
        if wiped:
            connection.destinations.update(access_token=None)


def _revoke_quietly(connection: SocialConnection) -> None:
    """Best effort: a platform that does not answer must not keep a user from disconnecting."""
    try:
        client_for(connection.platform, connection.account).revoke(connection.refresh_token)
    except SocialPublishingBaseError as error:
        logger.warning("revocation failed: %s", error.code)


# --- Keeping tokens fresh ------------------------------------------------------------------------


def take_refresh(connection: SocialConnection, now: dt.datetime) -> bool:
    """Take the right to refresh, so that a refresh token is shown once. False: another has it.

    Committed before the call leaves, it says after a crash that a refresh may have happened.
    """
    free = Q(refreshing_until__isnull=True) | Q(refreshing_until__lte=now)
    return bool(
        SocialConnection.objects.filter(
            free, pk=connection.pk, token_version=connection.token_version
        ).update(refreshing_until=now + REFRESH_LEASE)
    )


def store_renewal(connection: SocialConnection, renewal: Renewal, now: dt.datetime) -> None:
    """Keep what a refresh brought. An empty refresh token never takes the place of one we have."""
    with transaction.atomic():
        row = SocialConnection.objects.select_for_update().get(pk=connection.pk)
        if row.token_version == connection.token_version:
            if renewal.tokens is not None:
                row.access_token = renewal.tokens.access_token
                row.refresh_token = renewal.tokens.refresh_token or row.refresh_token
                row.expires_at = now + renewal.tokens.lifetime if renewal.tokens.lifetime else None
                if renewal.tokens.refresh_lifetime:
                    row.refresh_expires_at = now + renewal.tokens.refresh_lifetime
            row.token_version += 1
            row.refreshing_until = None
            row.last_refreshed_at = now
            row.save()
            if renewal.destinations is not None:
                store_destinations(row, renewal.destinations)


def refresh_failed(connection: SocialConnection, *, was_sent: bool) -> None:
    """Give back the right to refresh; one that may have been carried out stays marked (lost)."""
    if not was_sent:
        SocialConnection.objects.filter(
            pk=connection.pk, token_version=connection.token_version
        ).update(refreshing_until=None)


def refresh_if_due(connection: SocialConnection) -> None:
    """Fresh tokens for a call that does not wait for a worker. `connection` is read anew.

    Raises TokenExpiredError if only the owner can help. Whatever goes wrong while the token still
    serves is left to the call, and the workers try again.
    """
    now = database_now()
    if connection.status == SocialConnection.Status.NEEDS_REAUTH:
        raise TokenExpiredError(platform=connection.platform)
    if not connection.needs_refresh(now) or not take_refresh(connection, now):
        return
    try:
        _renew(connection, now)
    except SocialPublishingBaseError as error:
        if isinstance(error, TokenExpiredError) and not connection.serves(now):
            raise
        logger.warning("refresh failed: %s", error.code)
    connection.refresh_from_db()


def refresh(connection: SocialConnection) -> None:
    """Fresh tokens and destinations now, because somebody asks. `connection` is read anew.

    Raises whatever the platform says against it.
    """
    now = database_now()
    offered_platform(connection.platform, connection.login)
    if connection.status == SocialConnection.Status.NEEDS_REAUTH:
        raise TokenExpiredError(platform=connection.platform)
    is_needed = connection.is_renewable or not connection.serves(now)
    if is_needed and take_refresh(connection, now):
        _renew(connection, now)
        connection.refresh_from_db()
    found = client_for(connection.platform, connection.account).destinations()
    with transaction.atomic():
        _lock(connection)
        store_destinations(connection, found)


def _renew(connection: SocialConnection, now: dt.datetime) -> None:
    """Show the refresh token, once the right to do so is taken, and keep what comes of it.

    A refusal ends the connection only when its token has ended too: some platforms refuse a wrong
    secret of ours in the same words.
    """
    try:
        renewal = client_for(connection.platform, connection.account).renew(
            connection.refresh_token
        )
    except SocialPublishingBaseError as error:
        if isinstance(error, TokenExpiredError) and not connection.serves(now):
            needs_reauth(connection, str(error))
        else:
            refresh_failed(connection, was_sent=not isinstance(error, PlatformUnreachableError))
        raise
    store_renewal(connection, renewal, now)


def refresh_expiring(now: dt.datetime) -> int:
    """Renew the grants that would end unused, such as those of posts months ahead.

    Answers how many. Tokens that a refresh token brings back at any time are left alone.
    """
    soon = now + IDLE_MARGIN
    renewing = [name for name, each in PLATFORMS.items() if each.renews_without_refresh_token]
    ending = Q(platform__in=renewing, expires_at__gt=now, expires_at__lt=soon)
    ending |= Q(refresh_expires_at__gt=now, refresh_expires_at__lt=soon)
    idle = SocialConnection.objects.filter(ending, status=SocialConnection.Status.ACTIVE).filter(
        # Some grants end when they end: one try a day is enough.
        Q(last_refreshed_at__isnull=True) | Q(last_refreshed_at__lt=now - dt.timedelta(days=1))
    )
    renewed = 0
    for connection in idle.order_by("expires_at")[:IDLE_BATCH]:
        if take_refresh(connection, now):
            try:
                _renew(connection, now)
                renewed += 1
            except SocialPublishingBaseError as error:
                logger.warning("refresh failed: %s", error.code)
    return renewed


def client_of(connection: SocialConnection, destination: Destination | None = None) -> Platform:
    """For calls that do not wait for a worker, with tokens that are fresh.

    Raises PlatformNotConfiguredError, and TokenExpiredError if only the owner can help.
    """
    offered_platform(connection.platform, connection.login)
    refresh_if_due(connection)
    if destination is not None:
        destination = connection.destinations.get(pk=destination.pk)
    return client_for(connection.platform, (destination or connection).account)


def needs_reauth(connection: SocialConnection, reason: str) -> bool:
    """Only the owner can help now. False if the tokens were changed meanwhile: try those first."""
    return bool(
        SocialConnection.objects.filter(
            pk=connection.pk,
            token_version=connection.token_version,
            status=SocialConnection.Status.ACTIVE,
        ).update(
            status=SocialConnection.Status.NEEDS_REAUTH,
            status_reason=reason[:300],
            refreshing_until=None,
            updated_at=database_now(),
        )
    )


# --- Small things --------------------------------------------------------------------------------


def redirect_uri(platform: str) -> str:
    """The callback's address, built from a setting alone: request headers can be forged."""
    return f"{settings.SERVICE_BASE_URL}/api/v1/connections/connect/{platform}/callback"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
