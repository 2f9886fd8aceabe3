"""What X charges for a post under its pay-per-use plan.

https://docs.x.com/x-api/getting-started/pricing, read 2026-11-27: each post of a thread is a post,
and so is the first comment. One with a link costs more, and each alt text is charged. Failed
requests are free.
"""

from __future__ import annotations

from django.conf import settings

from socialpublishing.platforms.follow_ups import FIRST_COMMENT
from socialpublishing.platforms.twitter.payloads import thread_texts
from socialpublishing.posts import Cost, MediaKind, Post
from socialpublishing.text import find_urls


def cost_of(post: Post) -> Cost | None:
    """None if the operator has set all prices to 0: another plan."""
    comments = [comment] if (comment := post.options.get(FIRST_COMMENT)) else []
    amount = sum(
        settings.TWITTER_LINK_POST_PRICE if find_urls(text) else settings.TWITTER_POST_PRICE
        for text in [*thread_texts(post), *comments]
    )
    # X stores alt texts of images and GIFs only.
    alt_texts = [each for each in post.media if each.alt_text and each.kind != MediaKind.VIDEO]
    amount += settings.TWITTER_ALT_TEXT_PRICE * len(alt_texts)
    return Cost(amount=round(amount, 6), currency="USD") if amount else None
