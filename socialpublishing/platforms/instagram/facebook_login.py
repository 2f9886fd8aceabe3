"""Instagram accounts behind Facebook Pages, connected with Facebook Login.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-facebook-login
A connection is a person; the accounts behind the person's Pages are its destinations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.limits import Capabilities
from socialpublishing.platforms.accounts import DestinationFacts
from socialpublishing.platforms.instagram.app import InstagramWithFacebookLoginApp
from socialpublishing.platforms.instagram.client import Instagram
from socialpublishing.platforms.instagram.follow_ups import WITH_FACEBOOK_LOGIN
from socialpublishing.platforms.instagram.limits import CAPABILITIES
from socialpublishing.platforms.instagram.options import InstagramWithFacebookLoginOptions
from socialpublishing.platforms.meta.client import FacebookLoginClient
from socialpublishing.platforms.meta.pages import PUBLISHING_TASKS, Page, has_task


class InstagramWithFacebookLogin(FacebookLoginClient, Instagram):
    login: ClassVar = "facebook"
    app: ClassVar = InstagramWithFacebookLoginApp()
    capabilities: ClassVar = Capabilities(
        post_types=tuple(
            replace(kind, options=kind.options | {"instagram_account_id"})
            for kind in CAPABILITIES.post_types
        )
    )
    options: ClassVar = InstagramWithFacebookLoginOptions
    account_fields: ClassVar = "id,username,name,profile_picture_url"
    destination_option: ClassVar = "instagram_account_id"
    follow_ups: ClassVar = WITH_FACEBOOK_LOGIN
    posts_as_account: ClassVar = False

    def destinations(self) -> list[DestinationFacts]:
        pages = self.pages_of_person(
            fields="id,name,tasks,instagram_business_account{id,username,name}"
        )
        return [account_facts(page) for page in pages if page.get("instagram_business_account")]


def account_facts(page: Page) -> DestinationFacts:
    """The Instagram account behind a Page.

    Requests for it have the Page's token, which has no end of its own; a Page on which the person
    has too few rights has none.
    """
    account, token = page["instagram_business_account"], page.get("access_token")
    return DestinationFacts(
        id=account["id"],
        name=account.get("username") or account.get("name") or page["name"],
        kind="business",
        can_publish=has_task(page, PUBLISHING_TASKS),
        token=Secret(token) if token else None,
        profile={"username": account.get("username", ""), "page_id": page["id"]},
    )
