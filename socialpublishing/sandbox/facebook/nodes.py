"""Reading: people, Pages, posts and photos, one by one or in lists that go on and on.

https://developers.facebook.com/docs/graph-api/reference/page
"""

import base64
import datetime as dt
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import HttpResponse
from django.utils.dateparse import parse_date, parse_datetime

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.facebook.fields import asked_fields, pick
from socialpublishing.sandbox.facebook.login import NAME, caller, page_token
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response, split_names
from socialpublishing.sandbox.state import Account, Media, Post, Token, as_time

EPOCH_MS = 1577836800000  # ours: ids of 18 digits, as Facebook's have
DEFAULT_LIMIT, MAX_LIMIT = 25, 100
ALL_TASKS = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE")


def read(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /{id}`, whatever the id names."""
    if _is_visitor(request):
        return cards.post_page(request, platform=NAME, post_id=node_id)
    token = caller(request)
    node, kind, usual = _node(request, token, node_id)
    return json_response(pick(node, asked_fields(request, kind, usual)))


def _is_visitor(request: SandboxRequest) -> bool:
    """A browser at the generic permalink `facebook.com/{page}_{post}`, a path of the API too."""
    wants_html = "text/html" in request.headers.get("Accept", "")
    return wants_html and not request.bearer and "access_token" not in request.params


def _node(request: SandboxRequest, token: Token, node_id: str) -> tuple[dict[str, Any], str, str]:
    """The node, its kind and the fields that are answered when none is asked for."""
    state = request.state
    account = token.account if node_id == "me" else state.account(NAME, node_id)
    if account is not None and account.owner_id:
        if account is not token.account and account.id not in token.grant.page_ids:
            raise EarlyResponse(missing_object("get", node_id))
        return page_node(request, token, account), "PAGE", "name,id"
    if account is not None and account is token.grant.account:
        return _user_node(request, account), "USER", "name,id"
    post = state.posts.get((NAME, node_id))
    if post and state.is_readable(post) and _can_see(token, post.account.id):
        return post_node(request, post), "POST", "created_time,message,id"
    photo = state.media.get((NAME, node_id))
    if photo and _can_see(token, photo.account_id) and photo.category == "video":
        # A fresh one is not to be seen at once.
        if state.now() < photo.created_at + state.setting("read_delay_seconds"):
            raise EarlyResponse(missing_object("get", node_id))
        return video_node(request, photo), "VIDEO", "updated_time,id"
    if photo and _can_see(token, photo.account_id):
        return _photo_node(request, photo), "PHOTO", "created_time,name,id"
    raise EarlyResponse(missing_object("get", node_id))


def _can_see(token: Token, page_id: str) -> bool:
    return page_id in (token.account.id, *token.grant.page_ids)


def accounts(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /me/accounts`: the Pages that the person ticked, with their tokens."""
    token = caller(request)
    if token.kind != "user" or node_id not in ("me", token.account.id):
        raise EarlyResponse(missing_object("get", node_id))
    scopes = token.grant.scopes
    pages = [
        page
        for page_id in token.grant.page_ids
        if (page := request.state.account(NAME, page_id))
        and "pages_show_list" in scopes
        and (not page.facts["business"] or "business_management" in scopes)
    ]
    usual = "access_token,category,category_list,name,id,tasks"
    asked = asked_fields(request, "PAGE", usual)
    return paged(
        request,
        [(page.id, page) for page in pages],
        lambda page: pick(page_node(request, token, page), asked),
    )


def listing(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`/{page}/published_posts`, `/posts` and `/feed`, which differ only where visitors post."""
    token = caller(request, "pages_read_engagement")
    page = token.account if node_id == "me" else request.state.account(NAME, node_id)
    if page is None or not page.owner_id or not _can_see(token, page.id):
        raise EarlyResponse(missing_object("get", node_id))
    since, until = time_of(request, "since"), time_of(request, "until")
    posts = [
        post
        for post in request.state.posts_of(page)
        if request.state.is_listed(post)
        and not post.facts.get("is_story")
        and (since is None or post.created_at >= since)
        and (until is None or post.created_at <= until)
    ]
    asked = asked_fields(request, "POST", "created_time,message,id")
    metrics = _metrics_in_fields(request, token) if "insights" in asked else ()

    def draw(post: Post) -> dict[str, Any]:
        node = post_node(request, post)
        if metrics:
            node["insights"] = _insights_of(request, post, metrics)
        return pick(node, asked)

    return paged(request, [(post.id, post) for post in posts], draw)


def paged(
    request: SandboxRequest, items: Iterable[tuple[str, Any]], draw: Callable[[Any], dict[str, Any]]
) -> HttpResponse:
    """One page of a list, and the address of the next one if there is more."""
    items = list(items)
    limit = str(request.params.get("limit", DEFAULT_LIMIT))
    if not limit.isdecimal() or int(limit) < 1:
        raise invalid("Param limit must be a positive number")
    size = min(int(limit), MAX_LIMIT)
    cursors = [_cursor(item_id) for item_id, _ in items]
    start = 0
    if after := request.params.get("after"):
        if after not in cursors:
            raise invalid("Invalid cursors values for the after cursor", subcode=None)
        start = cursors.index(after) + 1
    shown = items[start : start + size]
    response: dict[str, Any] = {"data": [draw(item) for _, item in shown]}
    if shown:
        last = start + len(shown) - 1
        response["paging"] = {"cursors": {"before": cursors[start], "after": cursors[last]}}
        if last + 1 < len(items):
            query = {**request.params, "limit": size, "after": cursors[last]}
            response["paging"]["next"] = f"{request.base_url}{request.path_info}?{urlencode(query)}"
    return json_response(response)


def _cursor(item_id: str) -> str:
    return base64.urlsafe_b64encode(item_id.encode()).decode().rstrip("=")


def time_of(request: SandboxRequest, name: str) -> float | None:
    """Epoch seconds, or an ISO date with or without a time."""
    value = str(request.params.get(name, ""))
    if not value:
        return None
    if value.isascii() and value.isdecimal() and len(value) < 12:
        return float(value)
    try:
        moment = parse_datetime(value)
        if moment is None and (day := parse_date(value)):
            moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    except ValueError:
        moment = None
    if moment is None:
        raise invalid(f"Param {name} is no time")
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC).timestamp()


# --- Nodes ---------------------------------------------------------------------------------------


def _user_node(request: SandboxRequest, person: Account) -> dict[str, Any]:
    first, _, last = person.name.partition(" ")
    return {
        "id": person.id,
        "name": person.name,
        "first_name": first,
        "last_name": last,
        "short_name": first,
        "picture": _avatar(request, person),
    }


def page_node(request: SandboxRequest, token: Token, page: Account) -> dict[str, Any]:
    node = {
        "id": page.id,
        "name": page.name,
        "category": page.facts["category"],
        "category_list": [{"id": "2201", "name": page.facts["category"]}],
        "tasks": list(page.facts["tasks"]),
        "picture": _avatar(request, page),
        "followers_count": 128,
        "fan_count": 128,
        "new_like_count": 0,
        "link": f"{request.base_url}/feed/{NAME}",
        "is_published": True,
        "verification_status": "not_verified",
        "has_transitioned_to_new_page_experience": True,
    }
    if page.username:  # a Page need not have one
        node["username"] = page.username
    if token.kind == "user":
        node["access_token"] = page_token(request.state, token, page).value
    elif token.account is page:
        node["access_token"] = token.value
    return node


def post_node(request: SandboxRequest, post: Post) -> dict[str, Any]:
    """What Facebook leaves out when it is empty is missing here too: message, shares, story."""
    url = _url(request, post)
    created = time_text(post.created_at)
    author = {"name": post.account.name, "id": post.account.id}
    link = post.facts.get("link")
    counted = metrics_of(post, request.state.now())
    node: dict[str, Any] = {
        "id": post.id,
        "created_time": created,
        "updated_time": created,
        "permalink_url": url,
        "status_type": "added_photos"
        if post.media
        else "shared_story"
        if link
        else "mobile_status_update",
        "is_published": post.is_public,
        "is_hidden": False,
        "is_expired": False,
        "from": author,
        "promotable_id": post.id,
        "comments": {
            "data": [],
            "summary": {
                "order": "ranked",
                "total_count": counted["comments"],
                "can_comment": True,
            },
        },
        "reactions": {
            "data": [],
            "summary": {"total_count": counted["likes"], "viewer_reaction": "NONE"},
        },
        "likes": {
            "data": [],
            "summary": {"total_count": counted["likes"], "can_like": True, "has_liked": False},
        },
    }
    if counted["shares"]:
        node["shares"] = {"count": counted["shares"]}
    if post.text:
        node["message"] = post.text
    if post.media:
        node["full_picture"] = _media_url(request, post.media[0])
        node["attachments"] = {"data": [_attachment(request, post, url)]}
    elif link:
        host = urlsplit(link).netloc
        node["attachments"] = {
            "data": [{"media_type": "link", "type": "share", "title": host, "url": link}]
        }
    return node


# https://developers.facebook.com/docs/graph-api/reference/insights: what is alive for a post.
METRICS = {
    "post_media_view": "impressions",
    "post_total_media_view_unique": "reach",
    "post_clicks": "clicks",
    "post_reactions_like_total": "likes",
}


def insights(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /{post}/insights`. One metric that is dead fails the whole call."""
    token = caller(request, "read_insights")
    post = request.state.posts.get((NAME, node_id))
    if post is None or not _can_see(token, post.account.id):
        raise EarlyResponse(missing_object("get", node_id))
    names = _checked_metrics(token, str(request.params.get("metric", "")))
    return json_response(_insights_of(request, post, names))


INSIGHTS_FIELD = re.compile(r"\binsights(?:\.metric\(([^()]*)\))?")


def _metrics_in_fields(request: SandboxRequest, token: Token) -> list[str]:
    """Of `fields=insights.metric(…)`, by which a list tells the insights of each post."""
    found = INSIGHTS_FIELD.search(str(request.params["fields"]))
    return _checked_metrics(token, (found and found[1]) or "")


def _checked_metrics(token: Token, asked: str) -> list[str]:
    if "read_insights" not in token.grant.scopes:
        raise EarlyResponse(graph_error(10, "(#10) This endpoint requires 'read_insights'"))
    if "ANALYZE" not in token.account.facts.get("tasks", ()):
        raise EarlyResponse(graph_error(200, "(#200) The task ANALYZE is needed on the Page"))
    if not asked:
        raise EarlyResponse(graph_error(3001, "Param metric is required", subcode=1504028))
    names = split_names(asked)
    if not METRICS.keys() >= set(names):
        raise invalid("The value must be a valid insights metric")
    return names


def _insights_of(request: SandboxRequest, post: Post, names: Iterable[str]) -> dict[str, Any]:
    counted = metrics_of(post, request.state.now())
    data = [
        {
            "name": name,
            "period": "lifetime",
            "values": [{"value": counted[METRICS[name]]}],
            "title": name,
            "description": "",
            "id": f"{post.id}/insights/{name}/lifetime",
        }
        for name in names
    ]
    return {"data": data}


def _attachment(request: SandboxRequest, post: Post, url: str) -> dict[str, Any]:
    photos = [
        {
            "media_type": "video" if photo.kind == "video" else "photo",
            "type": "video_inline" if photo.kind == "video" else "photo",
            "description": post.text,
            "media": {"image": _image(request, photo)},
            "target": {"id": photo.id, "url": url},
            "url": url,
        }
        for photo in post.media
    ]
    if len(photos) == 1:
        return photos[0]
    return {
        "media_type": "album",
        "type": "album",
        "media": photos[0]["media"],
        "target": {"id": post.id, "url": url},
        "title": f"Photos from {post.account.name}'s post",
        "url": url,
        "subattachments": {"data": photos},
    }


def _photo_node(request: SandboxRequest, photo: Media) -> dict[str, Any]:
    url = _media_url(request, photo)
    created = time_text(photo.created_at)
    node: dict[str, Any] = {
        "id": photo.id,
        "created_time": created,
        "updated_time": created,
        "images": [{**_image(request, photo), "source": url}],
        "picture": url,
        "link": url,
        "can_delete": True,
        "alt_text": "May be an image",
    }
    if photo.picture:
        node |= {"width": photo.picture.width, "height": photo.picture.height}
    if photo.alt_text:
        node |= {"alt_text": photo.alt_text, "alt_text_custom": photo.alt_text}
    if post := request.state.posts.get((NAME, photo.post_id)):
        node["page_story_id"] = post.id
        if post.text:
            node["name"] = post.text
    return node


def video_node(request: SandboxRequest, video: Media) -> dict[str, Any]:
    """The video as `GET /{video}` tells it, with how far it has come."""
    state = request.state
    is_ready = bool(video.post_id) and video.ready_at <= state.now()
    fault = video.facts.get("fault") if is_ready else None
    publish_status = video.facts.get("publish_status", "published")
    data: dict[str, Any] = {
        "id": video.id,
        "created_time": time_text(video.created_at),
        "updated_time": time_text(video.created_at),
        "published": is_ready and fault is None and publish_status == "published",
        "status": _video_status(request, video, is_ready=is_ready, fault=fault),
    }
    if post := state.posts.get((NAME, video.post_id)):
        data |= {"description": post.text} if post.text else {}
        # Of a reel without the host.
        is_reel = post.details.get("kind") == "reel"
        data["permalink_url"] = f"{post.path}/" if is_reel else _url(request, post)
        data["post_id"] = post.id.rpartition("_")[2]
    if video.movie:
        data["length"] = video.movie.duration_s
    return data


def _video_status(
    request: SandboxRequest, video: Media, *, is_ready: bool, fault: tuple[int, str] | None
) -> dict[str, Any]:
    """Meta's pages spell it in two ways: the setting says in which."""
    by_guide = request.state.setting("facebook_spelling") == "guide"
    complete = "complete" if by_guide else "completed"
    errors, transferred = ("errors", "bytes_transfered")
    if not by_guide:
        errors, transferred = ("error", "bytes_transferred")
    uploaded = complete if video.sha256 else "in_progress"
    processing: dict[str, Any] = {"status": complete if is_ready else "not_started"}
    publishing: dict[str, Any] = {"status": "not_started"}
    if fault:
        code, words = fault
        processing = {"status": "error", errors: [{"code": code, "message": words}]}
    elif is_ready:
        publish_status = video.facts.get("publish_status", "published")
        publishing = {"status": complete, "publish_status": publish_status}
    if not video.post_id:
        video_status = "upload_complete" if video.sha256 else "uploading"
    else:
        video_status = "error" if fault else "ready" if is_ready else "processing"
    return {
        "video_status": video_status,
        "uploading_phase": {"status": uploaded, transferred: received(video)},
        "processing_phase": processing,
        "publishing_phase": publishing,
    }


def received(video: Media) -> int:
    return video.size_bytes or sum(part.size for part in video.parts.values())


def _image(request: SandboxRequest, photo: Media) -> dict[str, Any]:
    picture = photo.picture
    size = {"height": picture.height, "width": picture.width} if picture else {}
    return {**size, "src": _media_url(request, photo)}


def _media_url(request: SandboxRequest, photo: Media) -> str:
    return f"{request.base_url}/media/{photo.sha256}"


def _avatar(request: SandboxRequest, account: Account) -> dict[str, Any]:
    url = f"{request.base_url}/avatars/{NAME}/{account.id}.svg"
    return {"data": {"url": url, "width": 400, "height": 400, "is_silhouette": False}}


def _url(request: SandboxRequest, post: Post) -> str:
    return f"{request.base_url}/{NAME}{post.path}"


def time_text(epoch_seconds: float) -> str:
    return as_time(epoch_seconds).strftime("%Y-%m-%dT%H:%M:%S+0000")
