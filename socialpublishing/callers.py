"""Which user sends a request."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request


def user_id(request: Request) -> str:
    """The id in the caller's token, as config/auth verified it."""
    caller: Any = request.user
    verified: str = caller.user_id
    return verified
