"""LinkedIn.

Written from https://learn.microsoft.com/en-us/linkedin/marketing/ (posts, images, videos,
documents, polls, versioning) and .../linkedin/shared/authentication/, as of 2026-11-22. A
connection is a member; its destinations are the organizations that the member may post for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    PlatformApiError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.accounts import DestinationFacts, Profile
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.linkedin import cards, errors, organizations, uploads
from socialpublishing.platforms.linkedin.app import LinkedInApp, LinkedInSelfServeApp
from socialpublishing.platforms.linkedin.follow_ups import FOLLOW_UPS
from socialpublishing.platforms.linkedin.limits import CAPABILITIES
from socialpublishing.platforms.linkedin.limits import cross_violations as cross_violations_of
from socialpublishing.platforms.linkedin.lists import elements_of
from socialpublishing.platforms.linkedin.matching import created_at, is_same_post
from socialpublishing.platforms.linkedin.metrics import LinkedInMetrics
from socialpublishing.platforms.linkedin.options import LinkedInOptions
from socialpublishing.platforms.linkedin.payloads import post_payload
from socialpublishing.platforms.linkedin.urns import author_urn, encoded, is_member
from socialpublishing.platforms.metrics import MetricsReader
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.posting_options import Choice, PostingOptions
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.posts import Post

PAGE_SIZE = 100
MAX_PAGES = 20
# As documented, LinkedIn refuses a repeated post for ten minutes and names the first one. A minute
# less, because clocks differ and requests take time.
DUPLICATE_WINDOW = dt.timedelta(minutes=9)


class LinkedIn(Platform):
    name: ClassVar = "linkedin"
    label: ClassVar = "LinkedIn"
    app: ClassVar = LinkedInApp()
    capabilities: ClassVar = CAPABILITIES
    options: ClassVar = LinkedInOptions
    destination_option: ClassVar = "organization_urn"
    upload_hosts: ClassVar = (".linkedin.com", ".licdn.com")
    metrics_reader: ClassVar[type[MetricsReader[Any]] | None] = LinkedInMetrics
    follow_ups: ClassVar = FOLLOW_UPS
    # May the app read the state of an upload?
    can_read_uploads: ClassVar[bool] = True
    cross_violations = staticmethod(cross_violations_of)
    read_error = staticmethod(errors.read_error)

    @property
    def author(self) -> str:
        """The URN of the member or organization that posts."""
        return author_urn(self.account.id)

    # --- Before a post is accepted ---------------------------------------------------------------

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """The posts of a member cannot be read; repeating the publish request shows the post."""
        return LookupRules() if at_destination else LookupRules(repeat_within=DUPLICATE_WINDOW)

    @classmethod
    def needed_scopes(cls, post: Post) -> frozenset[str]:
        if cls.destination_option in post.options:
            return frozenset({"w_organization_social"})
        return super().needed_scopes(post)

    def posting_options(self) -> PostingOptions:
        if not is_member(self.author):
            name = organizations.names(self, [self.author])[self.author]
            visibilities = [Choice(value=value, label=value) for value in ("PUBLIC", "LOGGED_IN")]
            return PostingOptions(
                can_post=True, display_name=name, choices={"visibility": visibilities}
            )
        places = [Choice(value=place.id, label=place.name) for place in self.destinations()]
        return PostingOptions(
            can_post=True,
            display_name=self.profile().display_name,
            choices={self.destination_option: places},
        )

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return super().needs_preparation(post) or cards.needs_page(post)

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Upload the files one by one, then wait until LinkedIn has processed all of them."""
        if len(progress.handle.get("assets", [])) < len(post.media):
            return uploads.upload(self, post, progress)
        if not cards.is_complete(post, progress):
            return cards.complete(self, post, progress)
        return uploads.wait_for_processing(self, post, progress)

    def publish(self, post: Post, progress: Progress) -> Progress:
        assets, card = progress.handle.get("assets", []), progress.handle.get("card")
        payload = post_payload(post, author=self.author, assets=assets, card=card)
        http = self.http_reading(self._read_publish_error)
        response = http.call("POST", "/rest/posts", json=payload, needs_json=False)
        urn = response.headers.get("x-restli-id")
        return progress.published(remote_id=urn, post_url=self._post_url(str(urn)))

    def _read_publish_error(self, response: PlatformResponse) -> PlatformApiError:
        error = errors.read_error(response)
        if isinstance(error, DuplicateContentError) and error.remote_id:
            return self._checked_duplicate(error)
        return error

    def _checked_duplicate(self, error: DuplicateContentError) -> PlatformApiError:
        """The error after a check of the post that LinkedIn names as the first one.

        LinkedIn also names posts that were deleted days ago, and posts that a person made by hand.
        The posts of a member cannot be read, so for a member the URN stays in the error. For an
        organization it is left out: only the lookup in its list shows whether the post is ours.
        """
        if is_member(self.author):
            error.post_url = self._post_url(error.remote_id)
            return error
        facts: dict[str, Any] = {
            "platform_code": error.platform_code,
            "request_id": error.request_id,
        }
        if self._is_deleted(error.remote_id):
            return ContentRejectedError(
                "LinkedIn takes it for a repeat of a post that was deleted; change the text.",
                **facts,
            )
        return DuplicateContentError(**facts)

    def _is_deleted(self, urn: str) -> bool:
        """Is it certain that the post no longer exists?"""
        try:
            self.http.get(f"/rest/posts/{encoded(urn)}")
        except PlatformApiError as error:
            # Any other error proves nothing about the post.
            return errors.is_missing(error)
        return False

    def _post_url(self, urn: str) -> str:
        return f"{self.app.host('auth')}/feed/update/{urn}/"

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Search the posts of the organization. Those of a member cannot be read."""
        if is_member(self.author):
            return None
        assets = progress.handle.get("assets", [])
        for posts in self.posts_since(since):
            for listed in posts:
                urn = listed["id"]
                if urn not in other_post_ids and is_same_post(listed, post, assets):
                    return Found(remote_id=urn, post_url=self._post_url(urn))
        return None

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        me = self.http.get("/v2/me")
        names = [me.get("localizedFirstName"), me.get("localizedLastName")]
        return Profile(
            id=me["id"],
            display_name=" ".join(filter(None, names)),
            facts={"username": me.get("vanityName", "")},
        )

    def destinations(self) -> list[DestinationFacts]:
        """The organizations at which the member has a role that may post."""
        return organizations.destinations(self)

    def accepts_posts(self) -> bool:
        """False if the organization has taken the member's role, or no longer exists."""
        return organizations.accepts_posts(self)

    def revoke(self, refresh_token: Secret | None) -> None:
        form = {
            "client_id": self.app.client_id(),
            "client_secret": self.app.client_secret().reveal(),
            "token": self.account.token.reveal(),
        }
        http = self.app.http("auth")
        http.call("POST", "/oauth/v2/revoke", data=form, needs_json=False)

    # --- Requests --------------------------------------------------------------------------------

    def posts_since(self, since: dt.datetime) -> Iterator[list[dict[str, Any]]]:
        """The organization's posts that were created since then, page by page."""
        for page in self.pages(f"/rest/posts?author={encoded(self.author)}&q=author"):
            yield [post for post in page if created_at(post) >= since]
            if page and max(map(created_at, page)) < since:
                return

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        """The elements of a list, page by page. A page with few elements may have a next one.

        Raises NoResponseError after MAX_PAGES: the rest of the list is unknown.
        """
        separator = "&" if "?" in path else "?"
        pages = read_pages(
            0,
            read=lambda start: self.http.get(f"{path}{separator}start={start}&count={PAGE_SIZE}"),
            following=_next_start,
            max_pages=MAX_PAGES,
        )
        for response in pages:
            yield elements_of(response)


class LinkedInSelfServe(LinkedIn):
    """For an app without the Community Management product: only members post, nothing is read.

    An app uses one of the two logins: if it asks for other scopes, LinkedIn ends the tokens that
    the member granted before.
    """

    login: ClassVar = "self_serve"
    app: ClassVar = LinkedInSelfServeApp()
    metrics_reader: ClassVar = None
    can_read_uploads: ClassVar = False

    def profile(self) -> Profile:
        me = self.http.get("/v2/userinfo")
        return Profile(id=me["sub"], display_name=me.get("name", ""))

    def destinations(self) -> list[DestinationFacts]:
        return []

    def accepts_posts(self) -> bool:
        return True


def _next_start(start: int, response: Any) -> int | None:
    """The offset of the next page; None after the last one."""
    links = (response.get("paging") or {}).get("links") or []
    has_next = elements_of(response) and any(link.get("rel") == "next" for link in links)
    return start + PAGE_SIZE if has_next else None
