"""URNs, LinkedIn's ids, and who may post as which author."""

from socialpublishing.sandbox.linkedin.errors import denied, invalid
from socialpublishing.sandbox.linkedin.login import NAME
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State

EPOCH_MS = 0
POSTING_ROLES = ("ADMINISTRATOR", "CONTENT_ADMINISTRATOR", "DIRECT_SPONSORED_CONTENT_POSTER")


def urn_of(account: Account) -> str:
    return f"urn:li:{'organization' if account.owner_id else 'person'}:{account.id}"


def account_of(state: State, urn: object) -> Account | None:
    if not isinstance(urn, str):
        return None
    prefix, _, account_id = urn.rpartition(":")
    account = state.account(NAME, account_id)
    return account if account is not None and urn_of(account).startswith(f"{prefix}:") else None


def author_of(
    state: State, grant: AuthorizationGrant, urn: object, field: str = "author"
) -> Account:
    """The account `urn`, if `grant` may post as it. `field` names it in errors.

    Raises EarlyResponse.
    """
    account = account_of(state, urn)
    if account is None and not (isinstance(urn, str) and urn.startswith("urn:li:")):
        raise invalid("INVALID_URN_TYPE", f"The value of /{field} is not a URN of an author.")
    not_allowed = denied(
        f"Field Value validation failed in REQUEST_BODY: processing fields [/{field}]"
    )
    if account is None:
        raise not_allowed
    if not account.owner_id:
        if account is not grant.account or "w_member_social" not in grant.scopes:
            raise not_allowed
        return account
    if "w_organization_social" not in grant.scopes:
        raise invalid(
            "ILLEGAL_ARGUMENT",
            "Organization permissions must be used when using organization as author",
        )
    is_own = account.owner_id == grant.account.id
    may_post = account.facts["role"] in POSTING_ROLES and account.facts["state"] == "APPROVED"
    if not is_own or not may_post:
        raise not_allowed
    return account
