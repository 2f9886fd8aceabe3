"""Instagram, for professional accounts.

Written from https://developers.facebook.com/docs/instagram-platform (content publishing,
containers, error codes, business login; v25.0), as of 2026-11-22. A connection made with Instagram
Login is one account; one made with Facebook Login (facebook_login.py) is a person with accounts
behind Pages.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from rest_framework import serializers

from socialpublishing import oauth as oauth2
from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
    Violation,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.limits import MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.options import NumberField
from socialpublishing.platforms.accounts import Profile, Renewal
from socialpublishing.platforms.base import Host, Platform
from socialpublishing.platforms.instagram.metrics import InstagramMetrics
from socialpublishing.platforms.instagram.payloads import (
    SHARED_OPTIONS,
    VIDEO_OPTIONS,
    carousel_payload,
    child_payload,
    is_carousel,
    is_story,
    made_at,
    shows,
    single_payload,
)
from socialpublishing.platforms.meta import graph
from socialpublishing.platforms.meta.graph import VERSION
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.posts import MediaKind, Post
from socialpublishing.serializers import StrictSerializer, TextField

PAGE_SIZE = 50
# Images ripen in seconds, long films in many minutes: each look waits longer than the one before.
IMAGE_POLLS_S = (1.0, 2.0, 3.0, 5.0, 10.0)
VIDEO_POLLS_S = (5.0, 10.0, 15.0, 30.0, 60.0)
QUOTA_PAUSE = dt.timedelta(hours=1)
SPAM, SPAM_PAUSE = "4/2207051", dt.timedelta(hours=24)
# A new post may be unreadable for a while. After so many looks it is told without its address.
PERMALINK_POLLS_S = (0.0, 1.0, 3.0, 10.0, 30.0, 60.0)

CONTENT_PAGE = "https://developers.facebook.com/docs/instagram-platform/content-publishing"
CHECKED = dt.date(2026, 11, 22)

# Instagram's own, beside those of the Graph API:
# https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes.
# What failed while a file was fetched or worked on is tried with a new container.
ERRORS: graph.Errors = {
    (-2, None): UploadLostError,
    (-1, None): NoResponseError,
    (-1, 2207001): NoResponseError,
    (None, 2207003): UploadLostError,
    (None, 2207006): UploadLostError,
    (None, 2207008): UploadLostError,
    (None, 2207020): UploadLostError,
    (None, 2207032): UploadLostError,
    (None, 2207053): UploadLostError,
    (None, 2207076): UploadLostError,
    (None, 2207077): UploadLostError,
    (None, 2207082): UploadLostError,
    (9004, None): UploadLostError,
    (9007, None): MediaNotReadyError,
    # Taken for spam; and at times the post went out all the same.
    (4, 2207051): NoResponseError,
    (9, None): RateLimitError,
    (18, None): RateLimitError,
    (80002, None): RateLimitError,
    (25, None): InsufficientPermissionsError,
    (24, None): ContentRejectedError,
    (100, 33): NoResponseError,  # also of what was published a moment ago
    (352, None): ContentRejectedError,
    (None, 2207004): ContentRejectedError,
    (None, 2207005): ContentRejectedError,
    (None, 2207009): ContentRejectedError,
    (None, 2207010): ContentRejectedError,
    (None, 2207026): ContentRejectedError,
    (None, 2207040): ContentRejectedError,
    (None, 2207057): ContentRejectedError,
    (None, 2207081): ContentRejectedError,
    (36000, None): ContentRejectedError,
    (36001, None): ContentRejectedError,
    (36003, None): ContentRejectedError,
    (36004, None): ContentRejectedError,
}
BY_SUBCODE = {subcode: error for (_, subcode), error in ERRORS.items() if subcode}
SUBCODE = re.compile(r"error code (\d{7})")


class UserTag(StrictSerializer):
    username = TextField(max_length=30)
    x = NumberField(min_value=0, max_value=1, required=False, help_text="From the left, 0 to 1.")
    y = NumberField(min_value=0, max_value=1, required=False, help_text="From the top, 0 to 1.")


class InstagramOptions(options.PostOptions):
    examples: ClassVar[Mapping[str, Any]] = {
        "post_type": "feed",
        "collaborators": ["harbour.bakery"],
        "location_id": "110843418940484",
        "user_tags": [{"username": "harbour.bakery", "x": 0.5, "y": 0.8}],
        "is_ai_generated": True,
        "thumb_offset": 2000,
        "cover_url": "https://example.com/cover.jpg",
        "audio_name": "Morning at the harbour",
        "share_to_feed": False,
    }
    post_type = options.choice("The kind of post.", "feed", "reel", "story")
    collaborators = options.string_list(
        "User names of accounts that are asked to be authors too.", max_length=30, high=3
    )
    location_id = options.text(
        "The id of a Facebook Page with a place: where it was.", max_length=30
    )
    user_tags = serializers.ListField(
        child=UserTag(),
        min_length=1,
        max_length=20,
        **options.optional(
            "People in it; on an image with their place. Of a carousel, on its first file."
        ),
    )
    is_ai_generated = options.boolean("Label it as made with AI.")
    thumb_offset = options.integer(
        "The moment of a reel whose picture is its cover, in milliseconds.", low=0
    )
    cover_url = options.text("A JPEG as the cover of a reel, at a public address.", max_length=2048)
    audio_name = options.text("The name of a reel's own sound.", max_length=100)
    share_to_feed = options.boolean("Show the reel in the feed too.")


IMAGE = MediaLimit(
    max_count=10,
    mime_types=frozenset({"image/jpeg"}),
    max_bytes=8_000_000,
    ratio=Bounds(low=0.8, high=1.91),
)
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime"})
REEL = MediaLimit(
    mime_types=VIDEO_TYPES,
    max_bytes=300 * MEGABYTE,
    width=Bounds(high=1920),
    ratio=Bounds(low=0.01, high=10),
    duration_s=Bounds(low=3, high=15 * 60),
    frame_rate=Bounds(low=23, high=60),
    has_alt_text=False,
)
MEDIA_PAGE = (
    "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/"
    "ig-user/media"
)
# [memory] No table of their own; longer ones are refused in practice.
MAX_CAROUSEL_VIDEO_S = 60
MAX_CAPTION, MAX_HASHTAGS, MAX_MENTIONS = 2200, 30, 20


class Instagram(Platform):
    name: ClassVar = "instagram"
    label: ClassVar = "Instagram"
    hosts: ClassVar[Mapping[str, Host]] = {
        "api": Host(variable="INSTAGRAM_API_URL", default="https://graph.instagram.com"),
        "auth": Host(variable="INSTAGRAM_AUTH_URL", default="https://www.instagram.com"),
        "token": Host(variable="INSTAGRAM_TOKEN_URL", default="https://api.instagram.com"),
    }
    token_host: ClassVar = "token"
    client_id_variables: ClassVar[tuple[str, ...]] = ("INSTAGRAM_APP_ID",)
    client_secret_variables: ClassVar[tuple[str, ...]] = ("INSTAGRAM_APP_SECRET",)
    # https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
    oauth: ClassVar = OAuth(
        authorize_path="/oauth/authorize",
        token_path="/oauth/access_token",
        scopes=(
            "instagram_business_basic",
            "instagram_business_content_publish",
            "instagram_business_manage_insights",
        ),
        publish_scopes=frozenset(
            {"instagram_business_basic", "instagram_business_content_publish"}
        ),
        scope_separator=",",
        pkce=False,
        default_lifetime=dt.timedelta(days=60),
    )
    renews_without_refresh_token: ClassVar = True
    capabilities: ClassVar[Capabilities] = Capabilities(
        post_types=(
            PostType(
                description="An image, a video (as a reel), or a carousel of 2 to 10 of both.",
                max_text=MAX_CAPTION,
                min_media=1,
                max_media=10,
                mixes_kinds=True,
                media={
                    MediaKind.IMAGE: IMAGE,
                    MediaKind.VIDEO: replace(REEL, max_count=10),
                },
                max_alt_text=1000,
                max_hashtags=MAX_HASHTAGS,
                max_mentions=MAX_MENTIONS,
                options=frozenset({*SHARED_OPTIONS, "user_tags"}),
                source=MEDIA_PAGE,
                checked=CHECKED,
            ),
            PostType(
                name="reel",
                description="A video.",
                max_text=MAX_CAPTION,
                min_media=1,
                max_media=1,
                media={MediaKind.VIDEO: REEL},
                max_hashtags=MAX_HASHTAGS,
                max_mentions=MAX_MENTIONS,
                options=frozenset({*SHARED_OPTIONS, *VIDEO_OPTIONS, "user_tags"}),
                source=MEDIA_PAGE,
                checked=CHECKED,
            ),
            PostType(
                name="story",
                description="An image or a video that is gone after a day. No caption is shown.",
                max_text=0,
                min_media=1,
                max_media=1,
                media={
                    MediaKind.IMAGE: MediaLimit(
                        mime_types=IMAGE.mime_types,
                        max_bytes=IMAGE.max_bytes,
                        has_alt_text=False,
                    ),
                    MediaKind.VIDEO: replace(
                        REEL,
                        max_bytes=100 * MEGABYTE,
                        ratio=Bounds(low=0.1, high=10),
                        duration_s=Bounds(low=3, high=60),
                    ),
                },
                options=frozenset({"user_tags"}),
                source=CONTENT_PAGE,
                checked=CHECKED,
            ),
        )
    )
    options: ClassVar[type[options.PostOptions]] = InstagramOptions
    metrics_reader: ClassVar = InstagramMetrics

    @classmethod
    def cross_violations(cls, post: Post, kind: PostType) -> Iterator[Violation]:
        is_image = bool(post.media) and post.media[0].kind == MediaKind.IMAGE
        if is_image and not is_story(post):
            for tag in post.options.get("user_tags", ()):
                if not {"x", "y"} <= set(tag):
                    yield Violation(
                        rule="user_tags_place",
                        limit=["x", "y"],
                        actual=sorted(set(tag) - {"username"}),
                        message=f"The tag of {tag['username']} on an image needs x and y.",
                        fix="Say where in the image the person is.",
                    )
        if is_carousel(post):
            for media in post.media:
                if (media.duration_s or 0) > MAX_CAROUSEL_VIDEO_S:
                    yield Violation(
                        rule="carousel_video_duration",
                        limit=MAX_CAROUSEL_VIDEO_S,
                        actual=media.duration_s,
                        message="A video in a carousel lasts "
                        f"{MAX_CAROUSEL_VIDEO_S} seconds at most; this one {media.duration_s:g}.",
                        fix="Shorten it, or post it alone.",
                    )

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return True  # a container, always

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Containers, one a call; each is waited for, a carousel's files before the carousel.

        Instagram fetches the files itself: uploading them is for Facebook Login only.
        https://developers.facebook.com/docs/instagram-platform/content-publishing
        """
        handle = progress.handle
        children: list[str] = list(handle.get("children", []))
        if is_carousel(post) and len(children) < len(post.media):
            payload = child_payload(post, len(children))
            made = [*children, self._container(payload)]
            return progress.preparing(children=made, note=f"Handed over file {len(made)}.")
        waiting = [*children] if "container" not in handle else [handle["container"]]
        for container in waiting:
            if not self._is_processed(container):
                return self._wait(post, progress)
        if "container" not in handle:
            payload = carousel_payload(post, children) if children else single_payload(post)
            container = self._container(payload)
            return progress.preparing(container=container, polls=0, note="Handed over the post.")
        self._check_quota()
        return progress.ready()

    def _container(self, payload: Mapping[str, Any]) -> str:
        container: str = self.http.post(f"/{VERSION}/{self._id}/media", json=payload)["id"]
        return container

    def _wait(self, post: Post, progress: Progress) -> Progress:
        is_film = any(media.kind == MediaKind.VIDEO for media in post.media)
        pauses = VIDEO_POLLS_S if is_film else IMAGE_POLLS_S
        polls = progress.handle.get("polls", 0)
        pause = dt.timedelta(seconds=pauses[min(polls, len(pauses) - 1)])
        note = "Instagram is fetching and processing the media."
        return progress.preparing(poll_after=pause, polls=polls + 1, note=note)

    def _is_processed(self, container: str) -> bool:
        data = self.http.get(f"/{VERSION}/{container}", params={"fields": "status_code,status"})
        match data["status_code"]:
            case "FINISHED":
                return True
            case "EXPIRED":
                raise UploadLostError
            case "ERROR":
                raise _failure(str(data.get("status", "")))
        return False

    def _check_quota(self) -> None:
        """Instagram publishes so many posts of an account in 24 hours. Raises RateLimitError."""
        try:
            response = self.http.get(
                f"/{VERSION}/{self._id}/content_publishing_limit",
                params={"fields": "config,quota_usage"},
            )
        except (InsufficientPermissionsError, ContentRejectedError):
            return  # not all may read it; publishing itself will tell
        for data in response["data"][:1]:
            total = data.get("config", {}).get("quota_total")
            if total is not None and data.get("quota_usage", 0) >= total:
                until = dt.datetime.now(tz=dt.UTC) + QUOTA_PAUSE
                message = f"Instagram publishes {total} posts of an account in 24 hours."
                raise RateLimitError(message, until=until)

    def publish(self, post: Post, progress: Progress) -> Progress:
        assert self.account is not None
        made = self._http(self.account.token, read_error=self.read_publishing_error).post(
            f"/{VERSION}/{self._id}/media_publish",
            json={"creation_id": progress.handle["container"]},
        )
        named = progress.published(remote_id=made["id"])
        return named.confirming(poll_after=dt.timedelta(0), media_id=named.remote_id, lookups=0)

    def confirm(self, post: Post, progress: Progress) -> Progress:
        """It is out. What is still missing is its address, and perhaps its id."""
        lookups = progress.handle.get("lookups", 0)
        hits = [found for found in self._newest(post) if self._is_it(found, post, progress)]
        if len(hits) == 1:
            [found] = hits
            return progress.published(remote_id=found["id"], post_url=found.get("permalink"))
        if lookups + 1 < len(PERMALINK_POLLS_S):
            pause = dt.timedelta(seconds=PERMALINK_POLLS_S[lookups + 1])
            return progress.confirming(poll_after=pause, lookups=lookups + 1)
        known = progress.handle.get("media_id") or progress.handle["container"]
        return progress.published(remote_id=known)

    def _is_it(self, found: Mapping[str, Any], post: Post, progress: Progress) -> bool:
        if media_id := progress.handle.get("media_id"):
            return bool(found["id"] == media_id)
        since = dt.datetime.fromisoformat(progress.handle["since"])
        is_new = found["id"] not in progress.handle["credited"] and made_at(found) >= since
        return is_new and shows(found, post)

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """The container says whether it was published; which post it became, the list."""
        data = self.http.get(
            f"/{VERSION}/{progress.handle['container']}", params={"fields": "status_code"}
        )
        match data["status_code"]:
            case "PUBLISHED":
                return progress.confirming(
                    poll_after=dt.timedelta(0),
                    lookups=0,
                    since=since.isoformat(),
                    credited=sorted(other_post_ids),
                )
            case "EXPIRED" | "ERROR":
                return progress.lost("Instagram no longer has what was prepared.")
        return None

    def _newest(self, post: Post) -> list[dict[str, Any]]:
        edge = "stories" if is_story(post) else "media"
        fields = "id,caption,timestamp,permalink,media_product_type"
        response = self.http.get(
            f"/{VERSION}/{self._id}/{edge}", params={"fields": fields, "limit": str(PAGE_SIZE)}
        )
        found: list[dict[str, Any]] = response["data"]
        return found

    @property
    def _id(self) -> str:
        assert self.account is not None
        return self.account.id

    # --- Connecting ------------------------------------------------------------------------------

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        """A token of an hour, and for that one of sixty days."""
        form = {
            "client_id": self.client_id(),
            "client_secret": self.client_secret().reveal(),
            "grant_type": "authorization_code",
            "redirect_uri": redirect_uri,
            "code": code.removesuffix("#_"),
        }
        http = self._http(None, read_error=self.read_token_error, role="token")
        short = unwrapped(http.post(self.oauth.token_path, data=form))
        exchange = {
            "grant_type": "ig_exchange_token",
            "client_secret": self.client_secret().reveal(),
            "access_token": short["access_token"],
        }
        api = self._http(None, read_error=self.read_token_error)
        tokens = oauth2.read_tokens(api.get("/access_token", params=exchange), self.oauth)
        return replace(tokens, scopes=granted(short.get("permissions")))

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """A token of another sixty days, for the living one; there is no other to refresh with."""
        assert self.account is not None
        asked = {
            "grant_type": "ig_refresh_token",
            "access_token": self.account.token.reveal(),
        }
        http = self._http(None, read_error=self.read_token_error)
        data = http.get("/refresh_access_token", params=asked)
        return Renewal(tokens=oauth2.read_tokens(data, self.oauth))

    def profile(self) -> Profile:
        fields = "user_id,username,name,account_type"
        me = unwrapped(self.http.get(f"/{VERSION}/me", params={"fields": fields}))
        return Profile(
            # Not `id`: that is another number, known to our app alone.
            id=me["user_id"],
            display_name=me["username"],
            kind=str(me.get("account_type") or "business").lower(),
            facts={"username": me["username"]},
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        self.http.delete(f"/{VERSION}/me/permissions")

    # --- Errors ----------------------------------------------------------------------------------

    def read_token_error(self, response: PlatformResponse) -> PlatformApiError:
        """api.instagram.com has a shape of its own: flat, with `error_message`."""
        body = response.json if isinstance(response.json, dict) else {}
        if "error_message" not in body:
            return self.read_error(response)
        words = str(body["error_message"])
        if "platform app" in words or "developer role" in words:
            return PlatformConfigurationError(f"Instagram refuses this service: {words}")
        return TokenExpiredError(platform_code=str(body.get("code", "")))

    def read_error(self, response: PlatformResponse) -> PlatformApiError:
        return graph.read_error(response, label=self.label, own=ERRORS)

    def read_publishing_error(self, response: PlatformResponse) -> PlatformApiError:
        """A vague refusal may be meant for a container that is published: one to look up."""
        error = self.read_error(response)
        if error.platform_code == SPAM:
            error.rest_until = dt.datetime.now(tz=dt.UTC) + SPAM_PAUSE
            error.args = ("Instagram takes the account's posts for spam.",)
        if type(error) is ContentRejectedError and error.platform_code == "100":
            return DuplicateContentError(str(error), platform_code=error.platform_code)
        return error


def unwrapped(data: Any) -> dict[str, Any]:
    """The pages show some answers within a list named `data`; in production they come flat."""
    inner = data.get("data") if isinstance(data, dict) else None
    found: dict[str, Any] = inner[0] if isinstance(inner, list) and inner else data
    return found


def granted(permissions: Any) -> tuple[str, ...] | None:
    """A list, or a text with commas or spaces between them."""
    if isinstance(permissions, str):
        return tuple(permissions.replace(",", " ").split())
    return tuple(map(str, permissions)) if isinstance(permissions, list) else None


def _failure(status: str) -> PlatformApiError:
    """Why a container failed, by the code in its words."""
    found = SUBCODE.search(status)
    subcode = int(found[1]) if found else None
    kind = BY_SUBCODE.get(subcode or 0, UploadLostError)
    message = f"Instagram could not process the media: {status or 'it does not say why'}"
    return kind(message, platform_code=str(subcode or ""))


# At the end, as it is made of the class above.
from socialpublishing.platforms.instagram.facebook_login import (  # noqa: E402
    InstagramWithFacebookLogin,
)

Instagram.logins = {InstagramWithFacebookLogin.login: InstagramWithFacebookLogin}
