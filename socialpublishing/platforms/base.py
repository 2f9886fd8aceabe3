"""What every platform owes: facts as data, and verbs told apart by what repeating them does."""

from __future__ import annotations

import abc
import base64
import datetime as dt
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings

from socialpublishing import limits as content_limits
from socialpublishing import oauth as oauth2
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    NoResponseError,
    PlatformApiError,
    PlatformNotConfiguredError,
    TokenExpiredError,
    Violation,
)
from socialpublishing.http import Body, Http, PlatformResponse
from socialpublishing.limits import Capabilities, PostType
from socialpublishing.media import open_stream
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.options import PostOptions
from socialpublishing.platforms.accounts import Account, DestinationFacts, Profile, Renewal
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.posts import Media, Post

if TYPE_CHECKING:
    from socialpublishing.platforms.metrics import MetricsReader

# An upload gives its job back after so long, with the offset it came to.
UPLOAD_STEP_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host of a platform, and the environment variable that moves it."""

    variable: str
    default: str


SANDBOX_SECRET = "sandbox-secret"


class Platform(abc.ABC):
    """A client of one platform, for one account or (to connect one) for none.

    Every call may raise a PlatformApiError. A module holds no `try` around a request.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    hosts: ClassVar[Mapping[str, Host]]
    # Environment variables that hold our app's credentials; the first that is set is taken.
    client_id_variables: ClassVar[tuple[str, ...]]
    client_secret_variables: ClassVar[tuple[str, ...]]
    oauth: ClassVar[OAuth]
    # Whose grant a connection holds; that of another platform where they share an app. Revoking it
    # ends it for both. Empty: its own.
    authorized_app: ClassVar[str] = ""
    # Is a living access token exchanged for a fresh one, where there is no refresh token?
    renews_without_refresh_token: ClassVar[bool] = False
    # Which of the hosts holds the token endpoint.
    token_host: ClassVar[str] = "api"
    capabilities: ClassVar[Capabilities]
    options: ClassVar[type[PostOptions]]
    # The option that chooses a destination, where a connection has any.
    destination_option: ClassVar[str] = ""
    # Can a post go to the account itself, without a destination?
    posts_as_account: ClassVar[bool] = True
    # What each call to the platform's hosts carries.
    headers: ClassVar[Mapping[str, str]] = {}
    # Where uploads may be sent to beside the api host: ends of host names, as the platform tells.
    upload_hosts: ClassVar[tuple[str, ...]] = ()
    # Reads what became of posts (results.py), where the platform tells.
    metrics_reader: ClassVar[type[MetricsReader[Any]] | None] = None
    # Other ways to connect, by the word that chooses them; a subclass each, never in the register.
    logins: ClassVar[Mapping[str, type[Platform]]] = {}
    login: ClassVar[str] = ""

    def __init__(self, account: Account | None = None) -> None:
        self.account = account
        self.http = self._http(account.token if account else None)

    # --- Before a post is taken ------------------------------------------------------------------

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> Capabilities:
        """What the platform takes from an account with this profile."""
        return cls.capabilities

    @classmethod
    def cross_violations(cls, post: Post, kind: PostType) -> Iterator[Violation]:
        """Rules that no table holds, such as a poll that stands with no media.

        `kind` are the limits of this kind of post for the account that posts.
        """
        return iter(())

    @classmethod
    def violations(cls, post: Post, profile: Mapping[str, Any]) -> list[Violation]:
        """Every rule that `post` breaks; an empty list if the platform would take it."""
        limits = cls.limits(profile)
        crossed = cls.cross_violations(post, limits.of(post))
        return [*content_limits.violations(post, limits), *crossed]

    @classmethod  # noqa: B027  few platforms have a switch
    def check_publishing(cls, post: Post) -> None:
        """Raises PublishingOffError where the operator keeps this post from being published."""

    @classmethod
    def count_parts(cls, post: Post) -> int:
        """How many publishing calls it takes, each of them making a post."""
        return 1

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """How far `lookup` can be trusted for `post`, by what carries it."""
        return LookupRules()

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        """Is there anything to do before `publish`? If not, a post starts at stage READY."""
        return bool(post.media)

    @abc.abstractmethod
    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Upload media, make drafts, one part a call. Repeating it leaves litter, never a post."""

    @abc.abstractmethod
    def publish(self, post: Post, progress: Progress) -> Progress:
        """The one call that makes `post` public. Repeating it could post twice."""

    def confirm(self, post: Post, progress: Progress) -> Progress:
        """Read how far the platform has come since `publish`. Changes nothing."""
        raise NotImplementedError(f"{self.name} is done when `publish` returns")

    @abc.abstractmethod
    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Look for `post` among what the account published after `since`.

        `credited` are the ids of posts that belong to other jobs. None says that it is not there,
        or not yet. A Progress says where it stands: CONFIRMING, the platform took it and is at
        work; READY, what was asked for is out and more is to come; REFUSED or LOST.
        """

    @abc.abstractmethod
    def read_error(self, response: PlatformResponse) -> PlatformApiError:
        """What helps against this answer. Whatever no list knows stays a plain PlatformApiError."""

    # --- Connecting ------------------------------------------------------------------------------

    @abc.abstractmethod
    def profile(self) -> Profile:
        """Whom the account's token belongs to."""

    def destinations(self) -> list[DestinationFacts]:
        """Where the account can post beyond itself, read to the last page."""
        return []

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        """Tokens for an authorization code. Called once: an unclear answer is not tried again."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if self.oauth.pkce:
            form["code_verifier"] = verifier.reveal()
        return self.call_token_endpoint(form)

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """Fresh tokens. Raises TokenExpiredError if only the owner can help."""
        if refresh_token is None:
            raise TokenExpiredError(platform=self.name)
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return Renewal(tokens=self.call_token_endpoint(form))

    def revoke(self, refresh_token: Secret | None) -> None:  # noqa: B027  not all platforms can
        """End the grant at the platform, where it lets us."""

    def call_token_endpoint(self, form: dict[str, str]) -> Tokens:
        headers = {}
        client_id, secret = self.client_id(), self.client_secret().reveal()
        if self.oauth.client_auth == "basic":
            headers["Authorization"] = basic(client_id, secret)
        else:
            form = {**form, self.oauth.client_id_parameter: client_id, "client_secret": secret}
        http = self._http(None, read_error=self.read_token_error, role=self.token_host)
        data = http.post(self.oauth.token_path, data=form, headers=headers)
        if error := self.token_refusal(data):
            raise error
        return oauth2.read_tokens(data, self.oauth)

    def token_refusal(self, data: Any) -> PlatformApiError | None:
        """The error in an answer of the token endpoint that came as a success; usually none."""
        return None

    def read_token_error(self, response: PlatformResponse) -> PlatformApiError:
        """As `read_error`, for the token endpoint, whose errors often have a shape of their own."""
        return self.read_error(response)

    # --- Our app at the platform -----------------------------------------------------------------

    @classmethod
    def is_configured(cls) -> bool:
        return bool(
            settings.SANDBOX_URL
            or (_variable(cls.client_id_variables) and _variable(cls.client_secret_variables))
        )

    @classmethod
    def client_id(cls) -> str:
        if settings.SANDBOX_URL:
            return f"sandbox-{cls.name}"
        if not cls.is_configured():
            raise PlatformNotConfiguredError(cls.label)
        return _variable(cls.client_id_variables)

    @classmethod
    def client_secret(cls) -> Secret:
        # With a sandbox, real credentials are sent nowhere.
        return Secret(
            SANDBOX_SECRET if settings.SANDBOX_URL else _variable(cls.client_secret_variables)
        )

    @classmethod
    def host(cls, role: str) -> str:
        if settings.SANDBOX_URL:
            return f"{settings.SANDBOX_URL}/{cls.name}"
        host = cls.hosts[role]
        return (os.environ.get(host.variable) or host.default).rstrip("/")

    # --- Calling ---------------------------------------------------------------------------------

    def upload(
        self,
        media: Media,
        *,
        start: int,
        end: int | None = None,
        part_bytes: int,
        send: Callable[[int, Body], None],
    ) -> int:
        """Send `media` from byte `start` on, in parts: `send(offset, part)` for each.

        Ends with the file, or at `end`, or when UPLOAD_STEP_S are over, so that the offset is
        stored now and then. Answers the offset reached. A part is read from its source while it is
        sent.
        """
        assert media.size_bytes is not None
        until = time.monotonic() + UPLOAD_STEP_S
        offset = start
        with open_stream(
            media.url, max_bytes=media.size_bytes, start=start, expected_bytes=media.size_bytes
        ) as stream:
            end = media.size_bytes if end is None else end
            while offset < end and (offset == start or time.monotonic() < until):
                length = min(part_bytes, end - offset)
                send(offset, stream.part(length))
                offset += length
        return offset

    def upload_http(self, address: str, *, token: Secret | None = None) -> Http:
        """Calls to an upload address that the platform told; without our token unless it is given.

        Raises NoResponseError for an address that is not the platform's.
        """
        if not self._is_own(address):
            raise NoResponseError("The platform told an upload address that is not its own.")
        return Http(platform=self.name, base_url=address, read_error=self.read_error, token=token)

    def _is_own(self, address: str) -> bool:
        if settings.SANDBOX_URL:
            return address.startswith(f"{settings.SANDBOX_URL}/")
        if address.startswith(f"{self.host('api')}/"):
            return True
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        host = f".{parts.hostname or ''}"
        return parts.scheme == "https" and any(host.endswith(own) for own in self.upload_hosts)

    def _http(self, token: Secret | None, read_error: Any = None, *, role: str = "api") -> Http:
        return Http(
            platform=self.name,
            base_url=self.host(role),
            read_error=read_error or self.read_error,
            token=token,
            headers=self.headers,
            params=self.params_with(token) if token is not None else None,
        )

    def params_with(self, token: Secret) -> Mapping[str, str]:
        """Parameters that go with each call that carries `token`."""
        return {}


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def _variable(names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")
