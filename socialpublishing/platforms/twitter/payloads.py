"""What is sent to make a post, and which fields of posts are asked for.

https://docs.x.com/x-api/posts/create-post, https://docs.x.com/x-api/fundamentals/data-dictionary
"""

from __future__ import annotations

from typing import Any

from socialpublishing.platforms.progress import Progress
from socialpublishing.posts import Post

# In August 2026 (OpenAPI 2.167) parameters and fields of posts got new names, which are not
# everywhere yet. We ask in the old ones, and read both.
ASKS_IN_NEW_NAMES = False
NEW_NAMES = {"note_tweet": "note_post"}


def asked_fields(*names: str) -> dict[str, str]:
    """The query parameter that asks for these fields of posts, given by their old names."""
    if ASKS_IN_NEW_NAMES:
        return {"post.fields": ",".join(NEW_NAMES.get(name, name) for name in names)}
    return {"tweet.fields": ",".join(names)}


def thread_texts(post: Post) -> list[str]:
    return [post.text, *post.options.get("thread", ())]


def tweet_payload(post: Post, progress: Progress) -> dict[str, Any]:
    """The next post of the thread; what is chosen for the post is for its first."""
    posted = progress.posted
    text = thread_texts(post)[len(posted)]
    if posted:
        return {"text": text, "reply": {"in_reply_to_tweet_id": posted[-1]}}
    payload: dict[str, Any] = {"text": text} if text else {}
    if media_ids := progress.handle.get("media_ids"):
        payload["media"] = {"media_ids": media_ids}
        if tagged := post.options.get("tagged_user_ids"):
            payload["media"]["tagged_user_ids"] = tagged
    for name in (
        "poll",
        "reply_settings",
        "community_id",
        "share_with_followers",
        "made_with_ai",
        "paid_partnership",
    ):
        if name in post.options:
            payload[name] = post.options[name]
    return payload
