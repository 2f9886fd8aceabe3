"""Our app at a platform: its hosts, its credentials and its token endpoint. It has no account."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings

from socialpublishing import oauth as oauth2
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformNotConfiguredError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import Http, PlatformResponse, retry_after
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.platforms.responses import ReadsResponses

SANDBOX_SECRET = "sandbox-secret"
# Errors of a token endpoint (RFC 6749, section 5.2) that our app causes.
APP_REFUSALS = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host of a platform, and the environment variable that replaces it."""

    variable: str
    default: str


class App(ReadsResponses):
    """Our app at one platform. Every request may raise a PlatformApiError."""

    # Name and label of the platform.
    name: ClassVar[str]
    label: ClassVar[str]
    hosts: ClassVar[Mapping[str, Host]]
    # Which of the hosts has the token endpoint.
    token_host: ClassVar[str] = "api"
    # Environment variables that hold the credentials; the first that is set is used.
    client_id_variables: ClassVar[tuple[str, ...]]
    client_secret_variables: ClassVar[tuple[str, ...]]
    oauth: ClassVar[OAuth]
    # The platform whose app this is, where two platforms share one: revoking a token ends the
    # authorization for both. Empty: its own.
    authorized_app: ClassVar[str] = ""
    # The name of the login that this app is for, where a platform has more than one.
    login: ClassVar[str] = ""
    # Further environment variables that this platform's package reads.
    variables: ClassVar[tuple[str, ...]] = ()
    # The values that some of these may have, in lower case; another one refuses the start.
    variable_choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Sent with each request to the platform's hosts.
    headers: ClassVar[Mapping[str, str]] = {}

    # --- Credentials and hosts -------------------------------------------------------------------

    def is_configured(self) -> bool:
        return bool(
            settings.SANDBOX_URL
            or (_variable(self.client_id_variables) and _variable(self.client_secret_variables))
        )

    def client_id(self) -> str:
        if settings.SANDBOX_URL:
            return f"sandbox-{self.name}"
        if not self.is_configured():
            raise PlatformNotConfiguredError(self.label)
        return _variable(self.client_id_variables)

    def client_secret(self) -> Secret:
        # Real credentials are never sent to a sandbox.
        return Secret(
            SANDBOX_SECRET if settings.SANDBOX_URL else _variable(self.client_secret_variables)
        )

    def host(self, role: str) -> str:
        if settings.SANDBOX_URL:
            return f"{settings.SANDBOX_URL}/{self.name}"
        host = self.hosts[role]
        return (os.environ.get(host.variable) or host.default).rstrip("/")

    def more_upload_hosts(self) -> tuple[str, ...]:
        """Host names for uploads in addition to the documented ones: {PLATFORM}_UPLOAD_HOST."""
        hosts = os.environ.get(f"{self.name.upper()}_UPLOAD_HOST", "").lower()
        return tuple(f".{host.strip().lstrip('.')}" for host in hosts.split(",") if host.strip())

    def setup_warnings(self) -> list[str]:
        """What looks wrong in the operator's settings for this app, in sentences."""
        return []

    # --- Scopes ----------------------------------------------------------------------------------

    def required_scopes(self) -> tuple[str, ...]:
        """Those that every consent asks for, by setting (`scope_variables`) or by default."""
        return self._scopes("SCOPES", ()) or self.oauth.scopes

    def optional_scopes(self) -> tuple[str, ...]:
        """Those whose absence only takes features away, by setting or by default."""
        reviewed = self.oauth.reviewed_scopes if settings.SANDBOX_URL else ()
        return self._scopes("OPTIONAL_SCOPES", self.oauth.optional_scopes + reviewed)

    def requested_scopes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.required_scopes(), *self.optional_scopes()]))

    def authorize_params(self, *, was_declined: bool) -> dict[str, str]:
        """Parameters of the consent page.

        `was_declined`: the user has declined a scope before, so the page should ask again.
        """
        scope = self.oauth.scope_separator.join(self.requested_scopes())
        return {"scope": scope, **self.oauth.authorize_params}

    def scope_variables(self, kind: str) -> tuple[str, ...]:
        """Environment variables with the scopes of one kind; the first that is set is used.

        {PLATFORM}_{LOGIN}_{kind}, and {PLATFORM}_{kind} for the operator's default login.
        """
        default_login = getattr(settings, f"{self.name.upper()}_LOGIN", "")
        names = [f"{self.name}_{self.login}_{kind}"] if self.login else []
        if default_login in ("", self.login):
            names.append(f"{self.name}_{kind}")
        return tuple(name.upper() for name in names)

    def _scopes(self, kind: str, default: tuple[str, ...]) -> tuple[str, ...]:
        for name in self.scope_variables(kind):
            if name in os.environ:
                return tuple(os.environ[name].replace(",", " ").split())
        return default

    # --- Tokens ----------------------------------------------------------------------------------

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        """Tokens for an authorization code. Never retried: a code can be used once."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if self.oauth.pkce:
            form["code_verifier"] = verifier.reveal()
        return self.call_token_endpoint(form)

    def call_token_endpoint(self, form: dict[str, str]) -> Tokens:
        headers = {}
        client_id, secret = self.client_id(), self.client_secret().reveal()
        if self.oauth.client_auth == "basic":
            headers["Authorization"] = basic(client_id, secret)
        else:
            form = {**form, self.oauth.client_id_parameter: client_id, "client_secret": secret}
        http = self.http(self.token_host)
        data = http.post(self.oauth.token_path, data=form, headers=headers)
        if error := self.token_refusal(data):
            raise http.completed(error, headers=headers, data=form)
        return oauth2.read_tokens(data, self.oauth)

    def token_refusal(self, data: Any) -> PlatformApiError | None:
        """The error in a response of the token endpoint with a status of success; usually none."""
        return None

    @staticmethod
    def read_token_error(response: PlatformResponse) -> PlatformApiError:
        """The error in a response of the token endpoint."""
        return read_oauth_error(response)

    def _read_error(self, response: PlatformResponse) -> PlatformApiError:
        error = str(response.fields.get("error"))
        # Whatever the platform's own reader makes of the status: no owner can help here.
        if error in APP_REFUSALS:
            return PlatformConfigurationError(platform_code=error)
        return self.read_token_error(response)

    def http(self, role: str = "api") -> Http:
        """Requests without an access token."""
        return Http(
            platform=self.name,
            base_url=self.host(role),
            read_error=self._read_error,
            headers=self.headers,
        )


def read_oauth_error(response: PlatformResponse, *, request_id: str = "") -> PlatformApiError:
    """The error of a token endpoint, as RFC 6749, section 5.2, describes it."""
    body = response.fields
    code = str(body.get("error") or "")[:64]
    facts: dict[str, Any] = {"platform_code": code, "request_id": request_id}
    if response.status_code >= 500:
        return NoResponseError(**facts)
    if response.status_code == 429:
        return RateLimitError(until=retry_after(response), **facts)
    return oauth_refusal(body, **facts)


def oauth_refusal(body: Mapping[str, Any], **facts: Any) -> PlatformApiError:
    """The error that `error` and `error_description` name, whatever the status was."""
    error = str(body.get("error"))
    if error in APP_REFUSALS:
        return PlatformConfigurationError(**facts)
    if error == "invalid_grant":
        return TokenExpiredError(**facts)
    words = body.get("error_description")
    return PlatformApiError(words if isinstance(words, str) else "", **facts)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def _variable(names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")
