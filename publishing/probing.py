"""Reads each file of a post before the post is accepted: its type, size and measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from socialpublishing import database, media
from socialpublishing.errors import (
    AssetTypeMismatchError,
    AssetUnreachableError,
    MediaBusyError,
    MediaError,
)
from socialpublishing.limits import Capabilities, PostType, carries_alt_text
from socialpublishing.options import PostOptions, files_in
from socialpublishing.posts import MEASURES, Media, MediaKind, Post, media_kind

# At most so many places of MEDIA_READS for one request.
READS_AT_ONCE = 8
# For all files of a request. A single file has media.PROBE_S.
READ_S = 20
TOO_MANY = "The files of the request were not all read within {} s: send fewer posts at once."

# The address and the type that the caller declares of it, or the types that an option accepts.
File = tuple[str, str | frozenset[str]]
OwnFile = Callable[[str], str]


class FileReads:
    """The files of the posts of a request: each is read once, several at a time."""

    def __init__(self) -> None:
        self._max_bytes: dict[File, int] = {}
        self._reads: dict[File, Future[media.MediaFacts | None]] = {}

    def add(
        self,
        assets: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        *,
        limits: Capabilities,
        known: type[PostOptions],
        own_file: OwnFile,
    ) -> None:
        """The files of one more post."""
        if len(assets) <= limits.max_media:  # else it is refused for their number
            max_bytes = _max_bytes(limits.of(Post(options=options)))
            for asset in assets:
                with suppress(MediaError):
                    self._add((own_file(asset["url"]), asset["mime_type"]), max_bytes)
        for _, url, field in files_in(options, known):
            self._add((url, field.mime_types), field.max_bytes)

    def _add(self, file: File, max_bytes: int) -> None:
        self._max_bytes[file] = max(max_bytes, self._max_bytes.get(file, 0))

    def read(self) -> None:
        """Read all, as far as the time allows."""
        if not self._max_bytes:
            return
        database.release()
        pool = ThreadPoolExecutor(min(READS_AT_ONCE, len(self._max_bytes)), "file")
        self._reads = {
            file: pool.submit(_read, file, max_bytes) for file, max_bytes in self._max_bytes.items()
        }
        wait(self._reads.values(), READ_S)
        pool.shutdown(wait=False, cancel_futures=True)

    def facts(self, file: File, max_bytes: int) -> media.MediaFacts | None:
        """What was read of `file`; None for the picture of an option. Raises MediaError."""
        reading = self._reads[file]
        if reading.cancelled() or not reading.done():
            raise AssetUnreachableError(TOO_MANY.format(READ_S))
        facts = reading.result()
        if facts is not None:
            # Another post of the request may have permitted more.
            media.check_size(file[0], facts.size_bytes, max_bytes)
        return facts


def _read(file: File, max_bytes: int) -> media.MediaFacts | None:
    url, types = file
    if isinstance(types, str):
        return media.probe(url, declared_type=types, max_bytes=max_bytes)
    media.probe_picture(url, mime_types=types, max_bytes=max_bytes)
    return None


def probe_assets(
    given: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    limits: Capabilities,
    *,
    own_file: OwnFile,
    files: FileReads,
) -> tuple[list[dict[str, Any]], list[tuple[int, MediaError]]]:
    """The assets with their type, size and measures, and the errors of those that are of no use.

    An error has the number of its asset, from 1. MediaBusyError, which is no fault of a file, is
    raised.
    """
    assets = [dict(asset) for asset in given]
    errors: list[tuple[int, MediaError]] = []
    if len(assets) > limits.max_media:
        return assets, errors  # The post is refused for their number, so none is fetched.
    post_type = limits.of(Post(options=options))
    for number, asset in enumerate(assets, start=1):
        asset.pop("alt_text_left_out", None)  # of an earlier content of this job
        try:
            asset["url"] = own_file(asset["url"])
            asset |= _probed(asset, post_type, files)
        except MediaBusyError:
            raise
        except MediaError as error:
            errors.append((number, error))
    return assets, errors


def _probed(asset: Mapping[str, Any], post_type: PostType, files: FileReads) -> dict[str, Any]:
    facts = files.facts((asset["url"], asset["mime_type"]), _max_bytes(post_type))
    assert facts is not None
    kind = MediaKind.GIF if facts.is_animated_gif else media_kind(facts.mime_type)
    declared = asset["asset_type"]
    # Callers may declare a GIF as an image.
    if kind != declared and (kind, declared) != (MediaKind.GIF, MediaKind.IMAGE):
        raise AssetTypeMismatchError(f"The asset is declared as {declared}, but it is {kind}.")
    measures = {name: getattr(facts, name) for name in MEASURES}
    return {"kind": kind, "mime_type": facts.mime_type, **measures}


def _max_bytes(post_type: PostType) -> int:
    return max((limit.max_bytes for limit in post_type.media.values()), default=0)


def without_lost_alt_texts(
    assets: Sequence[Mapping[str, Any]], post_type: PostType
) -> list[dict[str, Any]]:
    """The probed assets, those marked whose alt text the platform does not carry."""
    return [
        {**asset}
        if not asset.get("alt_text") or carries_alt_text(Media.from_asset(asset), post_type)
        else {**asset, "alt_text_left_out": True}
        for asset in assets
    ]


def wrong_files(
    options: Mapping[str, Any], known: type[PostOptions], files: FileReads
) -> Iterator[tuple[str, MediaError]]:
    """The path of each option whose file cannot be used, with the error.

    Raises MediaBusyError, which is no fault of the file.
    """
    for path, url, field in files_in(options, known):
        try:
            files.facts((url, field.mime_types), field.max_bytes)
        except MediaBusyError:
            raise
        except MediaError as error:
            yield path, error
