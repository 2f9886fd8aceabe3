"""What clients with Facebook Login share. A connection is a person, who posts through Pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import PlatformApiError
from socialpublishing.http import PlatformResponse
from socialpublishing.oauth import read_scopes
from socialpublishing.platforms.accounts import Account, Profile, Renewal
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.meta import VERSION
from socialpublishing.platforms.meta.login import FacebookLoginApp
from socialpublishing.platforms.meta.paging import following_params
from socialpublishing.platforms.paging import read_pages


class FacebookLoginClient(Platform):
    app: ClassVar[FacebookLoginApp]
    renews_without_refresh_token: ClassVar = True

    def common_params(self) -> Mapping[str, str]:
        return self.app.proof(self.account.token)

    def call_graph(
        self,
        method: str,
        path: str,
        *,
        read_error: Callable[[PlatformResponse], PlatformApiError] | None = None,
        **body: Any,
    ) -> Any:
        """The JSON of a response. `read_error` replaces the usual reader of errors."""
        http = self.http_reading(read_error) if read_error else self.http
        return http.call(method, f"/{VERSION}{path}", **body).json

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """Another long-lived token for the one that is still valid, and the destinations with it.

        Tokens of Pages are bound to the token that they were read with.
        """
        tokens = self.app.long_lived(self.account.token)
        fresh = type(self)(
            Account(id=self.account.id, token=tokens.access_token, login=self.account.login)
        )
        return Renewal(tokens=tokens, destinations=fresh.destinations())

    def revoke(self, refresh_token: Secret | None) -> None:
        self.call_graph("DELETE", "/me/permissions")

    def profile(self) -> Profile:
        me = self.call_graph("GET", "/me", params={"fields": "id,name"})
        return Profile(id=me["id"], display_name=me["name"], scopes=self.granted_scopes())

    def granted_scopes(self) -> tuple[str, ...]:
        permissions = self.call_graph("GET", "/me/permissions")["data"]
        names = [each["permission"] for each in permissions if each["status"] == "granted"]
        return read_scopes(names) or ()

    def pages_of_person(self, *, fields: str, max_requests: int) -> Iterator[dict[str, Any]]:
        """The Pages on which the person has a role."""
        responses = read_pages(
            {"fields": fields, "limit": "100"},
            read=lambda params: self.call_graph("GET", "/me/accounts", params=params),
            following=following_params,
            max_pages=max_requests,
            must_end=False,
        )
        for response in responses:
            yield from response["data"]
