"""The JSON of requests that create posts and uploads.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from socialpublishing.platforms.linkedin import little_text
from socialpublishing.posts import Media, MediaKind, Post

# The resource that accepts uploads of a kind, and the field of its response with the asset's URN.
ASSETS: Mapping[str, tuple[str, str]] = {
    MediaKind.IMAGE: ("images", "image"),
    MediaKind.GIF: ("images", "image"),
    MediaKind.VIDEO: ("videos", "video"),
    MediaKind.DOCUMENT: ("documents", "document"),
}
# …/marketing/integrations/community-management/shares/poll-post-api
DURATIONS = {1: "ONE_DAY", 3: "THREE_DAYS", 7: "SEVEN_DAYS", 14: "FOURTEEN_DAYS"}


def initialize_payload(media: Media, *, author: str, has_thumbnail: bool = False) -> dict[str, Any]:
    """Announces an upload."""
    request: dict[str, Any] = {"owner": author}
    if media.kind == MediaKind.VIDEO:
        request |= {
            "fileSizeBytes": media.size_bytes,
            "uploadCaptions": False,
            "uploadThumbnail": has_thumbnail,
        }
    return {"initializeUploadRequest": request}


def finalize_payload(video: Mapping[str, Any]) -> dict[str, Any]:
    """Ends the upload of a video. `video` is its entry in the progress handle."""
    return {
        "finalizeUploadRequest": {
            "video": video["urn"],
            "uploadToken": video["upload_token"],
            "uploadedPartIds": video["etags"],
        }
    }


def post_payload(
    post: Post, *, author: str, assets: Sequence[str], card: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """`card`: the title, description and thumbnail of an article's page (cards.py)."""
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
    content = _content(post, assets, card or {})
    return payload | ({"content": content} if content else {})


def _content(post: Post, assets: Sequence[str], card: Mapping[str, str]) -> dict[str, Any]:
    if poll := post.options.get("poll"):
        return {"poll": _poll(poll)}
    if article := post.options.get("article"):
        return {"article": _article(article, assets, card)}
    media = [
        {"id": urn} | ({"altText": media.alt_text} if media.alt_text else {})
        for urn, media in zip(assets, post.media, strict=True)
    ]
    if len(media) > 1:
        return {"multiImage": {"images": media}}
    title = post.options.get("title")
    return {"media": media[0] | ({"title": title} if title else {})} if media else {}


def _poll(poll: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "question": poll["question"],
        "options": [{"text": choice} for choice in poll["options"]],
        "settings": {"duration": DURATIONS[poll["duration_days"]]},
    }


def _article(
    article: Mapping[str, Any], assets: Sequence[str], card: Mapping[str, str]
) -> dict[str, Any]:
    # LinkedIn does not read the page: the post has to contain what its card shows, and a title.
    host = urlsplit(article["url"]).netloc.rpartition("@")[2]
    shown = {
        "title": article.get("title") or card.get("title") or host,
        "description": article.get("description") or card.get("description"),
        "thumbnail": assets[0] if assets else card.get("thumbnail"),
    }
    given = {name: value for name, value in shown.items() if value}
    return {"source": article["url"], **given}
