"""Making and deleting posts, with X's rules for them and what X does to their text.

https://docs.x.com/x-api/posts/create-post
"""

import re
import secrets
import string
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse

from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.schema import first_error
from socialpublishing.sandbox.state import Account, Media, Post, State
from socialpublishing.sandbox.twitter.errors import invalid_request, not_found, problem, rejection
from socialpublishing.sandbox.twitter.login import NAME, call
from socialpublishing.sandbox.twitter.media import EPOCH_MS, ID, media_key, usable
from socialpublishing.sandbox.twitter.reading import speak
from socialpublishing.text import count_cashtags, find_urls, is_blank, weighted_length

MAX_TEXT = 280
MAX_LONG_TEXT = 25_000
LONG_TEXT_PLANS = ("Basic", "Premium", "PremiumPlus")
MAX_CASHTAGS = 1
# How long X remembers is not documented; hours, by what people report.
DUPLICATE_WINDOW_S = 900
# Links through these lead somewhere else.
SHORTENERS = frozenset({"bit.ly", "buff.ly", "ow.ly", "tinyurl.com"})
SLUG_LETTERS = string.ascii_letters + string.digits

REPLY_SETTINGS = {
    "type": "string",
    "enum": ["following", "mentionedUsers", "subscribers", "verified"],
}
STRING = {"type": "string"}
BOOLEAN = {"type": "boolean"}
CREATE = {
    "properties": {
        "text": STRING,
        "card_uri": STRING,
        "community_id": ID,
        "direct_message_deep_link": STRING,
        "edit_options": {"required": ["previous_post_id"], "properties": {"previous_post_id": ID}},
        "for_super_followers_only": BOOLEAN,
        "geo": {"required": ["place_id"], "properties": {"place_id": STRING}},
        "made_with_ai": BOOLEAN,
        "media": {
            "required": ["media_ids"],
            "properties": {
                "media_ids": {"type": "array", "minItems": 1, "maxItems": 4, "items": ID},
                "tagged_user_ids": {"type": "array", "maxItems": 10, "items": ID},
                "title": STRING,
                "description": STRING,
                "embeddable": BOOLEAN,
                "preview_media_id": ID,
                "call_to_actions": {},
            },
        },
        "nullcast": BOOLEAN,
        "paid_partnership": BOOLEAN,
        "poll": {
            "required": ["options", "duration_minutes"],
            "properties": {
                "options": {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": 4,
                    "items": {"type": "string", "minLength": 1, "maxLength": 25},
                },
                "duration_minutes": {"type": "integer", "minimum": 5, "maximum": 10080},
                "reply_settings": REPLY_SETTINGS,
            },
        },
        "quote_tweet_id": ID,
        "reply": {
            "required": ["in_reply_to_tweet_id"],
            "properties": {
                "in_reply_to_tweet_id": ID,
                "auto_populate_reply_metadata": BOOLEAN,
                "exclude_reply_user_ids": {"type": "array", "items": STRING},
            },
        },
        "reply_settings": REPLY_SETTINGS,
        "share_with_followers": BOOLEAN,
    },
}

_TAG = re.compile(
    r"(?<![\w&/])(?:#(?P<hashtags>\w*[^\W\d_]\w*)|@(?P<mentions>\w{1,15})\b"
    r"|\$(?P<cashtags>[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?)\b)"
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@call("tweet.read", "tweet.write", "users.read", limit=100)
def create(request: SandboxRequest, account: Account) -> HttpResponse:
    body = request.json
    if fault := first_error(CREATE, body):
        return invalid_request(fault)
    text = unicodedata.normalize("NFC", body.get("text", ""))
    with request.state.lock:
        media = _media(request.state, account, body)
        replied_to = _replied_to(request.state, account, body)
        _check(account, body, text)
        if _is_duplicate(request.state, account, text, media, replied_to):
            return problem(403, "You are not allowed to create a Tweet with duplicate content.")
        post = _made(
            account,
            body,
            media,
            replied_to,
            post_id=request.state.new_id(EPOCH_MS),
            created_at=request.state.now(),
        )
        request.state.add_post(post)
    data = {"id": post.id, "text": post.facts["text"], "edit_history_tweet_ids": [post.id]}
    return json_response(speak(request, {"data": data}), 201)


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    post_id = state.new_id(EPOCH_MS, at=created_at)
    body = {"text": text}
    return _made(account, body, media, None, post_id=post_id, created_at=created_at)


def _made(
    account: Account,
    body: dict[str, Any],
    media: tuple[Media, ...],
    replied_to: Post | None,
    *,
    post_id: str,
    created_at: float,
) -> Post:
    text = unicodedata.normalize("NFC", body.get("text", ""))
    path = f"/{account.username}/status/{post_id}"
    return Post(
        platform=NAME,
        id=post_id,
        account=account,
        text=body.get("text", ""),
        created_at=created_at,
        path=path,
        media=media,
        facts={
            **stored(text, media, f"https://x.com{path}"),
            "normal_text": text,
            "replied_to": replied_to,
            "conversation_id": replied_to.facts["conversation_id"] if replied_to else post_id,
            "reply_settings": body.get("reply_settings", "everyone"),
            "paid_partnership": body.get("paid_partnership", False),
            "poll": body.get("poll"),
        },
        details=_details(body),
    )


def _details(body: dict[str, Any]) -> dict[str, Any]:
    """Everything that was sent but the text and which media."""
    media = {name: value for name, value in body.get("media", {}).items() if name != "media_ids"}
    own = {name: value for name, value in body.items() if name not in ("text", "media")}
    return {**own, "media": media} if media else own


@call("tweet.read", "tweet.write", "users.read", limit=50)
def delete(request: SandboxRequest, account: Account, post_id: str) -> HttpResponse:
    post = request.state.posts.get((NAME, post_id))
    if post is None or post.is_deleted:
        return json_response({"errors": [not_found("id", post_id)]})
    if post.account is not account:
        return problem(403, "You are not authorized to delete this Tweet.")
    post.is_deleted = True
    return json_response({"data": {"deleted": True}})


def text_of(request: SandboxRequest) -> str:
    if request.method != "POST" or request.path_info != f"/{NAME}/2/tweets":
        return ""
    body = request.json
    return str(body.get("text", "")) if isinstance(body, dict) else ""


# --- The rules -----------------------------------------------------------------------------------


def _check(account: Account, body: dict[str, Any], text: str) -> None:
    """Raises Answered with the first rule that is broken."""
    if is_blank(text) and "media" not in body:
        raise EarlyResponse(
            invalid_request("$.text: is missing but it is required", {"text": text})
        )
    if sum(name in body for name in ("media", "poll", "quote_tweet_id", "card_uri")) > 1:
        raise EarlyResponse(invalid_request("media, poll, quote_tweet_id, card_uri: one of them"))
    can_be_long = account.facts["subscription_type"] in LONG_TEXT_PLANS
    if weighted_length(text) > (MAX_LONG_TEXT if can_be_long else MAX_TEXT):
        raise EarlyResponse(rejection())
    if count_cashtags(text) > MAX_CASHTAGS:
        raise EarlyResponse(problem(403, "A post can have a maximum of one cashtag."))
    # Quotes are for enterprise plans (2026-04-20), edits for what this sandbox does not imitate.
    if "quote_tweet_id" in body or "edit_options" in body:
        raise EarlyResponse(rejection())


def _media(state: State, account: Account, body: dict[str, Any]) -> tuple[Media, ...]:
    ids = body.get("media", {}).get("media_ids", [])
    found = tuple(media for media_id in ids if (media := usable(state, account, media_id)))
    if len(found) < len(ids) or len(set(ids)) < len(ids):
        raise EarlyResponse(
            invalid_request("Your media IDs are invalid.", {"media.media_ids": ids})
        )
    if len(found) > 1 and any(media.kind in ("gif", "video") for media in found):
        raise EarlyResponse(
            invalid_request("A GIF or a video stands alone in its post.", {"media.media_ids": ids})
        )
    return found


def _replied_to(state: State, account: Account, body: dict[str, Any]) -> Post | None:
    """Replies go to oneself, or to who mentioned us (X's rule since 2026-02-23)."""
    if "reply" not in body:
        return None
    target_id = body["reply"]["in_reply_to_tweet_id"]
    target = state.posts.get((NAME, target_id))
    if target is None or target.is_deleted:
        found = not_found("reply.in_reply_to_tweet_id", target_id)
        raise EarlyResponse(
            problem(404, found["detail"], kind="resource-not-found", resource_type="tweet")
        )
    if target.account is not account and f"@{account.username}" not in target.text:
        raise EarlyResponse(
            problem(
                403,
                "You can only reply to or quote posts where you are mentioned or are the author.",
                kind="not-authorized-for-resource",
                resource_type="tweet",
            )
        )
    return target


def _is_duplicate(
    state: State, account: Account, text: str, media: tuple[Media, ...], replied_to: Post | None
) -> bool:
    """Whether the account said the same a short while ago; deleting it does not help."""
    pictures = [item.sha256 for item in media]
    for post in state.posts_of(account):
        if post.created_at < state.now() - DUPLICATE_WINDOW_S:
            return False
        if (
            post.facts["normal_text"] == text
            and [item.sha256 for item in post.media] == pictures
            and post.facts["replied_to"] is replied_to
        ):
            return True
    return False


# --- What X makes of a text ----------------------------------------------------------------------


def stored(text: str, media: tuple[Media, ...], url: str) -> dict[str, Any]:
    """The text and entities that X keeps, and a note with the whole of a text that is too long."""
    if weighted_length(text) <= MAX_TEXT:
        shown, entities = _transform(text)
        note = None
    else:
        whole, whole_entities = _transform(text)
        note = {"text": whole, "entities": whole_entities}
        # Half of the limit fits whatever its letters weigh; where X cuts is its own affair.
        shown, entities = _transform(text[: MAX_TEXT // 2])
        shown += "…"
    if media:
        link = _short_link()
        start = len(shown) + bool(shown)
        shown = f"{shown} {link}".strip()
        entities.setdefault("urls", []).extend(
            {
                "start": start,
                "end": start + len(link),
                "url": link,
                "expanded_url": f"{url}/photo/1",
                "display_url": link.replace("https://t.co", "pic.x.com"),
                "media_key": media_key(item),
            }
            for item in media
        )
    return {"text": shown, "entities": entities, "note": note}


def _transform(text: str) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """Wrap links in t.co, escape HTML, and find the entities by their place in the result."""
    entities: dict[str, list[dict[str, Any]]] = {}
    shown, end = "", 0
    for start, stop in [*find_urls(text), (len(text), len(text))]:
        plain = text[end:start].translate(_ESCAPES)
        for match in _TAG.finditer(plain):
            kind = str(match.lastgroup)
            entities.setdefault(kind, []).append(
                {
                    "start": len(shown) + match.start(),
                    "end": len(shown) + match.end(),
                    "username" if kind == "mentions" else "tag": match[kind],
                }
            )
        shown += plain
        if start < stop:
            link, url = _short_link(), text[start:stop]
            expanded = url if "://" in url else f"http://{url}"
            display = re.sub(r"^https?://(www\.)?", "", url)
            entities.setdefault("urls", []).append(
                {
                    "start": len(shown),
                    "end": len(shown) + len(link),
                    "url": link,
                    "expanded_url": expanded,
                    "unwound_url": _unwound(expanded),
                    "display_url": display if len(display) <= 27 else f"{display[:26]}…",
                }
            )
            shown += link
        end = stop
    return shown, entities


def _unwound(url: str) -> str:
    """Where X gets to when it follows the link: the last of all redirects."""
    parts = urlsplit(url)
    if parts.hostname in SHORTENERS:
        return f"https://www.example.com/articles{parts.path}?from={parts.hostname}"
    return url


def _short_link() -> str:
    return "https://t.co/" + "".join(secrets.choice(SLUG_LETTERS) for _ in range(10))
