"""Requests that are repeated with the same Idempotency-Key: the first response again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Q, QuerySet

from publishing.errors import IdempotencyKeyReusedError
from publishing.models import PublishBatch, PublishJob

# A key can be used for another request when what it made has ended and is older than this.
IDEMPOTENCY_WINDOW = dt.timedelta(hours=24)

RowT = TypeVar("RowT", PublishJob, PublishBatch)


@dataclass(frozen=True, kw_only=True)
class IdempotencyKey:
    """A caller's key with the endpoint in front, and the hash of the request. Empty: none."""

    value: str = ""
    request_hash: str = ""


NO_KEY = IdempotencyKey()


def as_stored(data: Mapping[str, Any]) -> str:
    """A response as text: JSON columns do not keep the order of names."""
    return json.dumps(data, ensure_ascii=False)


def made_by(
    rows: QuerySet[RowT], key: IdempotencyKey, *, has_ended: Q, now: dt.datetime
) -> RowT | None:
    """The one of a user's `rows` that an earlier request with `key` made.

    Raises IdempotencyKeyReusedError if that was another request.
    """
    if not key.value:
        return None
    earlier = rows.filter(idempotency_key=key.value)
    earlier.filter(has_ended, created_at__lt=now - IDEMPOTENCY_WINDOW).update(idempotency_key="")
    row = earlier.first()
    if row is not None and row.request_hash != key.request_hash:
        raise IdempotencyKeyReusedError
    return row
