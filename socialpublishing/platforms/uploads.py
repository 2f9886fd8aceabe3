"""Sending files to a platform: in parts, and to addresses that the platform names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from django.conf import settings

from socialpublishing.errors import UploadAddressRefusedError
from socialpublishing.http import Body
from socialpublishing.media import Downloaded, Stream, download, open_stream
from socialpublishing.posts import Media

# An upload stops after so long, so that the offset it has reached is stored now and then.
UPLOAD_STEP_S = 5.0


def send_in_parts(
    media: Media,
    *,
    start: int,
    end: int | None = None,
    part_bytes: int,
    send: Callable[[int, Body], None],
) -> int:
    """Send `media` from byte `start` on: `send(offset, part)` for each part.

    Stops at the end of the file, at `end`, or after UPLOAD_STEP_S. Returns the offset that it has
    reached. A part is read from its source while it is sent.
    """
    size = media.known_bytes
    until = time.monotonic() + UPLOAD_STEP_S
    offset = start
    with open_file(media, start=start) as stream:
        end = size if end is None else end
        while offset < end and (offset == start or time.monotonic() < until):
            length = min(part_bytes, end - offset)
            send(offset, stream.part(length))
            offset += length
    return offset


def open_file(media: Media, *, start: int = 0) -> AbstractContextManager[Stream]:
    """The file from byte `start` on. Raises AssetChangedError if it is not as accepted."""
    size = media.known_bytes
    return open_stream(
        media.url,
        max_bytes=size,
        start=start,
        expected_bytes=size,
        expected_type=media.mime_type,
    )


def read_whole(media: Media, *, max_bytes: int) -> Downloaded:
    """The bytes of a picture. Raises AssetChangedError if it is not the one that was accepted."""
    return download(
        media.url,
        max_bytes=max_bytes,
        declared_type=media.mime_type,
        expected_bytes=media.size_bytes,
    )


def check_upload_address(
    address: str, *, api: str, upload_hosts: Collection[str], platform: str
) -> None:
    """Raises UploadAddressRefusedError unless `address` is the platform's own.

    `api` is the platform's API host; `upload_hosts` are the ends of the names of its other hosts.
    """
    if not _is_own(address, api=api, upload_hosts=upload_hosts):
        raise UploadAddressRefusedError(platform=platform)


def _is_own(address: str, *, api: str, upload_hosts: Collection[str]) -> bool:
    if settings.SANDBOX_URL:
        return address.startswith(f"{settings.SANDBOX_URL}/")
    if address.startswith(f"{api}/"):
        return True
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    # A name alone: no user information, no other port.
    is_plain = re.fullmatch(r"[A-Za-z0-9.-]+(:443)?", parts.netloc)
    host = f".{parts.hostname or ''}"
    return bool(
        parts.scheme == "https" and is_plain and any(host.endswith(own) for own in upload_hosts)
    )
