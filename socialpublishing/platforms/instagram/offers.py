"""What an account may choose for a post right now: its quota, and stories only for businesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from socialpublishing.platforms.instagram.limits import CREATOR, POST_TYPES, POST_TYPES_OF_CREATORS
from socialpublishing.platforms.posting_options import Choice, PostingOptions, Remaining
from socialpublishing.platforms.progress import web_address


@dataclass(frozen=True, kw_only=True)
class Quota:
    """How many posts the account may publish in 24 hours, and how many it has published."""

    total: int
    used: int

    @property
    def left(self) -> int:
        return max(self.total - self.used, 0)

    @property
    def sentence(self) -> str:
        return f"Instagram publishes {self.total} posts of an account in 24 hours."


def read_quota(response: Any) -> Quota | None:
    """None if the response does not have it. The total differs: 50 or 100, by account."""
    items = response.get("data") if isinstance(response, dict) else None
    first = items[0] if isinstance(items, list) and items else None
    if not isinstance(first, dict):
        return None
    config, used = first.get("config"), first.get("quota_usage")
    total = config.get("quota_total") if isinstance(config, dict) else None
    return Quota(total=total, used=used) if type(total) is int and type(used) is int else None


def posting_options(account: Mapping[str, Any], quota: Quota | None) -> PostingOptions:
    is_creator = str(account.get("account_type") or "").lower() == CREATOR
    kinds = POST_TYPES_OF_CREATORS if is_creator else POST_TYPES
    is_used_up = quota is not None and quota.left == 0
    return PostingOptions(
        can_post=not is_used_up,
        reason=quota.sentence if quota is not None and is_used_up else "",
        display_name=str(account.get("username") or account.get("name") or ""),
        avatar_url=web_address(account.get("profile_picture_url")),
        choices={"post_type": [Choice(value=kind, label=kind.capitalize()) for kind in kinds]},
        # Instagram does not report when it ends: each post counts for 24 hours.
        remaining=Remaining(count=quota.left) if quota is not None else None,
    )
