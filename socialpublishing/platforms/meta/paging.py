"""Lists of the Graph API: https://developers.facebook.com/docs/graph-api/results."""

from __future__ import annotations

from typing import Any


def following_params(params: dict[str, str], response: Any) -> dict[str, str] | None:
    """The parameters of the request for the next page; None after the last one."""
    paging = response.get("paging", {})
    return {**params, "after": paging["cursors"]["after"]} if "next" in paging else None
