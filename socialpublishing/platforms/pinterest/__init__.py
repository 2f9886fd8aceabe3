"""Pinterest: one way to connect, the OAuth sign-in of an account."""

from __future__ import annotations

from socialpublishing.platforms.pinterest.client import Pinterest

__all__ = ["Pinterest"]
