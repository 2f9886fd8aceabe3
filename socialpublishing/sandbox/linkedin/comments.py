"""Comments: plain text, with scopes of their own.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api, read
2026-11-28.
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.linkedin.errors import denied, invalid
from socialpublishing.sandbox.linkedin.login import requires_token
from socialpublishing.sandbox.linkedin.paging import page
from socialpublishing.sandbox.linkedin.reading import post_not_found, readable_post
from socialpublishing.sandbox.linkedin.urns import EPOCH_MS, POSTING_ROLES, account_of, urn_of
from socialpublishing.sandbox.state import AuthorizationGrant, Comment, Post

MAX_LENGTH = 1250


@requires_token("w_member_social_feed", "w_organization_social_feed")
def create(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    body = request.json
    if not isinstance(body, dict) or body.get("object") != urn:
        raise invalid("ILLEGAL_ARGUMENT", "/object is not the post of the path.")
    text = text_of(request)
    if not text.strip() or len(text) > MAX_LENGTH:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/message/text is not 1 to 1,250 characters.")
    state = request.state
    post = readable_post(state, urn)
    if post is None:
        return post_not_found(urn)
    account = account_of(state, body.get("actor"))
    scope = "w_organization_social_feed" if account and account.owner_id else "w_member_social_feed"
    is_own = account is not None and grant.account.id in (account.id, account.owner_id)
    if account is None or not is_own or scope not in grant.scopes:
        raise denied("Field Value validation failed in REQUEST_BODY: processing fields [/actor]")
    if account.owner_id and account.facts["role"] not in POSTING_ROLES:
        raise denied("Field Value validation failed in REQUEST_BODY: processing fields [/actor]")
    comment = Comment(id=state.new_id(EPOCH_MS), account=account, text=text, created_at=state.now())
    with state.lock:
        post.comments.append(comment)
    response = json_response(_node(post, comment), 201)
    response.headers["x-restli-id"] = comment.id
    return response


@requires_token("r_organization_social_feed", "r_member_social_feed")
def listing(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    """Only of an organization: `r_member_social_feed` is given to nobody new."""
    post = readable_post(request.state, urn)
    if post is None:
        return post_not_found(urn)
    if post.account.owner_id != grant.account.id:
        raise denied("Not enough permissions to access: partnerApiSocialActions.GET")
    comments = request.state.listed_comments(post)
    return json_response(page(request, [_node(post, each) for each in comments]))


def text_of(request: SandboxRequest) -> str:
    body = request.json
    message = body.get("message") if isinstance(body, dict) else None
    return str(message.get("text") or "") if isinstance(message, dict) else ""


def _node(post: Post, comment: Comment) -> dict[str, Any]:
    actor = urn_of(comment.account)
    return {
        "actor": actor,
        "commentUrn": f"urn:li:comment:({post.id},{comment.id})",
        "created": {"actor": actor, "time": int(comment.created_at * 1000)},
        "id": comment.id,
        "message": {"attributes": [], "text": comment.text},
        "object": post.id,
    }
