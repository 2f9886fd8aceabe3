"""Publishing containers, and reading posts.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media
"""

import string
from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpResponse

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.facebook.fields import parse, pick
from socialpublishing.sandbox.facebook.paging import listed_posts, paged
from socialpublishing.sandbox.http import (
    EarlyResponse,
    SandboxRequest,
    json_response,
    split_names,
)
from socialpublishing.sandbox.instagram.containers import (
    DETAILS,
    EPOCH_MS,
    described,
    own_media,
    status_of,
)
from socialpublishing.sandbox.instagram.login import (
    BASIC,
    INSIGHTS,
    NAME,
    PUBLISH,
    authorized_token,
    is_facebook,
    own_account,
    token_and_account,
)
from socialpublishing.sandbox.state import Account, Media, Post, State, as_time

DAY_S = 86400
DELETE = "instagram_manage_contents"
CODE = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
MEDIA_FIELDS = (
    "alt_text", "caption", "children", "comments_count", "id", "is_ai_generated",
    "is_comment_enabled", "is_shared_to_feed", "like_count", "media_product_type", "media_type",
    "media_url", "owner", "permalink", "shortcode", "thumbnail_url", "timestamp", "username",
    "saved_count", "shares_count", "reposts_count",
)  # fmt: skip
# By product. Any other metric fails the request.
METRICS = {
    "FEED": ("views", "reach", "shares", "total_interactions", "reposts", "likes", "comments",
             "saved", "follows", "profile_visits", "profile_activity"),
    "REELS": ("views", "reach", "shares", "total_interactions", "reposts", "likes", "comments",
              "saved", "ig_reels_avg_watch_time", "ig_reels_video_view_total_time",
              "reels_skip_rate", "crossposted_views"),
    "STORY": ("views", "reach", "shares", "total_interactions", "reposts", "follows",
              "profile_visits", "profile_activity", "replies", "navigation", "link_clicks"),
}  # fmt: skip
# A list's `insights` always has these, whatever `insights.metric(…)` asks for.
EXPANDED = ("views", "reach", "shares", "total_interactions")
PRODUCTS = {"STORIES": "STORY", "REELS": "REELS"}


def publish(request: SandboxRequest, node_id: str) -> HttpResponse:
    _, account = token_and_account(request, node_id, *PUBLISH)
    state = request.state
    with state.lock:
        container = state.media.get((NAME, str(request.params.get("creation_id", ""))))
        if container is None or container.category != "container":
            return graph_error(24, "The requested resource does not exist", subcode=2207008)
        if container.account_id != account.id:
            return graph_error(24, "The requested resource does not exist", subcode=2207006)
        match status_of(state, container):
            case "PUBLISHED" if state.setting("instagram_republish") == "same":
                return json_response({"id": container.post_id})
            case "PUBLISHED":
                return graph_error(100, "(#100) The container is published already.")
            case "EXPIRED":
                return graph_error(24, "The media has expired", subcode=2207008)
            case "IN_PROGRESS":
                return graph_error(9007, "Media ID is not available", subcode=2207027)
            case "ERROR":
                return graph_error(
                    -1, "The container failed", subcode=int(container.facts["error"])
                )
        if usage(state, account) >= state.setting("instagram_quota"):
            message = "Application request limit reached"
            return graph_error(9, f"(#9) {message}", subcode=2207042)
        post = _post(state, account, container)
        state.add_post(post)
        container.post_id = post.id
    return json_response({"id": post.id})


def usage(state: State, account: Account) -> int:
    since = state.now() - DAY_S
    return sum(post.created_at > since and not post.is_planted for post in state.posts_of(account))


def _post(state: State, account: Account, container: Media) -> Post:
    params, kind = container.facts["params"], container.facts["kind"]
    product = PRODUCTS.get(kind, "FEED")
    post_id = state.new_id(EPOCH_MS)
    details = {name: params[name] for name in DETAILS if name in params}
    return Post(
        platform=NAME,
        id=post_id,
        account=account,
        text="" if product == "STORY" else params.get("caption", ""),
        created_at=state.now(),
        path=path_of(account, product, post_id),
        media=own_media(state, container),
        facts={
            "product": product,
            "is_carousel": kind == "CAROUSEL",
            "params": params,
            "details": details,
        },
        details={"media_product_type": product, **details},
    )


def path_of(account: Account, product: str, post_id: str) -> str:
    if product == "STORY":
        return f"/stories/{account.username}/{post_id}/"
    return f"/{'reel' if product == 'REELS' else 'p'}/{shortcode(post_id)}/"


def shortcode(post_id: str) -> str:
    """The id in base 64, as on Instagram."""
    number, code = int(post_id), ""
    while number:
        number, digit = divmod(number, len(CODE))
        code = CODE[digit] + code
    return code


def page_of_code(request: SandboxRequest, code: str) -> HttpResponse:
    number = 0
    for letter in code[:30]:
        if letter not in CODE:
            raise Http404
        number = number * len(CODE) + CODE.index(letter)
    return cards.post_page(request, platform=NAME, post_id=str(number))


def page_of_story(request: SandboxRequest, username: str, post_id: str) -> HttpResponse:
    return cards.post_page(request, platform=NAME, post_id=post_id)


def publishing_limit(request: SandboxRequest, node_id: str) -> HttpResponse:
    _, account = token_and_account(request, node_id, *BASIC)
    config = {"quota_total": int(request.state.setting("instagram_quota")), "quota_duration": DAY_S}
    node = {"config": config, "quota_usage": usage(request.state, account)}
    requested = parse(str(request.params.get("fields") or "quota_usage"))
    return json_response({"data": [pick(node, requested)]})


# --- Reading -------------------------------------------------------------------------------------


def listing(request: SandboxRequest, node_id: str) -> HttpResponse:
    return _listed(request, node_id, lambda post: post.facts["product"] != "STORY")


def stories(request: SandboxRequest, node_id: str) -> HttpResponse:
    since = request.state.now() - DAY_S

    def is_shown(post: Post) -> bool:
        return post.facts["product"] == "STORY" and post.created_at > since

    return _listed(request, node_id, is_shown)


def _listed(request: SandboxRequest, node_id: str, is_shown: Any) -> HttpResponse:
    _, account = token_and_account(request, node_id, *BASIC)
    posts = [post for post in listed_posts(request, account) if is_shown(post)]
    requested = requested_fields(request)

    def shown(post: Post) -> dict[str, Any]:
        if "insights" in requested:
            check_is_professional(post)
        return pick(media_node(request, post), requested)

    return paged(request, [(post.id, post) for post in posts], shown)


def check_is_professional(post: Post) -> None:
    """One old post fails the request for the insights of all."""
    if post.created_at < post.account.facts.get("professional_since", 0):
        raise EarlyResponse(
            graph_error(
                100,
                "Invalid parameter",
                subcode=2108006,
                user_title="Media posted before business account conversion",
                user_message="The media was posted before the most recent time that the user's "
                "account was converted to a business account from a personal account.",
            )
        )


def requested_fields(request: SandboxRequest) -> dict[str, Any]:
    requested = parse(str(request.params.get("fields") or "id"))
    for name in requested:
        if name not in (*MEDIA_FIELDS, "insights"):
            raise invalid(f"Tried accessing nonexisting field ({name})")
    return requested


def read(request: SandboxRequest, token: Any, post: Post) -> HttpResponse:
    if own_account(request, token, post.account.id) is None or not request.state.is_readable(post):
        return missing_object("get", post.id)
    return json_response(pick(media_node(request, post), requested_fields(request)))


def media_node(request: SandboxRequest, post: Post) -> dict[str, Any]:
    values = metrics_of(post, request.state.now())
    first, facts = post.media[0], post.facts
    kind = "VIDEO" if first.kind == "video" else "IMAGE"
    node: dict[str, Any] = {
        "id": post.id,
        "media_type": "CAROUSEL_ALBUM" if facts["is_carousel"] else kind,
        "media_product_type": facts["product"],
        "permalink": f"{request.base_url}/{NAME}{post.path}",
        "shortcode": shortcode(post.id),
        "timestamp": f"{as_time(post.created_at):%Y-%m-%dT%H:%M:%S}+0000",
        "username": post.account.username,
        "owner": {"id": post.account.id},
        "like_count": values["likes"],
        "comments_count": values["comments"],
        "is_comment_enabled": True,
        "media_url": f"{request.base_url}/media/{first.sha256}",
    }
    if post.text:
        node["caption"] = post.text
    if first.alt_text and not facts["is_carousel"]:
        node["alt_text"] = first.alt_text
    if facts["is_carousel"]:
        node["children"] = {"data": [{"id": each.id} for each in post.media]}
    node["insights"] = {"data": _metric_nodes(post, EXPANDED, values)}
    return node


def insights(request: SandboxRequest, token: Any, post: Post) -> HttpResponse:
    if own_account(request, token, post.account.id) is None:
        return missing_object("get", post.id)
    if not token.grant.scopes & set(INSIGHTS):
        message = f"(#10) Application does not have permission for this action: {INSIGHTS[0]}"
        return graph_error(10, message)
    check_is_professional(post)
    requested = split_names(request.params.get("metric")) or [""]
    known = METRICS[post.facts["product"]]
    for name in requested:
        if name not in known:
            raise invalid(f"metric[0] must be one of the following values: {', '.join(known)}")
    return json_response(
        {"data": _metric_nodes(post, requested, metrics_of(post, request.state.now()))}
    )


def _metric_nodes(
    post: Post, requested: Sequence[str], metrics: dict[str, int]
) -> list[dict[str, Any]]:
    values = {
        "views": metrics["views"],
        "reach": metrics["reach"],
        "shares": metrics["shares"],
        "likes": metrics["likes"],
        "comments": metrics["comments"],
        "saved": metrics["saves"],
        "total_interactions": sum(
            metrics[name] for name in ("likes", "comments", "shares", "saves")
        ),
    }
    return [
        {
            "name": name,
            "period": "lifetime",
            "values": [{"value": values.get(name, 0)}],
            "title": name.replace("_", " ").capitalize(),
            "description": "",
            "id": f"{post.id}/insights/{name}/lifetime",
        }
        for name in requested
    ]


def node(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /{id}`: a container or a post."""
    token = authorized_token(request, *BASIC)
    container = request.state.media.get((NAME, node_id))
    if container is not None and container.category == "container":
        if own_account(request, token, container.account_id) is None:
            return missing_object("get", node_id)
        match request.state.setting("instagram_containers"):
            case "missing":  # although the container can be published
                return missing_object("get", node_id)
            case "forbidden":
                return graph_error(10, "(#10) Application does not have permission for this action")
        requested = parse(str(request.params.get("fields") or "id"))
        return json_response(pick(described(request.state, container), requested))
    post = request.state.posts.get((NAME, node_id))
    return missing_object("get", node_id) if post is None else read(request, token, post)


def delete(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request)
    post = request.state.posts.get((NAME, node_id))
    is_gone = post is None or post.is_deleted
    if post is None or is_gone or own_account(request, token, post.account.id) is None:
        return missing_object("delete", node_id)
    if not is_facebook(token.grant):
        raise invalid("Unsupported delete request.")
    if DELETE not in token.grant.scopes:
        return graph_error(10, f"(#10) This endpoint requires the '{DELETE}' permission")
    request.state.delete(post)
    return json_response({"success": True, "deleted_id": post.id})


def text_of(request: SandboxRequest) -> str:
    """The caption of the container that the request publishes, or the text of a comment."""
    if request.method == "POST" and request.path_info.endswith("/comments"):
        return str(request.params.get("message") or "")
    if request.method != "POST" or not request.path_info.endswith("/media_publish"):
        return ""
    container = request.state.media.get((NAME, str(request.params.get("creation_id", ""))))
    return str(container.facts["params"].get("caption", "")) if container else ""


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    is_video = bool(media) and media[0].kind == "video"
    product = "REELS" if is_video and len(media) == 1 else "FEED"
    post_id = state.new_id(EPOCH_MS, at=created_at)
    return Post(
        platform=NAME,
        id=post_id,
        account=account,
        text=text,
        created_at=created_at,
        path=path_of(account, product, post_id),
        media=media,
        facts={"product": product, "is_carousel": len(media) > 1, "params": {}, "details": {}},
    )
