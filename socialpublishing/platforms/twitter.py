"""X, still `twitter` in the API.

Written from https://docs.x.com (OAuth 2.0 with PKCE, POST /2/tweets, media upload v2, errors, rate
limits) and the official OpenAPI description 2.167, as of 2026-11-22.
"""

from __future__ import annotations

import datetime as dt
import html
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    NoAnswerError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import Answer, retry_after
from socialpublishing.media import download
from socialpublishing.oauth import OAuth
from socialpublishing.platforms.base import (
    Found,
    Host,
    Platform,
    Profile,
    Progress,
    basic,
)
from socialpublishing.policy import MEGABYTE, Capabilities, MediaLimit, PostType, TextUnit
from socialpublishing.posts import Media, MediaKind, Post
from socialpublishing.text import find_urls

MAX_LOOK_UP_PAGES = 5


class TwitterOptions(options.PostOptions):
    examples: ClassVar = {"post_type": "feed"}
    post_type = options.choice("The kind of post.", "feed")


class Twitter(Platform):
    name: ClassVar = "twitter"
    label: ClassVar = "X"
    hosts: ClassVar = {
        "api": Host(variable="TWITTER_API_URL", default="https://api.x.com"),
        "auth": Host(variable="TWITTER_AUTH_URL", default="https://x.com"),
    }
    # Real apps have OAuth 2.0 client credentials apart from their API keys.
    client_id_variables: ClassVar = ("TWITTER_CLIENT_ID", "TWITTER_API_KEY")
    client_secret_variables: ClassVar = ("TWITTER_CLIENT_SECRET", "TWITTER_API_SECRET_KEY")
    oauth: ClassVar = OAuth(
        authorize_path="/i/oauth2/authorize",
        token_path="/2/oauth2/token",
        scopes=("tweet.read", "tweet.write", "users.read", "media.write", "offline.access"),
        publish_scopes=frozenset({"tweet.write"}),
        client_auth="basic",
        rotates_refresh_token=True,
        default_lifetime=dt.timedelta(hours=2),
    )
    capabilities: ClassVar = Capabilities(
        post_types=(
            PostType(
                description="A post: text, up to four images.",
                max_text=280,
                text_unit=TextUnit.WEIGHTED,
                max_cashtags=1,
                max_media=4,
                media={
                    MediaKind.IMAGE: MediaLimit(
                        max_count=4,
                        mime_types=frozenset({"image/jpeg", "image/png", "image/webp"}),
                        max_bytes=5 * MEGABYTE,
                    )
                },
                max_alt_text=1000,
                source="https://docs.x.com/x-api/posts/create-post",
                checked=dt.date(2026, 11, 22),
            ),
        )
    )
    options: ClassVar = TwitterOptions

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> Capabilities:
        # https://docs.x.com/changelog, 2024-08-20: subscribers write up to 25,000.
        if profile.get("subscription_type") in {"Basic", "Premium", "PremiumPlus"}:
            return cls.capabilities.adapted(max_text=25_000)
        return cls.capabilities

    # --- Publishing ------------------------------------------------------------------------------

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Uploads one image a call."""
        media_ids = list(progress.handle.get("media_ids", []))
        if len(media_ids) < len(post.media):
            media_ids.append(self._upload(post, post.media[len(media_ids)]))
        if len(media_ids) < len(post.media):
            return progress.preparing(media_ids=media_ids)
        return progress.ready(media_ids=media_ids)

    def _upload(self, post: Post, media: Media) -> str:
        file = download(media.url, max_bytes=self.capabilities.limit_of(media, post).max_bytes)
        answer = self.http.post(
            "/2/media/upload",
            data={"media_category": "tweet_image"},
            files={"media": ("media", file.data, file.mime_type)},
        )
        media_id: str = answer["data"]["id"]
        if media.alt_text:
            self.http.post(
                "/2/media/metadata",
                json={"id": media_id, "metadata": {"alt_text": {"text": media.alt_text}}},
            )
        return media_id

    def publish(self, post: Post, progress: Progress) -> Progress:
        answer = self.http.post("/2/tweets", json=tweet_payload(post, progress))
        return self._published(progress, answer["data"]["id"])

    def _published(self, progress: Progress, tweet_id: str) -> Progress:
        return progress.published(remote_id=tweet_id, post_url=self._post_url(tweet_id))

    def _post_url(self, tweet_id: str) -> str:
        assert self.account is not None
        username = self.account.profile.get("username", "i")
        return f"{self.host('auth')}/{username}/status/{tweet_id}"

    def find_published(
        self, post: Post, progress: Progress, *, since: dt.datetime, credited: Collection[str]
    ) -> Found | None:
        assert self.account is not None
        params = {
            "max_results": "20",
            "start_time": since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            # The old names: X takes and answers both (its rename of 2026-08 is not everywhere).
            "tweet.fields": "created_at,entities,note_tweet",
        }
        for _ in range(MAX_LOOK_UP_PAGES):
            page = self.http.get(f"/2/users/{self.account.id}/tweets", params=params)
            for tweet in page.get("data", []):
                if tweet["id"] not in credited and says(tweet, post):
                    return Found(remote_id=tweet["id"], post_url=self._post_url(tweet["id"]))
            token = page.get("meta", {}).get("next_token")
            if not token:
                break
            params["pagination_token"] = token
        return None

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        answer = self.http.get(
            "/2/users/me", params={"user.fields": "profile_image_url,subscription_type,protected"}
        )
        user = answer["data"]
        return Profile(
            id=user["id"],
            display_name=f"{user['name']} (@{user['username']})",
            facts={
                "username": user["username"],
                "picture": user.get("profile_image_url", ""),
                "subscription_type": user.get("subscription_type", "None"),
            },
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        assert self.account is not None
        token = refresh_token or self.account.token
        http = self._http(None, read_error=self.read_token_error)
        http.post(
            "/2/oauth2/revoke",
            data={"token": token.reveal()},
            headers={"Authorization": basic(self.client_id(), self.client_secret().reveal())},
        )

    # --- Errors ----------------------------------------------------------------------------------

    def read_token_error(self, answer: Answer) -> PlatformApiError:
        """`{error, error_description}`, as on docs.x.com/fundamentals/authentication/oauth-2-0."""
        body = answer.json if isinstance(answer.json, dict) else {}
        code = str(body.get("error", ""))
        facts: dict[str, Any] = {"platform_code": code, "request_id": _request_id(answer)}
        if answer.status_code >= 500:
            return NoAnswerError(**facts)
        if answer.status_code == 429:
            return RateLimitError(until=retry_after(answer), **facts)
        if code in {"invalid_client", "unauthorized_client", "unsupported_grant_type"}:
            return PlatformConfigurationError(**facts)
        # A refresh token that is unknown, used or revoked answers `invalid_request`, not
        # `invalid_grant` as the RFC would have it.
        if code in {"invalid_request", "invalid_grant"}:
            return TokenExpiredError(**facts)
        return PlatformApiError(**facts)

    def read_error(self, answer: Answer) -> PlatformApiError:
        """By status, type, words: docs.x.com/x-api/fundamentals/response-codes-and-errors."""
        body = answer.json if isinstance(answer.json, dict) else {}
        kind = str(body.get("type", "")).rsplit("/", 1)[-1]
        title, detail = str(body.get("title", "")), _detail(body)
        facts: dict[str, Any] = {
            "platform_code": kind if kind not in {"", "about:blank", "blank"} else title,
            "request_id": _request_id(answer),
        }
        words = f"{title} {detail}".lower()
        match answer.status_code:
            case 401:
                return TokenExpiredError(**facts)
            case 402:
                return PlatformConfigurationError("The service's credits at X are spent.", **facts)
            case 403 if "spendcap" in words.replace(" ", "") or kind == "client-forbidden":
                return PlatformConfigurationError(f"X refuses this service: {detail}", **facts)
            case 403 if "duplicate content" in words:
                return DuplicateContentError("X has this very post already.", **facts)
            case 403 if kind == "oauth1-permissions" or title == detail == "Forbidden":
                return InsufficientPermissionsError(**facts)
            case 403 if "suspended" in kind:
                return InsufficientPermissionsError(f"The account is suspended: {detail}", **facts)
            case 400 | 403 | 404:
                return ContentRejectedError(f"X refused the post: {detail}", **facts)
            case 429 if kind == "usage-capped":
                return PlatformConfigurationError("The service's quota at X is used up.", **facts)
            case 429:
                until = retry_after(answer, reset_header="x-rate-limit-reset")
                return RateLimitError("X asks us to wait.", until=until, **facts)
            case status if status >= 500:
                return NoAnswerError(f"X answered with an error of its own ({status}).", **facts)
        return PlatformApiError(f"X answered {answer.status_code}: {detail}", **facts)


def tweet_payload(post: Post, progress: Progress) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    if post.text:
        payload["text"] = post.text
    if media_ids := progress.handle.get("media_ids"):
        payload["media"] = {"media_ids": media_ids}
    return payload


def says(tweet: Mapping[str, Any], post: Post) -> bool:
    """Is `tweet`, as X gives it back, this `post`?

    X escapes `&<>`, writes every link as t.co, adds one for media at the end, and keeps a long text
    apart. Links are compared by where they lead.
    """
    note = tweet.get("note_tweet") or tweet.get("note_post") or {}
    stored: str = note.get("text") or tweet.get("text", "")
    entities = note.get("entities") or tweet.get("entities") or {}
    for link in entities.get("urls", []):
        target = link.get("unwound_url") or link.get("expanded_url") or link["url"]
        is_media = "media_key" in link or re.search(r"/status/\d+/(photo|video)/\d+$", target)
        stored = stored.replace(link["url"], "" if is_media else _bare(target))
    if post.media:
        stored = re.sub(r"\s*https://t\.co/\w+$", "", stored)
    written = post.text
    for start, end in reversed(find_urls(post.text)):
        written = written[:start] + _bare(written[start:end]) + written[end:]
    return _normal(html.unescape(stored)) == _normal(html.unescape(written))


def _bare(url: str) -> str:
    return re.sub(r"^https?://", "", url, flags=re.IGNORECASE).rstrip("/")


def _normal(written: str) -> str:
    return " ".join(unicodedata.normalize("NFC", written).split())


def _detail(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        # The outer words of an invalid request say only that it is one.
        return str(errors[0].get("message") or body.get("detail", ""))
    return str(body.get("detail", ""))


def _request_id(answer: Answer) -> str:
    return answer.headers.get("x-transaction-id", "")[:64]
