"""The organizations that a member may post for.

…/community-management/organizations/organization-access-control-by-role and
organization-lookup-api, checked 2026-11-27: the full record of an organization is for its
administrators only (403 for all others), the lookup by ids returns the names to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from socialpublishing.errors import InsufficientPermissionsError, PlatformApiError
from socialpublishing.platforms.accounts import DestinationFacts
from socialpublishing.platforms.linkedin.errors import is_missing

if TYPE_CHECKING:
    from socialpublishing.platforms.linkedin.client import LinkedIn

# Members with one of these roles may post for an organization.
POSTING_ROLES = frozenset(
    {"ADMINISTRATOR", "CONTENT_ADMINISTRATOR", "DIRECT_SPONSORED_CONTENT_POSTER"}
)
# The member's roles in all states. One list of all roles is one request instead of three.
ROLES = "/rest/organizationAcls?q=roleAssignee"
BATCH = 50  # ids in one URL
MAX_SINGLE = 5  # records that are read one by one while a person waits


def destinations(client: LinkedIn) -> list[DestinationFacts]:
    """Each organization by itself: what LinkedIn does not return for one takes nothing away.

    Empty without rw_organization_admin: the member can post all the same.
    """
    try:
        roles = _roles(client)
    except InsufficientPermissionsError:
        return []
    urns = [urn for urn, acls in roles.items() if any(map(_may_post, acls))]
    return [
        DestinationFacts(
            id=urn,
            name=name,
            kind="organization",
            can_publish=True,
            profile={"display_name": name},
        )
        for urn, name in names(client, urns).items()
    ]


def _roles(client: LinkedIn) -> dict[str, list[Mapping[str, Any]]]:
    """The member's roles by organization."""
    roles: dict[str, list[Mapping[str, Any]]] = {}
    for page in client.pages(ROLES):
        for acl in page:
            # The name of the field differs between API versions.
            urn = acl.get("organization") or acl.get("organizationTarget")
            if isinstance(urn, str):
                roles.setdefault(urn, []).append(acl)
    return roles


def _may_post(acl: Mapping[str, Any]) -> bool:
    return acl.get("state", "APPROVED") == "APPROVED" and acl.get("role") in POSTING_ROLES


def names(client: LinkedIn, urns: Sequence[str]) -> dict[str, str]:
    """The names of organizations; the URN where LinkedIn returns none."""
    found: dict[str, str] = {}
    for start in range(0, len(urns), BATCH):
        found |= _looked_up(client, urns[start : start + BATCH])
    return {urn: found.get(urn) or urn for urn in urns}


def _looked_up(client: LinkedIn, urns: Sequence[str]) -> dict[str, str]:
    ids = {urn.rpartition(":")[2]: urn for urn in urns}
    # Not by `params`: the brackets of a Rest.li list are not encoded.
    path = f"/rest/organizationsLookup?ids=List({','.join(ids)})"
    try:
        response = client.http.get(path, headers={"X-RestLi-Method": "BATCH_GET"})
    except InsufficientPermissionsError:
        # Apps in the development tier may not read in batches.
        return {urn: _record_name(client, urn) for urn in urns[:MAX_SINGLE]}
    except PlatformApiError:
        return {}  # a name is for show alone
    results = response.get("results") if isinstance(response, dict) else None
    records = results.items() if isinstance(results, dict) else ()
    return {ids[number]: _name(record) for number, record in records if number in ids}


def _record_name(client: LinkedIn, urn: str) -> str:
    try:
        return _name(client.http.get(f"/rest/organizations/{urn.rpartition(':')[2]}"))
    except PlatformApiError:
        return ""


def _name(record: Any) -> str:
    name = record.get("localizedName") if isinstance(record, dict) else None
    return name if isinstance(name, str) else ""


def accepts_posts(client: LinkedIn) -> bool:
    """Does the organization, the client's account, accept posts of the member?

    Only its own refusal counts: a role that was taken, or that it no longer exists.
    """
    acls = _roles(client).get(client.author)
    if acls:
        return any(map(_may_post, acls))
    try:
        client.http.get(f"/rest/organizations/{client.author.rpartition(':')[2]}")
    except InsufficientPermissionsError:
        return True  # its full record is for administrators
    except PlatformApiError as error:
        if is_missing(error):
            return False
        raise
    return True
