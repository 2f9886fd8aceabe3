"""Responses to requests that do not reach Django: the same `{"code", "detail"}` as its own."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from http import HTTPStatus

from socialpublishing.codes import CODES
from socialpublishing.prometheus import count_refused

logger = logging.getLogger("config.web")

RETRY_S = 2
MAX_HEAD_BYTES = 32 * 1024


class RefusedError(Exception):
    """Django does not get the request. `code` is the public code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A response with one of the public codes, after which the connection is closed."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def refusal(code: str, detail: str = "", *, retry_s: int = RETRY_S) -> Refusal:
    """The response with `code`, and one log line with its request id."""
    public = CODES[code]
    assert public.status is not None
    body: dict[str, str | int] = {"code": code, "detail": detail or public.as_response}
    request_id = str(uuid.uuid4())
    headers = [("Content-Type", "application/json"), ("X-Request-ID", request_id)]
    if public.status == HTTPStatus.SERVICE_UNAVAILABLE:
        body |= {"retry_after": retry_s, "request_id": request_id}
        headers.append(("Retry-After", str(retry_s)))
    content = json.dumps(body).encode()
    headers += [("Content-Length", str(len(content))), ("Connection", "close")]
    count_refused(code)
    logger.info("request refused", extra={"code": code, "request_id": request_id})
    return Refusal(status=public.status, headers=headers, body=content)


def as_bytes(refused: Refusal) -> bytes:
    """The response as it is sent where no request could be read."""
    status = HTTPStatus(refused.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in refused.headers]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + refused.body
