"""TikTok: one way to connect, the OAuth sign-in of a creator."""

from __future__ import annotations

from socialpublishing.platforms.tiktok.client import TikTok

__all__ = ["TikTok"]
