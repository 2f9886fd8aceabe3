"""What a user wants to say: text, media, and the options of one platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class MediaKind(StrEnum):
    IMAGE = "image"
    GIF = "gif"
    VIDEO = "video"


@dataclass(frozen=True, kw_only=True)
class Media:
    """One asset. Its `mime_type` and `size_bytes` are what it was found to be at accept."""

    kind: MediaKind
    url: str
    mime_type: str
    alt_text: str = ""
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Post:
    text: str = ""
    media: tuple[Media, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
