"""Instagram accounts behind Facebook Pages, connected with Facebook Login.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-facebook-login
A connection is a person; the accounts behind the person's Pages are its destinations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.limits import Capabilities
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.platforms.accounts import Account, DestinationFacts, Profile, Renewal
from socialpublishing.platforms.base import Host, Platform
from socialpublishing.platforms.instagram import Instagram, InstagramOptions
from socialpublishing.platforms.meta import graph
from socialpublishing.platforms.meta.graph import VERSION

MAX_PAGES_OF_PAGES = 100
# Who may publish for a Page: https://developers.facebook.com/docs/pages-api/overview#tasks
PUBLISHING_TASKS = {"CREATE_CONTENT", "MANAGE"}


class InstagramWithFacebookLoginOptions(InstagramOptions):
    examples: ClassVar[Mapping[str, Any]] = {
        **InstagramOptions.examples,
        "instagram_account_id": "17841400000000001",
    }
    instagram_account_id = options.text(
        "The account to post to, one of the destinations; for connections made with Facebook "
        "Login.",
        max_length=30,
    )


class InstagramWithFacebookLogin(Instagram):
    login: ClassVar = "facebook"
    authorized_app: ClassVar = "facebook"
    hosts: ClassVar = {
        "api": Host(variable="FACEBOOK_API_URL", default="https://graph.facebook.com"),
        "auth": Host(variable="FACEBOOK_AUTH_URL", default="https://www.facebook.com"),
    }
    token_host: ClassVar = "api"
    # Of the same app at Meta, another pair than for Instagram Login.
    client_id_variables: ClassVar = ("FACEBOOK_APP_ID",)
    client_secret_variables: ClassVar = ("FACEBOOK_APP_SECRET",)
    oauth: ClassVar = OAuth(
        authorize_path=f"/{VERSION}/dialog/oauth",
        token_path=f"/{VERSION}/oauth/access_token",
        scopes=(
            "instagram_basic",
            "instagram_content_publish",
            "instagram_manage_insights",
            "pages_show_list",
            "pages_read_engagement",
            "business_management",
        ),
        publish_scopes=frozenset({"instagram_basic", "instagram_content_publish"}),
        scope_separator=",",
        pkce=False,
        default_lifetime=dt.timedelta(days=60),
    )
    capabilities: ClassVar = Capabilities(
        post_types=tuple(
            replace(kind, options=kind.options | {"instagram_account_id"})
            for kind in Instagram.capabilities.post_types
        )
    )
    options: ClassVar = InstagramWithFacebookLoginOptions
    destination_option: ClassVar = "instagram_account_id"
    posts_as_account: ClassVar = False

    def params_with(self, token: Secret) -> Mapping[str, str]:
        return graph.proof(token, self.client_secret())

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        short = Platform.exchange_code(
            self, code=code, redirect_uri=redirect_uri, verifier=verifier
        )
        return self._long_lived(short.access_token)

    def _long_lived(self, token: Secret) -> Tokens:
        return self.call_token_endpoint(
            {"grant_type": "fb_exchange_token", "fb_exchange_token": token.reveal()}
        )

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """A token of another sixty days, for the living one, and the accounts read anew."""
        assert self.account is not None
        tokens = self._long_lived(self.account.token)
        fresh = type(self)(Account(id=self.account.id, token=tokens.access_token))
        return Renewal(tokens=tokens, destinations=fresh.destinations())

    def profile(self) -> Profile:
        me = self.http.get(f"/{VERSION}/me", params={"fields": "id,name"})
        data = self.http.get(f"/{VERSION}/me/permissions")["data"]
        scopes = tuple(each["permission"] for each in data if each["status"] == "granted")
        return Profile(id=me["id"], display_name=me["name"], scopes=scopes)

    def destinations(self) -> list[DestinationFacts]:
        accounts: list[DestinationFacts] = []
        params = {"fields": "id,name,tasks,instagram_business_account{id,username,name}"}
        params["limit"] = "100"
        for _ in range(MAX_PAGES_OF_PAGES):
            response = self.http.get(f"/{VERSION}/me/accounts", params=params)
            accounts += [
                account_facts(page)
                for page in response["data"]
                if page.get("instagram_business_account")
            ]
            paging = response.get("paging", {})
            if "next" not in paging:
                break
            params["after"] = paging["cursors"]["after"]
        return accounts


def account_facts(page: dict[str, Any]) -> DestinationFacts:
    """The Instagram account behind a Page. It is called with the person's own token."""
    account = page["instagram_business_account"]
    return DestinationFacts(
        id=account["id"],
        name=account.get("username") or account.get("name") or page["name"],
        kind="business",
        can_publish=bool(PUBLISHING_TASKS & set(page.get("tasks", ()))),
        profile={"username": account.get("username", ""), "page_id": page["id"]},
    )
