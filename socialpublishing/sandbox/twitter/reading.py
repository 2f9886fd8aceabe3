"""Reading posts: by id, and the timeline of a user."""

import itertools

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.state import Account
from socialpublishing.sandbox.twitter.errors import (
    invalid_query,
    not_authorized_to_list,
    not_found,
)
from socialpublishing.sandbox.twitter.login import NAME, requires_token
from socialpublishing.sandbox.twitter.objects import posts_response
from socialpublishing.sandbox.twitter.parameters import (
    id_and_time_filter,
    is_id,
    page_meta,
    page_size,
    page_token,
    position_of,
    requested_values,
)

MAX_IDS = 100
MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS = 5, 10, 100


@requires_token("tweet.read", "users.read", limit=5000, is_public=True)
def posts_by_ids(request: SandboxRequest, account: Account | None) -> HttpResponse:
    ids = request.GET.get("ids", "").split(",")
    if not 1 <= len(ids) <= MAX_IDS or not all(map(is_id, ids)):
        return invalid_query("ids", ",".join(ids), f"a list of 1 to {MAX_IDS} ids")
    posts, errors = [], []
    for post_id in ids:
        post = request.state.posts.get((NAME, post_id))
        if post and request.state.is_readable(post):
            posts.append(post)
        else:
            errors.append(not_found("ids", post_id))
    return posts_response(request, account, posts, errors)


@requires_token("tweet.read", "users.read", limit=900, is_public=True)
def post_by_id(request: SandboxRequest, account: Account | None, post_id: str) -> HttpResponse:
    if not is_id(post_id):
        return invalid_query("id", post_id, "an id")
    post = request.state.posts.get((NAME, post_id))
    if post is None or not request.state.is_readable(post):
        return json_response({"errors": [not_found("id", post_id)]})
    return posts_response(request, account, [post], [], is_single=True)


@requires_token("tweet.read", "users.read", limit=900, is_public=True)
def timeline(request: SandboxRequest, account: Account | None, user_id: str) -> HttpResponse:
    owner = request.state.account(NAME, user_id)
    if owner is None:
        return json_response({"errors": [not_found("id", user_id, "user")]})
    if request.state.setting("twitter_own_posts") == "refused":
        return json_response({"errors": [not_authorized_to_list(user_id)]})
    size = page_size(request, MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS)
    excluded = requested_values(request, ("exclude",), frozenset(("replies", "retweets")))
    is_within = id_and_time_filter(request)
    page_end = _page_end(request)
    selected = (
        post
        for post in request.state.posts_of(owner)
        if request.state.is_listed(post)
        and is_within(post)
        and (page_end is None or int(post.id) < page_end)
        and not ("replies" in excluded and post.facts["replied_to"])
    )
    posts = list(itertools.islice(selected, size + 1))
    next_token = page_token(posts[size - 1].id) if len(posts) > size else None
    page = posts[:size]
    return posts_response(request, account, page, [], meta=page_meta(page, next_token))


def _page_end(request: SandboxRequest) -> int | None:
    token = request.GET.get("pagination_token")
    return None if token is None else position_of(token, "pagination_token")
