"""Sends files over HTTP, complete or in ranges for video players (RFC 9110, 13 and 14)."""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from socialpublishing.sandbox import pages
from socialpublishing.sandbox.http import SandboxRequest

PIECE_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<tail>\d{1,18}))")


def send(
    request: SandboxRequest,
    open_file: Callable[[], BinaryIO],
    *,
    size: int,
    sha256: str,
    mime_type: str,
    max_age_s: int = 86400,
) -> HttpResponseBase:
    etag = f'"{sha256[:32]}"'
    headers = {
        **pages.HEADERS,
        # An uploaded file must not run as a page of ours. Browsers open a video or an image as a
        # page that contains it: hence media-src, img-src and style-src.
        "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self';"
        " style-src 'unsafe-inline'",
        "Cache-Control": f"max-age={max_age_s}",
        "ETag": etag,
        "Accept-Ranges": "bytes",
    }
    if etag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    wanted = _wanted(request, etag, size)
    status = 206
    if wanted is None:
        wanted, status = range(size), 200
    elif wanted:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    else:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Length"] = str(len(wanted))
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=mime_type, headers=headers)
    return StreamingHttpResponse(
        _pieces(open_file, wanted), status=status, content_type=mime_type, headers=headers
    )


def _wanted(request: SandboxRequest, etag: str, size: int) -> range | None:
    """The requested bytes. None: all of them; empty: the range is outside the file."""
    requested = _RANGE.fullmatch(request.headers.get("Range", ""))
    if requested is None or request.headers.get("If-Range", etag) != etag:
        return None
    if requested["tail"]:
        return range(max(size - int(requested["tail"]), 0), size)
    first, last = int(requested["first"]), int(requested["last"] or size)
    if last < first < size:
        return None  # an invalid range is ignored
    return range(first, min(last + 1, size))


def _pieces(open_file: Callable[[], BinaryIO], wanted: range) -> Iterator[bytes]:
    left = len(wanted)
    with open_file() as file:
        file.seek(wanted.start)
        while left and (piece := file.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece
