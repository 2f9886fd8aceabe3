"""Comments on posts, for Facebook and Instagram: `/{post}/comments`.

https://developers.facebook.com/docs/graph-api/reference/object/comments, read 2026-11-28.
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.facebook.errors import invalid, missing_object
from socialpublishing.sandbox.facebook.fields import parse, pick
from socialpublishing.sandbox.facebook.login import NAME, authorized_token, can_see
from socialpublishing.sandbox.facebook.nodes import EPOCH_MS, time_text
from socialpublishing.sandbox.facebook.paging import paged
from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.state import Comment, Post

MAX_LENGTH = 8000


def create(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request, "pages_manage_engagement")
    post = _post(request, node_id)
    if post is None or token.account is not post.account or post.facts.get("is_story"):
        return missing_object("post", node_id)
    text = str(request.params.get("message") or "")
    if not text.strip() or len(text) > MAX_LENGTH:
        raise invalid("Invalid parameter: message")
    state = request.state
    comment_id = f"{post.id.rpartition('_')[2]}_{state.new_id(EPOCH_MS)}"
    with state.lock:
        post.comments.append(
            Comment(id=comment_id, account=post.account, text=text, created_at=state.now())
        )
    return json_response({"id": comment_id})


def listing(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request, "pages_read_engagement")
    post = _post(request, node_id)
    if post is None or not can_see(token, post.account.id):
        return missing_object("get", node_id)
    requested = parse(str(request.params.get("fields") or "created_time,from,message,id"))
    comments = request.state.listed_comments(post)
    if request.params.get("order") == "reverse_chronological":
        comments = comments[::-1]
    return paged(
        request, [(each.id, each) for each in comments], lambda each: pick(node(each), requested)
    )


def node(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "created_time": time_text(comment.created_at),
        "from": {"id": comment.account.id, "name": comment.account.name},
        "message": comment.text,
    }


def _post(request: SandboxRequest, node_id: str) -> Post | None:
    post = request.state.posts.get((NAME, node_id))
    return post if post and request.state.is_readable(post) else None
