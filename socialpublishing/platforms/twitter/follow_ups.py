"""A reply to our own post as its first comment, and the deletion of posts.

https://docs.x.com/x-api/posts/create-post and https://docs.x.com/x-api/posts/delete-post, read
2026-11-28. X charges for a reply as for any other post.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from socialpublishing.errors import InsufficientPermissionsError, PlatformApiError
from socialpublishing.limits import PostType
from socialpublishing.platforms.follow_ups import (
    FIRST_COMMENT,
    TAKE_DOWN,
    FirstComment,
    TakeDown,
)
from socialpublishing.platforms.twitter import errors
from socialpublishing.platforms.twitter.limits import limits_of
from socialpublishing.platforms.twitter.matching import is_same_post, replied_to
from socialpublishing.posts import Post

if TYPE_CHECKING:
    from socialpublishing.platforms.twitter import Twitter  # noqa: F401  named in a string

SCOPES = frozenset({"tweet.write"})
NOT_FOUND = "resource-not-found"


class TwitterFirstComment(FirstComment["Twitter"]):
    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return SCOPES

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> PostType:
        return limits_of(profile).post_types[0]

    def create(self, post_id: str, text: str) -> Any:
        http = self.client.http_reading(partial(errors.read_reply_error, to=post_id))
        payload = {"text": text, "reply": {"in_reply_to_tweet_id": post_id}}
        return http.post("/2/tweets", json=payload)["data"]["id"]

    def find(self, post_id: str, text: str, since: dt.datetime) -> str | None:
        wanted = Post(text=text)
        for tweet in self.client.tweets_since(since):
            if replied_to(tweet) == post_id and is_same_post(tweet, wanted):
                return str(tweet["id"])
        return None


class TwitterTakeDown(TakeDown["Twitter"]):
    deletes_comment: ClassVar = True

    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return SCOPES

    def delete(self, post_id: str) -> None:
        """X responds with status 200 and an error for a post that does not exist."""
        try:
            response = self.client.http.call("DELETE", f"/2/tweets/{post_id}")
        except PlatformApiError as error:
            if error.platform_code == NOT_FOUND or error.status_code == 404:
                return
            raise
        refusal = errors.refusal_in(response)
        if response.fields.get("errors") and refusal.kind != NOT_FOUND:
            raise InsufficientPermissionsError(f"X did not delete the post: {refusal.words}")


FOLLOW_UPS = {FIRST_COMMENT: TwitterFirstComment, TAKE_DOWN: TwitterTakeDown}
