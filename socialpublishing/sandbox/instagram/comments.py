"""Comments on media.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-media/comments,
read 2026-11-28.
"""

from django.http import HttpResponse

from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.facebook.fields import parse, pick
from socialpublishing.sandbox.facebook.paging import paged
from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.instagram.containers import EPOCH_MS
from socialpublishing.sandbox.instagram.login import NAME, authorized_token, own_account
from socialpublishing.sandbox.state import Comment, as_time

COMMENTS = ("instagram_business_manage_comments", "instagram_manage_comments")
MAX_LENGTH = 2200


def create(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request, *COMMENTS)
    state = request.state
    post = state.posts.get((NAME, node_id))
    if (
        post is None
        or own_account(request, token, post.account.id) is None
        or not state.is_readable(post)
    ):
        return missing_object("post", node_id)
    text = str(request.params.get("message") or "")
    if not text.strip() or len(text) > MAX_LENGTH:
        raise invalid("Invalid parameter: message")
    comment_id = f"179{state.new_id(EPOCH_MS)}"
    with state.lock:
        post.comments.append(
            Comment(id=comment_id, account=post.account, text=text, created_at=state.now())
        )
    if request.params.get("fields"):
        # As reported from production: the comment exists all the same.
        return graph_error(20, "(#20) The comment cannot be read", subcode=1772107)
    return json_response({"id": comment_id})


def listing(request: SandboxRequest, node_id: str) -> HttpResponse:
    """Newest first."""
    token = authorized_token(request, *COMMENTS)
    post = request.state.posts.get((NAME, node_id))
    if post is None or own_account(request, token, post.account.id) is None:
        return missing_object("get", node_id)
    requested = parse(str(request.params.get("fields") or "id,text,timestamp"))
    nodes = [
        {
            "id": each.id,
            "text": each.text,
            "timestamp": f"{as_time(each.created_at):%Y-%m-%dT%H:%M:%S}+0000",
            "username": each.account.username,
        }
        for each in reversed(request.state.listed_comments(post))
    ]
    return paged(
        request, [(each["id"], each) for each in nodes], lambda each: pick(each, requested)
    )
