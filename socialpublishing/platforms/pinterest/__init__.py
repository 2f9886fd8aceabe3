"""Pinterest.

Written from https://developers.pinterest.com/docs/api/v5/ and the official OpenAPI description
(https://github.com/pinterest/api-description, 5.23 with the change list to 5.28), as of 2026-11-22.
A connection is an account; every Pin goes to one of its boards.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from django.core.validators import RegexValidator

from socialpublishing import options
from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformUnreachableError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
    Violation,
)
from socialpublishing.http import MultipartBody, PlatformResponse, retry_after
from socialpublishing.limits import GIGABYTE, MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.media import download, open_stream
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.platforms.accounts import DestinationFacts, Profile
from socialpublishing.platforms.base import Host, Platform
from socialpublishing.platforms.boards import Boards, NewBoard, Section
from socialpublishing.platforms.pinterest.metrics import PinterestMetrics
from socialpublishing.platforms.pinterest.payloads import (
    COVERS,
    is_newest_first,
    is_of_its_kind,
    is_video,
    joined_alt_text,
    made_at,
    pin_payload,
    shows,
    source_of_addresses,
    source_of_bytes,
    source_of_video,
)
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.posts import Media, MediaKind, Post

MAX_ALT_TEXT = 500
PAGE_SIZE = 250
MAX_PAGES = 50
VIDEO_POLL = dt.timedelta(seconds=5)
# Images of one Pin that are handed over as bytes; in JSON they grow by a third. Larger ones
# Pinterest has to fetch itself.
MAX_INLINE_BYTES = 10 * MEGABYTE
# Shorter than a look-up waits before it calls a Pin absent.
MAX_FETCH_S = 45.0
# Whose posts Pinterest takes for spam has to rest; it does not tell for how long.
SPAM_PAUSE = dt.timedelta(hours=3)
# Before it is asked to fetch a file again.
FETCH_PAUSE = dt.timedelta(seconds=120)

DIGITS = RegexValidator(r"^[0-9]{1,30}\Z", "An id of Pinterest is made of digits.")
COLOUR = RegexValidator(r"^#[0-9A-Fa-f]{6}\Z", "A colour such as #6E7874 is expected.")


class PinterestOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "board_id": "549755885175",
        "board_section_id": "549755885176",
        "title": "Rye bread at dawn",
        "link": "https://example.com/bread",
        "dominant_color": "#C97F16",
        "cover_image_key_frame_time": 2,
        "cover_image_url": "https://example.com/cover.jpg",
    }
    post_type = options.choice("The kind of post.", "feed")
    board_id = options.text(
        "The board to pin to, one of the destinations.", max_length=30, validators=[DIGITS]
    )
    board_section_id = options.text("A section of that board.", max_length=30, validators=[DIGITS])
    title = options.text("The title of the Pin.", max_length=100)
    link = options.web_address("Where a click on the Pin leads.")
    dominant_color = options.text(
        "The colour shown until the Pin is loaded.", max_length=7, validators=[COLOUR]
    )
    cover_image_key_frame_time = options.integer(
        "The second of the video whose picture is its cover; without it, the first.", low=0
    )
    cover_image_url = options.web_address(
        "A picture as the cover of the video, at a public address."
    )


class Pinterest(Platform, Boards):
    name: ClassVar = "pinterest"
    label: ClassVar = "Pinterest"
    hosts: ClassVar = {
        "api": Host(variable="PINTEREST_API_URL", default="https://api.pinterest.com"),
        "auth": Host(variable="PINTEREST_AUTH_URL", default="https://www.pinterest.com"),
    }
    client_id_variables: ClassVar = ("PINTEREST_APP_ID",)
    client_secret_variables: ClassVar = ("PINTEREST_APP_SECRET",)
    # https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/
    oauth: ClassVar = OAuth(
        authorize_path="/oauth/",
        token_path="/v5/oauth/token",
        scopes=("boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read"),
        # Making a Pin needs boards:write, not only pins:write.
        publish_scopes=frozenset({"boards:read", "boards:write", "pins:read", "pins:write"}),
        scope_separator=",",
        client_auth="basic",
        pkce=False,
        # Whether the old one lives on when a new one was granted is not told.
        rotates_refresh_token=True,
        default_lifetime=dt.timedelta(days=30),
    )
    capabilities: ClassVar = Capabilities(
        post_types=(
            PostType(
                description="A Pin of an image, of a carousel of 2 to 5 images, or of a video.",
                max_text=800,
                min_media=1,
                max_media=5,
                media={
                    # https://help.pinterest.com/en/business/article/pinterest-product-specs
                    MediaKind.IMAGE: MediaLimit(
                        max_count=5,
                        mime_types=frozenset({"image/jpeg", "image/png"}),
                        max_bytes=20 * MEGABYTE,
                    ),
                    MediaKind.VIDEO: MediaLimit(
                        mime_types=frozenset({"video/mp4", "video/quicktime", "video/x-m4v"}),
                        max_bytes=2 * GIGABYTE,
                        ratio=Bounds(low=0.5, high=1.91),
                        duration_s=Bounds(low=4, high=15 * 60),
                    ),
                },
                max_alt_text=MAX_ALT_TEXT,
                options=frozenset(set(PinterestOptions.examples) - {"post_type"}),
                source="https://developers.pinterest.com/docs/api/v5/pins-create",
                checked=dt.date(2026, 11, 22),
            ),
        )
    )
    options: ClassVar = PinterestOptions
    destination_option: ClassVar = "board_id"
    posts_as_account: ClassVar = False
    metrics_reader: ClassVar = PinterestMetrics
    upload_hosts: ClassVar = (".pinterest-media-upload.s3-accelerate.amazonaws.com",)

    @classmethod
    def cross_violations(cls, post: Post, kind: PostType) -> Iterator[Violation]:
        yield from _ratio_violations(post)
        alt_text = joined_alt_text(post)
        is_each_short = all(len(media.alt_text) <= kind.max_alt_text for media in post.media)
        if is_each_short and len(alt_text) > kind.max_alt_text:
            yield Violation(
                rule="alt_texts_length",
                limit=kind.max_alt_text,
                actual=len(alt_text),
                message=f"A Pin has one alt text. Those of its images have {len(alt_text)} "
                f"characters together, {kind.max_alt_text} are allowed.",
                fix=f"Shorten them by {len(alt_text) - kind.max_alt_text} together.",
            )
        covers = [name for name in COVERS if name in post.options]
        if covers and not is_video(post):
            yield Violation(
                rule="cover_needs_video",
                limit=0,
                actual=len(covers),
                message=f"{covers[0]} is for a Pin with a video.",
                fix="Add a video, or take it out.",
            )
        if len(covers) > 1:
            yield Violation(
                rule="cover_once",
                limit=1,
                actual=len(covers),
                message="A video has one cover.",
                fix=f"Take out one of {' and '.join(covers)}.",
            )

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        # Images travel in the very call that makes the Pin.
        return is_video(post)

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Uploads the video in one go, then waits until it is processed.

        https://developers.pinterest.com/docs/work-with-organic-content-and-users/create-boards-and-pins/
        """
        media_id = progress.handle.get("media_id")
        if media_id is None:
            media_id = self._upload_video(post.media[0])
            return progress.preparing(poll_after=VIDEO_POLL, media_id=media_id, note="Uploaded.")
        status = self.http.get(f"/v5/media/{media_id}")["status"]
        if status == "failed":
            raise ContentRejectedError(
                "Pinterest could not process the video; it does not say why."
            )
        if status == "succeeded":
            return progress.ready()
        note = "Pinterest is processing the video."
        return progress.preparing(poll_after=VIDEO_POLL, note=note)

    def _upload_video(self, video: Media) -> str:
        """One step, because the form to upload with holds keys, which are stored nowhere.

        S3 takes a form whole. If it breaks off, another registration costs nothing.
        """
        size = video.size_bytes
        assert size is not None
        made = self.http.post("/v5/media", json={"media_type": "video"})
        media_id: str = made["media_id"]
        with open_stream(video.url, max_bytes=size, expected_bytes=size) as stream:
            form = MultipartBody(
                made["upload_parameters"], stream.part(size), mime_type=video.mime_type
            )
            headers = {"Content-Type": form.content_type}
            # Without our token: S3 refuses a form that comes with an Authorization.
            self.upload_http(made["upload_url"]).call(
                "POST", "", data=form, headers=headers, needs_json=False
            )
        return media_id

    def publish(self, post: Post, progress: Progress) -> Progress:
        assert self.account is not None
        started = time.monotonic()
        payload = pin_payload(post, board_id=self.account.id, source=self._source(post, progress))
        if time.monotonic() - started > MAX_FETCH_S:
            raise PlatformUnreachableError("The images came too slowly; nothing was sent.")
        pin = self.http.post("/v5/pins", json=payload)
        return progress.published(remote_id=pin["id"], post_url=self._pin_url(pin["id"]))

    def _source(self, post: Post, progress: Progress) -> dict[str, Any]:
        if is_video(post):
            return source_of_video(post, progress.handle["media_id"])
        if sum(media.size_bytes or 0 for media in post.media) > MAX_INLINE_BYTES:
            return source_of_addresses(post)
        limits = self.capabilities
        return source_of_bytes(
            [
                download(media.url, max_bytes=limits.limit_of(media, post).max_bytes)
                for media in post.media
            ]
        )

    def _pin_url(self, pin_id: Any) -> str:
        return f"{self.host('auth')}/pin/{pin_id}/"

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Among the Pins of the board, until the list is known to hold only older ones.

        Raises NoResponseError for a new Pin in other words that is no other job's: Pinterest may
        have changed them.
        """
        assert self.account is not None
        has_likeness = False
        for pins in self.pages(f"/v5/boards/{self.account.id}/pins"):
            for pin in pins:
                if pin["id"] in other_post_ids or made_at(pin) < since:
                    continue
                if shows(pin, post):
                    return Found(remote_id=pin["id"], post_url=self._pin_url(pin["id"]))
                has_likeness |= is_of_its_kind(pin, post)
            if is_newest_first(pins) and made_at(pins[-1]) < since:
                break
        if has_likeness:
            raise NoResponseError("The board has a new Pin that may be this one in other words.")
        return None

    def pages(self, path: str, **asked: str) -> Iterator[list[dict[str, Any]]]:
        """Raises NoResponseError if there is no end: what is not on MAX_PAGES may still exist."""
        params = {"page_size": str(PAGE_SIZE), **asked}
        for _ in range(MAX_PAGES):
            response = self.http.get(path, params=params)
            yield response["items"]
            bookmark = response.get("bookmark")
            if not bookmark:
                return
            params["bookmark"] = bookmark
        raise NoResponseError("Pinterest's list is longer than we read.")

    # --- Boards ----------------------------------------------------------------------------------

    def destinations(self) -> list[DestinationFacts]:
        pages = self.pages("/v5/boards")
        return [board_facts(board) for boards in pages for board in boards]

    def create_board(self, board: NewBoard) -> DestinationFacts:
        payload = {"name": board.name, "privacy": board.privacy.upper()}
        if board.description:
            payload["description"] = board.description
        return board_facts(self.http.post("/v5/boards", json=payload))

    def sections(self, board_id: str) -> list[Section]:
        pages = self.pages(f"/v5/boards/{board_id}/sections")
        return [section_facts(section) for sections in pages for section in sections]

    def create_section(self, board_id: str, name: str) -> Section:
        made = self.http.post(f"/v5/boards/{board_id}/sections", json={"name": name})
        return section_facts(made)

    # --- Connecting ------------------------------------------------------------------------------

    def call_token_endpoint(self, form: dict[str, str]) -> Tokens:
        # Apps from before 2025-09-25 get lasting refresh tokens only if they ask for them.
        return super().call_token_endpoint({**form, "continuous_refresh": "true"})

    def profile(self) -> Profile:
        me = self.http.get("/v5/user_account")
        return Profile(
            # Older answers came without an id.
            id=me.get("id") or me["username"],
            display_name=me.get("business_name") or me["username"],
            kind="business" if me.get("account_type") == "BUSINESS" else "person",
            facts={"username": me["username"]},
        )

    # --- Errors ----------------------------------------------------------------------------------

    def read_token_error(self, response: PlatformResponse) -> PlatformApiError:
        """A bad code, a bad refresh token and a bad client answer alike."""
        if response.status_code in {400, 401}:
            return TokenExpiredError(**_facts(response))
        return self.read_error(response)

    def read_error(self, response: PlatformResponse) -> PlatformApiError:
        """By status, code and words, as seen in production: no page lists them.

        A 401 is an expired token only if its code is not 3. Trial access, for one:
        https://github.com/gitroomhq/postiz-app/issues/1084.
        """
        facts, words = _facts(response), _words(response)
        lower = words.lower()
        match response.status_code, facts["platform_code"]:
            case 401, "3" if "restricted feature" in lower:
                return PlatformConfigurationError(
                    f"Pinterest refuses this service: {words}", **facts
                )
            case 401, "3":
                return InsufficientPermissionsError(**facts)
            case 401, _:
                return TokenExpiredError(**facts)
            case 403, "29" if "trial access" in lower:
                return PlatformConfigurationError(
                    "Pinterest has given this service Trial access, which may not publish. Its "
                    "operator has to apply for Standard access.",
                    **facts,
                )
            case 403, "29":
                return InsufficientPermissionsError(
                    f"Pinterest does not let this connection do that: {words}", **facts
                )
            case 404, "40":
                return ContentRejectedError("The board is gone. Choose another.", **facts)
            case 404, _ if "media" in lower:
                return UploadLostError(**facts)
            case 429, _ if "spam" in lower:
                until = dt.datetime.now(tz=dt.UTC) + SPAM_PAUSE
                message = f"Pinterest takes the account's posts for spam: {words}"
                return RateLimitError(message, until=until, **facts)
            case 429, _:
                return RateLimitError("Pinterest asks us to wait.", until=_reset(response), **facts)
            case 400, _ if "could not fetch" in lower or "unable to reach" in lower:
                # Its crawler fails at times with addresses that are well; nothing was made.
                message = f"Pinterest could not fetch a file: {words}"
                return MediaNotReadyError(message, wait=FETCH_PAUSE, uses_attempt=True, **facts)
            case 400 | 403 | 412, _ if "<Error>" in response.text:
                # S3's own words: the form has expired, or is not what it wanted.
                return UploadLostError(**facts)
            case ((400 | 403 | 404), _) if words:
                return ContentRejectedError(f"Pinterest refused the Pin: {words}", **facts)
            case status, _ if status == 408 or status >= 500:
                message = f"Pinterest answered with an error of its own ({status})."
                return NoResponseError(message, **facts)
        return PlatformApiError(f"Pinterest answered {response.status_code}: {words}", **facts)


def _ratio_violations(post: Post) -> Iterator[Violation]:
    """All images of a carousel need the same ratio of width to height."""
    if is_video(post):
        return
    sizes = [(m.width, m.height) for m in post.media if m.width and m.height]
    for width, height in sizes[1:]:
        first_width, first_height = sizes[0]
        # Not exactly: whole pixels are rounded, so that each side may be off by half of one.
        off = abs(width * first_height - height * first_width)
        if off > (width + height + first_width + first_height) / 2:
            ratio = first_width / first_height
            yield Violation(
                rule="carousel_ratio",
                limit=round(ratio, 3),
                actual=round(width / height, 3),
                message="All images of a carousel have the same ratio of width to height; the "
                f"first has {ratio:.3g}, another {width / height:.3g}.",
                fix="Crop them to one shape.",
            )
            return


def board_facts(board: dict[str, Any]) -> DestinationFacts:
    return DestinationFacts(
        id=board["id"],
        name=board["name"],
        kind="board",
        # On a board for advertisements a Pin is not seen.
        can_publish=not board.get("is_ads_only", False),
        profile={"privacy": board.get("privacy", "PUBLIC").lower()},
    )


def section_facts(section: dict[str, Any]) -> Section:
    return Section(id=section["id"], name=section["name"])


def _facts(response: PlatformResponse) -> dict[str, Any]:
    body = response.json if isinstance(response.json, dict) else {}
    code = body.get("code")
    return {
        "platform_code": str(code) if isinstance(code, int) else "",
        "request_id": response.headers.get("x-pinterest-rid", "")[:64],
    }


def _words(response: PlatformResponse) -> str:
    return str(response.json.get("message") or "") if isinstance(response.json, dict) else ""


def _reset(response: PlatformResponse) -> dt.datetime | None:
    """When the limit is over. `x-ratelimit-reset` counts seconds; a large one is a time.

    https://developers.pinterest.com/docs/reference/rate-limits/
    """
    data = response.headers.get("x-ratelimit-reset", "").strip()
    if data.isascii() and data.isdecimal() and int(data[:11]) < 86400:
        until = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=int(data[:11]))
        return retry_after(response) or until
    return retry_after(response, reset_header="x-ratelimit-reset")
