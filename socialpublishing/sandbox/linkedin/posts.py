"""Making, reading, changing and deleting posts.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.linkedin import little_text
from socialpublishing.sandbox.linkedin.assets import usable
from socialpublishing.sandbox.linkedin.errors import denied, error, input_error, invalid
from socialpublishing.sandbox.linkedin.login import NAME, call
from socialpublishing.sandbox.linkedin.urns import EPOCH_MS, account_of, author_of, urn_of
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Media, Post, State

MAX_COMMENTARY = 3000
MAX_ALT_TEXT = 4086
DUPLICATES_FOR_S = 600
VISIBILITIES = ("PUBLIC", "CONNECTIONS", "LOGGED_IN", "CONTAINER")
FEEDS = ("MAIN_FEED", "NONE", "NOTHING")
DURATIONS = ("ONE_DAY", "THREE_DAYS", "SEVEN_DAYS", "FOURTEEN_DAYS")
ARTICLE = ("source", "title", "description")
IDS = re.compile(r"List\((.+)\)")
MAX_PAGE = 100


@call("w_member_social", "w_organization_social")
def create(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = request.json
    if not isinstance(body, dict):
        raise invalid("ILLEGAL_ARGUMENT", "The body is not a JSON object.")
    _demand(body)
    state = request.state
    author = author_of(state, grant, body["author"])
    if len(body["commentary"]) > MAX_COMMENTARY:
        raise invalid(
            "FIELD_LENGTH_TOO_LONG",
            f"ShareCommentary text length ({len(body['commentary'])} characters) exceeded the "
            f"maximum allowed ({MAX_COMMENTARY} characters)",
        )
    text, kept = little_text.read(body["commentary"])
    shape, inner = _shape(body.get("content"))
    media, details = _shown(state, grant, body["author"], shape, inner)
    if not text.strip() and not shape and "reshareContext" not in body:
        raise invalid("MISSING_FIELD", "A post needs commentary or content.")
    with state.lock:
        sign = (text, tuple(each.id for each in media), shape if not media else "")
        if twin := _twin(state, author, sign):
            return input_error("DUPLICATE_POST", f"Content is a duplicate of {twin.id}")
        kind = "share" if shape in ("", "article") or _is_one_image(shape, media) else "ugcPost"
        urn = f"urn:li:{kind}:{state.new_id(EPOCH_MS)}"
        post = Post(
            platform=NAME,
            id=urn,
            account=author,
            text=text,
            created_at=state.now(),
            path=f"/feed/update/{urn}/",
            media=media,
            facts={
                "commentary": kept,
                "visibility": body["visibility"],
                "content": body.get("content"),
                "sign": sign,
                "link": inner.get("source") if shape == "article" else None,
                **details,
            },
            details={
                "author": body["author"],
                "visibility": body["visibility"],
                "isReshareDisabledByAuthor": body.get("isReshareDisabledByAuthor", False),
                **details,
            },
        )
        state.add_post(post)
    return HttpResponse(status=201, headers={"x-restli-id": urn, "x-linkedin-id": urn})


def _is_one_image(shape: str, media: tuple[Media, ...]) -> bool:
    return shape == "media" and media[0].category == "image"


def _demand(body: Mapping[str, Any]) -> None:
    for name in ("author", "commentary", "visibility", "distribution", "lifecycleState"):
        if name not in body:
            raise invalid("MISSING_FIELD", f"ERROR :: /{name} :: field is required but not found")
    if not isinstance(body["commentary"], str):
        raise invalid("INVALID_VALUE_FOR_FIELD", "/commentary is not a string.")
    if body["visibility"] not in VISIBILITIES:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/visibility is not an enum symbol.")
    if body["lifecycleState"] != "PUBLISHED":
        raise invalid("INVALID_VALUE_FOR_FIELD", "/lifecycleState has to be PUBLISHED.")
    distribution = body["distribution"]
    if not isinstance(distribution, dict) or distribution.get("feedDistribution") not in FEEDS:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/distribution/feedDistribution is no symbol.")


def _shape(content: object) -> tuple[str, dict[str, Any]]:
    if content is None:
        return "", {}
    if not isinstance(content, dict) or len(content) != 1:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/content is a union of exactly one member.")
    [(shape, inner)] = content.items()
    if shape not in ("media", "multiImage", "article", "poll") or not isinstance(inner, dict):
        raise invalid("INVALID_VALUE_FOR_FIELD", f"/content/{shape} is not a member of the union.")
    return shape, inner


def _shown(
    state: State, grant: AuthorizationGrant, author: str, shape: str, inner: dict[str, Any]
) -> tuple[tuple[Media, ...], dict[str, Any]]:
    """What the post shows, and what is worth telling of it. Raises Answered."""
    match shape:
        case "media":
            media = usable(state, grant, inner.get("id"), author, "image", "video", "document")
            title = inner.get("title")
            if media.category == "document" and not title:
                raise invalid("MISSING_FIELD", "/content/media/title is required for documents.")
            return (_with_alt_text(media, inner),), {"title": title} if title else {}
        case "multiImage":
            images = inner.get("images")
            if not isinstance(images, list) or not 2 <= len(images) <= 20:
                raise invalid("INVALID_VALUE_FOR_FIELD", "/content/multiImage has 2 to 20 images.")
            found = []
            for image in images:
                media = usable(state, grant, image.get("id"), author, "image")
                found.append(_with_alt_text(media, image))
            return tuple(found), {}
        case "article":
            if not str(inner.get("source", "")).startswith(("https://", "http://")):
                raise invalid("MISSING_FIELD", "/content/article/source is required.")
            if not inner.get("title"):
                raise invalid("MISSING_FIELD", "/content/article/title is required.")
            thumbnail: tuple[Media, ...] = ()
            if "thumbnail" in inner:
                thumbnail = (usable(state, grant, inner["thumbnail"], author, "image"),)
            data = {
                name: inner[name] for name in ("source", "title", "description") if name in inner
            }
            return thumbnail, {"article": data}
        case "poll":
            return (), {"poll": _poll(inner)}
    return (), {}


def _with_alt_text(media: Media, data: Mapping[str, Any]) -> Media:
    """The same image may be shown by two posts, with an alt text each."""
    alt_text = data.get("altText", "")
    if not isinstance(alt_text, str) or len(alt_text) > MAX_ALT_TEXT:
        raise invalid("FIELD_LENGTH_TOO_LONG", "altText is too long.")
    return dataclasses.replace(media, alt_text=alt_text)


def _poll(inner: dict[str, Any]) -> dict[str, Any]:
    question, settings = inner.get("question"), inner.get("settings")
    options = [each.get("text") for each in inner.get("options", []) if isinstance(each, dict)]
    if not isinstance(question, str) or not 0 < len(question) <= 140:
        raise invalid("FIELD_LENGTH_TOO_LONG", "/content/poll/question has 1 to 140 characters.")
    if not 2 <= len(options) <= 4 or not all(
        isinstance(each, str) and 0 < len(each) <= 30 for each in options
    ):
        raise invalid("INVALID_VALUE_FOR_FIELD", "/content/poll has 2 to 4 options of 1 to 30.")
    duration = settings.get("duration") if isinstance(settings, dict) else None
    if duration not in DURATIONS:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/content/poll/settings/duration is no symbol.")
    return {"question": question, "options": options, "duration": duration}


def _twin(state: State, author: Account, sign: tuple[Any, ...]) -> Post | None:
    """The same post of the last minutes. Of deleted ones only with `linkedin_ghosts`."""
    counts_deleted = state.setting("linkedin_ghosts") == "on"
    for post in state.posts_of(author):
        if post.created_at < state.now() - DUPLICATES_FOR_S:
            return None
        if post.facts.get("sign") == sign and (counts_deleted or not post.is_deleted):
            return post
    return None


def text_of(request: SandboxRequest) -> str:
    if request.method != "POST" or request.path_info != f"/{NAME}/rest/posts":
        return ""
    body = request.json
    return str(body.get("commentary") or "") if isinstance(body, dict) else ""


# --- Reading -------------------------------------------------------------------------------------


@call("r_organization_social", "r_member_social", "w_member_social", "w_organization_social")
def listed(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """By author; or, with `ids=List(…)`, those of these URNs (BATCH_GET)."""
    if wanted := IDS.fullmatch(request.GET.get("ids", "")):
        return _batch(request, grant, wanted[1].split(","))
    if request.GET.get("q") != "author":
        raise invalid("ILLEGAL_ARGUMENT", "The finder is not supported.")
    author = _readable(request.state, grant, request.GET.get("author"))
    if request.GET.get("sortBy", "LAST_MODIFIED") not in ("LAST_MODIFIED", "CREATED"):
        raise invalid("ILLEGAL_ARGUMENT", "sortBy is not an enum symbol.")
    posts = [post for post in request.state.posts_of(author) if request.state.is_listed(post)]
    return json_response(page(request, [described(request, post) for post in posts]))


def _batch(request: SandboxRequest, grant: AuthorizationGrant, urns: list[str]) -> HttpResponse:
    results = {}
    for urn in urns:
        if post := _find(request, urn):
            _readable(request.state, grant, urn_of(post.account))
            results[urn] = described(request, post)
    statuses = {urn: 200 if urn in results else 404 for urn in urns}
    return json_response({"results": results, "statuses": statuses, "errors": {}})


def page(request: SandboxRequest, elements: list[Any]) -> dict[str, Any]:
    start, count = _number(request, "start", 0), min(_number(request, "count", 10), MAX_PAGE)
    links = []
    if start + count < len(elements):
        query = urlencode({**request.GET.dict(), "start": start + count, "count": count})
        href = f"{request.path_info.removeprefix(f'/{NAME}')}?{query}"
        links.append({"type": "application/json", "rel": "next", "href": href})
    return {
        "paging": {"start": start, "count": count, "links": links, "total": len(elements)},
        "elements": elements[start : start + count],
    }


def _number(request: SandboxRequest, name: str, default: int) -> int:
    given = request.GET.get(name, str(default))
    if not given.isascii() or not given.isdecimal() or len(given) > 9:
        raise invalid("ILLEGAL_ARGUMENT", f"{name} is not a number.")
    return int(given)


def _readable(state: State, grant: AuthorizationGrant, urn: object) -> Account:
    """Whose posts may be read: those of one's organizations. Raises Answered."""
    account = account_of(state, urn)
    if account is None:
        raise invalid("INVALID_URN_ID", "The author is not a URN that we know.")
    scope = "r_organization_social" if account.owner_id else "r_member_social"
    is_own = grant.account.id in (account.id, account.owner_id)
    if scope not in grant.scopes or not is_own:
        raise denied("Not enough permissions to access: partnerApiPostsExternal.FINDER-author")
    return account


@call()
def one(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    post = _find(request, urn)
    if post is None:
        return error(404, "NOT_FOUND", f"Could not find entity {urn}")
    _readable(request.state, grant, urn_of(post.account))
    return json_response(described(request, post))


def _find(request: SandboxRequest, urn: str) -> Post | None:
    post = request.state.posts.get((NAME, urn))
    return post if post is not None and request.state.is_readable(post) else None


@call("w_member_social", "w_organization_social")
def update(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    post = _find(request, urn)
    if post is None:
        return error(404, "NOT_FOUND", f"Could not find entity {urn}")
    author_of(request.state, grant, urn_of(post.account))
    if request.headers.get("X-RestLi-Method", "").upper() != "PARTIAL_UPDATE":
        raise invalid("ILLEGAL_ARGUMENT", "X-RestLi-Method is not PARTIAL_UPDATE.")
    body = request.json
    patch = body.get("patch") if isinstance(body, dict) else None
    changed = patch.get("$set") if isinstance(patch, dict) else None
    if not isinstance(changed, dict) or set(changed) != {"commentary"}:
        raise invalid("INVALID_VALUE_FOR_FIELD", "Only /commentary can be changed here.")
    post.text, post.facts["commentary"] = little_text.read(str(changed["commentary"]))
    return HttpResponse(status=204)


@call("w_member_social", "w_organization_social")
def delete(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    """Also of what is gone already."""
    post = request.state.posts.get((NAME, urn))
    if post is not None:
        author_of(request.state, grant, urn_of(post.account))
        post.is_deleted = True
    return HttpResponse(status=204)


def described(request: SandboxRequest, post: Post) -> dict[str, Any]:
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


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    kind = "share" if all(each.kind == "image" for each in media) else "ugcPost"
    content: dict[str, Any] | None = None
    for number, each in enumerate(media):
        category = each.kind if each.kind in ("video", "document") else "image"
        urn = f"urn:li:{category}:D4E{number}AQ{state.new_id(EPOCH_MS, at=created_at)}"
        each.category, each.id = category, urn
    if len(media) == 1:
        content = {"media": {"id": media[0].id}}
    elif media:
        content = {"multiImage": {"images": [{"id": each.id} for each in media]}}
    urn = f"urn:li:{kind}:{state.new_id(EPOCH_MS, at=created_at)}"
    return Post(
        platform=NAME,
        id=urn,
        account=account,
        text=text,
        created_at=created_at,
        path=f"/feed/update/{urn}/",
        media=media,
        facts={
            "commentary": little_text.written(text),
            "visibility": "PUBLIC",
            "content": content,
        },
    )
