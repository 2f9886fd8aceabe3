"""The headers of accepting posts: Idempotency-Key and Prefer, and those of the response."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from publishing.errors import InvalidIdempotencyKeyError
from publishing.idempotency import NO_KEY, IdempotencyKey

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


def _response_header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, response=["202"], description=description
    )


ACCEPTED_HEADERS = [
    IDEMPOTENCY_HEADER,
    _response_header("Location", "The address of what was accepted."),
    _response_header("Idempotency-Replayed", "`true`: this is the response to an earlier request."),
    _response_header(
        "X-Possible-Duplicate",
        "Without an Idempotency-Key: the id of the first job of the last ten minutes with the same "
        "target, text, assets and options. For a batch, those of all its posts, between commas.",
    ),
]


def accepted(
    data: Any, *, location: str, duplicates: Sequence[UUID] = (), is_replay: bool = False
) -> Response:
    """The response to a request that was accepted, now or earlier."""
    headers = {"Location": location}
    if is_replay:
        headers["Idempotency-Replayed"] = "true"
    if duplicates:
        headers["X-Possible-Duplicate"] = ", ".join(map(str, duplicates))
    return Response(data, status=202, headers=headers)


def key_of(request: Request, endpoint: str) -> IdempotencyKey:
    """The caller's key; the same one at another endpoint is another. Raises for a wrong one."""
    key = idempotency_key(request)
    if not key:
        return NO_KEY
    return IdempotencyKey(value=f"{endpoint}:{key}", request_hash=request_hash(request.data))


def idempotency_key(request: Request) -> str:
    """The caller's key; empty if there is none. A pair of quotes around it is dropped."""
    if "Idempotency-Key" not in request.headers:
        return ""
    key = request.headers["Idempotency-Key"]
    if len(key) > 1 and key[0] == key[-1] == '"':
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
    match = re.search(r"\bwait=(\d{1,9})", request.headers.get("Prefer", ""))
    return min(int(match[1]), MAX_WAIT_S) if match else 0
