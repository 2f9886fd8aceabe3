"""Posts as HTML: a card in the style of its platform, on the feed and on the post's own page."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpResponse
from django.utils.safestring import SafeString

from socialpublishing.sandbox import pages
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import Media, Post, as_time

PICTURES_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Card:
    post: Post
    html: SafeString
    template: str
    ago: str
    at: dt.datetime
    link_host: str

    @property
    def shown(self) -> tuple[Media, ...]:
        return self.post.media[:PICTURES_SHOWN]

    @property
    def hidden_count(self) -> int:
        return max(len(self.post.media) - PICTURES_SHOWN, 0)

    @property
    def avatar(self) -> str:
        return f"/avatars/{self.post.platform}/{self.post.account.id}.svg"


def card(post: Post, now: float) -> Card:
    return Card(
        post=post,
        html=pages.linkify(post.text),
        template=f"card_{post.platform}.html",
        ago=_ago(now - post.created_at),
        at=as_time(post.created_at),
        link_host=urlsplit(post.facts.get("link") or "").netloc.upper(),
    )


def post_page(request: SandboxRequest, *, platform: str, post_id: str, **_: Any) -> HttpResponse:
    """The page of a post's permalink. Like the platforms, it uses only the id in the address."""
    post = request.state.posts.get((platform, post_id))
    if post is None or not post.is_visible:
        raise Http404
    context = {"card": card(post, request.state.now()), "platform": platform}
    return pages.render(request, "post.html", context)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "now"
