"""Reads TikTok's status of a post that it has accepted.

https://developers.tiktok.com/docs/en/content-posting-api-reference-get-video-status
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.tiktok.errors import (
    BANNED,
    DAILY_LIMIT_PAUSE,
    TOO_MANY_POSTS,
    TOO_MANY_POSTS_CODE,
)
from socialpublishing.platforms.tiktok.matching import id_of
from socialpublishing.platforms.tiktok.payloads import PUBLIC, is_draft, is_video
from socialpublishing.posts import Post

# Pauses between polls of the status. Handles count them under `looks`, a stored key.
POLLS_S = (0, 2, 5, 10, 20, 30, 60)
# Pauses between polls for the id of a public post. Handles count them under `id_polls`, a stored
# key.
ID_POLLS_S = (1, 5, 10, 30, 60, 60)

# Why the content of a post failed; photos have their own words for some.
CONTENT_REASONS = {
    "file_format_check_failed": "TikTok takes videos as MP4, MOV or WebM, in H.264, H.265, VP8 or "
    "VP9.",
    "duration_check_failed": "TikTok does not accept a video of this length from this creator.",
    "frame_rate_check_failed": "TikTok accepts 23 to 60 frames a second.",
    "picture_size_check_failed": "Each side of a video has to have 360 to 4096 pixels.",
    "spam_risk_text": "TikTok treats the text as spam.",
    "spam_risk": "TikTok treats the post as spam.",
}
PHOTO_REASONS = {
    "file_format_check_failed": "TikTok takes photos as JPEG or WebP.",
    "picture_size_check_failed": "TikTok takes photos of up to 1080p, which is 1920 x 1080 or 1080 "
    "x 1920 pixels.",
}
# What the creator has to settle, with the pause before the next try; None: a growing one.
CREATOR_REASONS = {
    "spam_risk_user_banned_from_posting": (BANNED, None),
    "app_version_check_failed": (
        "The creator's TikTok app is too old to accept drafts: the creator has to update it.",
        dt.timedelta(minutes=15),
    ),
}


def has_all_bytes(status: Mapping[str, Any], post: Post) -> bool:
    """Has TikTok received the whole video? It counts bytes only while it waits for more."""
    if status.get("status") != "PROCESSING_UPLOAD":
        return True
    size = post.media[0].size_bytes or 0
    return int(status.get("uploaded_bytes", size)) >= size


def progress_of(
    status: Mapping[str, Any], post: Post, progress: Progress, *, site: str
) -> Progress:
    """The next `progress`. `site` is the address of TikTok's website, for links."""
    match status.get("status"):
        case "PUBLISH_COMPLETE":
            return _published(status, post, progress, site)
        case "SEND_TO_USER_INBOX":
            return _in_inbox(progress, site)
        case "FAILED":
            return _failed(str(status.get("fail_reason") or ""), post, progress)
    polls = progress.handle.get("looks", 0)
    pause = dt.timedelta(seconds=POLLS_S[min(polls, len(POLLS_S) - 1)])
    return progress.confirming(poll_after=pause, looks=polls + 1)


def _published(status: Mapping[str, Any], post: Post, progress: Progress, site: str) -> Progress:
    """A public post gets its id after TikTok's moderation; other posts never get one."""
    post_id = _post_id(status)
    if is_draft(post) and not post_id:
        return _in_inbox(progress, site)
    url = profile_url(progress, site=site)
    if post_id:
        kind = "video" if is_video(post) else "photo"
        return progress.published(remote_id=post_id, post_url=f"{url}/{kind}/{post_id}")
    polls = progress.handle.get("id_polls", 0)
    is_public = post.options.get("privacy_level") == PUBLIC
    if is_public and polls < len(ID_POLLS_S):
        pause = dt.timedelta(seconds=ID_POLLS_S[polls])
        return progress.confirming(poll_after=pause, id_polls=polls + 1)
    # Moderation may take hours.
    return progress.published(
        remote_id=progress.handle["publish_id"], post_url=url, awaits_id=is_public
    )


def profile_url(progress: Progress, *, site: str) -> str:
    username = progress.handle.get("creator", {}).get("username", "")
    return f"{site}/@{username}"


def _post_id(status: Mapping[str, Any]) -> str:
    """Empty if there is none yet. The field is a list of numbers; TikTok misspells its name."""
    ids = status.get("publicaly_available_post_id") or []
    if not isinstance(ids, list):
        ids = [ids]
    return id_of(ids[0]) if ids else ""


def _in_inbox(progress: Progress, site: str) -> Progress:
    """The creator finishes a draft in TikTok's app. Our work ends here, so the stage is PUBLISHED.

    A draft has no address of its own.
    """
    return progress.published(
        remote_id=progress.handle["publish_id"], post_url=f"{site}/messages?lang=en"
    )


def _failed(reason: str, post: Post, progress: Progress) -> Progress:
    """Nothing became public. `publish_cancelled` is our own cancellation."""
    words = CONTENT_REASONS if is_video(post) else {**CONTENT_REASONS, **PHOTO_REASONS}
    if reason in words:
        return progress.refused(words[reason])
    if reason in CREATOR_REASONS:
        note, pause = CREATOR_REASONS[reason]
        return progress.lost(note, poll_after=pause, needs_owner=True)
    if reason == TOO_MANY_POSTS_CODE:
        return progress.lost(TOO_MANY_POSTS, poll_after=DAILY_LIMIT_PAUSE)
    return progress.lost(f"TikTok could not publish it ({reason or 'no reason'}).")
