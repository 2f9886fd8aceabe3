"""Facebook Pages."""

from __future__ import annotations

from socialpublishing.platforms.facebook.client import Facebook

__all__ = ["Facebook"]
