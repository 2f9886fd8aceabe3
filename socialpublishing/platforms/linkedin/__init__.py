"""LinkedIn.

Written from https://learn.microsoft.com/en-us/linkedin/marketing/ (posts, images, videos,
documents, polls, versioning) and .../linkedin/shared/authentication/, as
of 2026-11-22. A connection is a member; organizations that the member may post for are
destinations.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from django.core.validators import RegexValidator
from rest_framework import serializers

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
from socialpublishing.http import Body, PlatformResponse, retry_after
from socialpublishing.limits import MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.media import open_stream
from socialpublishing.oauth import OAuth
from socialpublishing.options import WEB_ADDRESS, IntegerField
from socialpublishing.platforms.accounts import DestinationFacts, Profile
from socialpublishing.platforms.base import Host, Platform
from socialpublishing.platforms.linkedin.metrics import LinkedInMetrics
from socialpublishing.platforms.linkedin.payloads import (
    ASSETS,
    DURATIONS,
    author_urn,
    made_at,
    post_payload,
    shows,
)
from socialpublishing.platforms.metrics import MetricsReader
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.posts import Media, MediaKind, Post
from socialpublishing.serializers import StrictSerializer, TextField

# Each version lives for a year and then answers 426: to be raised each spring and autumn.
# https://learn.microsoft.com/en-us/linkedin/marketing/versioning
VERSION = "202609"
PAGE_SIZE = 100
MAX_PAGES = 20
# Who may post for an organization.
POSTING_ROLES = ("ADMINISTRATOR", "CONTENT_ADMINISTRATOR", "DIRECT_SPONSORED_CONTENT_POSTER")
# A repeat is refused as a duplicate, with the URN of the first, for ten minutes as documented; a
# little less, as clocks and roads differ.
DUPLICATES_FOR = dt.timedelta(minutes=9)
POLL = dt.timedelta(seconds=2)
VIDEO_POLL = dt.timedelta(seconds=5)
# Where the state of an upload may not be read, it gets so long before it is posted.
UNSEEN_GRACE, UNSEEN_FILM_GRACE = dt.timedelta(seconds=20), dt.timedelta(seconds=90)
UNSEEN_MEGABYTE = dt.timedelta(seconds=1)
MEMBER = "urn:li:person:"
POST_URN = re.compile(r"urn:li:(?:share|ugcPost):\d+")

ORGANIZATION = RegexValidator(
    r"^urn:li:organization:[0-9]{1,20}\Z", "urn:li:organization: and a number is expected."
)


class LinkedInArticle(StrictSerializer):
    url = TextField(max_length=2048, validators=[WEB_ADDRESS])
    title = TextField(max_length=400)
    description = TextField(max_length=4000, required=False)


class LinkedInPoll(StrictSerializer):
    question = TextField(max_length=140)
    options = serializers.ListField(
        child=TextField(max_length=30), min_length=2, max_length=4, help_text="The answers."
    )
    duration_days = IntegerField(help_text="1, 3, 7 or 14.")

    def validate_duration_days(self, days: int) -> int:
        if days not in DURATIONS:
            raise serializers.ValidationError("A poll is open for 1, 3, 7 or 14 days.")
        return days


class LinkedInOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "organization_urn": "urn:li:organization:5515715",
        "visibility": "LOGGED_IN",
        "disable_reshare": True,
        "title": "Our year in numbers",
        "article": {
            "url": "https://example.com/bread",
            "title": "Rye bread at dawn",
            "description": "How it is made",
        },
        "poll": {
            "question": "Which one tomorrow?",
            "options": ["Rye", "Spelt"],
            "duration_days": 3,
        },
    }
    post_type = options.choice("The kind of post.", "feed", "document", "poll")
    organization_urn = options.text(
        "The organization to post for, one of the destinations; without it, the default one or "
        "the member.",
        max_length=50,
        validators=[ORGANIZATION],
    )
    visibility = options.choice(
        "Who sees it; without it, everyone. CONNECTIONS is for members only.",
        "PUBLIC",
        "CONNECTIONS",
        "LOGGED_IN",
    )
    disable_reshare = options.boolean("Keep others from reposting it.")
    title = options.text("The title of the video or the document.", max_length=400)
    article = LinkedInArticle(
        **options.optional("A link as a card; an image of the post becomes its picture.")
    )
    poll = LinkedInPoll(**options.optional("The poll; it stands with no media."))


SHARED_OPTIONS = frozenset({"organization_urn", "visibility", "disable_reshare"})
POSTS_PAGE = (
    "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api"
)
CHECKED = dt.date(2026, 11, 22)
MAX_TEXT = 3000
MAX_ALT_TEXT = 4086
MAX_PIXELS = 36_152_320

# No page bounds the bytes of an image: this is what is uploaded without a second thought.
IMAGE_BYTES = 20 * MEGABYTE
# Of an ordinary post; uploads of advertisers may have 5 GB.
VIDEO_BYTES = 500 * MEGABYTE


class LinkedIn(Platform):
    name: ClassVar = "linkedin"
    label: ClassVar = "LinkedIn"
    hosts: ClassVar = {
        "api": Host(variable="LINKEDIN_API_URL", default="https://api.linkedin.com"),
        "auth": Host(variable="LINKEDIN_AUTH_URL", default="https://www.linkedin.com"),
    }
    token_host: ClassVar = "auth"
    headers: ClassVar = {"LinkedIn-Version": VERSION, "X-Restli-Protocol-Version": "2.0.0"}
    client_id_variables: ClassVar = ("LINKEDIN_CLIENT_ID",)
    client_secret_variables: ClassVar = ("LINKEDIN_CLIENT_SECRET",)
    # https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow; PKCE
    # is not documented for apps with a secret.
    oauth: ClassVar = OAuth(
        authorize_path="/oauth/v2/authorization",
        token_path="/oauth/v2/accessToken",
        scopes=(
            "r_basicprofile",
            "w_member_social",
            "w_organization_social",
            "r_organization_social",
            "rw_organization_admin",
            "r_member_postAnalytics",
        ),
        publish_scopes=frozenset({"w_member_social"}),
        pkce=False,
        default_lifetime=dt.timedelta(days=60),
    )
    capabilities: ClassVar = Capabilities(
        post_types=(
            PostType(
                description="A text, an article's card, 1 to 20 images, a GIF, or a video.",
                max_text=MAX_TEXT,
                max_media=20,
                media={
                    # …/community-management/shares/images-api and videos-api, multiimage-post-api
                    MediaKind.IMAGE: MediaLimit(
                        max_count=20,
                        mime_types=frozenset({"image/jpeg", "image/png", "image/gif"}),
                        max_bytes=IMAGE_BYTES,
                        pixels=Bounds(high=MAX_PIXELS - 1),
                    ),
                    MediaKind.GIF: MediaLimit(
                        mime_types=frozenset({"image/gif"}),
                        max_bytes=IMAGE_BYTES,
                        pixels=Bounds(high=MAX_PIXELS - 1),
                    ),
                    MediaKind.VIDEO: MediaLimit(
                        mime_types=frozenset({"video/mp4"}),
                        max_bytes=VIDEO_BYTES,
                        ratio=Bounds(low=0.417, high=2.4),
                        duration_s=Bounds(low=3, high=30 * 60),
                    ),
                },
                max_alt_text=MAX_ALT_TEXT,
                options=SHARED_OPTIONS | {"title", "article"},
                source=POSTS_PAGE,
                checked=CHECKED,
            ),
            PostType(
                name="document",
                description="A PDF, Word or PowerPoint file that readers leaf through.",
                max_text=MAX_TEXT,
                min_media=1,
                max_media=1,
                media={
                    MediaKind.DOCUMENT: MediaLimit(
                        mime_types=frozenset(
                            {
                                "application/pdf",
                                "application/msword",
                                "application/vnd.ms-powerpoint",
                                "application/vnd.openxmlformats-officedocument"
                                ".presentationml.presentation",
                                "application/vnd.openxmlformats-officedocument"
                                ".wordprocessingml.document",
                            }
                        ),
                        max_bytes=100 * MEGABYTE,
                        has_alt_text=False,
                    ),
                },
                options=SHARED_OPTIONS | {"title"},
                required_options=frozenset({"title"}),
                source="https://learn.microsoft.com/en-us/linkedin/marketing/community-management/"
                "shares/documents-api",
                checked=CHECKED,
            ),
            PostType(
                name="poll",
                description="A question with 2 to 4 answers.",
                max_text=MAX_TEXT,
                options=SHARED_OPTIONS | {"poll"},
                required_options=frozenset({"poll"}),
                source="https://learn.microsoft.com/en-us/linkedin/marketing/community-management/"
                "shares/poll-post-api",
                checked=CHECKED,
            ),
        )
    )
    options: ClassVar = LinkedInOptions
    destination_option: ClassVar = "organization_urn"
    upload_hosts: ClassVar = (".linkedin.com", ".licdn.com")
    metrics_reader: ClassVar[type[MetricsReader[Any]] | None] = LinkedInMetrics
    # May the state of an upload be read?
    sees_uploads: ClassVar[bool] = True

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """A member's posts cannot be read. Repeating one in time tells whether it is there."""
        return LookupRules() if at_destination else LookupRules(repeat_within=DUPLICATES_FOR)

    @classmethod
    def cross_violations(cls, post: Post, kind: PostType) -> Iterator[Violation]:
        if "article" in post.options and (
            len(post.media) > 1 or any(media.kind == MediaKind.VIDEO for media in post.media)
        ):
            yield Violation(
                rule="article_media",
                limit=1,
                actual=len(post.media),
                message="An article's card has one image at most, and no video.",
                fix="Take out the other files, or the article.",
            )
        if "organization_urn" in post.options and post.options.get("visibility") == "CONNECTIONS":
            yield Violation(
                rule="visibility_of_organization",
                limit=None,
                actual=None,
                message="An organization has followers and no connections.",
                fix="Take out visibility, or choose PUBLIC or LOGGED_IN.",
            )
        has_title = "title" in post.options
        if has_title and not any(
            media.kind in {MediaKind.VIDEO, MediaKind.DOCUMENT} for media in post.media
        ):
            yield Violation(
                rule="title_needs_file",
                limit=0,
                actual=1,
                message="A title is for a video or a document.",
                fix="Add one, or take the title out.",
            )

    # --- Publishing ------------------------------------------------------------------------------

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Uploads file by file, then waits until LinkedIn has looked at all of them.

        …/community-management/shares/images-api, videos-api, documents-api
        """
        assets: list[str] = list(progress.handle.get("assets", []))
        if len(assets) < len(post.media):
            media = post.media[len(assets)]
            if media.kind == MediaKind.VIDEO:
                return self._upload_video(media, progress)
            urn = self._upload_whole(media)
            return progress.preparing(assets=[*assets, urn], note="Uploaded.")
        if progress.handle.get("has_waited"):
            return progress.ready()
        if not self.sees_uploads:
            return self._waiting_unseen(post, progress)
        for media, urn in zip(post.media, assets, strict=True):
            resource, _ = ASSETS[media.kind]
            try:
                status = self.http.get(f"/rest/{resource}/{encoded(urn)}")["status"]
            except InsufficientPermissionsError:
                # Not every grant that may upload may look.
                return self._waiting_unseen(post, progress)
            if status == "PROCESSING_FAILED":
                raise ContentRejectedError(f"LinkedIn could not process the {media.kind}.")
            if status != "AVAILABLE":
                wait = VIDEO_POLL if media.kind == MediaKind.VIDEO else POLL
                note = f"LinkedIn is processing the {media.kind}."
                return progress.preparing(poll_after=wait, note=note)
        return progress.ready()

    def _waiting_unseen(self, post: Post, progress: Progress) -> Progress:
        note = "LinkedIn gets a moment to process what was uploaded."
        films = [media for media in post.media if media.kind == MediaKind.VIDEO]
        megabytes = sum(film.size_bytes or 0 for film in films) / MEGABYTE
        grace = UNSEEN_FILM_GRACE + megabytes * UNSEEN_MEGABYTE if films else UNSEEN_GRACE
        return progress.preparing(poll_after=grace, has_waited=True, note=note)

    def _initialize(self, media: Media, **more: Any) -> dict[str, Any]:
        resource, _ = ASSETS[media.kind]
        asked = {"initializeUploadRequest": {"owner": self._author, **more}}
        made = self.http.post(f"/rest/{resource}?action=initializeUpload", json=asked)
        value: dict[str, Any] = made["value"]
        return value

    def _upload_whole(self, media: Media) -> str:
        """One PUT: in parts, images and documents arrive broken."""
        assert self.account is not None
        assert media.size_bytes is not None
        made = self._initialize(media)
        size = media.size_bytes
        with open_stream(media.url, max_bytes=size, expected_bytes=size) as stream:
            self.upload_http(made["uploadUrl"], token=self.account.token).call(
                "PUT",
                "",
                data=stream.part(size),
                headers={"Content-Type": media.mime_type},
                needs_json=False,
            )
        _, name = ASSETS[media.kind]
        urn: str = made[name]
        return urn

    def _upload_video(self, media: Media, progress: Progress) -> Progress:
        """Parts as LinkedIn cuts them, each to an address of its own, which may be sent anew."""
        video: Mapping[str, Any] | None = progress.handle.get("video")
        if video is None:
            made = self._initialize(
                media,
                fileSizeBytes=media.size_bytes,
                uploadCaptions=False,
                uploadThumbnail=False,
            )
            parts = made["uploadInstructions"]
            video = {
                "urn": made["video"],
                "upload_token": made["uploadToken"],
                "urls": [part["uploadUrl"] for part in parts],
                "part_bytes": parts[0]["lastByte"] - parts[0]["firstByte"] + 1,
                "etags": [],
            }
            return progress.preparing(video=video, note="LinkedIn expects the video.")
        etags: list[str] = list(video["etags"])
        if len(etags) < len(video["urls"]):

            def send(_: int, part: Body) -> None:
                # Without our token: LinkedIn refuses a part that comes with one.
                response = self.upload_http(video["urls"][len(etags)]).call(
                    "PUT",
                    "",
                    data=part,
                    headers={"Content-Type": "application/octet-stream"},
                    needs_json=False,
                )
                etags.append(response.headers.get("ETag", "").strip('"'))

            part_bytes = video["part_bytes"]
            self.upload(media, start=len(etags) * part_bytes, part_bytes=part_bytes, send=send)
            note = f"Uploaded {len(etags)} of {len(video['urls'])} parts."
            return progress.preparing(video={**video, "etags": etags}, note=note)
        finished = {
            "video": video["urn"],
            "uploadToken": video["upload_token"],
            "uploadedPartIds": etags,
        }
        self.http.call(
            "POST",
            "/rest/videos?action=finalizeUpload",
            json={"finalizeUploadRequest": finished},
            needs_json=False,
        )
        assets = [*progress.handle.get("assets", []), video["urn"]]
        return progress.preparing(assets=assets, video=None, note="Uploaded.")

    def publish(self, post: Post, progress: Progress) -> Progress:
        assets = progress.handle.get("assets", [])
        payload = post_payload(post, author=self._author, assets=assets)
        try:
            response = self.http.call("POST", "/rest/posts", json=payload, needs_json=False)
        except DuplicateContentError as error:
            self._check_duplicate_is_live(error)
            error.post_url = self._post_url(error.remote_id) if error.remote_id else ""
            raise
        urn = response.headers.get("x-restli-id")
        return progress.published(remote_id=urn, post_url=self._post_url(str(urn)))

    def _check_duplicate_is_live(self, error: DuplicateContentError) -> None:
        """For days LinkedIn names posts that were deleted, and others that never were, as twins.

        A member's posts cannot be read, an organization's can: its list tells whether the twin is
        ours, or was made by somebody's hand.
        """
        if not error.remote_id or self._author.startswith(MEMBER):
            return
        data: dict[str, Any] = {
            "platform_code": error.platform_code,
            "request_id": error.request_id,
        }
        try:
            self.http.get(f"/rest/posts/{encoded(error.remote_id)}")
        except PlatformApiError as unseen:
            if unseen.status_code == HTTPStatus.NOT_FOUND:
                raise ContentRejectedError(
                    "LinkedIn takes it for a repeat of a post that was deleted; change the text.",
                    **data,
                ) from unseen
            # What keeps us from reading says nothing of the call.
        raise DuplicateContentError(**data) from error

    @property
    def _author(self) -> str:
        assert self.account is not None
        return author_urn(self.account.id)

    def _post_url(self, urn: str) -> str:
        return f"{self.host('auth')}/feed/update/{urn}/"

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Among the posts of the organization. Those of a member may not be read."""
        if self._author.startswith(MEMBER):
            return None
        assets = progress.handle.get("assets", [])
        for posts in self.pages(f"/rest/posts?author={encoded(self._author)}&q=author"):
            for found in posts:
                is_new = found["id"] not in other_post_ids and made_at(found) >= since
                if is_new and shows(found, post, assets):
                    return Found(remote_id=found["id"], post_url=self._post_url(found["id"]))
            if posts and max(map(made_at, posts)) < since:
                break
        return None

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        """Until a page is empty: a short one need not be the last.

        Raises NoResponseError if there is no end: what is not on MAX_PAGES may still exist.
        """
        joint = "&" if "?" in path else "?"
        start = 0
        for _ in range(MAX_PAGES):
            response = self.http.get(f"{path}{joint}start={start}&count={PAGE_SIZE}")
            elements: list[dict[str, Any]] = response["elements"]
            yield elements
            links = (response.get("paging") or {}).get("links") or []
            if not elements or not any(link.get("rel") == "next" for link in links):
                return
            start += PAGE_SIZE
        raise NoResponseError("LinkedIn's list is longer than we read.")

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        me = self.http.get("/v2/me")
        names = [me.get("localizedFirstName"), me.get("localizedLastName")]
        return Profile(
            id=me["id"],
            display_name=" ".join(filter(None, names)),
            facts={"username": me.get("vanityName", "")},
        )

    def destinations(self) -> list[DestinationFacts]:
        """Organizations by each role that may post for them, read to the last page."""
        urns: dict[str, None] = {}
        for role in POSTING_ROLES:
            path = f"/rest/organizationAcls?q=roleAssignee&role={role}&state=APPROVED"
            for page in self.pages(path):
                # Some versions name it the other way.
                urns |= {acl.get("organization") or acl["organizationTarget"]: None for acl in page}
        return [self._organization(urn) for urn in urns]

    def _organization(self, urn: str) -> DestinationFacts:
        data = self.http.get(f"/rest/organizations/{urn.rpartition(':')[2]}")
        return DestinationFacts(
            id=urn,
            name=data["localizedName"],
            kind="organization",
            can_publish=True,
            profile={"username": data.get("vanityName", "")},
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        assert self.account is not None
        form = {
            "client_id": self.client_id(),
            "client_secret": self.client_secret().reveal(),
            "token": self.account.token.reveal(),
        }
        http = self._http(None, read_error=self.read_token_error, role="auth")
        http.call("POST", "/oauth/v2/revoke", data=form, needs_json=False)

    # --- Errors ----------------------------------------------------------------------------------

    def read_token_error(self, response: PlatformResponse) -> PlatformApiError:
        body = response.json if isinstance(response.json, dict) else {}
        match response.status_code, body.get("error"):
            case 401, _:
                return PlatformConfigurationError(**_facts(response))
            case 400, _:
                return TokenExpiredError(**_facts(response))
        return self.read_error(response)

    def read_error(self, response: PlatformResponse) -> PlatformApiError:
        """By status and code; words are read for a duplicate's URN, and where nothing else tells.

        https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
        """
        facts, words = _facts(response), _words(response)
        match response.status_code, facts["platform_code"]:
            case 401, _:
                return TokenExpiredError(**facts)
            case 403, _:
                return InsufficientPermissionsError(
                    f"LinkedIn does not let this connection do that: {words}", **facts
                )
            case 400, _ if "permissions must be used" in words:
                return InsufficientPermissionsError(
                    "The connection may not post for organizations; connect the account again.",
                    **facts,
                )
            case _, "DUPLICATE_POST":
                twin = POST_URN.search(words)
                return DuplicateContentError(remote_id=twin[0] if twin else "", **facts)
            case _, "MEDIA_ASSET_WAITING_UPLOAD":
                return MediaNotReadyError(**facts)
            case _, "MEDIA_ASSET_PROCESSING_FAILED":
                return ContentRejectedError("LinkedIn could not process a file.", **facts)
            case _, "EXPIRED_UPLOAD_URL" | "UPDATING_ASSET_FAILED":
                return UploadLostError(**facts)
            case 413 | 415, _:
                return ContentRejectedError(f"LinkedIn does not take a file: {words}", **facts)
            case 426, _:
                return PlatformConfigurationError(
                    f"LinkedIn has ended version {VERSION} of its API; this service has to be "
                    "brought up to date.",
                    **facts,
                )
            case 429, _:
                # Quotas end at midnight UTC, LinkedIn's shield sooner; which it was is not told.
                # https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits
                return RateLimitError(
                    "LinkedIn asks us to wait.", until=retry_after(response), **facts
                )
            case ((400 | 404 | 422), _) if words:
                return ContentRejectedError(f"LinkedIn refused the post: {words}", **facts)
            case status, _ if status == 408 or status >= 500:
                message = f"LinkedIn answered with an error of its own ({status})."
                return NoResponseError(message, **facts)
        return PlatformApiError(f"LinkedIn answered {response.status_code}: {words}", **facts)


class LinkedInSelfServe(LinkedIn):
    """For an app without the reviewed Community Management product: members only, nothing read.

    An app uses one of both: asking for other scopes ends the tokens that a member granted before.
    """

    login: ClassVar = "self_serve"
    oauth: ClassVar = OAuth(
        authorize_path=LinkedIn.oauth.authorize_path,
        token_path=LinkedIn.oauth.token_path,
        scopes=("openid", "profile", "w_member_social"),
        publish_scopes=LinkedIn.oauth.publish_scopes,
        pkce=False,
        default_lifetime=LinkedIn.oauth.default_lifetime,
    )
    metrics_reader: ClassVar = None
    sees_uploads: ClassVar = False

    def profile(self) -> Profile:
        me = self.http.get("/v2/userinfo")
        return Profile(id=me["sub"], display_name=me.get("name", ""))

    def destinations(self) -> list[DestinationFacts]:
        return []


LinkedIn.logins = {LinkedInSelfServe.login: LinkedInSelfServe}


def encoded(urn: str) -> str:
    """A URN within an address: wholly percent-encoded."""
    return quote(urn, safe="")


def _facts(response: PlatformResponse) -> dict[str, Any]:
    body = response.json if isinstance(response.json, dict) else {}
    # Of the second envelope the code stands inside.
    inputs = (body.get("errorDetails") or {}).get("inputErrors") or [{}]
    code = body.get("code") or inputs[0].get("code") or body.get("error") or ""
    return {
        "platform_code": str(code)[:64],
        "request_id": response.headers.get("x-li-uuid", "")[:64],
    }


def _words(response: PlatformResponse) -> str:
    return str(response.json.get("message") or "") if isinstance(response.json, dict) else ""
