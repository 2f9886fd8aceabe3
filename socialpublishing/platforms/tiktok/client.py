"""TikTok.

Written from https://developers.tiktok.com/docs/en/ (content posting, media transfer, login kit,
user access tokens, error handling), as of 2026-11-22. A connection is a creator.

The author of a post has to choose who sees it and which interactions it allows: TikTok's audit
refuses apps with defaults (https://developers.tiktok.com/docs/en/content-sharing-guidelines).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.conf import settings

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    MalformedResponseError,
    NoResponseError,
    PlatformApiError,
    PublishingOffError,
    UploadLostError,
)
from socialpublishing.http import Body, PlatformResponse
from socialpublishing.limits import MEGABYTE
from socialpublishing.platforms.accounts import Profile
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.posting_options import PostingOptions, Remaining
from socialpublishing.platforms.progress import Found, LookupRules, Progress, read_id
from socialpublishing.platforms.tiktok import creator, errors, limits
from socialpublishing.platforms.tiktok.app import TikTokApp
from socialpublishing.platforms.tiktok.matching import created_at, id_of, is_same_post
from socialpublishing.platforms.tiktok.metrics import TikTokMetrics
from socialpublishing.platforms.tiktok.options import TikTokOptions
from socialpublishing.platforms.tiktok.payloads import (
    PRIVATE,
    PUBLIC,
    UploadPlan,
    is_draft,
    is_video,
    loses_text,
    photos_payload,
    plans_of,
    video_payload,
)
from socialpublishing.platforms.tiktok.status import has_all_bytes, profile_url, progress_of
from socialpublishing.platforms.uploads import open_file, send_in_parts
from socialpublishing.posts import Media, Post, PostWarning
from socialpublishing.text import is_blank

AT_ONCE = dt.timedelta(0)
SWITCHED_OFF = "Publishing to TikTok is switched off here."
TEXT_LEFT_OUT = PostWarning(
    code="text_left_out",
    message="TikTok ignores the text of a draft with a video: the creator writes it in the app.",
)
# TikTok's status is updated late. Only after so many polls do we trust its count of missing bytes.
# Handles count the polls under `looks`, a stored key.
POLLS_BEFORE_RESENDING = 4
PAGE_SIZE, MAX_PAGES = 20, 50


class TikTok(Platform):
    name: ClassVar = "tiktok"
    label: ClassVar = "TikTok"
    app: ClassVar = TikTokApp()
    capabilities: ClassVar = limits.CAPABILITIES
    options: ClassVar = TikTokOptions
    upload_hosts: ClassVar = (".tiktokapis.com",)
    metrics_reader: ClassVar = TikTokMetrics
    # https://developers.tiktok.com/doc/overview has no request for it, read 2026-11-28.
    no_take_down: ClassVar = (
        "TikTok lets no other service delete posts: its creator deletes it in the app."
    )
    cross_violations = staticmethod(limits.cross_violations)
    checks_offers: ClassVar = True
    offer_violations = staticmethod(creator.offer_violations)
    read_error = staticmethod(errors.read_error)

    # --- Before a post is accepted ---------------------------------------------------------------

    @classmethod
    def check_publishing(cls, post: Post) -> None:
        allowed = settings.ENABLE_TIKTOK_PUBLISHING
        if allowed not in {"on", "private"}:
            raise PublishingOffError(SWITCHED_OFF)
        is_private = is_draft(post) or post.options.get("privacy_level") == PRIVATE
        if allowed == "private" and not is_private:
            raise PublishingOffError(
                "TikTok has not audited this service yet: posts have to be drafts, or of "
                'privacy_level "SELF_ONLY" on a private account.'
            )

    @classmethod
    def warnings(cls, post: Post, profile: Mapping[str, Any]) -> list[PostWarning]:
        found = super().warnings(post, profile)
        return [*found, TEXT_LEFT_OUT] if loses_text(post) else found

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """A video has its publish_id before its last chunk is sent. Photos get theirs with the
        response to the publish request: if it is lost, nothing proves that they do not exist."""
        return LookupRules(is_complete=is_video(post))

    @classmethod
    def features(cls, post: Post) -> frozenset[str]:
        return super().features(post) | (frozenset() if is_video(post) else {errors.PHOTOS})

    def posting_options(self) -> PostingOptions:
        """What TikTok lets the creator choose for a direct post."""
        nothing = replace(super().posting_options(), can_post=False)
        if settings.ENABLE_TIKTOK_PUBLISHING not in {"on", "private"}:
            return replace(nothing, reason=SWITCHED_OFF)
        try:
            return creator.offered_to(self._creator_info(), is_audited=is_audited())
        except PlatformApiError as error:
            # The refusal is what the caller asks for.
            if error.platform_code not in errors.ENDS_POSTING:
                raise
            is_used_up = error.platform_code == errors.TOO_MANY_POSTS_CODE
            remaining = Remaining(count=0) if is_used_up else None
            return replace(nothing, reason=str(error), remaining=remaining)

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        # What the creator may do is read before each post.
        return True

    @classmethod
    def pulled_media(cls, post: Post) -> Sequence[Media]:
        return () if is_video(post) else post.media

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Reads what the creator may do, and sends all chunks of a video but the last.

        https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide. Videos are
        sent and not pulled, because pulled ones hang at times. TikTok only pulls photos.
        """
        is_started = "publish_id" in progress.handle
        if not is_started and not is_draft(post):
            # Right before each post, as TikTok requires: what a creator may do changes.
            info = self._creator_info()
            offered = creator.offered_to(info, is_audited=is_audited())
            if not offered.can_post:
                raise AccountBlockedError(offered.reason)
            if broken := list(self.offer_violations(post, offered)):
                raise ContentRejectedError(" ".join(each.message for each in broken))
            progress = progress.preparing(creator={"username": info["creator_username"]})
        if not is_video(post):
            return progress.ready()
        return self._upload(post, progress) if is_started else self._start_upload(post, progress)

    def _start_upload(self, post: Post, progress: Progress) -> Progress:
        plan, data = self._init_upload(post)
        # Refuses an address that is not TikTok's, before anything depends on it.
        self.upload_http(data["upload_url"])
        return progress.preparing(
            publish_id=read_id(data["publish_id"]),
            upload_url=data["upload_url"],
            chunk_bytes=plan.chunk_bytes,
            offset=0,
            note="TikTok expects the video.",
        )

    def _init_upload(self, post: Post) -> tuple[UploadPlan, dict[str, Any]]:
        """The way in which TikTok takes the video in chunks, and its response."""
        path = f"/v2/post/publish/{'inbox/' if is_draft(post) else ''}video/init/"
        first, *others = plans_of(post.media[0].known_bytes)
        try:
            return first, self.request(path, video_payload(post, first))
        except PlatformApiError as error:
            # Nothing was created. Since 2026-08 TikTok has refused documented sizes of chunks.
            if not others or not errors.refuses_chunks(error):
                raise
        return others[0], self.request(path, video_payload(post, others[0]))

    def _upload(self, post: Post, progress: Progress) -> Progress:
        """Sends chunks until only the last is left, or until it is time to store the offset."""
        video, offset = post.media[0], progress.handle["offset"]
        size = video.known_bytes
        chunk_bytes = progress.handle.get("chunk_bytes") or plans_of(size)[0].chunk_bytes
        plan = UploadPlan(size=size, chunk_bytes=chunk_bytes)
        if plan.count > 1:
            # If a worker died, TikTok may have received more than was stored.
            offset = max(offset, int(self._status(progress).get("uploaded_bytes", 0)))

        def send(offset: int, part: Body) -> None:
            self._send_chunk(video, progress, offset, part)

        if offset < plan.last_start:
            offset = send_in_parts(
                video, start=offset, end=plan.last_start, part_bytes=plan.chunk_bytes, send=send
            )
        if offset < plan.last_start:
            done = f"{offset / MEGABYTE:.0f} of {size / MEGABYTE:.0f} MB"
            return progress.preparing(offset=offset, note=f"Uploaded {done}.")
        return progress.ready(offset=offset)

    def publish(self, post: Post, progress: Progress) -> Progress:
        """Photos: request that TikTok pulls them. Video: send the last chunk; TikTok then publishes
        it."""
        if is_video(post):
            return self._send_last_chunk(post, progress)
        data = self.request("/v2/post/publish/content/init/", photos_payload(post))
        publish_id = read_id(data["publish_id"])
        return progress.confirming(poll_after=AT_ONCE, publish_id=publish_id, looks=1)

    def _send_last_chunk(self, post: Post, progress: Progress) -> Progress:
        video, offset = post.media[0], progress.handle["offset"]
        size = video.known_bytes
        with open_file(video, start=offset) as stream:
            # A refusal of this chunk does not prove that nothing was created: an earlier request
            # may have delivered it. Only TikTok's response to a cancellation is proof.
            try:
                self._send_chunk(video, progress, offset, stream.part(size - offset))
            except UploadLostError:
                return self._cancel_upload(post, progress)
        return progress.confirming(poll_after=AT_ONCE, looks=1)

    def _cancel_upload(self, post: Post, progress: Progress) -> Progress:
        """The upload address accepts no more bytes: cancel the upload, unless it is complete.

        Raises UploadLostError if no post can come of it any more, NoResponseError if that is
        unknown.
        https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide#cancel
        """
        try:
            self.request("/v2/post/publish/cancel/", {"publish_id": progress.handle["publish_id"]})
        except PlatformApiError as error:
            if error.platform_code == "publish_not_cancellable":
                return self._progress_of(self._status(progress), post, progress)
            if error.platform_code != "invalid_publish_id":
                raise NoResponseError(str(error)) from error
        raise UploadLostError()

    def confirm(self, post: Post, progress: Progress) -> Progress:
        status = self._status(progress)
        is_late = progress.handle.get("looks", 0) >= POLLS_BEFORE_RESENDING
        if is_late and not has_all_bytes(status, post):
            return progress.ready(looks=0)
        return self._progress_of(status, post, progress)

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        if "publish_id" not in progress.handle:
            return self._lookup_photos(post, progress, since, other_post_ids)
        status = self._status(progress)
        return self._progress_of(status, post, progress) if has_all_bytes(status, post) else None

    def _lookup_photos(
        self, post: Post, progress: Progress, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | None:
        """Searches the public posts. TikTok does not document whether it lists photos there."""
        if is_draft(post) or post.options["privacy_level"] != PUBLIC or is_blank(post.text):
            return None  # not listed, or without a caption to recognize it by
        url = profile_url(progress, site=self.app.host("auth"))
        for page in self.videos("id,create_time,title,video_description,duration"):
            for listed in page:
                post_id = id_of(listed["id"])
                is_candidate = post_id not in other_post_ids and created_at(listed) >= since
                # Only a video has a duration.
                if is_candidate and not listed.get("duration") and is_same_post(listed, post):
                    return Found(remote_id=post_id, post_url=f"{url}/photo/{post_id}")
            if page and created_at(page[-1]) < since:
                break
        return None

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        # The user name needs another scope; `prepare` reads it before each post.
        response = self.http.call("GET", "/v2/user/info/?fields=open_id,union_id,display_name")
        user = self._data_of(response)["user"]
        return Profile(
            id=read_id(user["open_id"]),
            display_name=user["display_name"],
            kind="creator",
            facts={"union_id": user.get("union_id") or ""},
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        form = {
            "client_key": self.app.client_id(),
            "client_secret": self.app.client_secret().reveal(),
            "token": self.account.token.reveal(),
        }
        # The response has no body; an error may come with status 200.
        response = self.app.http().call("POST", "/v2/oauth/revoke/", data=form, needs_json=False)
        if error := self.app.token_refusal(response.json):
            raise self.app.http().completed(error, data=form)

    # --- Requests --------------------------------------------------------------------------------

    def request(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of the response. An error may come with status 200."""
        return self._data_of(self.http.call("POST", path, json=dict(body)))

    def _data_of(self, response: PlatformResponse) -> dict[str, Any]:
        if errors.code_of(response):
            error = self.read_error(response)
            error.status_code = response.status_code
            sent = {"Authorization": f"Bearer {self.account.token.reveal()}"}
            raise self.http.completed(error, headers=sent)
        data = response.json.get("data") if isinstance(response.json, dict) else None
        if not isinstance(data, dict):
            raise MalformedResponseError(platform=self.name)
        return data

    def videos(self, fields: str) -> Iterator[list[dict[str, Any]]]:
        """The public videos, page by page, newest first."""
        first: dict[str, Any] = {"max_count": PAGE_SIZE}
        pages = read_pages(
            first,
            read=lambda body: self.request(f"/v2/video/list/?fields={fields}", body),
            following=following_body,
            max_pages=MAX_PAGES,
            must_end=False,
        )
        for data in pages:
            yield data["videos"]

    def _creator_info(self) -> dict[str, Any]:
        return self.request("/v2/post/publish/creator_info/query/", {})

    def _status(self, progress: Progress) -> dict[str, Any]:
        body = {"publish_id": progress.handle["publish_id"]}
        return self.request("/v2/post/publish/status/fetch/", body)

    def _progress_of(self, status: Mapping[str, Any], post: Post, progress: Progress) -> Progress:
        return progress_of(status, post, progress, site=self.app.host("auth"))

    def _send_chunk(self, video: Media, progress: Progress, offset: int, chunk: Body) -> None:
        headers = {
            "Content-Type": video.mime_type,
            "Content-Range": f"bytes {offset}-{offset + len(chunk) - 1}/{video.size_bytes}",
        }
        # Without our token: the upload address contains one of its own.
        http = self.upload_http(progress.handle["upload_url"], read_error=errors.read_upload_error)
        http.call("PUT", "", data=chunk, headers=headers, needs_json=False)


def is_audited() -> bool:
    """The operator confirms that TikTok has audited our app."""
    return bool(settings.ENABLE_TIKTOK_PUBLISHING == "on")


def following_body(body: dict[str, Any], data: Any) -> dict[str, Any] | None:
    """The body of the request for the next page; None after the last one."""
    return {**body, "cursor": data["cursor"]} if data.get("has_more") else None
