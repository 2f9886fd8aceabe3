"""Pinterest.

Written from https://developers.pinterest.com/docs/api/v5/ and the official OpenAPI description
(https://github.com/pinterest/api-description, 5.23 with the change list to 5.28), as of 2026-11-22.
A connection is an account; every Pin goes to one of its boards.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from socialpublishing.errors import (
    AssetTypeMismatchError,
    ContentRejectedError,
    InsufficientPermissionsError,
    MalformedResponseError,
    NoResponseError,
    PlatformApiError,
    PlatformUnreachableError,
)
from socialpublishing.http import MultipartBody
from socialpublishing.limits import MEGABYTE
from socialpublishing.media import Downloaded, download
from socialpublishing.platforms.accounts import DestinationFacts, Profile
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.boards import Boards, NewBoard, Section
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.pinterest import errors, limits
from socialpublishing.platforms.pinterest.app import PinterestApp
from socialpublishing.platforms.pinterest.follow_ups import FOLLOW_UPS
from socialpublishing.platforms.pinterest.matching import (
    created_at,
    has_same_media,
    has_time,
    is_newest_first,
    is_same_post,
)
from socialpublishing.platforms.pinterest.metrics import PinterestMetrics
from socialpublishing.platforms.pinterest.options import MAX_COVER_BYTES, PinterestOptions
from socialpublishing.platforms.pinterest.payloads import (
    INLINE_TYPES,
    is_video,
    pin_payload,
    source_from_addresses,
    source_from_bytes,
    source_from_video,
)
from socialpublishing.platforms.posting_options import Choice, PostingOptions
from socialpublishing.platforms.progress import Found, Progress, read_id
from socialpublishing.platforms.uploads import open_file, read_whole
from socialpublishing.posts import Media, Post, PostWarning

PAGE_SIZE = 250
MAX_PAGES = 50
# Between polls of a video's status.
VIDEO_POLL = dt.timedelta(seconds=5)
# Pinterest documents no time for it. Then the upload starts again, within the usual grace of a Pin.
LONGEST_PROCESSING = dt.timedelta(minutes=30)
# The images of one Pin are sent as bytes up to this total; in JSON they grow by a third. Pinterest
# has to fetch larger ones itself.
MAX_INLINE_BYTES = 10 * MEGABYTE
# Shorter than the time after which a lookup concludes that a Pin does not exist.
MAX_FETCH_S = 45.0


class Pinterest(Platform, Boards):
    name: ClassVar = "pinterest"
    label: ClassVar = "Pinterest"
    app: ClassVar = PinterestApp()
    capabilities: ClassVar = limits.CAPABILITIES
    options: ClassVar = PinterestOptions
    destination_option: ClassVar = "board_id"
    posts_as_account: ClassVar = False
    upload_hosts: ClassVar = (".pinterest-media-upload.s3-accelerate.amazonaws.com",)
    metrics_reader: ClassVar = PinterestMetrics
    follow_ups: ClassVar = FOLLOW_UPS
    cross_violations = staticmethod(limits.cross_violations)
    read_error = staticmethod(errors.read_error)

    # --- Before a post is accepted ---------------------------------------------------------------

    @classmethod
    def warnings(cls, post: Post, profile: Mapping[str, Any]) -> list[PostWarning]:
        found = [*super().warnings(post, profile), *limits.warnings(post)]
        if cls.app.has_trial_access():
            message = "This service has Trial access at Pinterest: only its creator sees the Pin."
            found.append(PostWarning(code="only_creator_sees", message=message))
        return found

    def posting_options(self) -> PostingOptions:
        """The sections of a board, for the client of one; else the boards of the account."""
        user = self.http.get("/v5/user_account")
        offered: list[Section] | list[DestinationFacts]
        if self.account.owner_id:
            option, offered = "board_section_id", self.sections(self.account.id)
        else:
            option, offered = "board_id", [each for each in self._boards() if each.can_publish]
        can_post = bool(self.account.owner_id or offered)
        return PostingOptions(
            can_post=can_post,
            reason="" if can_post else "The account has no board. Create one first.",
            display_name=str(user.get("business_name") or user.get("username") or ""),
            avatar_url=str(user.get("profile_image") or ""),
            choices={option: [Choice(value=each.id, label=each.name) for each in offered]},
        )

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        # Images are part of the publish request.
        return is_video(post)

    @classmethod
    def pulled_media(cls, post: Post) -> Sequence[Media]:
        total = sum(media.size_bytes or 0 for media in post.media)
        return () if is_video(post) or total <= MAX_INLINE_BYTES else post.media

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Uploads the video in one step, then waits until Pinterest has processed it.

        https://developers.pinterest.com/docs/work-with-organic-content-and-users/create-boards-and-pins/
        """
        media_id = progress.handle.get("media_id")
        if media_id is None:
            media_id = self._upload_video(post.media[0])
            return progress.preparing(poll_after=VIDEO_POLL, media_id=media_id, note="Uploaded.")
        status = self.http.get(f"/v5/media/{media_id}")["status"]
        if status == "failed":
            raise ContentRejectedError("Pinterest could not process the video and gives no reason.")
        if status == "succeeded":
            return progress.ready()
        note = "Pinterest is processing the video."
        return progress.processing(
            self.label, poll_after=VIDEO_POLL, longest=LONGEST_PROCESSING, note=note
        )

    def _upload_video(self, video: Media) -> str:
        """Registers and uploads in one step: the form holds keys, which must not be stored.

        S3 takes a form only as a whole. After a failure, another registration costs nothing.
        """
        size = video.known_bytes
        upload = self.http.post("/v5/media", json={"media_type": "video"})
        media_id = read_id(upload["media_id"])
        with open_file(video) as stream:
            form = MultipartBody(
                upload["upload_parameters"], stream.part(size), mime_type=video.mime_type
            )
            # Without our token: S3 refuses a form that comes with an Authorization header.
            self.upload_http(upload["upload_url"]).call(
                "POST",
                "",
                data=form,
                headers={"Content-Type": form.content_type},
                needs_json=False,
            )
        return media_id

    def publish(self, post: Post, progress: Progress) -> Progress:
        started = time.monotonic()
        payload = pin_payload(post, board_id=self.account.id, source=self._source(post, progress))
        if time.monotonic() - started > MAX_FETCH_S:
            raise PlatformUnreachableError("Fetching the images took too long; nothing was sent.")
        pin_id = read_id(self.http.post("/v5/pins", json=payload)["id"])
        return progress.published(remote_id=pin_id, post_url=self._pin_url(pin_id))

    def _source(self, post: Post, progress: Progress) -> dict[str, Any]:
        if is_video(post):
            return source_from_video(post, progress.handle["media_id"], _cover(post))
        if sum(media.size_bytes or 0 for media in post.media) > MAX_INLINE_BYTES:
            return source_from_addresses(post)
        limit_of = self.capabilities.limit_of
        files = [
            read_whole(media, max_bytes=limit_of(media, post).max_bytes) for media in post.media
        ]
        return source_from_bytes(post, files)

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Searches the Pins of the board, until all that follow are known to be older.

        Raises NoResponseError for a new Pin with other text that belongs to no other job: Pinterest
        may have changed the text.
        """
        may_be_changed = False
        for pins in self.pages(f"/v5/boards/{self.account.id}/pins"):
            for pin in pins:
                is_old = has_time(pin) and created_at(pin) < since
                if pin["id"] in other_post_ids or is_old:
                    continue
                # Without a time, the same Pin may be an older one.
                if has_time(pin) and is_same_post(pin, post):
                    return Found(remote_id=pin["id"], post_url=self._pin_url(pin["id"]))
                may_be_changed |= has_same_media(pin, post)
            if is_newest_first(pins) and created_at(pins[-1]) < since:
                break
        if may_be_changed:
            raise NoResponseError("The board has a new Pin that may be this one with other text.")
        return None

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        user = self.http.get("/v5/user_account")
        return Profile(
            # Older responses have no id.
            id=read_id(user["id"] if "id" in user else user["username"]),
            display_name=user.get("business_name") or user["username"],
            kind="business" if user.get("account_type") == "BUSINESS" else "person",
            facts={"username": user["username"]},
        )

    def destinations(self) -> list[DestinationFacts]:
        return self._boards()

    def accepts_posts(self) -> bool:
        try:
            board = self.http.get(f"/v5/boards/{self.account.id}")
        except PlatformApiError as error:
            is_hidden = error.status_code == 403 and isinstance(error, InsufficientPermissionsError)
            if error.status_code == 404 or is_hidden:
                return False
            raise
        return board_facts(board).can_publish

    def _boards(self) -> list[DestinationFacts]:
        pages = self.pages("/v5/boards")
        return [board_facts(board) for boards in pages for board in boards]

    # --- Boards ----------------------------------------------------------------------------------

    def create_board(self, board: NewBoard) -> DestinationFacts:
        payload = {"name": board.name, "privacy": board.privacy.upper()}
        if board.description:
            payload["description"] = board.description
        return board_facts(self.http.post("/v5/boards", json=payload))

    def sections(self, board_id: str) -> list[Section]:
        pages = self.pages(f"/v5/boards/{board_id}/sections")
        return [section_facts(section) for sections in pages for section in sections]

    def create_section(self, board_id: str, name: str) -> Section:
        section = self.http.post(f"/v5/boards/{board_id}/sections", json={"name": name})
        return section_facts(section)

    # --- Requests --------------------------------------------------------------------------------

    def pages(self, path: str, **params: str) -> Iterator[list[dict[str, Any]]]:
        """The items of a list, page by page.

        Raises NoResponseError after MAX_PAGES: what is sought may be on a later page. A response
        without a list is none: only an empty list shows that there is nothing.
        """
        pages = read_pages(
            {"page_size": str(PAGE_SIZE), **params},
            read=lambda params: self.http.get(path, params=params),
            following=following_params,
            max_pages=MAX_PAGES,
        )
        for response in pages:
            if not isinstance(response.get("items"), list):
                raise MalformedResponseError("Pinterest returned a list without items.")
            yield response["items"]

    def _pin_url(self, pin_id: str) -> str:
        return f"{self.app.host('auth')}/pin/{pin_id}/"


def following_params(params: dict[str, str], response: Any) -> dict[str, str] | None:
    """The parameters of the request for the next page; None after the last one."""
    bookmark = response.get("bookmark")
    return {**params, "bookmark": bookmark} if bookmark else None


def _cover(post: Post) -> Downloaded | None:
    """The image that is the cover of the video. It is sent as bytes, so that it may be private."""
    if "cover_image_url" not in post.options:
        return None
    file = download(post.options["cover_image_url"], max_bytes=MAX_COVER_BYTES)
    if file.mime_type not in INLINE_TYPES:
        raise AssetTypeMismatchError("The cover of a video must be a JPEG or PNG.")
    return file


def board_facts(board: dict[str, Any]) -> DestinationFacts:
    return DestinationFacts(
        id=read_id(board["id"]),
        name=board.get("name") or read_id(board["id"]),
        kind="board",
        # Nobody sees a Pin on a board for advertisements.
        can_publish=not board.get("is_ads_only", False),
        profile={"privacy": str(board.get("privacy") or "PUBLIC").lower()},
    )


def section_facts(section: dict[str, Any]) -> Section:
    return Section(id=read_id(section["id"]), name=section["name"])
