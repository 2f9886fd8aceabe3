"""The JSON of requests that create posts, and the parameters of requests that read them.

https://docs.x.com/x-api/posts/create-post, https://docs.x.com/x-api/fundamentals/data-dictionary
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from socialpublishing.platforms.progress import Progress
from socialpublishing.posts import Media, MediaKind, Post

# In August 2026 (OpenAPI 2.167) parameters and fields of posts got new names, which X does not use
# everywhere yet. We request the old names, and read both.
USE_NEW_NAMES = False
NEW_NAMES = {"note_tweet": "note_post"}
# A field that has become an expansion.
NEW_EXPANSIONS = {"referenced_tweets": "referenced_posts"}
# Options that the API accepts by the same name and in the same form.
PLAIN_OPTIONS = (
    "poll",
    "reply_settings",
    "made_with_ai",
    "paid_partnership",
)


def fields_parameter(*names: str) -> dict[str, str]:
    """The parameter that requests these fields of posts, given by their old names."""
    if USE_NEW_NAMES:
        expanded = [NEW_EXPANSIONS[name] for name in names if name in NEW_EXPANSIONS]
        fields = [NEW_NAMES.get(name, name) for name in names if name not in NEW_EXPANSIONS]
        expansions = {"expansions": ",".join(expanded)} if expanded else {}
        return {"post.fields": ",".join(fields), **expansions}
    return {"tweet.fields": ",".join(names)}


def since_parameter(since: dt.datetime) -> dict[str, str]:
    """The parameter that limits a list to posts created at or after `since`."""
    return {"start_time": _timestamp(since)}


def until_parameter(until: dt.datetime | None) -> dict[str, str]:
    """The parameter that limits a list to posts created before `until`, if it is given."""
    return {"end_time": _timestamp(until)} if until else {}


def _timestamp(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def initialize_payload(media: Media) -> dict[str, Any]:
    """Announces an upload in parts."""
    return {
        "media_type": media.mime_type,
        "total_bytes": media.size_bytes,
        "media_category": "tweet_gif" if media.kind == MediaKind.GIF else "tweet_video",
    }


def alt_text_payload(media_id: str, alt_text: str) -> dict[str, Any]:
    return {"id": media_id, "metadata": {"alt_text": {"text": alt_text}}}


def thread_texts(post: Post) -> list[str]:
    return [post.text, *post.options.get("thread", ())]


def tweet_payload(post: Post, progress: Progress) -> dict[str, Any]:
    """The next post of the thread. Media and options belong to the first one."""
    posted = progress.posted
    text = thread_texts(post)[len(posted)]
    if posted:
        return {"text": text, "reply": {"in_reply_to_tweet_id": posted[-1]}}
    # X's description has an empty text for a post with media alone.
    payload: dict[str, Any] = {"text": text}
    if media_ids := progress.handle.get("media_ids"):
        payload["media"] = {"media_ids": media_ids}
        if tagged := post.options.get("tagged_user_ids"):
            payload["media"]["tagged_user_ids"] = tagged
    options = {name: post.options[name] for name in PLAIN_OPTIONS if name in post.options}
    return payload | options
