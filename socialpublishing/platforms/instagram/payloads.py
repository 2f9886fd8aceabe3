"""The payloads that create containers.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from socialpublishing.media.public import pull_address
from socialpublishing.posts import Media, MediaKind, Post

# Options with the same name at Instagram. A single video has all of them, other posts have some.
SHARED_OPTIONS = ("collaborators", "location_id", "is_ai_generated")
VIDEO_OPTIONS = ("thumb_offset", "cover_url", "audio_name", "share_to_feed", "trial_params")


def is_carousel(post: Post) -> bool:
    return len(post.media) > 1


def has_video(post: Post) -> bool:
    return any(media.kind == MediaKind.VIDEO for media in post.media)


def is_story(post: Post) -> bool:
    return post.post_type == "story"


def product_of(post: Post) -> str:
    """What Instagram calls the kind of the finished post."""
    if is_story(post):
        return "STORY"
    is_reel = not is_carousel(post) and post.media[0].kind == MediaKind.VIDEO
    return "REELS" if is_reel else "FEED"


def single_payload(post: Post) -> dict[str, Any]:
    """The container of a post with one file."""
    [media] = post.media
    payload = _file(media)
    if is_story(post):
        payload["media_type"] = "STORIES"
        return payload | _tags(post, has_positions=True)
    if media.kind == MediaKind.VIDEO:
        payload |= _reel(post)
    tags = _tags(post, has_positions=media.kind == MediaKind.IMAGE)
    return payload | _alt_text(media) | _caption(post) | _shared(post) | tags


def child_payload(post: Post, number: int) -> dict[str, Any]:
    """A container within a carousel, with the tags of the people that it shows."""
    media = post.media[number]
    payload = {**_file(media), "is_carousel_item": True, **_alt_text(media)}
    if media.kind == MediaKind.VIDEO:
        payload["media_type"] = "VIDEO"
    tags = _tags(post, number=number + 1, has_positions=media.kind == MediaKind.IMAGE)
    return payload | tags


def carousel_payload(post: Post, children: Sequence[str]) -> dict[str, Any]:
    payload = {"media_type": "CAROUSEL", "children": list(children)}
    return payload | _caption(post) | _shared(post)


def _reel(post: Post) -> dict[str, Any]:
    """A video in the feed is a reel that is shared to the feed: there is no other."""
    chosen = _chosen(post, VIDEO_OPTIONS)
    if "cover_url" in chosen:
        cover = Media(kind=MediaKind.IMAGE, url=chosen["cover_url"], mime_type="image/jpeg")
        chosen["cover_url"] = pull_address(cover)
    # Followers do not see a trial reel, so it is in the feed only if that was chosen.
    feed = {} if "trial_params" in chosen else {"share_to_feed": True}
    return {"media_type": "REELS", **feed, **chosen}


def _file(media: Media) -> dict[str, Any]:
    name = "video_url" if media.kind == MediaKind.VIDEO else "image_url"
    return {name: pull_address(media)}


def _caption(post: Post) -> dict[str, Any]:
    return {"caption": post.text} if post.text else {}


def _alt_text(media: Media) -> dict[str, Any]:
    has_one = media.alt_text and media.kind == MediaKind.IMAGE
    return {"alt_text": media.alt_text} if has_one else {}


def _chosen(post: Post, names: Sequence[str]) -> dict[str, Any]:
    return {name: post.options[name] for name in names if name in post.options}


def _shared(post: Post) -> dict[str, Any]:
    chosen = _chosen(post, SHARED_OPTIONS)
    if "collaborators" in chosen:
        chosen["collaborators"] = [_plain_name(name) for name in chosen["collaborators"]]
    return chosen


def _tags(post: Post, *, number: int = 1, has_positions: bool) -> dict[str, Any]:
    """The people in the asset of this number. In a video they have no position."""
    places = ("x", "y") if has_positions else ()
    tags = [
        {"username": _plain_name(tag["username"]), **{at: tag[at] for at in places if at in tag}}
        for tag in tags_of(post, number)
    ]
    return {"user_tags": tags} if tags else {}


def tags_of(post: Post, number: int) -> list[dict[str, Any]]:
    return [tag for tag in post.options.get("user_tags", ()) if tag.get("asset", 1) == number]


def _plain_name(name: str) -> str:
    """Earlier releases stored names as the caller wrote them."""
    return name.removeprefix("@")
