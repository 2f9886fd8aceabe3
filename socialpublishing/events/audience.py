"""Whom an event about a platform concerns. The app of the connections sets this at start."""

from __future__ import annotations

from collections.abc import Callable

# The platforms at which a user has an active connection.
platforms_of: Callable[[str], set[str]] = lambda user_id: set()  # noqa: E731
