"""Organizations: the roles of a member, full records, and the lookup by ids.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-access-control-by-role
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-lookup-api
The words of the 403: https://github.com/PipedreamHQ/pipedream/issues/21823
"""

import re
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.linkedin.errors import denied, invalid, refusal
from socialpublishing.sandbox.linkedin.login import NAME, requires_token
from socialpublishing.sandbox.linkedin.paging import page
from socialpublishing.sandbox.linkedin.urns import urn_of
from socialpublishing.sandbox.state import Account, AuthorizationGrant

IDS = re.compile(r"List\((\d+(?:,\d+)*)\)")


@requires_token("rw_organization_admin", "r_organization_admin")
def roles(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    if request.GET.get("q") != "roleAssignee":
        raise invalid("ILLEGAL_ARGUMENT", "The finder is not supported.")
    role, state = request.GET.get("role"), request.GET.get("state")
    acls = [
        {
            "organization": urn_of(each),
            "role": each.facts["role"],
            "roleAssignee": urn_of(grant.account),
            "state": each.facts["state"],
        }
        for each in request.state.accounts(NAME, owner_id=grant.account.id)
        if role in (None, each.facts["role"]) and state in (None, each.facts["state"])
    ]
    return json_response(page(request, acls))


@requires_token("rw_organization_admin", "r_organization_admin")
def organization(
    request: SandboxRequest, grant: AuthorizationGrant, organization_id: str
) -> HttpResponse:
    """The full record, for administrators only."""
    account = request.state.account(NAME, organization_id)
    if account is None or not account.owner_id:
        return refusal(404)
    is_administrator = account.facts["role"] == "ADMINISTRATOR"
    if account.owner_id != grant.account.id or not (is_administrator and _is_approved(account)):
        raise denied(_admin_only(account))
    return json_response({**_public_fields(account), "localizedDescription": ""})


@requires_token("rw_organization_admin", "r_organization_admin")
def lookup(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """Several organizations at once, each with its own status."""
    if request.state.setting("linkedin_batches") == "off":
        raise denied("Not enough permissions to access: organizationsLookup.BATCH_GET")
    ids = IDS.fullmatch(request.GET.get("ids", ""))
    if ids is None:
        raise invalid("ILLEGAL_ARGUMENT", "The parameter ids is not a List(…) of numbers.")
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for number in ids[1].split(","):
        account = request.state.account(NAME, number)
        if account is None or not account.owner_id:
            errors[number] = {"status": 404, "message": "Could not find organization"}
        elif account.facts["lookup"] == "off":
            message = _admin_only(account)
            errors[number] = {"status": 403, "serviceErrorCode": 100, "message": message}
        else:
            results[number] = _public_fields(account)
    statuses = {number: each["status"] for number, each in errors.items()}
    statuses |= dict.fromkeys(results, 200)
    return json_response({"results": results, "statuses": statuses, "errors": errors})


def _is_approved(account: Account) -> bool:
    return bool(account.facts["state"] == "APPROVED")


def _admin_only(account: Account) -> str:
    return (
        f"Viewer don't have permission to the ADMIN_ONLY VisibilityReduction for {urn_of(account)}"
    )


def _public_fields(account: Account) -> dict[str, Any]:
    return {
        "id": int(account.id),
        "localizedName": account.name,
        "localizedWebsite": "",
        "vanityName": account.username,
    }
