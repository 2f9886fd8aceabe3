"""One HTTP request for a file, with its redirects."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

from socialpublishing import database
from socialpublishing.errors import (
    AssetChangedError,
    AssetTypeMismatchError,
    AssetUnreachableError,
)
from socialpublishing.media.addresses import parse_address
from socialpublishing.media.concurrency import ReadLimiter, reads
from socialpublishing.media.network import Network, connected
from socialpublishing.media.stream import WHOLE_FILE, ByteRange, Stream

MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
BAD_REDIRECT = "The server of the file redirects to no usable address."


@contextmanager
def opened(
    url: str,
    *,
    max_bytes: int,
    seconds: float,
    network: Network,
    byte_range: ByteRange = WHOLE_FILE,
    expected_bytes: int | None = None,
    limiter: ReadLimiter = reads,
) -> Iterator[Stream]:
    """The file at `url`, after at most 3 redirects. Each address passes all checks.

    `seconds` is the time for everything. The stream ends with `byte_range`, also if the server
    sends the whole file. Raises MediaError, also for a file whose size is not `expected_bytes`.
    """
    deadline = time.monotonic() + min(seconds, network.max_transfer_s)
    database.release()
    seen: set[str] = set()
    for redirects in range(1 + MAX_REDIRECTS):
        address = parse_address(url)
        with (
            limiter.connection(address, deadline),
            connected(address, deadline, network) as connection,
        ):
            response = connection.get(address, byte_range.header)
            if response.status not in REDIRECTS:
                _check_head(response, byte_range, expected_bytes)
                # The framing of a chunked body takes some bytes too.
                connection.allow(max_bytes + max_bytes // 8, until=deadline)
                with limiter.transfer(address, deadline) as place:
                    yield Stream(
                        connection,
                        response,
                        max_bytes=max_bytes,
                        byte_range=byte_range,
                        expected_bytes=expected_bytes,
                        on_end=place.close,
                        is_redirected=redirects > 0,
                        is_trusted=address.is_trusted,
                    )
                return
            seen.add(url)
            url = _redirect_url(url, response)
            if url in seen:
                raise AssetUnreachableError("The server of the file redirects in a circle.")
    raise AssetUnreachableError(
        f"The server of the file redirects more than {MAX_REDIRECTS} times."
    )


def _check_head(
    response: http.client.HTTPResponse, byte_range: ByteRange, expected_bytes: int | None
) -> None:
    if response.status == 416 and byte_range.header:  # the file has no byte at the start
        if not byte_range.start:
            raise AssetTypeMismatchError("The file is empty.")
        if expected_bytes is not None and byte_range.start < expected_bytes:
            raise AssetChangedError
    if response.status != 200 and not (response.status == 206 and byte_range.header):
        raise AssetUnreachableError(
            f"The server of the file responded with status {response.status}."
        )
    # Compressed bytes may decompress to a thousand times their size.
    encodings = response.headers.get_all("Content-Encoding", [])
    encodings += response.headers.get_all("Transfer-Encoding", [])
    if any(encoding.strip().lower() not in {"", "identity", "chunked"} for encoding in encodings):
        raise AssetTypeMismatchError("The server sends the file only compressed.")


def _redirect_url(url: str, response: http.client.HTTPResponse) -> str:
    """The URL of a redirect, not checked yet."""
    locations = response.headers.get_all("Location", [])
    # urljoin drops tabs and the like, so they are refused here.
    if len(locations) != 1 or not re.fullmatch(r"[!-~]{1,2048}", locations[0]):
        raise AssetUnreachableError(BAD_REDIRECT)
    try:
        return urljoin(url, locations[0])
    except ValueError as error:
        raise AssetUnreachableError(BAD_REDIRECT) from error
