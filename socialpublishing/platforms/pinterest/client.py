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

from socialpublishing.errors import (
    ContentRejectedError,
    NoResponseError,
    PlatformUnreachableError,
)
from socialpublishing.http import MultipartBody
from socialpublishing.limits import MEGABYTE
from socialpublishing.media import download, open_stream
from socialpublishing.platforms.accounts import DestinationFacts, Profile
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.boards import Boards, NewBoard, Section
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.pinterest import errors
from socialpublishing.platforms.pinterest.app import PinterestApp
from socialpublishing.platforms.pinterest.limits import CAPABILITIES
from socialpublishing.platforms.pinterest.limits import cross_violations as cross_violations_of
from socialpublishing.platforms.pinterest.matching import (
    is_newest_first,
    is_of_its_kind,
    made_at,
    shows,
)
from socialpublishing.platforms.pinterest.metrics import PinterestMetrics
from socialpublishing.platforms.pinterest.options import PinterestOptions
from socialpublishing.platforms.pinterest.payloads import (
    is_video,
    pin_payload,
    source_of_addresses,
    source_of_bytes,
    source_of_video,
)
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.posts import Media, Post

PAGE_SIZE = 250
MAX_PAGES = 50
VIDEO_POLL = dt.timedelta(seconds=5)
# Images of one Pin that are handed over as bytes; in JSON they grow by a third. Larger ones
# Pinterest has to fetch itself.
MAX_INLINE_BYTES = 10 * MEGABYTE
# Shorter than a look-up waits before it calls a Pin absent.
MAX_FETCH_S = 45.0


class Pinterest(Platform, Boards):
    name: ClassVar = "pinterest"
    label: ClassVar = "Pinterest"
    app: ClassVar = PinterestApp()
    capabilities: ClassVar = CAPABILITIES
    options: ClassVar = PinterestOptions
    destination_option: ClassVar = "board_id"
    posts_as_account: ClassVar = False
    metrics_reader: ClassVar = PinterestMetrics
    upload_hosts: ClassVar = (".pinterest-media-upload.s3-accelerate.amazonaws.com",)
    cross_violations = staticmethod(cross_violations_of)
    read_error = staticmethod(errors.read_error)

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
        return f"{self.app.host('auth')}/pin/{pin_id}/"

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Among the Pins of the board, until the list is known to hold only older ones.

        Raises NoResponseError for a new Pin in other words that is no other job's: Pinterest may
        have changed them.
        """
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
        pages = read_pages(
            params,
            read=lambda params: self.http.get(path, params=params),
            following=following_params,
            max_pages=MAX_PAGES,
        )
        for response in pages:
            yield response["items"]

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

    def profile(self) -> Profile:
        me = self.http.get("/v5/user_account")
        return Profile(
            # Older answers came without an id.
            id=me.get("id") or me["username"],
            display_name=me.get("business_name") or me["username"],
            kind="business" if me.get("account_type") == "BUSINESS" else "person",
            facts={"username": me["username"]},
        )


def following_params(params: dict[str, str], response: Any) -> dict[str, str] | None:
    """The parameters of the request for the next page; None after the last one."""
    bookmark = response.get("bookmark")
    return {**params, "bookmark": bookmark} if bookmark else None


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
