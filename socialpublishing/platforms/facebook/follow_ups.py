"""Comments on and deletions of a Page's posts.

https://developers.facebook.com/docs/pages-api/comments-mentions and
https://developers.facebook.com/docs/pages-api/posts, read 2026-11-28.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from socialpublishing.limits import PostType
from socialpublishing.platforms.follow_ups import FIRST_COMMENT, TAKE_DOWN
from socialpublishing.platforms.meta.client import GraphClient
from socialpublishing.platforms.meta.comments import GraphFirstComment, GraphTakeDown
from socialpublishing.platforms.progress import LookupRules
from socialpublishing.posts import Post


class FacebookFirstComment(GraphFirstComment[GraphClient]):
    text_limits: ClassVar = PostType(
        name="first comment",
        description="A comment of the Page on its own post.",
        # Not documented; seen in practice.
        max_text=8000,
        source="https://developers.facebook.com/docs/graph-api/reference/page-post/comments",
        checked=dt.date(2026, 11, 28),
    )
    text_field: ClassVar = "message"
    time_field: ClassVar = "created_time"
    list_params: ClassVar = {
        "filter": "toplevel",
        "order": "reverse_chronological",
        "fields": "id,message,created_time",
    }

    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return frozenset({"pages_manage_engagement"})

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """As for posts: a list may show what is new only minutes later."""
        return LookupRules(settle=dt.timedelta(minutes=5))


class FacebookTakeDown(GraphTakeDown[GraphClient]):
    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return frozenset({"pages_manage_posts"})


FOLLOW_UPS = {FIRST_COMMENT: FacebookFirstComment, TAKE_DOWN: FacebookTakeDown}
