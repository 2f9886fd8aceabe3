"""Reading people, Pages, posts, photos and videos, one by one or in lists.

https://developers.facebook.com/docs/graph-api/reference/page
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.facebook.errors import missing_object
from socialpublishing.sandbox.facebook.fields import pick, requested_fields
from socialpublishing.sandbox.facebook.insights import insights_of, metrics_in_fields
from socialpublishing.sandbox.facebook.login import NAME, authorized_token, can_see, check_access
from socialpublishing.sandbox.facebook.nodes import (
    page_node,
    photo_node,
    post_node,
    user_node,
    video_node,
)
from socialpublishing.sandbox.facebook.paging import listed_posts, paged
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Post, Token


def read(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /{id}` of any kind of node."""
    if _is_browser(request):
        return cards.post_page(request, platform=NAME, post_id=node_id)
    if node_id == "me":
        check_access(request.state)
    token = authorized_token(request)
    node, kind, usual = _node(request, token, node_id)
    return json_response(pick(node, requested_fields(request, kind, usual)))


def _is_browser(request: SandboxRequest) -> bool:
    """The permalink `facebook.com/{page}_{post}` has the same path as the API's node."""
    wants_html = "text/html" in request.headers.get("Accept", "")
    return wants_html and not request.bearer and "access_token" not in request.params


def _node(request: SandboxRequest, token: Token, node_id: str) -> tuple[dict[str, Any], str, str]:
    """The node, its kind and its default fields."""
    state = request.state
    account = token.account if node_id == "me" else state.account(NAME, node_id)
    if account is not None and account.owner_id:
        if account is not token.account and account.id not in token.grant.page_ids:
            raise EarlyResponse(missing_object("get", node_id))
        return page_node(request, token, account), "PAGE", "name,id"
    if account is not None and account is token.grant.account:
        return user_node(request, account), "USER", "name,id"
    post = state.posts.get((NAME, node_id))
    if post and state.is_readable(post) and can_see(token, post.account.id):
        return post_node(request, post), "POST", "created_time,message,id"
    photo = state.media.get((NAME, node_id))
    if photo and can_see(token, photo.account_id) and photo.category == "video":
        # A new video cannot be read at once.
        is_too_new = state.now() < photo.created_at + state.setting("read_delay_seconds")
        is_hidden = not photo.post_id and (
            state.setting("facebook_video_readable") == "when_published"
        )
        if is_too_new or is_hidden:
            raise EarlyResponse(missing_object("get", node_id))
        return video_node(request, photo), "VIDEO", "updated_time,id"
    if photo and can_see(token, photo.account_id):
        return photo_node(request, photo), "PHOTO", "created_time,name,id"
    raise EarlyResponse(missing_object("get", node_id))


def accounts(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /me/accounts`: the Pages that the person selected, with their tokens."""
    token = authorized_token(request)
    if token.kind != "user" or node_id not in ("me", token.account.id):
        raise EarlyResponse(missing_object("get", node_id))
    scopes = token.grant.scopes
    pages = [
        page
        for page_id in token.grant.page_ids
        if (page := request.state.account(NAME, page_id))
        and "pages_show_list" in scopes
        and page.facts["listed"] == "accounts"
        and (not page.facts["business"] or "business_management" in scopes)
    ]
    usual = "access_token,category,category_list,name,id,tasks"
    requested = requested_fields(request, "PAGE", usual)
    return paged(
        request,
        [(page.id, page) for page in pages],
        lambda page: pick(page_node(request, token, page), requested),
    )


def listing(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`/{page}/published_posts`, `/posts` and `/feed`: only visitors' posts would differ."""
    token = authorized_token(request, "pages_read_engagement")
    page = token.account if node_id == "me" else request.state.account(NAME, node_id)
    if page is None or not page.owner_id or not can_see(token, page.id):
        raise EarlyResponse(missing_object("get", node_id))
    posts = [post for post in listed_posts(request, page) if not post.facts.get("is_story")]
    requested = requested_fields(request, "POST", "created_time,message,id")
    metrics = metrics_in_fields(request, token) if "insights" in requested else ()

    def shown_node(post: Post) -> dict[str, Any]:
        node = post_node(request, post)
        if metrics:
            node["insights"] = insights_of(request, post, metrics)
        return pick(node, requested)

    return paged(request, [(post.id, post) for post in posts], shown_node)
