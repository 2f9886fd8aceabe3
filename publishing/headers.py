"""The request headers of accepting a post: Idempotency-Key and Prefer."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from publishing.errors import InvalidIdempotencyKeyError

MAX_WAIT_S = 30
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    pattern=r"^[!-+\--~]{1,255}$",  # as IDEMPOTENCY_KEY, without the comma
    description="Another request with the same key and body returns the first response, and "
    "creates no second job.",
)
PREFER_HEADER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`wait=N` (RFC 7240): respond when the job has ended, or after N seconds (at most "
    "30). Sooner if a person must act first, if the job goes on only after this time, such as at "
    "the end of a rate limit, or if too many others wait.",
)


def idempotency_key(request: Request) -> str:
    """The caller's key; empty if there is none. A pair of quotes around it is dropped."""
    if "Idempotency-Key" not in request.headers:
        return ""
    key = request.headers["Idempotency-Key"]
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    # A server joins two headers of this name with a comma: the caller chose no such key.
    if not IDEMPOTENCY_KEY.fullmatch(key) or "," in key:
        raise InvalidIdempotencyKeyError
    return key


def request_hash(body: Any) -> str:
    """The same for bodies with the same JSON values: order and white space do not count."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def preferred_wait(request: Request) -> int:
    """The seconds that the caller wants to wait for the job's end; 0 if it does not."""
    match = re.search(r"\bwait=(\d{1,3})\b", request.headers.get("Prefer", ""))
    return min(int(match[1]), MAX_WAIT_S) if match else 0
