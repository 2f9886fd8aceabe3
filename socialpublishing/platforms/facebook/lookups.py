"""What happened to a post: from its video's status and from the lists of the Page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from socialpublishing.errors import MediaNotReadyError
from socialpublishing.platforms.facebook.matching import shows
from socialpublishing.platforms.facebook.payloads import uses_upload_host
from socialpublishing.platforms.facebook.videos import VIDEO_POLL, VideoState
from socialpublishing.platforms.meta.paging import read_list
from socialpublishing.platforms.progress import Found, Progress, Stage
from socialpublishing.posts import Post

if TYPE_CHECKING:
    from socialpublishing.platforms.facebook.client import Facebook

MAX_ITEMS = 500
# A public video may not name its post yet. After so many polls we use the video's own id. Handles
# count them under `name_looks`, a stored key.
NAME_POLLS = 5
# A draft that is still one after so many polls is left to the user.
DRAFT_POLLS, DRAFT_POLL = 10, dt.timedelta(minutes=1)
POST_FIELDS = "id,message,created_time,permalink_url,attachments{target{id},subattachments}"


# --- Videos --------------------------------------------------------------------------------------


def progress_of_video(client: Facebook, post: Post, progress: Progress) -> Progress:
    """The stage of the video, from its status: READY before the publish request."""
    video_id = _video_id(post, progress)
    state = client.video_state(video_id)
    # Before its publish request, a video of the upload host may be ready to be published.
    was_sent = progress.stage == Stage.CONFIRMING or not uses_upload_host(post)
    # A video that was public once counts as published, whatever happened to it later.
    if state.is_published or (state.is_ready and was_sent):
        return _published(client, post, progress, state)
    if post.post_type == "story" and (found := look_up_story(client, video_id)):
        return progress.published(remote_id=found.remote_id, post_url=found.post_url)
    if state.refusal:
        return progress.refused(state.refusal)
    if state.is_gone:
        return progress.lost("Facebook has lost the video.")
    if state.is_draft:
        return _kept_as_draft(progress)
    # A video that was uploaded in parts is processed only after its publish request.
    if state.is_publishing or (state.is_processing and not uses_upload_host(post)):
        return progress.confirming(poll_after=VIDEO_POLL)
    return replace(progress, stage=Stage.READY)


def _kept_as_draft(progress: Progress) -> Progress:
    """Facebook sometimes publishes a draft after some minutes. A repeat would make a second one."""
    polls = progress.handle.get("draft_polls", 0)
    if polls < DRAFT_POLLS:
        return progress.confirming(poll_after=DRAFT_POLL, draft_polls=polls + 1)
    return progress.undecided(
        "Facebook keeps the video as a draft. Publish or delete it in the Page's drafts (Meta "
        "Business Suite, Content): a repeat would make a second one."
    )


def _video_id(post: Post, progress: Progress) -> str:
    # "hosted" is a stored key.
    video_id: str = progress.handle["hosted" if uses_upload_host(post) else "upload"]["id"]
    return video_id


def _published(client: Facebook, post: Post, progress: Progress, state: VideoState) -> Progress:
    """Published, with the post id that the lists of the Page use.

    The video's status has only the number of its post, and often only after some time.
    """
    post_number = state.post_number or progress.handle.get("post_number", "")
    if post.post_type == "story":
        story_id = post_number or state.id
        return progress.published(remote_id=story_id, post_url=client.story_url(story_id))
    polls = progress.handle.get("name_looks", 0)
    if not post_number and polls < NAME_POLLS:
        if found := look_up_post(client, post, {state.id}):
            return progress.published(remote_id=found.remote_id, post_url=found.post_url)
        return progress.confirming(poll_after=VIDEO_POLL, name_looks=polls + 1)
    post_id = f"{client.account.id}_{post_number}" if post_number else state.id
    path = f"/reel/{state.id}" if post.post_type == "reel" else f"/{post_id}"
    link = state.link or path
    if link.startswith("/"):
        link = f"{client.app.host('auth')}{link}"
    return progress.published(remote_id=post_id, post_url=link)


def look_up_video(
    client: Facebook,
    post: Post,
    progress: Progress,
    since: dt.datetime,
    other_post_ids: Collection[str],
) -> Found | Progress | None:
    """Read the video's status. If it is inconclusive, search for a post that shows the video."""
    not_visible: MediaNotReadyError | None = None
    try:
        current = progress_of_video(client, post, progress)
        if current.stage != Stage.READY:
            return current
    except MediaNotReadyError as error:
        not_visible = error
    if post.post_type != "story":
        media_ids = {_video_id(post, progress)}
        if found := look_up_post(client, post, media_ids, since, other_post_ids):
            return found
    if not_visible is not None:
        raise not_visible
    return None


# --- Lists ---------------------------------------------------------------------------------------


def look_up_post(
    client: Facebook,
    post: Post,
    media_ids: set[str],
    since: dt.datetime | None = None,
    other_post_ids: Collection[str] = (),
) -> Found | None:
    for found in _items(client, "published_posts", since, fields=POST_FIELDS):
        if found["id"] not in other_post_ids and shows(found, post, media_ids):
            return Found(remote_id=found["id"], post_url=found.get("permalink_url", ""))
    return None


def look_up_story(
    client: Facebook, media_id: str, since: dt.datetime | None = None
) -> Found | None:
    """Search for the story that shows this photo or video; there is at most one."""
    for story in _items(client, "stories", since):
        if str(story.get("media_id")) == media_id:
            story_id = story["post_id"]
            return Found(remote_id=story_id, post_url=client.story_url(story_id))
    return None


def _items(
    client: Facebook, edge: str, since: dt.datetime | None, **params: str
) -> Iterator[dict[str, Any]]:
    """The items of a list of the Page. Raises NoResponseError if it is longer than we read."""
    if since is not None:
        params["since"] = str(int(since.timestamp()))

    def read(params: dict[str, str]) -> Any:
        return client.call_page("GET", edge, params=params)

    for items in read_list(params, read=read, max_items=MAX_ITEMS):
        yield from items
