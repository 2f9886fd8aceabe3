"""Comments on the posts of an Instagram account, and their deletion.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-media,
read 2026-11-28. Only accounts that are connected with Facebook Login may delete.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from socialpublishing.limits import PostType
from socialpublishing.platforms.follow_ups import FIRST_COMMENT, TAKE_DOWN
from socialpublishing.platforms.meta.client import GraphClient
from socialpublishing.platforms.meta.comments import GraphFirstComment, GraphTakeDown


class InstagramFirstComment(GraphFirstComment[GraphClient]):
    text_limits: ClassVar = PostType(
        name="first comment",
        description="A comment of the account on its own post.",
        max_text=2200,
        max_hashtags=30,
        source="https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/"
        "reference/ig-media/comments",
        checked=dt.date(2026, 11, 28),
    )
    text_field: ClassVar = "text"
    time_field: ClassVar = "timestamp"
    list_params: ClassVar = {"fields": "id,text,timestamp"}

    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return frozenset({"instagram_business_manage_comments"})


class FirstCommentWithFacebookLogin(InstagramFirstComment):
    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return frozenset({"instagram_manage_comments"})


class TakeDownWithFacebookLogin(GraphTakeDown[GraphClient]):
    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return frozenset({"instagram_manage_contents"})


FOLLOW_UPS = {FIRST_COMMENT: InstagramFirstComment}
NO_TAKE_DOWN = (
    "Instagram deletes no posts of accounts that are connected with Instagram Login: delete it in "
    "the app, or connect the account with Facebook Login."
)
WITH_FACEBOOK_LOGIN = {
    FIRST_COMMENT: FirstCommentWithFacebookLogin,
    TAKE_DOWN: TakeDownWithFacebookLogin,
}
