"""X, named `twitter` in the API."""

from __future__ import annotations

from socialpublishing.platforms.twitter.client import Twitter

__all__ = ["Twitter"]
