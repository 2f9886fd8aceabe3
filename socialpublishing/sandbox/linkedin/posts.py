"""Creating, changing and deleting posts.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.linkedin import comments, little_text
from socialpublishing.sandbox.linkedin.content import content_member, read_content
from socialpublishing.sandbox.linkedin.errors import input_error, invalid
from socialpublishing.sandbox.linkedin.login import NAME, requires_token
from socialpublishing.sandbox.linkedin.reading import post_not_found, readable_post
from socialpublishing.sandbox.linkedin.urns import EPOCH_MS, author_of, urn_of
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Media, Post, State

MAX_COMMENTARY = 3000
DUPLICATE_WINDOW_S = 600
VISIBILITIES = ("PUBLIC", "CONNECTIONS", "LOGGED_IN", "CONTAINER")
FEEDS = ("MAIN_FEED", "NONE", "NOTHING")
REQUIRED = ("author", "commentary", "visibility", "distribution", "lifecycleState")


@requires_token("w_member_social", "w_organization_social")
def create(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = request.json
    if not isinstance(body, dict):
        raise invalid("ILLEGAL_ARGUMENT", "The body is not a JSON object.")
    _check_fields(body)
    state = request.state
    author = author_of(state, grant, body["author"])
    _check_length(body["commentary"])
    text, commentary = _read(state, body["commentary"])
    kind, content = content_member(body.get("content"))
    media, details = read_content(state, grant, body["author"], kind, content)
    if not text.strip() and not kind and "reshareContext" not in body:
        raise invalid("MISSING_FIELD", "A post needs commentary or content.")
    with state.lock:
        shown = (kind, content.get("source"), content.get("question")) if not media else ""
        fingerprint = (text, tuple(each.id for each in media), shown)
        if duplicate := _duplicate(state, author, fingerprint):
            return input_error("DUPLICATE_POST", f"Content is a duplicate of {duplicate.id}")
        post = _new_post(state, author, text, media, _urn_type(kind, media))
        post.facts = {
            "commentary": commentary,
            "visibility": body["visibility"],
            "content": body.get("content"),
            "fingerprint": fingerprint,
            "link": content.get("source") if kind == "article" else None,
            **details,
        }
        post.details = {
            "author": body["author"],
            "visibility": body["visibility"],
            "isReshareDisabledByAuthor": body.get("isReshareDisabledByAuthor", False),
            **details,
        }
        state.add_post(post)
    return HttpResponse(status=201, headers={"x-restli-id": post.id, "x-linkedin-id": post.id})


def _check_fields(body: Mapping[str, Any]) -> None:
    for name in REQUIRED:
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


def _read(state: State, commentary: str) -> tuple[str, str]:
    is_plain = state.setting("linkedin_addresses") == "plain"
    return little_text.read(commentary, plain_addresses=is_plain)


def _check_length(commentary: str) -> None:
    if len(commentary) > MAX_COMMENTARY:
        raise invalid(
            "FIELD_LENGTH_TOO_LONG",
            f"ShareCommentary text length ({len(commentary)} characters) exceeded the "
            f"maximum allowed ({MAX_COMMENTARY} characters)",
        )


def _urn_type(kind: str, media: tuple[Media, ...]) -> str:
    """Posts with text, an article or one image are shares, all others are ugcPosts."""
    is_one_image = kind == "media" and media[0].category == "image"
    return "share" if kind in ("", "article") or is_one_image else "ugcPost"


def _new_post(
    state: State,
    author: Account,
    text: str,
    media: tuple[Media, ...],
    urn_type: str,
    created_at: float | None = None,
) -> Post:
    urn = f"urn:li:{urn_type}:{state.new_id(EPOCH_MS, at=created_at)}"
    return Post(
        platform=NAME,
        id=urn,
        account=author,
        text=text,
        created_at=state.now() if created_at is None else created_at,
        path=f"/feed/update/{urn}/",
        media=media,
    )


def _duplicate(state: State, author: Account, fingerprint: tuple[Any, ...]) -> Post | None:
    """The same post of the last minutes. Deleted ones count only with `linkedin_ghosts`."""
    counts_deleted = state.setting("linkedin_ghosts") == "on"
    for post in state.posts_of(author):
        if post.created_at < state.now() - DUPLICATE_WINDOW_S:
            return None
        is_same = post.facts.get("fingerprint") == fingerprint
        if is_same and (counts_deleted or not post.is_deleted):
            return post
    return None


def text_of(request: SandboxRequest) -> str:
    if request.method == "POST" and request.path_info.endswith("/comments"):
        return comments.text_of(request)
    if request.method != "POST" or request.path_info != f"/{NAME}/rest/posts":
        return ""
    body = request.json
    return str(body.get("commentary") or "") if isinstance(body, dict) else ""


@requires_token("w_member_social", "w_organization_social")
def update(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    post = readable_post(request.state, urn)
    if post is None:
        return post_not_found(urn)
    author_of(request.state, grant, urn_of(post.account))
    if request.headers.get("X-RestLi-Method", "").upper() != "PARTIAL_UPDATE":
        raise invalid("ILLEGAL_ARGUMENT", "X-RestLi-Method is not PARTIAL_UPDATE.")
    body = request.json
    patch = body.get("patch") if isinstance(body, dict) else None
    changes = patch.get("$set") if isinstance(patch, dict) else None
    if not isinstance(changes, dict) or set(changes) != {"commentary"}:
        raise invalid("INVALID_VALUE_FOR_FIELD", "Only /commentary can be changed here.")
    post.text, post.facts["commentary"] = _read(request.state, str(changes["commentary"]))
    return HttpResponse(status=204)


@requires_token("w_member_social", "w_organization_social")
def delete(request: SandboxRequest, grant: AuthorizationGrant, urn: str) -> HttpResponse:
    """Returns 204 for a post that does not exist, too."""
    post = request.state.posts.get((NAME, urn))
    if post is not None:
        author_of(request.state, grant, urn_of(post.account))
        request.state.delete(post)
    return HttpResponse(status=204)


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    content: dict[str, Any] | None = None
    for number, each in enumerate(media):
        category = each.kind if each.kind in ("video", "document") else "image"
        urn = f"urn:li:{category}:D4E{number}AQ{state.new_id(EPOCH_MS, at=created_at)}"
        each.category, each.id = category, urn
    if len(media) == 1:
        content = {"media": {"id": media[0].id}}
    elif media:
        content = {"multiImage": {"images": [{"id": each.id} for each in media]}}
    urn_type = "share" if all(each.kind == "image" for each in media) else "ugcPost"
    post = _new_post(state, account, text, media, urn_type, created_at)
    post.facts = {
        "commentary": little_text.to_little_text(text),
        "visibility": "PUBLIC",
        "content": content,
    }
    return post
