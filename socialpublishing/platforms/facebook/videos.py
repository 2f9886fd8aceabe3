"""How a video stands at Facebook, as `GET /{video}` tells it.

https://developers.facebook.com/docs/graph-api/reference/video and the guides to reels and stories
spell some words in two ways; both are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIELDS = "id,status,published,post_id,permalink_url"
DONE = frozenset({"complete", "completed"})
UPLOADED = "upload_complete"


@dataclass(frozen=True, kw_only=True)
class VideoState:
    id: str
    received_bytes: int  # 0 if Facebook does not say
    is_uploaded: bool
    is_gone: bool  # the upload ended, and nothing of it shows anywhere: it has to begin anew
    refusal: str  # why the video will never be shown; "" if nothing is said against it
    is_at_work: bool  # Facebook processes it
    is_taken: bool  # and somebody asked to publish it, as far as is told
    is_published: bool
    post_number: str  # of the post that shows it, without the Page's id; "" if not told
    link: str  # may lack the host


def read_state(data: Mapping[str, Any]) -> VideoState:
    status = _object(data, "status")
    uploading = _object(status, "uploading_phase")
    publishing = _object(status, "publishing_phase")
    word, post_number = status.get("video_status"), str(data.get("post_id") or "").split("_")[-1]
    received = uploading.get("bytes_transferred", uploading.get("bytes_transfered", 0))
    return VideoState(
        id=str(data["id"]),
        received_bytes=int(received),
        is_uploaded=uploading.get("status") in {*DONE, UPLOADED} or word in {UPLOADED, "ready"},
        is_gone=(word in {"expired", "upload_failed"} or uploading.get("status") == "error")
        and not (post_number or data.get("published")),
        refusal=_refusal(status),
        is_at_work=word == "processing",
        is_taken=word == "processing" and bool(post_number or data.get("published")),
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
    words = (
        status.get("video_status"),
        processing.get("status"),
        publishing.get("status"),
        publishing.get("publish_status"),
    )
    if "error" not in words:
        return ""
    faults = [*_faults(processing), *_faults(publishing)]
    data = " ".join(str(fault.get("message", "")) for fault in faults)
    return f"Facebook could not process the video. {data}".strip()


def _faults(phase: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = phase.get("errors") or phase.get("error") or []
    return [data] if isinstance(data, Mapping) else list(data)


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An empty one where it is missing, or null."""
    return data.get(name) or {}
