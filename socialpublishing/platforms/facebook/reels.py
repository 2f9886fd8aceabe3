"""What a reel has besides its video: a cover, and invitations of other Pages.

https://developers.facebook.com/docs/graph-api/reference/video/thumbnails and
https://developers.facebook.com/docs/video-api/guides/reels-publishing#invite-a-collaborator, read
2026-11-27. Both are sent after the upload and before the reel is public. Whatever Facebook responds
to them, the reel goes out: nothing else of the post depends on them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from socialpublishing.errors import (
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformUnreachableError,
    TokenExpiredError,
)
from socialpublishing.limits import MEGABYTE
from socialpublishing.media import download
from socialpublishing.platforms.progress import Progress, Stage
from socialpublishing.posts import Post

if TYPE_CHECKING:
    from socialpublishing.platforms.facebook.client import Facebook

# [memory] No documentation limits it.
MAX_COVER_BYTES = 10 * MEGABYTE
# What may pass is tried so many times.
PASSING = (MediaNotReadyError, NoResponseError, PlatformUnreachableError)
MAX_TRIES, TRY_PAUSE = 3, dt.timedelta(seconds=10)
# Of each option: the code of the warning, and its words before Facebook's own words.
WARNINGS = {
    "cover_url": ("cover_refused", "The reel has no cover of its own."),
    "collaborators": ("collaborators_refused", "Not every Page was invited."),
}


def with_extras(client: Facebook, post: Post, uploaded: Progress) -> Progress:
    """The next of them, or `uploaded` when there are no more."""
    # What Facebook refused, by the option; empty if it accepted it.
    done = uploaded.handle.get("extras", {})
    wanted = [name for name in WARNINGS if name in post.options and name not in done]
    if uploaded.stage != Stage.READY or post.post_type != "reel" or not wanted:
        return uploaded
    name, video_id = wanted[0], uploaded.handle["hosted"]["id"]
    add = _add_cover if name == "cover_url" else _invite
    preparing = replace(uploaded, stage=Stage.PREPARING)
    try:
        add(client, video_id, post)
        refusal = ""
    except TokenExpiredError:
        raise
    except PlatformApiError as error:
        refusal = str(error)
        tries = uploaded.handle.get("extra_tries", 0) + 1
        if isinstance(error, PASSING) and tries < MAX_TRIES:
            return preparing.preparing(poll_after=TRY_PAUSE, note=refusal, extra_tries=tries)
    return preparing.preparing(extras={**done, name: refusal}, extra_tries=0)


def with_warnings(progress: Progress) -> Progress:
    """For a published reel: what it lacks."""
    for name, refusal in progress.handle.get("extras", {}).items():
        if refusal:
            code, words = WARNINGS[name]
            progress = progress.warned(code, f"{words} {refusal}")
    return progress


def _add_cover(client: Facebook, video_id: str, post: Post) -> None:
    file = download(post.options["cover_url"], max_bytes=MAX_COVER_BYTES)
    client.call_graph(
        "POST",
        f"/{video_id}/thumbnails",
        data={"is_preferred": "true"},
        files={"source": ("cover", file.data, file.mime_type)},
    )


def _invite(client: Facebook, video_id: str, post: Post) -> None:
    for page_id in post.options["collaborators"]:
        client.call_graph("POST", f"/{video_id}/collaborators", data={"target_id": page_id})
