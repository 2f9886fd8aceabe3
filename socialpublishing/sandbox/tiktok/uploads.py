"""The upload of a video in chunks, to the URL that an init request returned.

https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
"""

import re
import secrets
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import Blob, joined
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import Media, State
from socialpublishing.sandbox.tiktok.errors import invalid
from socialpublishing.sandbox.tiktok.login import NAME
from socialpublishing.sandbox.tiktok.tasks import complete, received_bytes

MB = 1_000_000
# The documentation does not specify decimal or binary megabytes: both are accepted.
MIN_CHUNK, MAX_CHUNK, MAX_LAST_CHUNK = 5 * MB, 64 * 1024**2, 128 * 1024**2
MAX_CHUNKS = 1000
MAX_VIDEO_BYTES = 4 * 1024**3
UPLOAD_PATH = "upload/video/"
RANGE = re.compile(r"bytes (?P<first>\d{1,12})-(?P<last>\d{1,12})/(?P<total>\d{1,12})")


def chunk_plan(source: dict[str, Any], least_chunk: float) -> tuple[int, int, int]:
    """Size of the video, size of a chunk, and count of chunks. Raises EarlyResponse."""
    numbers: list[Any] = [
        source.get(name) for name in ("video_size", "chunk_size", "total_chunk_count")
    ]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise invalid("video_size, chunk_size and total_chunk_count are numbers.")
    size, chunk, count = numbers
    if not _is_valid_plan(size, chunk, count):
        raise invalid("The total chunk count is invalid")
    if count > 1 and chunk < least_chunk:
        raise invalid("The chunk size is invalid")
    return size, chunk, count


def _is_valid_plan(size: int, chunk: int, count: int) -> bool:
    """The last chunk includes the remainder, so the count is rounded down."""
    if not 0 < size <= MAX_VIDEO_BYTES or not 0 < chunk <= size or count > MAX_CHUNKS:
        return False
    if count != size // chunk:
        return False
    if count == 1 and chunk == size:
        return size <= MAX_CHUNK
    last = size - chunk * (count - 1)
    return MIN_CHUNK <= chunk <= MAX_CHUNK and last <= MAX_LAST_CHUNK


def open_upload(request: SandboxRequest, task: Media, plan: tuple[int, int, int]) -> str:
    """The URL that accepts the chunks of `task`."""
    task.promised_bytes, chunk, count = plan
    task.facts |= {"chunk": chunk, "count": count, "token": secrets.token_hex(16)}
    query = f"upload_id={task.facts['number']}&upload_token={task.facts['token']}"
    is_own = request.state.setting("tiktok_upload_host") == "own"
    host = request.base_url if is_own else "https://uploads.example"
    return f"{host}/{NAME}/{UPLOAD_PATH}?{query}"


def upload_task(request: SandboxRequest) -> Media | None:
    """The task of the upload URL, if the URL has the right token."""
    number = request.GET.get("upload_id", "")
    for prefix in ("v_pub_file", "v_inbox_file"):
        task = request.state.media.get((NAME, f"{prefix}~v2-1.{number}"))
        if task is not None and request.GET.get("upload_token") == task.facts["token"]:
            return task
    return None


def is_last_chunk(request: SandboxRequest, task: Media) -> bool:
    sent = RANGE.fullmatch(request.headers.get("Content-Range", ""))
    return sent is not None and int(sent["last"]) + 1 == task.promised_bytes


def receive(request: SandboxRequest) -> HttpResponse:
    """The upload host. It accepts the token in the URL only."""
    state = request.state
    task = upload_task(request)
    if "Authorization" in request.headers:
        return HttpResponse("The upload takes no Authorization.", status=400)
    if task is None:
        return HttpResponse("There is no such upload.", status=404)
    if task.expires_at is not None and state.now() >= task.expires_at:
        return HttpResponse("The upload_url has expired.", status=403)
    sent = RANGE.fullmatch(request.headers.get("Content-Range", ""))
    if sent is None or int(sent["total"]) != task.promised_bytes:
        return HttpResponse("Content-Range is malformed.", status=400)
    blob = request.body_blob
    first, last = int(sent["first"]), int(sent["last"])
    if last - first + 1 != blob.size or last >= task.promised_bytes:
        return HttpResponse("Content-Range is not of the body's size.", status=400)
    with state.lock:
        return _store_chunk(state, task, first, blob)


def _store_chunk(state: State, task: Media, first: int, blob: Blob) -> HttpResponse:
    if first != received_bytes(task):
        return _stored_range(task, 416)
    is_last = first + blob.size == task.promised_bytes
    number = len(task.parts) + 1
    if (number == task.facts["count"]) != is_last or (
        not is_last and blob.size != task.facts["chunk"]
    ):
        return HttpResponse("The chunk is not as it was announced.", status=400)
    task.parts[number] = blob
    if not is_last:
        return _stored_range(task, 206)
    video = Media(platform=NAME, id="", account_id=task.account_id, created_at=state.now())
    state.complete_media(video, joined(task.parts.values()))
    task.facts["received"] = task.promised_bytes
    complete(state, task, (video,))
    return _stored_range(task, 201)


def _stored_range(task: Media, status: int) -> HttpResponse:
    last = max(received_bytes(task) - 1, 0)
    headers = {"Content-Range": f"bytes 0-{last}/{task.promised_bytes}"}
    return HttpResponse(status=status, headers=headers)
