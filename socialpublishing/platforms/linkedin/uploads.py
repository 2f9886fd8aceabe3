"""Uploads files to LinkedIn and waits until it has processed them.

…/community-management/shares/images-api, videos-api, documents-api. The progress handle holds:
`assets`, the URNs of complete uploads in the order of the post's media; `video`, an upload under
way; `has_waited`; `unknown`, how often LinkedIn did not know a file; `card` (cards.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from socialpublishing import media as files
from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    PlatformApiError,
    UploadLostError,
)
from socialpublishing.http import Body
from socialpublishing.limits import MEGABYTE
from socialpublishing.platforms.linkedin.errors import is_missing
from socialpublishing.platforms.linkedin.limits import IMAGE_BYTES
from socialpublishing.platforms.linkedin.payloads import (
    ASSETS,
    finalize_payload,
    initialize_payload,
)
from socialpublishing.platforms.linkedin.urns import encoded
from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.uploads import open_file, read_whole, send_in_parts
from socialpublishing.posts import Media, MediaKind, Post

if TYPE_CHECKING:
    from socialpublishing.platforms.linkedin.client import LinkedIn

# Between polls of an image's or document's state.
POLL = dt.timedelta(seconds=2)
# Between polls of a video's state.
VIDEO_POLL = dt.timedelta(seconds=5)
# LinkedIn documents no time for it. Then the upload starts again, within the usual grace of a post.
LONGEST_PROCESSING = dt.timedelta(minutes=30)
# A post does not wait as long for a picture that it can go without.
LONGEST_PICTURE_PROCESSING = dt.timedelta(minutes=5)
# For about a minute, LinkedIn may not know a file that was uploaded.
UNKNOWN_POLL, MAX_UNKNOWN = dt.timedelta(seconds=10), 6
# Where the state cannot be read: the pause in which LinkedIn processes images and documents.
BLIND_WAIT = dt.timedelta(seconds=20)
# The same for a video, to which the time for its size is added.
BLIND_VIDEO_WAIT = dt.timedelta(seconds=90)
BLIND_VIDEO_WAIT_PER_MEGABYTE = dt.timedelta(seconds=1)


# --- Uploading -----------------------------------------------------------------------------------


def upload(client: LinkedIn, post: Post, progress: Progress) -> Progress:
    """One step of the upload of the next file; its URN joins `assets` when it is complete."""
    media = post.media[len(progress.handle.get("assets", []))]
    if media.kind == MediaKind.VIDEO:
        return _upload_video(client, post, media, progress)
    # The address of the upload is requested first: the file's server does not wait meanwhile.
    initialized = _initialize(client, media.kind, initialize_payload(media, author=client.author))
    with _body(media) as body:
        urn = _put_file(client, media.kind, initialized, body, media.mime_type)
    return _with_asset(progress, urn)


def upload_image(client: LinkedIn, data: bytes, mime_type: str) -> str:
    """Upload an image that no asset of the post is. Returns its URN."""
    request = {"initializeUploadRequest": {"owner": client.author}}
    initialized = _initialize(client, MediaKind.IMAGE, request)
    return _put_file(client, MediaKind.IMAGE, initialized, data, mime_type)


def _with_asset(progress: Progress, urn: str) -> Progress:
    assets = [*progress.handle.get("assets", []), urn]
    return progress.preparing(assets=assets, video=None, note="Uploaded.")


def _initialize(client: LinkedIn, kind: MediaKind, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    resource, _ = ASSETS[kind]
    response = client.http.post(f"/rest/{resource}?action=initializeUpload", json=payload)
    initialized: Mapping[str, Any] = response["value"]
    return initialized


@contextmanager
def _body(media: Media) -> Iterator[Body | bytes]:
    """The file, read while it is sent."""
    if media.size_bytes is None:  # accepted by a release that did not learn the size
        yield read_whole(media, max_bytes=IMAGE_BYTES).data
        return
    with open_file(media) as stream:
        yield stream.part(media.size_bytes)


def _put_file(
    client: LinkedIn,
    kind: MediaKind,
    initialized: Mapping[str, Any],
    body: Body | bytes,
    mime_type: str,
) -> str:
    """Send an image or a document in one PUT: in parts, they arrive corrupted."""
    client.upload_http(initialized["uploadUrl"], token=client.account.token).call(
        "PUT", "", data=body, headers={"Content-Type": mime_type}, needs_json=False
    )
    _, name = ASSETS[kind]
    urn: str = initialized[name]
    return urn


# --- Videos --------------------------------------------------------------------------------------


def _upload_video(client: LinkedIn, post: Post, media: Media, progress: Progress) -> Progress:
    video: Mapping[str, Any] | None = progress.handle.get("video")
    if video is None:
        return _begin_video(client, post, media, progress)
    count = len(video["urls"])
    if len(video["etags"]) < count:
        etags = _upload_parts(client, media, video)
        note = f"Uploaded {len(etags)} of {count} parts."
        return progress.preparing(video={**video, "etags": etags}, note=note)
    if video.get("thumbnail_url"):
        return _upload_thumbnail(client, post, video, progress)
    client.http.call(
        "POST",
        "/rest/videos?action=finalizeUpload",
        json=finalize_payload(video),
        needs_json=False,
    )
    return _with_asset(progress, video["urn"])


def _begin_video(client: LinkedIn, post: Post, media: Media, progress: Progress) -> Progress:
    """LinkedIn sets the size of the parts, and an address for each and for the thumbnail."""
    has_thumbnail = "thumbnail_url" in post.options
    payload = initialize_payload(media, author=client.author, has_thumbnail=has_thumbnail)
    initialized = _initialize(client, MediaKind.VIDEO, payload)
    parts = initialized["uploadInstructions"]
    thumbnail_url = initialized.get("thumbnailUploadUrl") or ""
    video = {
        "urn": initialized["video"],
        "upload_token": initialized["uploadToken"],
        "urls": [part["uploadUrl"] for part in parts],
        "part_bytes": parts[0]["lastByte"] - parts[0]["firstByte"] + 1,
        "etags": [],
        "thumbnail_url": thumbnail_url if has_thumbnail else "",
    }
    for address in filter(None, [*video["urls"], video["thumbnail_url"]]):
        client.upload_http(address)  # refuses one that is not LinkedIn's before it is stored
    progress = progress.preparing(video=video, note="LinkedIn is ready for the video.")
    if has_thumbnail and not thumbnail_url:
        return _without_thumbnail(progress, "LinkedIn named no address for it.")
    return progress


def _upload_parts(client: LinkedIn, media: Media, video: Mapping[str, Any]) -> list[str]:
    """Upload further parts, each of which may be sent again. Returns the ETags of all so far."""
    etags: list[str] = list(video["etags"])

    def send(_: int, part: Body) -> None:
        # Without our token: LinkedIn refuses a part with one.
        response = client.upload_http(video["urls"][len(etags)]).call(
            "PUT",
            "",
            data=part,
            headers={"Content-Type": "application/octet-stream"},
            needs_json=False,
        )
        etags.append(response.headers.get("ETag", "").strip('"'))

    part_bytes = video["part_bytes"]
    send_in_parts(media, start=len(etags) * part_bytes, part_bytes=part_bytes, send=send)
    return etags


def _upload_thumbnail(
    client: LinkedIn, post: Post, video: Mapping[str, Any], progress: Progress
) -> Progress:
    picture = files.download(post.options["thumbnail_url"], max_bytes=IMAGE_BYTES)
    progress = progress.preparing(
        video={**video, "thumbnail_url": ""}, note="Uploaded a thumbnail."
    )
    headers = {"Content-Type": picture.mime_type, "media-type-family": "STILLIMAGE"}
    http = client.upload_http(video["thumbnail_url"], token=client.account.token)
    try:
        http.call("PUT", "", data=picture.data, headers=headers, needs_json=False)
    except PlatformApiError as error:
        # The video is public without it too, with a frame that LinkedIn chooses.
        return _without_thumbnail(progress, str(error))
    return progress


def _without_thumbnail(progress: Progress, reason: str) -> Progress:
    message = f"The video goes out without its thumbnail: {reason}"
    return progress.warned("thumbnail_left_out", message)


# --- Processing ----------------------------------------------------------------------------------


def wait_for_processing(client: LinkedIn, post: Post, progress: Progress) -> Progress:
    """READY when LinkedIn has processed all files."""
    if progress.handle.get("has_waited"):
        return progress.ready()
    if not client.can_read_uploads:
        return _wait_blindly(post, progress)
    try:
        return _check_processing(client, post, progress)
    except InsufficientPermissionsError:
        # Some connections may upload but not read the state of an upload.
        return _wait_blindly(post, progress)


def _check_processing(client: LinkedIn, post: Post, progress: Progress) -> Progress:
    for media, urn in zip(post.media, progress.handle.get("assets", []), strict=True):
        status = _status(client, media.kind, urn)
        if status is None:
            return _wait_until_known(progress)
        if status == "PROCESSING_FAILED":
            raise ContentRejectedError(f"LinkedIn could not process the {media.kind}.")
        if status != "AVAILABLE":
            wait = VIDEO_POLL if media.kind == MediaKind.VIDEO else POLL
            note = f"LinkedIn is processing the {media.kind}."
            return progress.processing(
                "LinkedIn", poll_after=wait, longest=LONGEST_PROCESSING, note=note
            )
    return _check_card(client, progress)


def _check_card(client: LinkedIn, progress: Progress) -> Progress:
    """As for an asset, but the author did not choose this picture: it may be left out."""
    card = progress.handle.get("card") or {}
    if not card.get("thumbnail"):
        return progress.ready()
    status = _status(client, MediaKind.IMAGE, card["thumbnail"])
    if status == "AVAILABLE":
        return progress.ready()
    try:
        if status is None:
            return _wait_until_known(progress)
        if status != "PROCESSING_FAILED":
            note = "LinkedIn is processing the picture of the link's page."
            return progress.processing(
                "LinkedIn", poll_after=POLL, longest=LONGEST_PICTURE_PROCESSING, note=note
            )
    except UploadLostError:
        pass  # goes on without it
    message = "LinkedIn could not process the picture of the link's page."
    done = progress.ready(card={**card, "thumbnail": ""})
    return done.warned("page_unreadable", message)


def _status(client: LinkedIn, kind: MediaKind, urn: str) -> str | None:
    """The state of an upload; None if LinkedIn does not know the file, or not yet."""
    resource, _ = ASSETS[kind]
    try:
        response = client.http.get(f"/rest/{resource}/{encoded(urn)}")
    except PlatformApiError as error:
        if is_missing(error):
            return None
        raise
    return str(response["status"])


def _wait_until_known(progress: Progress) -> Progress:
    times = progress.handle.get("unknown", 0) + 1
    if times > MAX_UNKNOWN:
        raise UploadLostError
    note = "LinkedIn does not know the uploaded file yet."
    return progress.preparing(poll_after=UNKNOWN_POLL, unknown=times, note=note)


def _wait_blindly(post: Post, progress: Progress) -> Progress:
    """Wait once, long enough for most files, without reading the state of the uploads."""
    videos = [media for media in post.media if media.kind == MediaKind.VIDEO]
    megabytes = sum(video.size_bytes or 0 for video in videos) / MEGABYTE
    wait = BLIND_VIDEO_WAIT + megabytes * BLIND_VIDEO_WAIT_PER_MEGABYTE if videos else BLIND_WAIT
    note = "Waiting for LinkedIn to process what was uploaded."
    return progress.preparing(poll_after=wait, has_waited=True, note=note)
