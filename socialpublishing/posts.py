"""A post: text, media and the options of one platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from socialpublishing.errors import AssetSizeUnknownError

DEFAULT_POST_TYPE = "feed"


class MediaKind(StrEnum):
    IMAGE = "image"
    GIF = "gif"
    VIDEO = "video"
    DOCUMENT = "document"


def media_kind(mime_type: str) -> MediaKind:
    """The kind of files of `mime_type`. Only the bytes show whether an image is animated."""
    family = mime_type.partition("/")[0]
    return MediaKind(family) if family in {"image", "video"} else MediaKind.DOCUMENT


@dataclass(frozen=True, kw_only=True)
class PostWarning:
    """Something about an accepted post that its author should know. It goes out all the same.

    `code` is one of `socialpublishing.codes.WARNINGS`.
    """

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a platform charges us."""

    amount: float
    currency: str  # ISO 4217


@dataclass(frozen=True, kw_only=True)
class Media:
    """One asset, with its measures at acceptance. None: unknown, or not for this kind."""

    kind: MediaKind
    url: str
    mime_type: str
    alt_text: str = ""
    size_bytes: int | None = None
    width: int | None = None  # pixels
    height: int | None = None
    duration_s: float | None = None
    frame_rate: float | None = None
    # The address redirects; some platforms that pull a file do not follow redirects.
    is_redirected: bool | None = None
    # A JPEG file with several pictures (MPO).
    is_mpo: bool | None = None

    @property
    def known_bytes(self) -> int:
        """The size. Raises AssetSizeUnknownError."""
        if self.size_bytes is None:
            raise AssetSizeUnknownError
        return self.size_bytes

    @classmethod
    def from_asset(cls, asset: Mapping[str, Any]) -> Media:
        """From the JSON of a probed asset, or from that of a request."""
        return cls(
            kind=MediaKind(asset.get("kind", asset["asset_type"])),
            url=asset["url"],
            mime_type=asset["mime_type"],
            alt_text="" if asset.get("alt_text_left_out") else asset.get("alt_text") or "",
            **{name: asset.get(name) for name in MEASURES},
        )


# The measures that a probe of an asset reads.
MEASURES = (
    "size_bytes",
    "width",
    "height",
    "duration_s",
    "frame_rate",
    "is_redirected",
    "is_mpo",
)


@dataclass(frozen=True, kw_only=True)
class Post:
    text: str = ""
    media: tuple[Media, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def post_type(self) -> str:
        return str(self.options.get("post_type") or DEFAULT_POST_TYPE)
