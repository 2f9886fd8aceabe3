"""TikTok.

Written from https://developers.tiktok.com/docs/en/ (content posting, media transfer, login kit,
user access tokens, error handling), as of 2026-11-22. A connection is a creator.

Which interactions a post allows and who sees it, its author has to say: TikTok passes no app that
presets them (https://developers.tiktok.com/docs/en/content-sharing-guidelines).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from django.conf import settings

from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PublishingOffError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
    Violation,
)
from socialpublishing.http import Body, PlatformResponse, retry_after
from socialpublishing.limits import (
    GIGABYTE,
    MEGABYTE,
    Bounds,
    Capabilities,
    MediaLimit,
    PostType,
    TextUnit,
)
from socialpublishing.media import open_stream
from socialpublishing.oauth import OAuth
from socialpublishing.platforms.accounts import Profile
from socialpublishing.platforms.base import Host, Platform
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.platforms.tiktok.metrics import TikTokMetrics
from socialpublishing.platforms.tiktok.payloads import (
    PUBLIC,
    is_draft,
    is_video,
    made_at,
    photos_payload,
    plan_of,
    shows,
    video_payload,
)
from socialpublishing.posts import Media, MediaKind, Post
from socialpublishing.text import is_blank, utf16_length

# How long a film is waited for at first, and how long for the id of a public post after that.
POLLS_S = (0, 2, 5, 10, 20, 30, 60)
ID_POLLS_S = (1, 5, 10, 30, 60, 60)
# After so many looks TikTok is believed that bytes are missing, whatever it said to them.
MISSING_LOOKUPS = 4
PAGE_SIZE, MAX_PAGES = 20, 50
DAY = dt.timedelta(hours=24)
CAP_PAUSE = dt.timedelta(hours=1)  # after which it is asked again whether a daily cap is over
MAX_PHOTO_TITLE = 90
# "1080p", in whichever direction:
# https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
MAX_PHOTO_SIDES = (1080, 1920)

POSTING_PAGE = "https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post"
PHOTO_PAGE = "https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post"
DRAFT_PAGE = "https://developers.tiktok.com/docs/en/content-posting-api-reference-upload-video"
CHECKED = dt.date(2026, 11, 22)

# https://developers.tiktok.com/docs/en/content-posting-api-reference-get-video-status: why a post
# failed, in words for its author. For all other reasons it is worth beginning anew.
REASONS = {
    "file_format_check_failed": "TikTok does not take the format of a file.",
    "duration_check_failed": "TikTok does not take a video of this length from this creator.",
    "frame_rate_check_failed": "TikTok takes 23 to 60 frames a second.",
    "picture_size_check_failed": "Each side of a video or photo has 360 to 4096 pixels.",
    "spam_risk_user_banned_from_posting": "TikTok has banned the creator from posting.",
    "spam_risk_text": "TikTok takes the text for spam.",
    "spam_risk": "TikTok takes the post for spam.",
    "publish_cancelled": "The post was cancelled at TikTok.",
    "app_version_check_failed": "The creator's TikTok app is too old to take drafts.",
}


class TikTokOptions(options.PostOptions):
    examples: ClassVar[Mapping[str, Any]] = {
        "post_type": "feed",
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "disable_comment": False,
        "disable_duet": True,
        "disable_stitch": True,
        "brand_content_toggle": False,
        "brand_organic_toggle": False,
        "music_usage_confirmed": True,
        "is_aigc": True,
        "video_cover_timestamp_ms": 1000,
        "title": "Rye bread at dawn",
        "auto_add_music": True,
        "photo_cover_index": 1,
    }
    post_type = options.choice("The kind of post.", "feed", "draft")
    privacy_level = options.choice(
        "Who sees it: one of those that TikTok offers to the creator.",
        "PUBLIC_TO_EVERYONE",
        "MUTUAL_FOLLOW_FRIENDS",
        "FOLLOWER_OF_CREATOR",
        "SELF_ONLY",
    )
    disable_comment = options.boolean("Let nobody comment.")
    disable_duet = options.boolean(
        "Let nobody make a duet with the video; of photos it says nothing."
    )
    disable_stitch = options.boolean("Let nobody stitch the video; of photos it says nothing.")
    brand_content_toggle = options.boolean("It is a paid partnership with somebody else.")
    brand_organic_toggle = options.boolean("It promotes the creator's own business.")
    music_usage_confirmed = options.boolean(
        "The creator has agreed to TikTok's Music Usage Confirmation for this post."
    )
    is_aigc = options.boolean("Label the video as made with AI.")
    video_cover_timestamp_ms = options.integer(
        "The moment of the video whose picture is its cover; without it, the first.", low=0
    )
    title = options.text("The title of photos.", max_length=MAX_PHOTO_TITLE)
    auto_add_music = options.boolean("Let TikTok add music to photos.")
    photo_cover_index = options.integer("Which photo is the cover, from 0.", low=0, high=34)


VIDEO = MediaLimit(
    # https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
    mime_types=frozenset({"video/mp4", "video/quicktime", "video/webm"}),
    max_bytes=4 * GIGABYTE,
    width=Bounds(low=360, high=4096),
    height=Bounds(low=360, high=4096),
    duration_s=Bounds(low=3, high=10 * 60),
    frame_rate=Bounds(low=23, high=60),
    has_alt_text=False,
)
PHOTO = MediaLimit(
    max_count=35,
    mime_types=frozenset({"image/jpeg", "image/webp"}),
    max_bytes=20 * MEGABYTE,
    has_alt_text=False,
)
# What the author has to say, and nobody presets.
REQUIRED = frozenset(
    {
        "privacy_level",
        "disable_comment",
        "disable_duet",
        "disable_stitch",
        "brand_content_toggle",
        "brand_organic_toggle",
        "music_usage_confirmed",
    }
)
PHOTO_OPTIONS = frozenset({"title", "auto_add_music", "photo_cover_index"})
VIDEO_OPTIONS = frozenset({"is_aigc", "video_cover_timestamp_ms"})
MAX_VIDEO_TEXT = 2200


class TikTok(Platform):
    name: ClassVar = "tiktok"
    label: ClassVar = "TikTok"
    hosts: ClassVar = {
        "api": Host(variable="TIKTOK_API_URL", default="https://open.tiktokapis.com"),
        "auth": Host(variable="TIKTOK_AUTH_URL", default="https://www.tiktok.com"),
    }
    client_id_variables: ClassVar = ("TIKTOK_CLIENT_KEY",)
    client_secret_variables: ClassVar = ("TIKTOK_CLIENT_SECRET",)
    # https://developers.tiktok.com/docs/en/login-kit-web and login-kit-desktop. How long tokens
    # live was shortened in 2026; each answer tells.
    oauth: ClassVar = OAuth(
        authorize_path="/v2/auth/authorize/",
        token_path="/v2/oauth/token/",
        scopes=("user.info.basic", "video.publish", "video.upload", "video.list"),
        publish_scopes=frozenset({"video.publish"}),
        scope_separator=",",
        client_id_parameter="client_key",
        challenge_encoding="hex",
        rotates_refresh_token=True,
        default_lifetime=dt.timedelta(hours=2),
    )
    capabilities: ClassVar = Capabilities(
        post_types=(
            PostType(
                description="A video, or 1 to 35 photos.",
                max_text=4000,
                text_unit=TextUnit.UTF16,
                min_media=1,
                max_media=35,
                media={MediaKind.VIDEO: VIDEO, MediaKind.IMAGE: PHOTO},
                options=REQUIRED | VIDEO_OPTIONS | PHOTO_OPTIONS,
                required_options=REQUIRED,
                source=POSTING_PAGE,
                checked=CHECKED,
            ),
            PostType(
                name="draft",
                description="A video or photos that the creator finishes in TikTok's app. Of a "
                "video its text is left behind there.",
                max_text=4000,
                text_unit=TextUnit.UTF16,
                min_media=1,
                max_media=35,
                media={MediaKind.VIDEO: VIDEO, MediaKind.IMAGE: PHOTO},
                options=frozenset({"title", "photo_cover_index"}),
                source=DRAFT_PAGE,
                checked=CHECKED,
            ),
        )
    )
    options: ClassVar = TikTokOptions
    metrics_reader: ClassVar = TikTokMetrics
    upload_hosts: ClassVar = (".tiktokapis.com",)

    # --- Before a post is taken ------------------------------------------------------------------

    @classmethod
    def check_publishing(cls, post: Post) -> None:
        allowed = settings.ENABLE_TIKTOK_PUBLISHING
        if allowed not in {"on", "private"}:
            raise PublishingOffError("Publishing to TikTok is switched off here.")
        is_private = is_draft(post) or post.options.get("privacy_level") == "SELF_ONLY"
        if allowed == "private" and not is_private:
            raise PublishingOffError(
                "TikTok has not audited this service yet: posts have to be drafts, or of "
                'privacy_level "SELF_ONLY" on a private account.'
            )

    @classmethod
    def cross_violations(cls, post: Post, kind: PostType) -> Iterator[Violation]:
        has_video = any(media.kind == MediaKind.VIDEO for media in post.media)
        yield from _wrong_options(post, has_video=has_video)
        length = utf16_length(post.text)
        if has_video and MAX_VIDEO_TEXT < length <= kind.max_text:
            yield Violation(
                rule="video_text_length",
                limit=MAX_VIDEO_TEXT,
                actual=length,
                message=f"The text of a video has {length} UTF-16 code units, {MAX_VIDEO_TEXT} "
                "are allowed.",
                fix=f"Shorten it by {length - MAX_VIDEO_TEXT}.",
            )
        for number, photo in enumerate(() if has_video else post.media, start=1):
            sides = sorted((photo.width or 0, photo.height or 0))
            if sides[0] > MAX_PHOTO_SIDES[0] or sides[1] > MAX_PHOTO_SIDES[1]:
                yield Violation(
                    rule="photo_resolution",
                    limit=f"{MAX_PHOTO_SIDES[1]} x {MAX_PHOTO_SIDES[0]}",
                    actual=f"{photo.width} x {photo.height}",
                    message=f"Photo {number} has {photo.width} x {photo.height} pixels; TikTok "
                    "takes 1080p.",
                    fix=f"Make it fit into {MAX_PHOTO_SIDES[1]} x {MAX_PHOTO_SIDES[0]} pixels.",
                )
        if not is_draft(post) and post.options.get("music_usage_confirmed") is False:
            yield Violation(
                rule="music_usage",
                limit=True,
                actual=False,
                message="TikTok publishes nothing before its Music Usage Confirmation is agreed "
                "to.",
                fix="Ask the creator, and send music_usage_confirmed true.",
            )
        cover = post.options.get("photo_cover_index", 0)
        if post.media and not has_video and cover >= len(post.media):
            yield Violation(
                rule="photo_cover_index",
                limit=len(post.media) - 1,
                actual=cover,
                message=f"There are {len(post.media)} photos; photo_cover_index is {cover}.",
                fix="Count from 0.",
            )
        title_length = utf16_length(post.options.get("title", ""))
        if title_length > MAX_PHOTO_TITLE:
            yield Violation(
                rule="title_length",
                limit=MAX_PHOTO_TITLE,
                actual=title_length,
                message=f"The title has {title_length} UTF-16 code units, {MAX_PHOTO_TITLE} are "
                "allowed.",
                fix=f"Shorten it by {title_length - MAX_PHOTO_TITLE}.",
            )

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """Of a video we know the name before it is sent. Photos get theirs with the answer, and
        without it whether they exist is told nowhere."""
        return LookupRules(is_complete=is_video(post))

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return True  # the creator is asked for, always

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Asks what the creator may do, and sends all of a video but its last chunk.

        https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide. Videos are
        sent and not pulled: pulled ones are seen to hang. Photos TikTok only pulls.
        """
        handle = progress.handle
        if "publish_id" not in handle and not is_draft(post):
            # Right before each begin, as TikTok wants it: what a creator may do changes.
            progress = progress.preparing(creator=self._creator(post))
        if not is_video(post):
            return progress.ready()
        video = post.media[0]
        assert video.size_bytes is not None
        plan = plan_of(video.size_bytes)
        if "publish_id" not in handle:
            path = "inbox/video/init/" if is_draft(post) else "video/init/"
            begun = self.ask(f"/v2/post/publish/{path}", video_payload(post, plan))
            data = {"publish_id": begun["publish_id"], "upload_url": begun["upload_url"]}
            return progress.preparing(**data, offset=0, note="TikTok expects the video.")
        offset = handle["offset"]
        if plan.count > 1:
            # More may have arrived than was written down, when a worker died.
            offset = max(offset, int(self._status(progress).get("uploaded_bytes", 0)))
        if offset < plan.last_start:
            offset = self._send_chunks(video, progress, offset, plan.last_start, plan.chunk)
        if offset < plan.last_start:
            done = f"{offset / MEGABYTE:.0f} of {plan.size / MEGABYTE:.0f} MB"
            return progress.preparing(offset=offset, note=f"Uploaded {done}.")
        return progress.ready(offset=offset)

    def _creator(self, post: Post) -> dict[str, Any]:
        """https://developers.tiktok.com/docs/en/content-posting-api-reference-query-creator-info

        Raises ContentRejectedError for what the creator may not do.
        """
        data = self.ask("/v2/post/publish/creator_info/query/", {})
        levels = data["privacy_level_options"]
        if post.options["privacy_level"] not in levels:
            raise ContentRejectedError(
                f"TikTok lets this creator post to {', '.join(levels)}, and not to "
                f"{post.options['privacy_level']}."
            )
        for what in ("comment", "duet", "stitch"):
            is_asked = what == "comment" or is_video(post)
            if is_asked and data.get(f"{what}_disabled") and not post.options[f"disable_{what}"]:
                raise ContentRejectedError(
                    f"The creator has switched off {what}s: disable_{what} has to be true."
                )
        longest = data.get("max_video_post_duration_sec")
        seconds = post.media[0].duration_s or 0
        if is_video(post) and longest and seconds > longest:
            raise ContentRejectedError(
                f"TikTok takes videos of {longest} seconds from this creator; this one has "
                f"{seconds:g}."
            )
        return {"username": data["creator_username"]}

    def _send_chunks(
        self, video: Media, progress: Progress, start: int, end: int, chunk: int
    ) -> int:
        """All before `end`, until it is time to write down how far it came."""

        def send(offset: int, part: Body) -> None:
            self._put(video, progress, offset, part)

        return self.upload(video, start=start, end=end, part_bytes=chunk, send=send)

    def _put(self, video: Media, progress: Progress, offset: int, part: Body) -> None:
        headers = {
            "Content-Type": video.mime_type,
            "Content-Range": f"bytes {offset}-{offset + len(part) - 1}/{video.size_bytes}",
        }
        # Without our token: the address holds one of its own.
        self.upload_http(progress.handle["upload_url"]).call(
            "PUT", "", data=part, headers=headers, needs_json=False
        )

    def publish(self, post: Post, progress: Progress) -> Progress:
        """The last chunk: with it TikTok goes on by itself. Or the call that has photos pulled."""
        wait = dt.timedelta(seconds=POLLS_S[0])
        if not is_video(post):
            begun = self.ask("/v2/post/publish/content/init/", photos_payload(post))
            return progress.confirming(poll_after=wait, publish_id=begun["publish_id"], lookups=1)
        video, offset = post.media[0], progress.handle["offset"]
        size = video.size_bytes
        assert size is not None
        with open_stream(video.url, max_bytes=size, start=offset, expected_bytes=size) as stream:
            try:
                self._put(video, progress, offset, stream.part(size - offset))
            except PlatformApiError as error:
                if error.status_code in {403, 404}:
                    return self._given_back(post, progress)
                raise
        return progress.confirming(poll_after=wait, lookups=1)

    def _given_back(self, post: Post, progress: Progress) -> Progress:
        """The address takes nothing any more. Raises UploadLostError once the task is surely over.

        https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide#cancel
        """
        asked = {"publish_id": progress.handle["publish_id"]}
        try:
            self.ask("/v2/post/publish/cancel/", asked)
        except PlatformApiError as error:
            if error.platform_code == "publish_not_cancellable":
                return self._stands(post, progress, self._status(progress))
            if error.platform_code != "invalid_publish_id":
                raise NoResponseError(str(error)) from error
        raise UploadLostError()

    def confirm(self, post: Post, progress: Progress) -> Progress:
        data = self._status(progress)
        is_late = progress.handle.get("lookups", 0) >= MISSING_LOOKUPS
        if is_late and not self._is_complete(post, data):
            return progress.ready(lookups=0)
        return self._stands(post, progress, data)

    def _is_complete(self, post: Post, data: Mapping[str, Any]) -> bool:
        """Does TikTok have all bytes? Only while it waits for some it says that they are few."""
        size = post.media[0].size_bytes or 0
        is_waiting = data.get("status") == "PROCESSING_UPLOAD"
        return not is_waiting or int(data.get("uploaded_bytes", size)) >= size

    def _status(self, progress: Progress) -> dict[str, Any]:
        asked = {"publish_id": progress.handle["publish_id"]}
        return self.ask("/v2/post/publish/status/fetch/", asked)

    def _stands(self, post: Post, progress: Progress, data: Mapping[str, Any]) -> Progress:
        lookups = progress.handle.get("lookups", 0)
        match data.get("status"):
            case "PUBLISH_COMPLETE":
                return self._complete(post, progress, data)
            case "SEND_TO_USER_INBOX":
                inbox = f"{self.host('auth')}/messages?lang=en"
                return progress.published(remote_id=progress.handle["publish_id"], post_url=inbox)
            case "FAILED":
                reason = str(data.get("fail_reason", ""))
                if reason in REASONS:
                    return progress.refused(REASONS[reason])
                if reason == "spam_risk_too_many_posts":
                    note = "TikTok takes no more posts of this creator from apps today."
                    return progress.lost(note, poll_after=CAP_PAUSE)
                return progress.lost(f"TikTok could not publish it ({reason or 'no reason'}).")
        pause = dt.timedelta(seconds=POLLS_S[min(lookups, len(POLLS_S) - 1)])
        return progress.confirming(poll_after=pause, lookups=lookups + 1)

    def _complete(self, post: Post, progress: Progress, data: Mapping[str, Any]) -> Progress:
        """It is out. A public post gets its id when TikTok has looked at it, others never do."""
        ids = data.get("publicaly_available_post_id") or []
        ids = ids if isinstance(ids, list) else [ids]
        username = progress.handle.get("creator", {}).get("username", "")
        if is_draft(post) and not ids:
            inbox = f"{self.host('auth')}/messages?lang=en"
            return progress.published(remote_id=progress.handle["publish_id"], post_url=inbox)
        profile = f"{self.host('auth')}/@{username}"
        if ids:
            kind = "video" if is_video(post) else "photo"
            return progress.published(remote_id=str(ids[0]), post_url=f"{profile}/{kind}/{ids[0]}")
        polls = progress.handle.get("id_polls", 0)
        if post.options.get("privacy_level") == PUBLIC and polls < len(ID_POLLS_S):
            pause = dt.timedelta(seconds=ID_POLLS_S[polls])
            return progress.confirming(poll_after=pause, id_polls=polls + 1)
        return progress.published(remote_id=progress.handle["publish_id"], post_url=profile)

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        if "publish_id" not in progress.handle:
            return self._find_photos(post, progress, since, other_post_ids)
        data = self._status(progress)
        return self._stands(post, progress, data) if self._is_complete(post, data) else None

    def _find_photos(
        self, post: Post, progress: Progress, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | None:
        """Among the public posts; whether TikTok lists photos there is not told."""
        if is_draft(post) or post.options["privacy_level"] != PUBLIC or is_blank(post.text):
            return None  # never listed, or not to be told from others
        username = progress.handle.get("creator", {}).get("username", "")
        for videos in self.videos("id,create_time,title,video_description,duration"):
            for found in videos:
                is_new = found["id"] not in other_post_ids and made_at(found) >= since
                is_new = is_new and not found.get("duration")
                if is_new and shows(found, post):
                    url = f"{self.host('auth')}/@{username}/photo/{found['id']}"
                    return Found(remote_id=found["id"], post_url=url)
            if videos and made_at(videos[-1]) < since:
                break
        return None

    # --- Calling ---------------------------------------------------------------------------------

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of an answer. Raises also for an error that comes with a status of 200."""
        response = self.http.call("POST", path, json=dict(body))
        return self._data(response)

    def _data(self, response: PlatformResponse) -> dict[str, Any]:
        if _error_of(response).get("code", "ok") != "ok":
            error = self.read_error(response)
            error.platform, error.status_code = self.name, response.status_code
            raise error
        data = response.json.get("data") if isinstance(response.json, dict) else None
        if not isinstance(data, dict):
            raise NoResponseError("TikTok's answer lacks its data.", platform=self.name)
        return data

    def videos(self, fields: str) -> Iterator[list[dict[str, Any]]]:
        """The public videos, page by page, newest first."""
        asked: dict[str, Any] = {"max_count": PAGE_SIZE}
        for _ in range(MAX_PAGES):
            data = self.ask(f"/v2/video/list/?fields={fields}", asked)
            yield data["videos"]
            if not data.get("has_more"):
                return
            asked["cursor"] = data["cursor"]

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        # The name in the address of the profile needs another scope; it comes with each post.
        response = self.http.call("GET", "/v2/user/info/?fields=open_id,union_id,display_name")
        user = self._data(response)["user"]
        return Profile(
            id=user["open_id"],
            display_name=user["display_name"],
            kind="creator",
            facts={"union_id": user.get("union_id", "")},
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        assert self.account is not None
        form = {
            "client_key": self.client_id(),
            "client_secret": self.client_secret().reveal(),
            "token": self.account.token.reveal(),
        }
        http = self._http(None, read_error=self.read_token_error)
        http.post("/v2/oauth/revoke/", data=form)

    # --- Errors ----------------------------------------------------------------------------------

    def token_refusal(self, data: Any) -> PlatformApiError | None:
        """https://developers.tiktok.com/docs/en/oauth-error-handling: flat, and with any status."""
        code = data.get("error") if isinstance(data, dict) else None
        if not isinstance(code, str) or not code or "access_token" in data:
            return None
        facts: dict[str, Any] = {"platform_code": code}
        facts["request_id"] = str(data.get("log_id", ""))[:64]
        if code in {"invalid_client", "unauthorized_client"}:
            return PlatformConfigurationError(**facts)
        if code == "invalid_grant":
            return TokenExpiredError(**facts)
        words = str(data.get("error_description", ""))
        return PlatformApiError(f"TikTok answered: {words}", **facts)

    def read_token_error(self, response: PlatformResponse) -> PlatformApiError:
        return self.token_refusal(response.json) or self.read_error(response)

    def read_error(self, response: PlatformResponse) -> PlatformApiError:
        """By the code, and never by the status where there is one.

        https://developers.tiktok.com/docs/en/tiktok-api-v2-error-handling
        """
        error = _error_of(response)
        code, words = str(error.get("code", "")), str(error.get("message", ""))
        log_id = str(error.get("log_id") or error.get("logid") or "")
        facts: dict[str, Any] = {"platform_code": code[:64], "request_id": log_id[:64]}
        match code:
            case "access_token_invalid":
                return TokenExpiredError(**facts)
            case "scope_not_authorized" | "scope_permission_missed":
                return InsufficientPermissionsError(**facts)
            case "spam_risk_too_many_posts":
                message = "TikTok takes no more posts of this creator from apps today."
                return RateLimitError(message, until=_later(CAP_PAUSE), **facts)
            case "spam_risk_too_many_pending_share":
                message = "Five drafts wait in the creator's inbox; TikTok takes no more today."
                until = _later(CAP_PAUSE)
                return RateLimitError(message, until=until, of_account=False, **facts)
            case "reached_active_user_cap":
                message = "This service has reached TikTok's daily limit of creators who post."
                return RateLimitError(message, until=_later(CAP_PAUSE), **facts)
            case "rate_limit_exceeded":
                return RateLimitError(
                    "TikTok asks us to wait.", until=retry_after(response), **facts
                )
            case "unaudited_client_can_only_post_to_private_accounts":
                return PlatformConfigurationError(
                    "TikTok has not audited this service: it may post to private accounts only, "
                    "and for themselves.",
                    **facts,
                )
            case "url_ownership_unverified":
                return PlatformConfigurationError(
                    "TikTok pulls photos only from addresses that this service has shown to be "
                    "its own; its operator has to verify their domain.",
                    **facts,
                )
            case "spam_risk_user_banned_from_posting":
                return ContentRejectedError(REASONS[code], **facts)
            case "invalid_publish_id":
                return UploadLostError(**facts)
            case "internal_error":
                return NoResponseError("TikTok answered with an error of its own.", **facts)
            case "ok" | "":
                return self._by_status(response)
        if response.status_code >= 500:
            return NoResponseError("TikTok answered with an error of its own.", **facts)
        if response.status_code < 400:
            # No list knows the code, and the answer is no refusal: the outcome is open.
            return PlatformApiError(f"TikTok answered: {words or code}", **facts)
        return ContentRejectedError(f"TikTok refused the post: {words or code}", **facts)

    def _by_status(self, response: PlatformResponse) -> PlatformApiError:
        """The upload host has no codes."""
        match response.status_code:
            case 403:
                return UploadLostError()
            case 429:
                until = retry_after(response)
                return RateLimitError("TikTok asks us to wait.", until=until)
            case 401:
                return TokenExpiredError()
        # 404 and 416 say that it stands elsewhere than we think: the status tells where.
        return NoResponseError(f"TikTok's upload answered {response.status_code}.")


def _wrong_options(post: Post, *, has_video: bool) -> Iterator[Violation]:
    """Which options go with videos and which with photos."""
    strange = PHOTO_OPTIONS if has_video else VIDEO_OPTIONS
    for name in sorted(strange & post.options.keys()) if post.media else ():
        yield Violation(
            rule="option_of_other_media",
            limit=0,
            actual=name,
            message=f"{name} is for {'photos' if has_video else 'a video'}.",
            fix="Take it out.",
        )


def _later(pause: dt.timedelta) -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC) + pause


def _error_of(response: PlatformResponse) -> dict[str, Any]:
    error = response.json.get("error") if isinstance(response.json, dict) else None
    return error if isinstance(error, dict) else {}
