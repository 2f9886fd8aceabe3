"""Reads each asset of a post before the post is accepted: its type, size and measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing import media
from socialpublishing.errors import (
    AssetSizeUnknownError,
    AssetTypeMismatchError,
    MediaError,
    Violation,
)
from socialpublishing.limits import Capabilities, PostType
from socialpublishing.posts import MEASURES, MediaKind, Post, media_kind


def probe_assets(
    given: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    limits: Capabilities,
    *,
    violations: list[Violation] | None = None,
) -> list[dict[str, Any]]:
    """The assets, each with its type, size and measures as read from its server.

    Raises MediaError for the first that cannot be used; if `violations` is given, it gets one
    entry for each of them instead.
    """
    assets = [dict(asset) for asset in given]
    if len(assets) > limits.max_media:
        return assets  # The post is refused for their number, so none is fetched.
    post_type = limits.of(Post(options=options))
    for number, asset in enumerate(assets, start=1):
        try:
            asset |= _probe_asset(asset, post_type)
        except MediaError as error:
            if violations is None:
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
    if facts.size_bytes is None and kind in {MediaKind.VIDEO, MediaKind.DOCUMENT}:
        raise AssetSizeUnknownError(f"The server does not report the size of the {kind}.")
    measures = {name: getattr(facts, name) for name in MEASURES}
    return {"kind": kind, "mime_type": facts.mime_type, **measures}
