"""Pinterest."""

from __future__ import annotations

from socialpublishing.platforms.pinterest.client import Pinterest

__all__ = ["Pinterest"]
