"""Instagram accounts behind Facebook Pages, connected with Facebook Login.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-facebook-login
A connection is a person; the accounts behind the person's Pages are its destinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.limits import Capabilities
from socialpublishing.platforms.accounts import Account, DestinationFacts, Profile, Renewal
from socialpublishing.platforms.instagram.app import InstagramWithFacebookLoginApp
from socialpublishing.platforms.instagram.client import Instagram
from socialpublishing.platforms.instagram.limits import CAPABILITIES
from socialpublishing.platforms.instagram.options import InstagramWithFacebookLoginOptions
from socialpublishing.platforms.meta import VERSION
from socialpublishing.platforms.meta.login import FacebookLoginApp
from socialpublishing.platforms.meta.paging import following_params
from socialpublishing.platforms.paging import read_pages

MAX_PAGES_OF_PAGES = 100
# Who may publish for a Page: https://developers.facebook.com/docs/pages-api/overview#tasks
PUBLISHING_TASKS = {"CREATE_CONTENT", "MANAGE"}


class InstagramWithFacebookLogin(Instagram):
    login: ClassVar = "facebook"
    app: ClassVar[FacebookLoginApp] = InstagramWithFacebookLoginApp()
    capabilities: ClassVar = Capabilities(
        post_types=tuple(
            replace(kind, options=kind.options | {"instagram_account_id"})
            for kind in CAPABILITIES.post_types
        )
    )
    options: ClassVar = InstagramWithFacebookLoginOptions
    destination_option: ClassVar = "instagram_account_id"
    posts_as_account: ClassVar = False

    def common_params(self) -> Mapping[str, str]:
        return self.app.proof(self.account.token)

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """A token of another sixty days, for the living one, and the accounts read anew."""
        tokens = self.app.long_lived(self.account.token)
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
        responses = read_pages(
            params,
            read=lambda params: self.http.get(f"/{VERSION}/me/accounts", params=params),
            following=following_params,
            max_pages=MAX_PAGES_OF_PAGES,
            must_end=False,
        )
        for response in responses:
            accounts += [
                account_facts(page)
                for page in response["data"]
                if page.get("instagram_business_account")
            ]
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
