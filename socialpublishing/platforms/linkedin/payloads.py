"""What is sent to make a post.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.platforms.linkedin import little_text
from socialpublishing.posts import MediaKind, Post

# The resource that takes uploads of a kind, and what its answers call the asset.
ASSETS: Mapping[str, tuple[str, str]] = {
    MediaKind.IMAGE: ("images", "image"),
    MediaKind.GIF: ("images", "image"),
    MediaKind.VIDEO: ("videos", "video"),
    MediaKind.DOCUMENT: ("documents", "document"),
}
# …/marketing/integrations/community-management/shares/poll-post-api
DURATIONS = {1: "ONE_DAY", 3: "THREE_DAYS", 7: "SEVEN_DAYS", 14: "FOURTEEN_DAYS"}


def author_urn(account_id: str) -> str:
    """Of a person the bare id is known, of an organization its URN."""
    return account_id if account_id.startswith("urn:") else f"urn:li:person:{account_id}"


def post_payload(post: Post, *, author: str, assets: Sequence[str]) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "author": author,
        "commentary": little_text.write(post.text),
        "visibility": post.options.get("visibility", "PUBLIC"),
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": post.options.get("disable_reshare", False),
    }
    content = _content(post, assets)
    return payload | ({"content": content} if content else {})


def _content(post: Post, assets: Sequence[str]) -> dict[str, Any]:
    if poll := post.options.get("poll"):
        return {
            "poll": {
                "question": poll["question"],
                "options": [{"text": text} for text in poll["options"]],
                "settings": {"duration": DURATIONS[poll["duration_days"]]},
            }
        }
    if article := post.options.get("article"):
        # LinkedIn does not look at the page: what the card shows has to be told.
        card = {"source": article["url"], "title": article["title"]}
        if description := article.get("description"):
            card["description"] = description
        return {"article": card | ({"thumbnail": assets[0]} if assets else {})}
    shown = [
        {"id": urn} | ({"altText": media.alt_text} if media.alt_text else {})
        for urn, media in zip(assets, post.media, strict=True)
    ]
    if len(shown) > 1:
        return {"multiImage": {"images": shown}}
    title = post.options.get("title")
    return {"media": {**shown[0], **({"title": title} if title else {})}} if shown else {}
