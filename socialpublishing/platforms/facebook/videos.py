"""The state of a video at Facebook, as `GET /{video}` reports it.

https://developers.facebook.com/docs/graph-api/reference/video and the guides to reels and stories
spell some words in two ways; both are read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Between polls of a video's status.
VIDEO_POLL = dt.timedelta(seconds=5)
FIELDS = "id,status,published,post_id,permalink_url"
DONE = frozenset({"complete", "completed"})
UPLOADED = "upload_complete"


@dataclass(frozen=True, kw_only=True)
class VideoState:
    id: str
    received_bytes: int  # 0 if Facebook does not report it
    is_uploaded: bool
    is_gone: bool  # the upload failed and no post shows the video: it is uploaded again
    refusal: str  # why the video will never be shown; empty if Facebook accepts it
    is_processing: bool
    is_publishing: bool  # it is processed, and its publish request has arrived
    is_published: bool
    post_number: str  # of the post that shows it, without the Page's id; may be empty
    link: str  # may lack the host


def read_state(data: Mapping[str, Any]) -> VideoState:
    status = _object(data, "status")
    uploading = _object(status, "uploading_phase")
    publishing = _object(status, "publishing_phase")
    video_status = status.get("video_status")
    post_number = str(data.get("post_id") or "").split("_")[-1]
    is_shown = bool(post_number or data.get("published"))
    return VideoState(
        id=str(data["id"]),
        received_bytes=int(
            uploading.get("bytes_transferred", uploading.get("bytes_transfered", 0))
        ),
        is_uploaded=uploading.get("status") in {*DONE, UPLOADED}
        or video_status in {UPLOADED, "ready"},
        is_gone=not is_shown
        and (video_status in {"expired", "upload_failed"} or uploading.get("status") == "error"),
        refusal=_refusal(status),
        is_processing=video_status == "processing",
        is_publishing=video_status == "processing" and is_shown,
        is_published=publishing.get("publish_status") == "published"
        or bool(data.get("published") and publishing.get("status") in DONE),
        post_number=post_number,
        link=str(data.get("permalink_url") or ""),
    )


def _refusal(status: Mapping[str, Any]) -> str:
    processing, publishing = (
        _object(status, "processing_phase"),
        _object(status, "publishing_phase"),
    )
    states = (
        status.get("video_status"),
        processing.get("status"),
        publishing.get("status"),
        publishing.get("publish_status"),
    )
    if "error" not in states:
        return ""
    errors = [*_errors_of(processing), *_errors_of(publishing)]
    reasons = " ".join(str(error.get("message", "")) for error in errors)
    return f"Facebook could not process the video. {reasons}".strip()


def _errors_of(phase: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    errors = phase.get("errors") or phase.get("error") or []
    return [errors] if isinstance(errors, Mapping) else list(errors)


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object `name` in `data`; empty if it is missing or null."""
    return data.get(name) or {}
