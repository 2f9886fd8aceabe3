"""What real apps and accounts meet at X, chosen by settings and by fields of an account."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.state import Account, Setting, State
from socialpublishing.sandbox.twitter.errors import (
    blocked_by_edge,
    client_forbidden,
    problem,
    refusal,
    spend_cap_reached,
    usage_capped,
)

REFUSALS: Mapping[str, Callable[[], HttpResponse]] = {
    "credits": lambda: refusal(402),
    "spend_cap": spend_cap_reached,
    "usage_cap": usage_capped,
    "app_access": client_forbidden,
    "edge": blocked_by_edge,
}
# The words that X has for an account that may not post now, by the field `restriction`.
RESTRICTIONS: Mapping[str, tuple[int, str]] = {
    "automated": (
        226,
        "This request looks like it might be automated. To protect our users from spam and other"
        " malicious activity, we can't complete this action right now.",
    ),
    "locked": (
        326,
        "To protect our users from spam and other malicious activity, this account is temporarily"
        " locked. Please log in to https://x.com to unlock your account.",
    ),
    "suspended": (
        64,
        "Your account is suspended and is not permitted to access this feature.",
    ),
    "not_permitted": (0, "Your account is not permitted to access this feature."),
    "daily_limit": (185, "User is over daily status update limit."),
}
SETTINGS: Mapping[str, Setting] = {
    # The whole app is refused in this way, and again accepted so long after the first refusal.
    "twitter_refusal": ("none", ("none", *REFUSALS)),
    "twitter_refusal_seconds": (0, 30 * 86400.0),  # 0: until the setting changes
    "twitter_reply_delay_seconds": (0, 86400.0),  # until a new post can be replied to
    "twitter_own_posts": ("listed", ("listed", "refused")),
    "twitter_processing": ("ends", ("ends", "stands_still", "error_in_progress")),
    "twitter_alt_text": ("stored", ("stored", "refused")),
}


def refused_app(state: State) -> HttpResponse | None:
    """The refusal of our app that the settings ask for, until it has healed."""
    key = ("", "twitter_refusal")
    chosen = state.setting("twitter_refusal")
    if chosen == "none":
        state.rates.pop(key, None)
        return None
    since, _ = state.rates.setdefault(key, (state.now(), 0))
    lasts_s = state.setting("twitter_refusal_seconds")
    has_healed = lasts_s and state.now() >= since + lasts_s
    return None if has_healed else REFUSALS[chosen]()


def refused_account(account: Account) -> HttpResponse | None:
    restriction = account.facts.get("restriction", "none")
    if restriction == "none":
        return None
    code, words = RESTRICTIONS[restriction]
    more: dict[str, Any] = {"errors": [{"code": code, "message": words}]} if code else {}
    return problem(403, words, **more)


def invisible_target() -> HttpResponse:
    return problem(403, "You attempted to reply to a Tweet that is deleted or not visible to you.")
