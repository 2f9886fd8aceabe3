"""Pins as the API returns them, with their metrics."""

from collections.abc import Callable
from typing import Any

from socialpublishing.sandbox.audience import METRICS, metrics_of
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.pinterest.parameters import format_time
from socialpublishing.sandbox.state import Media, Post

RECENT_S = 90 * 86400


def pin_object(
    request: SandboxRequest, post: Post, *, with_metrics: bool = False
) -> dict[str, Any]:
    facts = post.facts
    return {
        "id": post.id,
        "created_at": format_time(post.created_at),
        "title": facts.get("title"),
        "description": post.text,
        "link": facts.get("link"),
        "alt_text": facts.get("alt_text"),
        "dominant_color": facts.get("dominant_color", "#6e7874"),
        "board_id": facts["board_id"],
        "board_section_id": facts.get("board_section_id"),
        "board_owner": {"username": post.account.username},
        "parent_pin_id": facts.get("parent_pin_id"),
        "creative_type": facts["creative_type"],
        "is_owner": True,
        "is_standard": True,
        "has_been_promoted": False,
        "pin_metrics": _metrics(post, request.state.now()) if with_metrics else None,
        "media": _media_object(request, post),
    }


def _metrics(post: Post, now: float) -> dict[str, dict[str, int]]:
    """Pinterest counts two kinds of clicks. Here three of four clicks open the Pin.

    The names are those of the example in the description; `save` is the name in its analytics.
    """
    total, before = metrics_of(post, now), dict.fromkeys(METRICS, 0)
    if post.created_at < now - RECENT_S:
        before = metrics_of(post, now - RECENT_S)

    def counts(metric: Callable[[str], int]) -> dict[str, int]:
        outbound = metric("clicks") // 4
        return {
            "impression": metric("impressions"),
            "pin_click": metric("clicks") - outbound,
            "clickthrough": outbound,
            "save": metric("saves"),
        }

    return {
        "90d": counts(lambda name: total[name] - before[name]),
        "lifetime_metrics": {
            **counts(lambda name: total[name]),
            "reaction": total["likes"],
            "comment": total["comments"],
        },
    }


def _media_object(request: SandboxRequest, post: Post) -> dict[str, Any]:
    if not post.media:
        return {"media_type": "image", "images": {}}
    first = post.media[0]
    url = f"{request.base_url}/media/{first.sha256}"
    if first.kind == "video":
        # On Pinterest the sizes are null until the video is processed. Here a Pin can be created
        # only after that.
        return {
            "media_type": "video",
            "cover_image_url": post.details.get("cover_image_url", url),
            "duration": first.video_facts.duration_s * 1000 if first.video_facts else None,
            "width": first.width or None,
            "height": first.height or None,
            "video_url": None,
        }
    if len(post.media) == 1:
        return {"media_type": "image", "images": _images(request, first)}
    items: list[dict[str, Any]] = post.facts["items"] or [{}] * len(post.media)
    return {
        "media_type": "multiple_images",
        "items": [
            {
                "item_type": "image",
                "title": item.get("title"),
                "description": item.get("description"),
                "link": item.get("link"),
                "images": _images(request, media),
            }
            for media, item in zip(post.media, items, strict=True)
        ],
    }


def _images(request: SandboxRequest, media: Media) -> dict[str, Any]:
    """The sizes that Pinterest scales an image to. Each has the URL of the unscaled image."""
    url, ratio = f"{request.base_url}/media/{media.sha256}", media.height / max(media.width, 1)
    sizes = {"150x150": (150, 150), "400x300": (400, 300)}
    sizes |= {f"{width}x": (width, round(width * ratio)) for width in (600, 1200)}
    return {
        name: {"width": width, "height": height, "url": url}
        for name, (width, height) in sizes.items()
    }
