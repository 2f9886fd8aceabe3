"""What clients of the Graph API share, and those with Facebook Login.

With Facebook Login a connection is a person, who posts through Pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    InsufficientPermissionsError,
    PlatformApiError,
    TokenExpiredError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.accounts import Account, Profile, Renewal
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.meta import VERSION
from socialpublishing.platforms.meta.errors import read_app_error
from socialpublishing.platforms.meta.login import FacebookLoginApp
from socialpublishing.platforms.meta.pages import Page, pages_of_person
from socialpublishing.platforms.meta.paging import items_of
from socialpublishing.platforms.meta.usage import limited_until

NOT_FOUND = "100/33"


class GraphClient(Platform):
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
        response = http.call(method, f"/{VERSION}{path}", **body)
        self.limited_until = limited_until(response.headers) or self.limited_until
        return response.json


class FacebookLoginClient(GraphClient):
    app: ClassVar[FacebookLoginApp]
    renews_without_refresh_token: ClassVar = True

    def common_params(self) -> Mapping[str, str]:
        return self.app.proof(self.account.token)

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
        me = self.call_graph(
            "GET",
            "/me",
            params={"fields": "id,name"},
            read_error=lambda response: read_app_error(response, self.read_error(response)),
        )
        return Profile(id=me["id"], display_name=me["name"], scopes=self.granted_scopes())

    def granted_scopes(self) -> tuple[str, ...]:
        permissions = items_of(self.call_graph("GET", "/me/permissions"))
        return tuple(each["permission"] for each in permissions if each["status"] == "granted")

    def pages_of_person(self, *, fields: str) -> list[Page]:
        """The Pages on which the person has a role."""
        return pages_of_person(self, fields)

    def accepts_posts(self) -> bool:
        """The Page or account itself, asked with the token that its posts have."""
        try:
            self.call_graph("GET", f"/{self.account.id}", params={"fields": "id"})
        except (TokenExpiredError, InsufficientPermissionsError):
            return False
        except PlatformApiError as error:
            # "Does not exist, or cannot be loaded due to missing permissions".
            if error.platform_code == NOT_FOUND:
                return False
            raise
        return True
