"""Scopes, codes and tokens, as far as the platforms agree on them."""

from collections.abc import Collection
from typing import Any

from socialpublishing.sandbox.state import AuthorizationGrant, Code, State, Token


def split_scopes(value: str) -> list[str]:
    """The scopes of an authorization request, with commas or spaces between them."""
    return value.replace(",", " ").split()


def scopes_of_new_account(
    fields: dict[str, Any], *, known: Collection[str], default: Collection[str]
) -> Collection[str]:
    """Raises ValueError for an unknown scope."""
    scopes: Collection[str] = fields.get("scopes", default)
    if unknown := set(scopes) - set(known):
        raise ValueError(f"Unknown scopes: {', '.join(sorted(unknown))}.")
    return scopes


def usable_code(state: State, platform: str, value: str, *, lifetime_s: float) -> Code | None:
    """The authorization code, unless it is unknown, used or expired."""
    code = state.codes.get(value)
    if code is None or code.is_used or code.grant.account.platform != platform:
        return None
    return code if state.now() < code.issued_at + lifetime_s else None


def live_token(state: State, platform: str, value: str, kind: str) -> Token | None:
    """The token of this kind, unless it is unknown, expired or revoked."""
    token = state.tokens.get(value)
    if token is None or token.kind != kind or token.account.platform != platform:
        return None
    return token if state.is_live(token) else None


def mint_token(
    state: State, grant: AuthorizationGrant, kind: str, value: str, lifetime_s: float
) -> str:
    """Store a token for the account of `grant` and return its value."""
    state.mint(kind, grant, value, lifetime_s=lifetime_s, account=grant.account)
    return value


def end_grant(state: State, platform: str, value: str) -> bool:
    """End the grant of the token `value`, with all its tokens. False: there is no such token."""
    token = state.tokens.get(value)
    if token is None or token.account.platform != platform:
        return False
    token.grant.has_ended = True
    return True


def count_call(
    state: State, account_id: str, group: str, *, limit: int, window_s: float
) -> tuple[int, float]:
    """Count a call. Returns how many calls remain, and when the window ends.

    The calls of a `group` share a limit. The count is for the headers only, no call is refused.
    So at least one call always remains: 0 would announce a refusal that does not come.
    """
    now = state.now()
    with state.lock:
        start, count = state.rates.get((account_id, group), (0.0, 0))
        if now >= start + window_s:
            start, count = now, 0
        state.rates[account_id, group] = start, count + 1
    return max(limit - count - 1, 1), start + window_s
