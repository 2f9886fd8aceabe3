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

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    NoResponseError,
    PlatformApiError,
    PublishingOffError,
    UploadLostError,
)
from socialpublishing.http import Body, PlatformResponse
from socialpublishing.limits import MEGABYTE
from socialpublishing.media import open_stream
from socialpublishing.platforms.accounts import Profile
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.platforms.tiktok import errors
from socialpublishing.platforms.tiktok.app import TikTokApp
from socialpublishing.platforms.tiktok.errors import CAP_PAUSE, REASONS, error_of
from socialpublishing.platforms.tiktok.limits import CAPABILITIES
from socialpublishing.platforms.tiktok.limits import cross_violations as cross_violations_of
from socialpublishing.platforms.tiktok.matching import made_at, shows
from socialpublishing.platforms.tiktok.metrics import TikTokMetrics
from socialpublishing.platforms.tiktok.options import TikTokOptions
from socialpublishing.platforms.tiktok.payloads import (
    PUBLIC,
    is_draft,
    is_video,
    photos_payload,
    plan_of,
    video_payload,
)
from socialpublishing.platforms.uploads import send_in_parts
from socialpublishing.posts import Media, Post
from socialpublishing.text import is_blank

# How long a film is waited for at first, and how long for the id of a public post after that.
POLLS_S = (0, 2, 5, 10, 20, 30, 60)
ID_POLLS_S = (1, 5, 10, 30, 60, 60)
# After so many looks TikTok is believed that bytes are missing, whatever it said to them.
MISSING_LOOKUPS = 4
PAGE_SIZE, MAX_PAGES = 20, 50


class TikTok(Platform):
    name: ClassVar = "tiktok"
    label: ClassVar = "TikTok"
    app: ClassVar = TikTokApp()
    capabilities: ClassVar = CAPABILITIES
    options: ClassVar = TikTokOptions
    metrics_reader: ClassVar = TikTokMetrics
    upload_hosts: ClassVar = (".tiktokapis.com",)
    cross_violations = staticmethod(cross_violations_of)
    read_error = staticmethod(errors.read_error)

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
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """Of a video we know the name before it is sent. Photos get theirs with the answer, and
        without it whether they exist is told nowhere."""
        return LookupRules(is_complete=is_video(post))

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

        return send_in_parts(video, start=start, end=end, part_bytes=chunk, send=send)

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
                inbox = f"{self.app.host('auth')}/messages?lang=en"
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
            inbox = f"{self.app.host('auth')}/messages?lang=en"
            return progress.published(remote_id=progress.handle["publish_id"], post_url=inbox)
        profile = f"{self.app.host('auth')}/@{username}"
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
                    url = f"{self.app.host('auth')}/@{username}/photo/{found['id']}"
                    return Found(remote_id=found["id"], post_url=url)
            if videos and made_at(videos[-1]) < since:
                break
        return None

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of an answer. Raises also for an error that comes with a status of 200."""
        response = self.http.call("POST", path, json=dict(body))
        return self._data(response)

    def _data(self, response: PlatformResponse) -> dict[str, Any]:
        if error_of(response).get("code", "ok") != "ok":
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
        pages = read_pages(
            asked,
            read=lambda asked: self.ask(f"/v2/video/list/?fields={fields}", asked),
            following=following_request,
            max_pages=MAX_PAGES,
            must_end=False,
        )
        for data in pages:
            yield data["videos"]

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
        form = {
            "client_key": self.app.client_id(),
            "client_secret": self.app.client_secret().reveal(),
            "token": self.account.token.reveal(),
        }
        http = self.app.http()
        http.post("/v2/oauth/revoke/", data=form)


def following_request(asked: dict[str, Any], data: Any) -> dict[str, Any] | None:
    """The request for the next page; None after the last one."""
    return {**asked, "cursor": data["cursor"]} if data.get("has_more") else None
