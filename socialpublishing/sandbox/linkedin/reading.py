"""Reading posts: by URN, several at once, and by author.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api
"""

import re
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.linkedin.errors import denied, error, invalid
from socialpublishing.sandbox.linkedin.login import NAME, requires_token
from socialpublishing.sandbox.linkedin.paging import page
from socialpublishing.sandbox.linkedin.urns import account_of, urn_of
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Post, State

IDS = re.compile(r"List\((.+)\)")


@requires_token(
    "r_organization_social", "r_member_social", "w_member_social", "w_organization_social"
)
def posts(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """The posts of an author; or, with `ids=List(…)`, those with these URNs (BATCH_GET)."""
    if ids := IDS.fullmatch(request.GET.get("ids", "")):
        return _batch(request, grant, ids[1].split(","))
    if request.GET.get("q") != "author":
        raise invalid("ILLEGAL_ARGUMENT", "The finder is not supported.")
    author = _readable_author(request.state, grant, request.GET.get("author"))
    if request.GET.get("sortBy", "LAST_MODIFIED") not in ("LAST_MODIFIED", "CREATED"):
        raise invalid("ILLEGAL_ARGUMENT", "sortBy is not an enum symbol.")
    listed = [post for post in request.state.posts_of(author) if request.state.is_listed(post)]
    return json_response(page(request, [_post_object(post) for post in listed]))


def _batch(request: SandboxRequest, grant: AuthorizationGrant, urns: list[str]) -> HttpResponse:
    results = {}
    for urn in urns:
        if post := readable_post(request.state, urn):
            _readable_author(request.state, grant, urn_of(post.account))
            results[urn] = _post_object(post)
    statuses = {urn: 200 if urn in results else 404 for urn in urns}
    return json_response({"results": results, "statuses": statuses, "errors": {}})


def _readable_author(state: State, grant: AuthorizationGrant, urn: object) -> Account:
    """The account `urn`, if `grant` may read its posts. Raises EarlyResponse."""
    account = account_of(state, urn)
    if account is None:
        raise invalid("INVALID_URN_ID", "The author is not a URN that we know.")
    scope = "r_organization_social" if account.owner_id else "r_member_social"
    is_own = grant.account.id in (account.id, account.owner_id)
    if scope not in grant.scopes or not is_own:
        raise denied("Not enough permissions to access: partnerApiPostsExternal.FINDER-author")
    return account


@requires_token()
def post(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    found = readable_post(request.state, urn)
    if found is None:
        return post_not_found(urn)
    _readable_author(request.state, grant, urn_of(found.account))
    return json_response(_post_object(found))


def readable_post(state: State, urn: str) -> Post | None:
    found = state.posts.get((NAME, urn))
    return found if found is not None and state.is_readable(found) else None


def post_not_found(urn: str) -> HttpResponse:
    return error(404, "NOT_FOUND", f"Could not find entity {urn}")


def _post_object(post: Post) -> dict[str, Any]:
    at = int(post.created_at * 1000)
    data = {
        "id": post.id,
        "author": urn_of(post.account),
        "commentary": post.facts["commentary"],
        "visibility": post.facts["visibility"],
        "lifecycleState": "PUBLISHED",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "isReshareDisabledByAuthor": False,
        "createdAt": at,
        "publishedAt": at,
        "lastModifiedAt": at,
    }
    if post.facts["content"] is not None:
        data["content"] = post.facts["content"]
    return data
