"""A job as JSON. The API's responses and the events about jobs are both made from it."""

from __future__ import annotations

import datetime as dt
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from publishing.models import ENDED, PublishJob, Status, WaitingFor
from socialpublishing.errors import TokenExpiredError, WhoActs

# The same in the response and in the row.
COPIED = ("status", "platform", "user_id", "account_name", "metadata")
IDS = ("connection_id", "batch_id")
TIMES = ("created_at", "scheduled_at", "published_at", "deleted_at", "next_attempt_at")
# An empty text in the row stands for null.
NULLABLE = (
    "external_reference",
    "error_code",
    "error_message",
    "post_url",
    "waiting_for",
    "who_acts",
)

ASSET_FIELDS = ("url", "asset_type", "mime_type", "alt_text", "platform_media_id", "metadata")


def job_as_data(job: PublishJob, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the API returns for `job`, without its content, once `changes` of it are stored."""
    row = _of_any_release(ChainMap(dict(changes or {}), vars(job)))
    waits = row["waiting_for"] not in {"", WaitingFor.OWNER}
    return {
        "job_id": str(job.pk),
        **{name: row[name] for name in COPIED},
        **{name: row[name] and str(row[name]) for name in IDS},
        **{name: time_as_data(row[name]) for name in TIMES},
        **{name: row[name] or None for name in NULLABLE},
        "waits_until": time_as_data(row["next_attempt_at"]) if waits else None,
        "will_publish_at": time_as_data(_expected_at(row, job.account_limit)),
        "warnings": row["warnings"] or [],
        "at_risk": row["at_risk"] or [],
    }


def _of_any_release(row: ChainMap[str, Any]) -> Mapping[str, Any]:
    """A worker of the release before leaves `waiting_for` and `who_acts` as they are."""
    if row["status"] in ENDED and row["waiting_for"]:
        who_acts = "" if row["status"] == Status.PUBLISHED else row["who_acts"]
        return row.new_child({"waiting_for": "", "who_acts": who_acts})
    is_bare = row["status"] == Status.PENDING and not row["waiting_for"]
    if is_bare and row["error_code"] == TokenExpiredError.code:
        return row.new_child({"waiting_for": WaitingFor.OWNER, "who_acts": WhoActs.OWNER})
    return row


def content_as_data(job: PublishJob) -> dict[str, Any]:
    """What `job` publishes."""
    return {
        "text_content": job.text,
        "assets": [{name: asset.get(name) for name in ASSET_FIELDS} for asset in job.assets],
        "platform_specific_options": job.platform_specific_options,
    }


def time_as_data(moment: dt.datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _expected_at(row: Mapping[str, Any], limited_until: dt.datetime | None) -> dt.datetime | None:
    """The earliest time at which the post may go out; None if it will not by itself."""
    needs_person = row["waiting_for"] in {WaitingFor.OWNER, WaitingFor.OPERATOR}
    if row["next_attempt_at"] is None or needs_person:
        return None
    # While a worker has the job, next_attempt_at is the end of its lease.
    due = row["scheduled_at"] or row["created_at"]
    times: list[dt.datetime | None] = [
        due,
        None if row["lease_owner"] else row["next_attempt_at"],
        limited_until,
    ]
    return max(each for each in times if each is not None)
