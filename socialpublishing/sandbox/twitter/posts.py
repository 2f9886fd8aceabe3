"""Creating and deleting posts, and X's rules for them.

https://docs.x.com/x-api/posts/create-post
"""

import unicodedata
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.schema import first_error
from socialpublishing.sandbox.state import Account, Media, Post, State
from socialpublishing.sandbox.text import is_blank
from socialpublishing.sandbox.twitter.behaviour import invisible_target, refused_account
from socialpublishing.sandbox.twitter.errors import (
    invalid_request,
    not_found,
    not_permitted,
    problem,
)
from socialpublishing.sandbox.twitter.login import NAME, requires_token
from socialpublishing.sandbox.twitter.media import EPOCH_MS, ID, usable_media
from socialpublishing.sandbox.twitter.names import in_requested_names
from socialpublishing.sandbox.twitter.stored_text import stored_text
from socialpublishing.sandbox.twitter.text import (
    INVALID,
    MAX_TEXT,
    count_cashtags,
    weighted_length,
)

MAX_LONG_TEXT = 25_000
LONG_TEXT_PLANS = ("Basic", "Premium", "PremiumPlus")
MAX_CASHTAGS = 1
# Undocumented: users report that X refuses duplicates for hours.
DUPLICATE_WINDOW_S = 900

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
    },
}


@requires_token("tweet.read", "tweet.write", "users.read", limit=100)
def create(request: SandboxRequest, account: Account) -> HttpResponse:
    body = request.json
    if error := first_error(CREATE, body):
        return invalid_request(error)
    text = unicodedata.normalize("NFC", body.get("text", ""))
    with request.state.lock:
        media = _media_of(request.state, account, body)
        replied_to = _replied_to(request.state, account, body)
        if refused := refused_account(account):
            return refused
        _check_rules(account, body, text)
        if _is_duplicate(request.state, account, text, media, replied_to):
            return problem(403, "You are not allowed to create a Tweet with duplicate content.")
        post = _new_post(
            account,
            body,
            media,
            replied_to,
            post_id=request.state.new_id(EPOCH_MS),
            created_at=request.state.now(),
        )
        request.state.add_post(post)
    data = {"id": post.id, "text": post.facts["text"], "edit_history_tweet_ids": [post.id]}
    return json_response(in_requested_names(request, {"data": data}), 201)


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    post_id = state.new_id(EPOCH_MS, at=created_at)
    body = {"text": text}
    return _new_post(account, body, media, None, post_id=post_id, created_at=created_at)


def _new_post(
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
            **stored_text(text, media, f"https://x.com{path}"),
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
    """Everything that was sent except the text and the media ids."""
    media = {name: value for name, value in body.get("media", {}).items() if name != "media_ids"}
    own = {name: value for name, value in body.items() if name not in ("text", "media")}
    return {**own, "media": media} if media else own


@requires_token("tweet.read", "tweet.write", "users.read", limit=50)
def delete(request: SandboxRequest, account: Account, post_id: str) -> HttpResponse:
    post = request.state.posts.get((NAME, post_id))
    if post is None or post.is_deleted:
        return json_response({"errors": [not_found("id", post_id)]})
    if post.account is not account:
        return problem(403, "You are not authorized to delete this Tweet.")
    request.state.delete(post)
    return json_response({"data": {"deleted": True}})


def text_of(request: SandboxRequest) -> str:
    if request.method != "POST" or request.path_info != f"/{NAME}/2/tweets":
        return ""
    body = request.json
    return str(body.get("text", "")) if isinstance(body, dict) else ""


# --- The rules -----------------------------------------------------------------------------------


def _check_rules(account: Account, body: dict[str, Any], text: str) -> None:
    """Raises EarlyResponse for the first broken rule."""
    if is_blank(text) and "media" not in body:
        raise EarlyResponse(
            invalid_request("$.text: is missing but it is required", {"text": text})
        )
    if any(each in text for each in INVALID):
        raise EarlyResponse(invalid_request("$.text: has invalid characters", {"text": text}))
    if sum(name in body for name in ("media", "poll", "quote_tweet_id", "card_uri")) > 1:
        raise EarlyResponse(invalid_request("media, poll, quote_tweet_id, card_uri: one of them"))
    can_be_long = account.facts["subscription_type"] in LONG_TEXT_PLANS
    if weighted_length(text) > (MAX_LONG_TEXT if can_be_long else MAX_TEXT):
        raise EarlyResponse(not_permitted())
    if count_cashtags(text) > MAX_CASHTAGS:
        raise EarlyResponse(problem(403, "A post can have a maximum of one cashtag."))
    # Quotes need an enterprise plan (since 2026-04-20). This sandbox does not imitate edits.
    if "quote_tweet_id" in body or "edit_options" in body:
        raise EarlyResponse(not_permitted())


def _media_of(state: State, account: Account, body: dict[str, Any]) -> tuple[Media, ...]:
    ids = body.get("media", {}).get("media_ids", [])
    found = tuple(media for media_id in ids if (media := usable_media(state, account, media_id)))
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
    """The target must be an own post, or mention the account (X's rule since 2026-02-23)."""
    if "reply" not in body:
        return None
    target_id = body["reply"]["in_reply_to_tweet_id"]
    target = state.posts.get((NAME, target_id))
    if target is None or target.is_deleted:
        detail = not_found("reply.in_reply_to_tweet_id", target_id)["detail"]
        raise EarlyResponse(problem(404, detail, kind="resource-not-found", resource_type="tweet"))
    if not _can_be_replied_to(state, target):
        raise EarlyResponse(invisible_target())
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


def _can_be_replied_to(state: State, target: Post) -> bool:
    return state.now() >= target.created_at + float(state.setting("twitter_reply_delay_seconds"))


def _is_duplicate(
    state: State, account: Account, text: str, media: tuple[Media, ...], replied_to: Post | None
) -> bool:
    """Whether the account posted the same within the window. Deleted posts count too."""
    files = [item.sha256 for item in media]
    for post in state.posts_of(account):
        if post.created_at < state.now() - DUPLICATE_WINDOW_S:
            return False
        if (
            post.facts["normal_text"] == text
            and [item.sha256 for item in post.media] == files
            and post.facts["replied_to"] is replied_to
        ):
            return True
    return False
