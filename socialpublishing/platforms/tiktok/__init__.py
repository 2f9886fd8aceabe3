"""TikTok."""

from __future__ import annotations

from socialpublishing.platforms.tiktok.client import TikTok

__all__ = ["TikTok"]
