"""The state of a video at Facebook, as `GET /{video}` reports it.

https://developers.facebook.com/docs/graph-api/reference/video and the guides to reels and stories
spell some words in two ways; both are read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from socialpublishing.platforms.meta.errors import number, text_of

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
    # Nothing contradicts that it is published, if its publish request has arrived.
    is_ready: bool
    is_draft: bool  # Facebook keeps it as a draft, which nobody but the Page's people can see
    post_number: str  # of the post that shows it, without the Page's id; may be empty
    link: str  # may lack the host


def read_state(data: Mapping[str, Any]) -> VideoState:
    """The check of the copyright is not read: it may never end, and publishing goes on."""
    status = _object(data, "status")
    uploading = _object(status, "uploading_phase")
    publishing = _object(status, "publishing_phase")
    video_status, publish_status = status.get("video_status"), publishing.get("publish_status")
    post_number = str(data.get("post_id") or "").split("_")[-1]
    is_shown = bool(post_number or data.get("published"))
    is_publishing_over = publishing.get("status") in {None, *DONE}
    return VideoState(
        id=str(data["id"]),
        received_bytes=number(
            uploading.get("bytes_transferred", uploading.get("bytes_transfered"))
        ),
        is_uploaded=uploading.get("status") in {*DONE, UPLOADED}
        or video_status in {UPLOADED, "ready"},
        is_gone=not is_shown
        and (video_status in {"expired", "upload_failed"} or uploading.get("status") == "error"),
        refusal=_refusal(status),
        is_processing=video_status == "processing",
        is_publishing=video_status == "processing" and is_shown,
        is_published=publish_status == "published"
        or bool(data.get("published") and publishing.get("status") in DONE),
        is_ready=video_status == "ready"
        and is_publishing_over
        and publish_status is None
        and data.get("published") is not False,
        is_draft=publish_status == "draft",
        post_number=post_number,
        link=text_of(data, "permalink_url"),
    )


def _refusal(status: Mapping[str, Any]) -> str:
    phases = (_object(status, "processing_phase"), _object(status, "publishing_phase"))
    states = (
        status.get("video_status"),
        *(phase.get(name) for phase in phases for name in ("status", "publish_status")),
    )
    reasons = [reason for phase in phases for reason in _errors_of(phase)]
    # A phase may have an error before its status shows it, and stay there for ever.
    if "error" not in states and not reasons:
        return ""
    return f"Facebook could not process the video. {' '.join(reasons)}".strip()


def _errors_of(phase: Mapping[str, Any]) -> list[str]:
    errors = phase.get("errors") or phase.get("error") or []
    listed = errors if isinstance(errors, list) else [errors]
    return [
        text_of(error, "message") if isinstance(error, Mapping) else str(error) for error in listed
    ]


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object `name` in `data`; empty if it is missing or something else."""
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}
