"""What a platform grants when an owner consents: tokens, their account, and its destinations."""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass
from typing import Any

from socialpublishing.crypto import Secret
from socialpublishing.errors import PlatformApiError, TokenExpiredError
from socialpublishing.oauth import Tokens
from socialpublishing.platforms.accounts import Account, DestinationFacts, Profile
from socialpublishing.platforms.base import Platform

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OAuthCredentials:
    access_token: Secret
    refresh_token: Secret | None
    expires_at: dt.datetime | None
    refresh_expires_at: dt.datetime | None
    login: str
    scopes: tuple[str, ...]
    profile: Profile
    destinations: tuple[DestinationFacts, ...]

    def to_secret(self) -> Secret:
        """All of it as JSON, to be stored encrypted while it waits for a confirmation."""
        destinations = [vars(facts) for facts in self.destinations]
        plain = {**vars(self), "profile": vars(self.profile), "destinations": destinations}
        return Secret(json.dumps(plain, default=_plain))

    @classmethod
    def from_secret(cls, secret: Secret) -> OAuthCredentials:
        stored: dict[str, Any] = json.loads(secret.reveal())
        refresh = stored["refresh_token"]
        return cls(
            access_token=Secret(stored["access_token"]),
            refresh_token=Secret(refresh) if refresh else None,
            expires_at=_time(stored["expires_at"]),
            refresh_expires_at=_time(stored["refresh_expires_at"]),
            login=stored["login"],
            scopes=tuple(stored["scopes"]),
            profile=Profile(**stored["profile"]),
            destinations=tuple(
                DestinationFacts(
                    **{**facts, "token": Secret(facts["token"]) if facts["token"] else None}
                )
                for facts in stored["destinations"]
            ),
        )


def identify(platform: type[Platform], tokens: Tokens, now: dt.datetime) -> OAuthCredentials:
    """Ask the platform whose account `tokens` are for and where it can post."""
    client = platform(Account(id="", token=tokens.access_token, login=platform.login))
    profile = client.profile()
    granted = tokens.scopes or profile.scopes
    if granted is None and tokens.scopes is None:
        granted = platform.app.requested_scopes()
    return OAuthCredentials(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=now + tokens.lifetime if tokens.lifetime else None,
        refresh_expires_at=now + tokens.refresh_lifetime if tokens.refresh_lifetime else None,
        login=platform.login,
        scopes=granted or (),
        profile=profile,
        destinations=_destinations(client),
    )


def _destinations(client: Platform) -> tuple[DestinationFacts, ...]:
    """An account that can post by itself is connected without them if they cannot be read."""
    try:
        return tuple(client.destinations())
    except PlatformApiError as error:
        if not client.posts_as_account or isinstance(error, TokenExpiredError):
            raise
        logger.warning(
            "destinations cannot be listed", extra={"platform": client.name, "code": error.code}
        )
        return ()


def _time(stored: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(stored) if stored else None


def _plain(value: object) -> str:
    match value:
        case Secret():
            return value.reveal()
        case dt.datetime():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be stored in credentials")
