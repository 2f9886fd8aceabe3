"""Request bodies for a Page.

https://developers.facebook.com/docs/graph-api/reference/page
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from socialpublishing.media import public_address
from socialpublishing.platforms.progress import Progress
from socialpublishing.posts import Media, MediaKind, Post

# Our names of what a link shows, and Facebook's names.
LINK_DETAILS = {
    "link": "link",
    "title": "name",
    "description": "description",
    "picture_url": "picture",
}


def is_video(post: Post) -> bool:
    return bool(post.media) and post.media[0].kind == MediaKind.VIDEO


def is_upright(video: Media) -> bool:
    return bool(video.width and video.height and video.height > video.width)


def uses_upload_host(post: Post) -> bool:
    """Videos of reels and stories are uploaded to the upload host, all others to the Page."""
    return is_video(post) and post.post_type in {"reel", "story"}


def upload_host_edge(post: Post) -> str:
    return "video_reels" if post.post_type == "reel" else "video_stories"


def is_photo_story(post: Post) -> bool:
    return post.post_type == "story" and not is_video(post)


def feed_form(post: Post, progress: Progress) -> dict[str, str]:
    # The response to a write has the fields that `fields` names.
    form = {"fields": "id,permalink_url", **_audience(post), **_place(post)}
    if post.text:
        form["message"] = post.text
    if link := post.options.get("link"):
        form |= {"link": link, **_link_details(post.options.get("link_details", {}))}
        if cards := post.options.get("link_cards"):
            form["child_attachments"] = json.dumps([_link_details(card) for card in cards])
        if button := post.options.get("call_to_action"):
            form["call_to_action"] = json.dumps({"type": button, "value": {"link": link}})
    if photo_ids := progress.handle.get("photo_ids"):
        form["attached_media"] = json.dumps([{"media_fbid": photo_id} for photo_id in photo_ids])
    return form


def _link_details(data: Mapping[str, str]) -> dict[str, str]:
    details = {theirs: data[ours] for ours, theirs in LINK_DETAILS.items() if ours in data}
    if "picture" in details:
        details["picture"] = public_address(details["picture"])
    return details


def finish_form(post: Post, progress: Progress) -> dict[str, str]:
    """Ends the upload of a video in parts, and publishes it."""
    form = {
        "upload_phase": "finish",
        "upload_session_id": progress.handle["upload"]["session"],
        "published": "true",
        **_audience(post),
    }
    return form | _texts(post)


def upload_host_form(post: Post, progress: Progress) -> dict[str, str]:
    """Publishes a reel, or a story with a video, that the upload host has."""
    # "hosted" is a stored key.
    form = {"upload_phase": "finish", "video_id": progress.handle["hosted"]["id"]}
    if post.post_type == "reel":
        form |= {"video_state": "PUBLISHED", **_texts(post), **_audience(post), **_place(post)}
    return form


def _texts(post: Post) -> dict[str, str]:
    form = {"description": post.text} if post.text else {}
    if title := post.options.get("video_title"):
        form["title"] = title
    return form


def _place(post: Post) -> dict[str, str]:
    place = post.options.get("place")
    return {"place": place} if place else {}


def _audience(post: Post) -> dict[str, str]:
    """https://developers.facebook.com/docs/graph-api/reference/page/feed: targeting."""
    return {
        name: json.dumps(_targeting(post.options[name]))
        for name in ("targeting", "feed_targeting")
        if name in post.options
    }


def _targeting(chosen: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if countries := chosen.get("countries"):
        data["geo_locations"] = {"countries": countries}
    return data | {name: chosen[name] for name in ("age_min", "locales") if name in chosen}
