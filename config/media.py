"""`/media/{signed}`: streams a file to a platform that pulls it (socialpublishing/media/public.py).

Whoever has the address may read the file, so there is no authentication. Errors name nothing of the
source.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from socialpublishing.codes import CODES
from socialpublishing.errors import AssetUnreachableError, MediaBusyError, MediaError
from socialpublishing.media.public import PublicFile, Pull

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5
# For one chunk of 64 KB. A client that takes longer is cut off: it would occupy a thread.
SEND_TIMEOUT_S = 20


@csrf_exempt  # so that other methods get 405
def pull(request: HttpRequest, signed: str) -> HttpResponseBase:
    if request.method not in {"GET", "HEAD"}:
        return _error("method_not_allowed", 405, Allow="GET, HEAD")
    file = PublicFile.from_signed(signed)
    if file is None:
        return _error("not_found", 404)
    if request.method == "HEAD":
        # The size is that of the probe; the source is not asked.
        return _described(HttpResponse(), file, WHOLE)
    part = _requested_part(request, file.size_bytes)
    if part is None:
        return _error(
            "range_not_satisfiable", 416, **{"Content-Range": f"bytes */{file.size_bytes}"}
        )
    try:
        body = Pull(file, start=part.start, length=part.length(file.size_bytes))
    except MediaError as error:
        logger.warning("pull of a file refused: %s: %s", error.code, error)
        return _media_error(error)
    _limit_sending(request)
    return _described(StreamingHttpResponse(body, status=part.status), file, part)


@dataclass(frozen=True, kw_only=True)
class RequestedPart:
    """The bytes from `start` to `last`, both included; the whole file without `last`."""

    start: int = 0
    last: int | None = None

    @property
    def status(self) -> int:
        return 200 if self.last is None else 206

    def length(self, size_bytes: int | None) -> int | None:
        return size_bytes if self.last is None else self.last + 1 - self.start


WHOLE = RequestedPart()


def _requested_part(request: HttpRequest, size: int | None) -> RequestedPart | None:
    """By the Range header (RFC 9110, section 14); None if the file has no byte of that range.

    The whole file for several ranges, for anything malformed, and for a condition (If-Range): we
    send no validator that one could match.
    """
    asked = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", request.headers.get("Range", ""))
    if size is None or asked is None or "If-Range" in request.headers or asked[0] == "bytes=-":
        return WHOLE
    first, last = asked[1], asked[2]
    if not first:  # the last bytes, as many as named
        return RequestedPart(start=max(size - int(last), 0), last=size - 1) if int(last) else None
    if last and int(last) < int(first):
        return WHOLE
    if int(first) >= size:
        return None
    return RequestedPart(start=int(first), last=min(int(last or size), size - 1))


def _described(
    response: HttpResponseBase, file: PublicFile, part: RequestedPart
) -> HttpResponseBase:
    headers = {
        "Content-Type": file.mime_type,
        "Content-Disposition": "inline",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "none" if file.size_bytes is None else "bytes",
    }
    if (length := part.length(file.size_bytes)) is not None:
        headers["Content-Length"] = str(length)
    if part.last is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.last}/{file.size_bytes}"
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _limit_sending(request: HttpRequest) -> None:
    """Gunicorn sends without a time limit of its own. It makes the socket blocking again later."""
    if (connection := request.META.get("gunicorn.socket")) is not None:
        connection.settimeout(SEND_TIMEOUT_S)


def _media_error(error: MediaError) -> JsonResponse:
    """Only where a retry can help, the platform should retry."""
    match error:
        case MediaBusyError():
            return _error(error.code, 503, **{"Retry-After": str(RETRY_AFTER_S)})
        case AssetUnreachableError():
            return _error(error.code, 502)
    return _error(error.code, 404)


def _error(code: str, status: int, **headers: Any) -> JsonResponse:
    body = {"code": code, "detail": CODES[code].as_response}
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store", **headers})
