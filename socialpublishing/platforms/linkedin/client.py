"""LinkedIn.

Written from https://learn.microsoft.com/en-us/linkedin/marketing/ (posts, images, videos,
documents, polls, versioning) and .../linkedin/shared/authentication/, as
of 2026-11-22. A connection is a member; organizations that the member may post for are
destinations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    PlatformApiError,
)
from socialpublishing.http import Body
from socialpublishing.limits import MEGABYTE
from socialpublishing.media import open_stream
from socialpublishing.platforms.accounts import DestinationFacts, Profile
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.linkedin import errors
from socialpublishing.platforms.linkedin.app import LinkedInApp, LinkedInSelfServeApp
from socialpublishing.platforms.linkedin.limits import CAPABILITIES
from socialpublishing.platforms.linkedin.limits import cross_violations as cross_violations_of
from socialpublishing.platforms.linkedin.matching import made_at, shows
from socialpublishing.platforms.linkedin.metrics import LinkedInMetrics
from socialpublishing.platforms.linkedin.options import LinkedInOptions
from socialpublishing.platforms.linkedin.payloads import (
    ASSETS,
    author_urn,
    post_payload,
)
from socialpublishing.platforms.metrics import MetricsReader
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.platforms.uploads import send_in_parts
from socialpublishing.posts import Media, MediaKind, Post

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


class LinkedIn(Platform):
    name: ClassVar = "linkedin"
    label: ClassVar = "LinkedIn"
    app: ClassVar = LinkedInApp()
    capabilities: ClassVar = CAPABILITIES
    options: ClassVar = LinkedInOptions
    destination_option: ClassVar = "organization_urn"
    metrics_reader: ClassVar[type[MetricsReader[Any]] | None] = LinkedInMetrics
    upload_hosts: ClassVar = (".linkedin.com", ".licdn.com")
    # May the state of an upload be read?
    sees_uploads: ClassVar[bool] = True
    cross_violations = staticmethod(cross_violations_of)
    read_error = staticmethod(errors.read_error)

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """A member's posts cannot be read. Repeating one in time tells whether it is there."""
        return LookupRules() if at_destination else LookupRules(repeat_within=DUPLICATES_FOR)

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
            send_in_parts(media, start=len(etags) * part_bytes, part_bytes=part_bytes, send=send)
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
        return author_urn(self.account.id)

    def _post_url(self, urn: str) -> str:
        return f"{self.app.host('auth')}/feed/update/{urn}/"

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
        pages = read_pages(
            0,
            read=lambda start: self.http.get(f"{path}{joint}start={start}&count={PAGE_SIZE}"),
            following=following_start,
            max_pages=MAX_PAGES,
        )
        for response in pages:
            yield response["elements"]

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
        form = {
            "client_id": self.app.client_id(),
            "client_secret": self.app.client_secret().reveal(),
            "token": self.account.token.reveal(),
        }
        http = self.app.http("auth")
        http.call("POST", "/oauth/v2/revoke", data=form, needs_json=False)


class LinkedInSelfServe(LinkedIn):
    """For an app without the reviewed Community Management product: members only, nothing read.

    An app uses one of both: asking for other scopes ends the tokens that a member granted before.
    """

    login: ClassVar = "self_serve"
    app: ClassVar = LinkedInSelfServeApp()
    metrics_reader: ClassVar = None
    sees_uploads: ClassVar = False

    def profile(self) -> Profile:
        me = self.http.get("/v2/userinfo")
        return Profile(id=me["sub"], display_name=me.get("name", ""))

    def destinations(self) -> list[DestinationFacts]:
        return []


def following_start(start: int, response: Any) -> int | None:
    """Where the next page starts; None after the last one."""
    links = (response.get("paging") or {}).get("links") or []
    has_next = response["elements"] and any(link.get("rel") == "next" for link in links)
    return start + PAGE_SIZE if has_next else None


def encoded(urn: str) -> str:
    """A URN within an address: wholly percent-encoded."""
    return quote(urn, safe="")
