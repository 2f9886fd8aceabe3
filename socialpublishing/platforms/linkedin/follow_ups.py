"""Comments on and deletions of LinkedIn posts.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api and
.../posts-api, read 2026-11-28. A comment is plain text.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from socialpublishing.errors import MediaNotReadyError, PlatformApiError
from socialpublishing.http import PlatformResponse
from socialpublishing.limits import PostType
from socialpublishing.platforms.follow_ups import (
    FIRST_COMMENT,
    TAKE_DOWN,
    FirstComment,
    TakeDown,
    is_same_text,
)
from socialpublishing.platforms.linkedin import errors
from socialpublishing.platforms.linkedin.urns import encoded, is_member
from socialpublishing.platforms.progress import LookupRules
from socialpublishing.posts import Post

if TYPE_CHECKING:
    from socialpublishing.platforms.linkedin import LinkedIn  # noqa: F401  named in a string

# A new post of an organization may not take comments at once.
NOT_VISIBLE_PAUSE = dt.timedelta(seconds=20)


class LinkedInFirstComment(FirstComment["LinkedIn"]):
    text_limits: ClassVar = PostType(
        name="first comment",
        description="A comment of the author on the post.",
        # Not documented; LinkedIn's own page refuses more.
        max_text=1250,
        source="https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/"
        "comments-api",
        checked=dt.date(2026, 11, 28),
    )

    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        """With the right to read: it shows whether a comment was made."""
        if at_destination:
            return frozenset({"w_organization_social_feed", "r_organization_social_feed"})
        return frozenset({"w_member_social_feed"})

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """The comments of a member cannot be read, so a request is never repeated."""
        return LookupRules() if at_destination else LookupRules(repeat_within=dt.timedelta(0))

    def create(self, post_id: str, text: str) -> Any:
        payload = {"actor": self.client.author, "object": post_id, "message": {"text": text}}
        response = self.client.http_reading(_read_error).call(
            "POST", _comments_path(post_id), json=payload, needs_json=False
        )
        return response.headers.get("x-restli-id")

    def find(self, post_id: str, text: str, since: dt.datetime) -> str | None:
        if is_member(self.client.author):
            return None
        for page in self.client.pages(_comments_path(post_id)):
            for comment in page:
                is_ours = comment["actor"] == self.client.author
                is_new = comment["created"]["time"] >= since.timestamp() * 1000
                if is_ours and is_new and is_same_text(comment["message"].get("text"), text):
                    return str(comment["id"])
        return None


class LinkedInTakeDown(TakeDown["LinkedIn"]):
    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return frozenset({"w_organization_social" if at_destination else "w_member_social"})

    def delete(self, post_id: str) -> None:
        try:
            self.client.http.call("DELETE", f"/rest/posts/{encoded(post_id)}", needs_json=False)
        except PlatformApiError as error:
            if not errors.is_missing(error):
                raise


def _comments_path(post_id: str) -> str:
    return f"/rest/socialActions/{encoded(post_id)}/comments"


def _read_error(response: PlatformResponse) -> PlatformApiError:
    error = errors.read_error(response)
    error.status_code = response.status_code
    if errors.is_missing(error):
        return MediaNotReadyError(
            "LinkedIn does not show the post yet.", wait=NOT_VISIBLE_PAUSE, uses_attempt=True
        )
    return error


FOLLOW_UPS = {FIRST_COMMENT: LinkedInFirstComment, TAKE_DOWN: LinkedInTakeDown}
