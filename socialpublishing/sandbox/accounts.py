"""Changes an account that exists: POST /control/accounts with its username."""

import dataclasses
from typing import Any

from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, State


def change_account(
    state: State, platform: Platform, account: Account, fields: dict[str, Any]
) -> dict[str, Any]:
    """Give `account` the named fields of a new one, and return what it is now.

    A field is a fact of the same name, or the accounts that it owns. Raises ValueError for a wrong
    value, and for a field that is neither.
    """
    scratch = State(seed=lambda _: None, known_settings=state.known_settings)
    scratch.settings = state.settings
    made = platform.make_account(scratch, fields)
    new = scratch.account(platform.name, made["account_id"])
    assert new is not None
    for name in fields.keys() - {"username"}:
        if name == "name":
            account.name = new.name
        elif name == "scopes":
            for token in state.tokens_of(account):
                token.grant.scopes = set(made["scopes"])
        elif name == platform.owned_accounts:
            owned = scratch.accounts(platform.name, owner_id=new.id)
            _replace_owned(state, account, owned)
        elif name in new.facts:
            account.facts[name] = _with_known_ids(account.facts.get(name), new.facts[name])
        else:
            raise ValueError(f"{name} cannot be changed.")
    return {"account_id": account.id, "username": account.username, "name": account.name}


def _replace_owned(state: State, owner: Account, wanted: list[Account]) -> None:
    """Accounts of the same name keep their ids."""
    before = {each.name: each for each in state.accounts(owner.platform, owner_id=owner.id)}
    for each in wanted:
        if known := before.pop(each.name, None):
            known.facts |= each.facts
        else:
            each.owner_id = owner.id
            state.add_account(each)
    for each in before.values():
        state.remove_account(each)


def _with_known_ids(old: Any, new: Any) -> Any:
    """Where facts are objects by their ids, such as boards, those of the same name keep theirs."""
    if not isinstance(old, dict) or not all(map(dataclasses.is_dataclass, old.values())):
        return new
    known = {each.name: each for each in old.values()}
    kept = [known.get(each.name, each) for each in new.values()]
    return {each.id: each for each in kept}
