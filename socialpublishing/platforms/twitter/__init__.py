"""X, still `twitter` in the API.

Written from https://docs.x.com (OAuth 2.0 with PKCE, POST /2/tweets, media upload v2, errors, rate
limits) and the official OpenAPI description 2.167, as of 2026-11-22.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from rest_framework import serializers

from socialpublishing import limits as content_limits
from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
    Violation,
)
from socialpublishing.http import Body, MultipartBody, PlatformResponse, retry_after
from socialpublishing.limits import MEGABYTE, Bounds, Capabilities, MediaLimit, PostType, TextUnit
from socialpublishing.media import download
from socialpublishing.oauth import OAuth
from socialpublishing.options import IntegerField
from socialpublishing.platforms.accounts import Profile
from socialpublishing.platforms.base import Host, Platform, basic
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.platforms.twitter.metrics import TwitterMetrics
from socialpublishing.platforms.twitter.payloads import (
    asked_fields,
    says,
    thread_texts,
    tweet_payload,
)
from socialpublishing.posts import Media, MediaKind, Post
from socialpublishing.serializers import StrictSerializer, TextField

MAX_LOOKUP_PAGES = 5
# https://docs.x.com/x-api/media/quickstart/media-upload-chunked: 1,000 segments of up to 8 MB each;
# smaller ones are lost sooner and repeated cheaper.
MAX_SEGMENTS = 1000
SEGMENT = 4 * MEGABYTE
LARGEST_SEGMENT = 8 * MEGABYTE
# https://docs.x.com/x-api/fundamentals/rate-limits; those of a day are seen with old plans.
WINDOWS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")


class TwitterPoll(StrictSerializer):
    options = serializers.ListField(
        child=TextField(max_length=25), min_length=2, max_length=4, help_text="The answers."
    )
    duration_minutes = IntegerField(min_value=5, max_value=10_080)


class TwitterOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "thread": ["The first answer to it.", "And the second."],
        "poll": {"options": ["Rye", "Spelt"], "duration_minutes": 1440},
        "reply_settings": "mentionedUsers",
        "community_id": "1493446837214187523",
        "share_with_followers": True,
        "made_with_ai": True,
        "paid_partnership": True,
        "tagged_user_ids": ["2244994945"],
    }
    post_type = options.choice("The kind of post.", "feed")
    thread = options.string_list(
        "Further posts, each an answer to the one before it.", max_length=25_000, high=24
    )
    poll = TwitterPoll(**options.optional("A poll below the text; not together with assets."))
    reply_settings = options.choice(
        "Who may answer; without it, everyone.",
        "following",
        "mentionedUsers",
        "subscribers",
        "verified",
    )
    community_id = options.text("The community to post to.", max_length=19)
    share_with_followers = options.boolean("Show a community's post to all followers too.")
    made_with_ai = options.boolean("Label the media as made with AI.")
    paid_partnership = options.boolean("Label the post as a paid partnership.")
    tagged_user_ids = options.string_list(
        "Ids of accounts to tag in the media.", max_length=19, high=10
    )


# https://docs.x.com/x-api/media/quickstart/best-practices, since 2026-09-01: 20 minutes, and 125
# for subscribers. What an account may post in the end, X alone judges.
def _media_limits(*, longest_s: float) -> Mapping[MediaKind, MediaLimit]:
    return {
        MediaKind.IMAGE: MediaLimit(
            max_count=4,
            mime_types=frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"}),
            max_bytes=5 * MEGABYTE,
        ),
        MediaKind.GIF: MediaLimit(
            mime_types=frozenset({"image/gif"}),
            max_bytes=15 * MEGABYTE,
            width=Bounds(high=1280),
            height=Bounds(high=1080),
        ),
        MediaKind.VIDEO: MediaLimit(
            mime_types=frozenset({"video/mp4", "video/quicktime"}),
            max_bytes=MAX_SEGMENTS * LARGEST_SEGMENT,
            width=Bounds(low=32),
            height=Bounds(low=32),
            ratio=Bounds(low=0.333, high=3),
            duration_s=Bounds(low=0.5, high=longest_s),
            frame_rate=Bounds(high=60),
        ),
    }


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
                description="A post or a thread: text, a poll, up to four images, a GIF, a video.",
                max_text=280,
                text_unit=TextUnit.WEIGHTED,
                max_cashtags=1,
                max_media=4,
                media=_media_limits(longest_s=20 * 60),
                max_alt_text=1000,
                options=frozenset(TwitterOptions.examples) - {"post_type"},
                source="https://docs.x.com/x-api/posts/create-post",
                checked=dt.date(2026, 11, 22),
            ),
        )
    )
    options: ClassVar = TwitterOptions
    metrics_reader: ClassVar = TwitterMetrics

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> Capabilities:
        # https://docs.x.com/changelog, 2024-08-20: subscribers write up to 25,000.
        if profile.get("subscription_type") in {"Basic", "Premium", "PremiumPlus"}:
            media = _media_limits(longest_s=125 * 60)
            return cls.capabilities.adapted(max_text=25_000, media=media)
        return cls.capabilities

    @classmethod
    def cross_violations(cls, post: Post, kind: PostType) -> Iterator[Violation]:
        for number, part in enumerate(post.options.get("thread", ()), start=2):
            for broken in content_limits.violations(
                Post(text=part), Capabilities(post_types=(kind,))
            ):
                yield replace(broken, message=f"Post {number} of the thread: {broken.message}")
        if post.options.get("poll") and post.media:
            yield Violation(
                rule="poll_alone",
                limit=0,
                actual=len(post.media),
                message="A poll stands in a post without assets.",
                fix="Take out the assets, or the poll.",
            )
        if post.options.get("tagged_user_ids") and not post.media:
            yield Violation(
                rule="tags_need_media",
                limit=1,
                actual=0,
                message="Accounts are tagged in media, and the post has none.",
                fix="Add an image, or take out tagged_user_ids.",
            )
        if "share_with_followers" in post.options and not post.options.get("community_id"):
            yield Violation(
                rule="share_needs_community",
                limit=None,
                actual=None,
                message="share_with_followers is for posts to a community.",
                fix="Name a community_id, or take it out.",
            )

    @classmethod
    def count_parts(cls, post: Post) -> int:
        return len(thread_texts(post))

    # --- Publishing ------------------------------------------------------------------------------

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Uploads the media in their order: an image in one call, all else in parts."""
        media_ids = list(progress.handle.get("media_ids", []))
        media = post.media[len(media_ids)]
        if media.kind == MediaKind.IMAGE:
            media_id = self._upload_image(post, media)
        else:
            progress = self._upload_in_parts(media, progress)
            upload = progress.handle["upload"]
            if not upload["is_ready"]:
                return progress
            media_id = upload["id"]
        if media.alt_text:
            self.http.post(
                "/2/media/metadata",
                json={"id": media_id, "metadata": {"alt_text": {"text": media.alt_text}}},
            )
        media_ids.append(media_id)
        if len(media_ids) < len(post.media):
            return progress.preparing(media_ids=media_ids, upload=None)
        return progress.ready(media_ids=media_ids, upload=None)

    def _upload_image(self, post: Post, media: Media) -> str:
        file = download(media.url, max_bytes=self.capabilities.limit_of(media, post).max_bytes)
        response = self.http.post(
            "/2/media/upload",
            data={"media_category": "tweet_image"},
            files={"media": ("media", file.data, file.mime_type)},
        )
        media_id: str = response["data"]["id"]
        return media_id

    def _upload_in_parts(self, media: Media, progress: Progress) -> Progress:
        """One step of https://docs.x.com/x-api/media/quickstart/media-upload-chunked."""
        assert media.size_bytes is not None
        upload = progress.handle.get("upload")
        if upload is None:
            category = "tweet_gif" if media.kind == MediaKind.GIF else "tweet_video"
            response = self.http.post(
                "/2/media/upload/initialize",
                json={
                    "media_type": media.mime_type,
                    "total_bytes": media.size_bytes,
                    "media_category": category,
                },
            )
            begun = {
                "id": response["data"]["id"],
                "offset": 0,
                "is_whole": False,
                "is_ready": False,
            }
            return progress.preparing(upload=begun)
        if upload["offset"] < media.size_bytes:
            offset = self._append(media, upload["id"], upload["offset"])
            done = f"{offset / MEGABYTE:.0f} of {media.size_bytes / MEGABYTE:.0f} MB"
            return progress.preparing(upload={**upload, "offset": offset}, note=f"Uploaded {done}.")
        if not upload["is_whole"]:
            response = self.http.post(f"/2/media/upload/{upload['id']}/finalize")
        else:
            params = {"command": "STATUS", "media_id": upload["id"]}
            response = self.http.get("/2/media/upload", params=params)
        return self._processed(progress, {**upload, "is_whole": True}, response["data"])

    def _append(self, media: Media, media_id: str, start: int) -> int:
        assert media.size_bytes is not None
        small = media.size_bytes <= MAX_SEGMENTS * SEGMENT
        part_bytes = SEGMENT if small else LARGEST_SEGMENT

        def send(offset: int, part: Body) -> None:
            index = str(offset // part_bytes)
            form = MultipartBody(
                {"segment_index": index}, part, name="media", mime_type="application/octet-stream"
            )
            self.http.call(
                "POST",
                f"/2/media/upload/{media_id}/append",
                data=form,
                headers={"Content-Type": form.content_type},
                needs_json=False,
            )

        return self.upload(media, start=start, part_bytes=part_bytes, send=send)

    def _processed(
        self, progress: Progress, upload: Mapping[str, Any], data: Mapping[str, Any]
    ) -> Progress:
        # Without it, there is nothing to process.
        info = data.get("processing_info") or {"state": "succeeded"}
        if info["state"] == "failed":
            # The description knows of no reason; some answers gave one.
            reason = info.get("error", {}).get("message", "it does not say why")
            raise ContentRejectedError(f"X could not process the media: {reason}")
        if info["state"] == "succeeded":
            return progress.preparing(upload={**upload, "is_ready": True})
        pause = dt.timedelta(seconds=min(max(info.get("check_after_secs", 1), 1), 60))
        return progress.preparing(upload=upload, poll_after=pause, note="X processes the media.")

    def publish(self, post: Post, progress: Progress) -> Progress:
        """The next post of the thread; most threads have but one."""
        http = self.http
        if progress.posted:
            assert self.account is not None
            http = self._http(self.account.token, read_error=self.read_response_error)
        response = http.post("/2/tweets", json=tweet_payload(post, progress))
        return self._with_part(post, progress, response["data"]["id"])

    def read_response_error(self, response: PlatformResponse) -> PlatformApiError:
        """Of a later post of a thread: it has no media, so what is not found is the one before."""
        error = self.read_error(response)
        if isinstance(error, UploadLostError):
            return ContentRejectedError("X no longer has the post before it in the thread.")
        return error

    def _with_part(self, post: Post, progress: Progress, tweet_id: Any) -> Progress:
        first, count = [*progress.posted, tweet_id][0], len(thread_texts(post))
        progress = progress.with_part(tweet_id, post_url=self._post_url(first))
        if len(progress.posted) < count:
            return progress.ready(note=f"Published {len(progress.posted)} of {count}.")
        return progress.published(remote_id=first, post_url=progress.post_url)

    def _post_url(self, tweet_id: str) -> str:
        assert self.account is not None
        username = self.account.profile.get("username", "i")
        return f"{self.host('auth')}/{username}/status/{tweet_id}"

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        assert self.account is not None
        posted = progress.posted
        wanted = Post(text=thread_texts(post)[len(posted)], media=() if posted else post.media)
        known = {*other_post_ids, *posted}
        params = {
            "max_results": "20",
            "start_time": since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **asked_fields("created_at", "entities", "note_tweet"),
        }
        for _ in range(MAX_LOOKUP_PAGES):
            page = self.http.get(f"/2/users/{self.account.id}/tweets", params=params)
            for tweet in page.get("data", []):
                if tweet["id"] not in known and says(tweet, wanted):
                    return self._with_part(post, progress, tweet["id"])
            token = page.get("meta", {}).get("next_token")
            if not token:
                return None
            params["pagination_token"] = token
        # What is not on these pages may still exist.
        raise NoResponseError("X's list is longer than we read.")

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        response = self.http.get(
            "/2/users/me", params={"user.fields": "profile_image_url,subscription_type,protected"}
        )
        user = response["data"]
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

    def read_token_error(self, response: PlatformResponse) -> PlatformApiError:
        """`{error, error_description}`, as on docs.x.com/fundamentals/authentication/oauth-2-0."""
        body = response.json if isinstance(response.json, dict) else {}
        code = str(body.get("error", ""))
        facts: dict[str, Any] = {"platform_code": code, "request_id": _request_id(response)}
        if response.status_code >= 500:
            return NoResponseError(**facts)
        if response.status_code == 429:
            return RateLimitError(until=retry_after(response), **facts)
        if code in {"invalid_client", "unauthorized_client", "unsupported_grant_type"}:
            return PlatformConfigurationError(**facts)
        # A refresh token that is unknown, used or revoked answers `invalid_request`, not
        # `invalid_grant` as the RFC would have it.
        if code in {"invalid_request", "invalid_grant"}:
            return TokenExpiredError(**facts)
        return PlatformApiError(**facts)

    def read_error(self, response: PlatformResponse) -> PlatformApiError:
        """By status, type, words: docs.x.com/x-api/fundamentals/response-codes-and-errors."""
        body = response.json if isinstance(response.json, dict) else {}
        kind = str(body.get("type", "")).rsplit("/", 1)[-1]
        title, detail = str(body.get("title", "")), _detail(body)
        facts: dict[str, Any] = {
            "platform_code": kind if kind not in {"", "about:blank", "blank"} else title,
            "request_id": _request_id(response),
        }
        words = f"{title} {detail}".lower()
        match response.status_code:
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
            case 400 if "not found" in words or "media ids are invalid" in words:
                # Uploads live for a day.
                return UploadLostError(**facts)
            case 400 | 403 | 404:
                return ContentRejectedError(f"X refused the post: {detail}", **facts)
            case 429 if kind == "usage-capped":
                return PlatformConfigurationError("The service's quota at X is used up.", **facts)
            case 429:
                return RateLimitError("X asks us to wait.", until=_allowed_at(response), **facts)
            case status if status >= 500:
                return NoResponseError(f"X answered with an error of its own ({status}).", **facts)
        return PlatformApiError(f"X answered {response.status_code}: {detail}", **facts)


def _allowed_at(response: PlatformResponse) -> dt.datetime | None:
    """The end of the last of all windows that are used up; some accounts have one of a day."""
    used_up = [
        retry_after(response, reset_header=f"{window}-reset")
        for window in WINDOWS
        if response.headers.get(f"{window}-remaining", "0").strip() == "0"
    ]
    return max(filter(None, used_up), default=None)


def _detail(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        # The outer words of an invalid request say only that it is one.
        return str(errors[0].get("message") or body.get("detail", ""))
    return str(body.get("detail", ""))


def _request_id(response: PlatformResponse) -> str:
    return response.headers.get("x-transaction-id", "")[:64]
