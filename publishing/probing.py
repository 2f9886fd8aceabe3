"""Reads each file of a post before the post is accepted: its type, size and measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from socialpublishing import media
from socialpublishing.errors import (
    AssetTypeMismatchError,
    MediaBusyError,
    MediaError,
    Violation,
)
from socialpublishing.limits import Capabilities, PostType, carries_alt_text
from socialpublishing.options import PostOptions, files_in
from socialpublishing.posts import MEASURES, Media, MediaKind, Post, media_kind


def probe_assets(
    given: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    limits: Capabilities,
    *,
    own_file: Callable[[str], str],
    violations: list[Violation] | None = None,
) -> list[dict[str, Any]]:
    """The assets, each with its type, size and measures as read from its server.

    `own_file` finds the file of a path, or raises MediaError.

    Raises MediaError for the first that cannot be used; if `violations` is given, it gets one
    entry for each of them instead. MediaBusyError, which is no fault of a file, is always raised.
    """
    assets = [dict(asset) for asset in given]
    if len(assets) > limits.max_media:
        return assets  # The post is refused for their number, so none is fetched.
    post_type = limits.of(Post(options=options))
    for number, asset in enumerate(assets, start=1):
        asset.pop("alt_text_left_out", None)  # of an earlier content of this job
        try:
            asset["url"] = own_file(asset["url"])
            asset |= _probe_asset(asset, post_type)
        except MediaError as error:
            if violations is None or isinstance(error, MediaBusyError):
                raise
            message = f"Asset {number}: {error}"
            violations.append(Violation(rule=error.code, limit=None, actual=None, message=message))
    return assets


def _probe_asset(asset: Mapping[str, Any], post_type: PostType) -> dict[str, Any]:
    max_bytes = max((limit.max_bytes for limit in post_type.media.values()), default=0)
    facts = media.probe(asset["url"], declared_type=asset["mime_type"], max_bytes=max_bytes)
    kind = MediaKind.GIF if facts.is_animated_gif else media_kind(facts.mime_type)
    declared = asset["asset_type"]
    # Callers may declare a GIF as an image.
    if kind != declared and (kind, declared) != (MediaKind.GIF, MediaKind.IMAGE):
        raise AssetTypeMismatchError(f"The asset is declared as {declared}, but it is {kind}.")
    measures = {name: getattr(facts, name) for name in MEASURES}
    return {"kind": kind, "mime_type": facts.mime_type, **measures}


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
    options: Mapping[str, Any], known: type[PostOptions]
) -> Iterator[tuple[str, MediaError]]:
    """The path of each option whose file cannot be used, with the error.

    Raises MediaBusyError, which is no fault of the file.
    """
    for path, url, field in files_in(options, known):
        try:
            media.probe_picture(url, mime_types=field.mime_types, max_bytes=field.max_bytes)
        except MediaBusyError:
            raise
        except MediaError as error:
            yield path, error
