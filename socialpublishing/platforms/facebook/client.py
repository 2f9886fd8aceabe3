"""Facebook Pages.

Written from https://developers.facebook.com/docs/graph-api (v25.0: login, Page posts, photos, error
handling, rate limiting), as of 2026-11-22. A connection is a person; what carries posts are the
Pages on which that person may create content.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    UploadLostError,
)
from socialpublishing.http import Body, MultipartBody, PlatformResponse
from socialpublishing.limits import MEGABYTE
from socialpublishing.media import download, open_stream
from socialpublishing.platforms.accounts import Account, DestinationFacts, Profile, Renewal
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.facebook import errors
from socialpublishing.platforms.facebook.app import FacebookApp
from socialpublishing.platforms.facebook.limits import CAPABILITIES
from socialpublishing.platforms.facebook.limits import cross_violations as cross_violations_of
from socialpublishing.platforms.facebook.matching import shows
from socialpublishing.platforms.facebook.metrics import FacebookMetrics
from socialpublishing.platforms.facebook.options import FacebookOptions
from socialpublishing.platforms.facebook.payloads import (
    feed_form,
    finish_form,
    hosted_form,
    is_hosted_upload,
    is_photo_story,
    is_video,
)
from socialpublishing.platforms.facebook.videos import FIELDS, VideoState, read_state
from socialpublishing.platforms.meta import VERSION
from socialpublishing.platforms.meta.paging import following_params
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.progress import Found, LookupRules, Progress, Stage
from socialpublishing.platforms.uploads import send_in_parts
from socialpublishing.posts import Media, Post

MAX_PAGES_OF_PAGES = 50
MAX_LIST_PAGES = 5
# A video that is out may not name its post yet; after so many looks it is known by its own id.
NAME_LOOKUPS = 5
CHUNK = 8 * MEGABYTE
VIDEO_POLL = dt.timedelta(seconds=5)
# [memory] No page bounds it.
MAX_COVER_BYTES = 10 * MEGABYTE


class Facebook(Platform):
    name: ClassVar = "facebook"
    label: ClassVar = "Facebook"
    app: ClassVar = FacebookApp()
    renews_without_refresh_token: ClassVar = True
    capabilities: ClassVar = CAPABILITIES
    options: ClassVar = FacebookOptions
    destination_option: ClassVar = "page_id"
    posts_as_account: ClassVar = False
    metrics_reader: ClassVar = FacebookMetrics
    upload_hosts: ClassVar = (".rupload.facebook.com",)
    cross_violations = staticmethod(cross_violations_of)
    read_error = staticmethod(errors.read_error)

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """Lists of Pages show some posts minutes later."""
        return LookupRules(settle=dt.timedelta(minutes=5))

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Stages one unpublished photo a call, or uploads a video.

        Ids are known before anything is public.
        """
        if is_hosted_upload(post):
            return self._upload_hosted(post, progress)
        if is_video(post):
            return self._upload_video(post.media[0], progress)
        photo_ids = list(progress.handle.get("photo_ids", []))
        if len(photo_ids) < len(post.media):
            photo_ids.append(self._stage(post, post.media[len(photo_ids)]))
        if len(photo_ids) < len(post.media):
            return progress.preparing(photo_ids=photo_ids)
        return progress.ready(photo_ids=photo_ids)

    def _stage(self, post: Post, media: Media) -> str:
        file = download(media.url, max_bytes=self.capabilities.limit_of(media, post).max_bytes)
        form = {"published": "false"}
        if media.alt_text:
            form["alt_text_custom"] = media.alt_text
        response = self.page(
            "POST", "photos", data=form, files={"source": ("photo", file.data, file.mime_type)}
        )
        photo_id: str = response["id"]
        return photo_id

    def _upload_video(self, video: Media, progress: Progress) -> Progress:
        """One step of the upload phases `start` and `transfer`.

        https://developers.facebook.com/docs/graph-api/reference/page/videos
        """
        size = video.size_bytes
        assert size is not None
        upload = progress.handle.get("upload")
        if upload is None:
            form = {"upload_phase": "start", "file_size": str(size)}
            begun = self.page("POST", "videos", data=form)
            named = {"id": begun["video_id"], "session": begun["upload_session_id"]}
            return progress.preparing(upload={**named, "offset": int(begun["start_offset"])})

        # More may have arrived than was written down, when a worker died.
        received = self._state(upload["id"]).received_bytes
        upload = {**upload, "offset": received or upload["offset"]}
        if upload["offset"] >= size:
            return progress.ready(upload=upload)
        session = upload["session"]

        def send(offset: int, part: Body) -> None:
            fields = {
                "upload_phase": "transfer",
                "upload_session_id": session,
                "start_offset": str(offset),
            }
            form = MultipartBody(
                fields, part, name="video_file_chunk", mime_type="application/octet-stream"
            )
            headers = {"Content-Type": form.content_type}
            data = self.page("POST", "videos", data=form, headers=headers)
            if int(data["start_offset"]) != offset + len(part):
                raise NoResponseError("Facebook took another part of the video than was sent.")

        offset = send_in_parts(video, start=upload["offset"], part_bytes=CHUNK, send=send)
        upload = {**upload, "offset": offset}
        if offset < size:
            done = f"{offset / MEGABYTE:.0f} of {size / MEGABYTE:.0f} MB"
            return progress.preparing(upload=upload, note=f"Uploaded {done}.")
        return progress.ready(upload=upload)

    def _upload_hosted(self, post: Post, progress: Progress) -> Progress:
        """Start, then the bytes to the upload host, from where it says that the upload stands.

        https://developers.facebook.com/docs/video-api/guides/reels-publishing. One call carries all
        that is left, as a shorter one is refused. What the host kept of a line that broke stands in
        the status; if it kept nothing, that is 0.
        """
        video = post.media[0]
        hosted = progress.handle.get("hosted")
        if hosted is None:
            begun = self.page("POST", edge_of(post), data={"upload_phase": "start"})
            named = {"id": begun["video_id"], "url": begun["upload_url"]}
            return progress.preparing(hosted=named, note="Facebook expects the video.")
        state = self._state(hosted["id"])
        if state.refusal:
            raise ContentRejectedError(state.refusal)
        if state.is_gone:
            raise UploadLostError
        if state.is_uploaded:
            # Not until it is processed: waiting for that has been seen to have no end.
            return progress.ready()
        assert video.size_bytes is not None
        if not hosted.get("is_sent") and state.received_bytes < video.size_bytes:
            self._send_rest(video, hosted["url"], offset=state.received_bytes)
            return progress.preparing(hosted={**hosted, "is_sent": True}, note="Uploaded.")
        note = "Facebook is taking the video in."
        return progress.preparing(poll_after=VIDEO_POLL, note=note)

    def _send_rest(self, video: Media, address: str, *, offset: int) -> None:
        size = video.size_bytes
        assert size is not None
        headers = {
            # The upload host wants the token under another name.
            "Authorization": f"OAuth {self.account.token.reveal()}",
            "offset": str(offset),
            "file_size": str(size),
            "Content-Type": "application/octet-stream",
        }
        host = self.upload_http(address)
        with open_stream(video.url, max_bytes=size, start=offset, expected_bytes=size) as stream:
            host.call("POST", "", data=stream.part(size - offset), headers=headers)

    def publish(self, post: Post, progress: Progress) -> Progress:
        if is_hosted_upload(post):
            made = self.page("POST", edge_of(post), data=hosted_form(post, progress))
            # Of a story the answer may be all that ever tells its id.
            return taken(made, progress, post_number=str(made.get("post_id") or ""))
        if is_photo_story(post):
            [photo_id] = progress.handle["photo_ids"]
            made = self.page(
                "POST", "photo_stories", data={"photo_id": photo_id}, read=errors.read_video_error
            )
            return progress.published(
                remote_id=made["post_id"], post_url=self._story_url(made["post_id"])
            )
        if is_video(post):
            form, files = finish_form(post, progress), self._cover(post)
            return taken(self.page("POST", "videos", data=form, files=files), progress)
        response = self.page("POST", "feed", data=feed_form(post, progress))
        return progress.published(
            remote_id=response["id"],
            post_url=response.get("permalink_url") or f"{self.app.host('auth')}/{response['id']}",
        )

    def _cover(self, post: Post) -> Mapping[str, Any] | None:
        url = post.options.get("cover_url")
        if not url:
            return None
        # One that cannot be read stops the call before it is made.
        file = download(url, max_bytes=MAX_COVER_BYTES)
        return {"thumb": ("cover", file.data, file.mime_type)}

    def confirm(self, post: Post, progress: Progress) -> Progress:
        standing = self._standing(post, progress)
        if standing.stage != Stage.READY:
            return standing
        # The publishing call was taken; a status that does not show it yet is late.
        return progress.confirming(poll_after=VIDEO_POLL)

    def _standing(self, post: Post, progress: Progress) -> Progress:
        """How the video stands: READY while nobody asked to publish it."""
        video_id = self._video_id(post, progress)
        state = self._state(video_id)
        # What was out once is out, whatever became of it later.
        if state.is_published:
            return self._published(post, progress, state)
        if post.post_type == "story" and (found := self._find_story(video_id)):
            return progress.published(remote_id=found.remote_id, post_url=found.post_url)
        if state.refusal:
            return progress.refused(state.refusal)
        if state.is_gone:
            return progress.lost("Facebook has lost the video.")
        # One in parts is not processed before it is asked for.
        if state.is_taken or (state.is_at_work and not is_hosted_upload(post)):
            return progress.confirming(poll_after=VIDEO_POLL)
        return replace(progress, stage=Stage.READY)

    def _video_id(self, post: Post, progress: Progress) -> str:
        video_id: str = progress.handle["hosted" if is_hosted_upload(post) else "upload"]["id"]
        return video_id

    def _published(self, post: Post, progress: Progress, state: VideoState) -> Progress:
        """Named as lists name it: a video tells the post's number alone, and that often late."""
        post_number = state.post_number or progress.handle.get("post_number", "")
        if post.post_type == "story":
            story_id = post_number or state.id
            return progress.published(remote_id=story_id, post_url=self._story_url(story_id))
        lookups = progress.handle.get("name_lookups", 0)
        if not post_number and lookups < NAME_LOOKUPS:
            if found := self._find_post(post, {state.id}):
                return progress.published(remote_id=found.remote_id, post_url=found.post_url)
            return progress.confirming(poll_after=VIDEO_POLL, name_lookups=lookups + 1)
        post_id = f"{self.account.id}_{post_number}" if post_number else state.id
        link = state.link
        if link.startswith("/"):
            link = f"{self.app.host('auth')}{link}"
        if not link:
            path = f"reel/{state.id}" if post.post_type == "reel" else post_id
            link = f"{self.app.host('auth')}/{path}"
        return progress.published(remote_id=post_id, post_url=link)

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        if is_video(post):
            return self._find_video(post, progress, since, other_post_ids)
        if is_photo_story(post):
            [photo_id] = progress.handle["photo_ids"]
            return self._find_story(photo_id, since)
        photo_ids = set(progress.handle.get("photo_ids", []))
        return self._find_post(post, photo_ids, since, other_post_ids)

    def _find_video(
        self, post: Post, progress: Progress, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """By what the video tells, and where it does not, by the posts that show it."""
        unseen: MediaNotReadyError | None = None
        try:
            standing = self._standing(post, progress)
            if standing.stage != Stage.READY:
                return standing
        except MediaNotReadyError as error:
            unseen = error
        if post.post_type != "story":
            video_id = self._video_id(post, progress)
            if found := self._find_post(post, {video_id}, since, other_post_ids):
                return found
        if unseen is not None:
            raise unseen
        return None

    def _find_post(
        self,
        post: Post,
        media_ids: set[str],
        since: dt.datetime | None = None,
        other_post_ids: Collection[str] = (),
    ) -> Found | None:
        fields = "id,message,created_time,permalink_url,attachments{target{id},subattachments}"
        for posts in self._listed("published_posts", since, fields=fields):
            for found in posts:
                if found["id"] not in other_post_ids and shows(found, post, media_ids):
                    return Found(remote_id=found["id"], post_url=found.get("permalink_url", ""))
        return None

    def _find_story(self, media_id: str, since: dt.datetime | None = None) -> Found | None:
        """A photo or a video is shown by one story only."""
        for stories in self._listed("stories", since):
            for story in stories:
                if story.get("media_id") == media_id:
                    story_id = story["post_id"]
                    return Found(remote_id=story_id, post_url=self._story_url(story_id))
        return None

    def _listed(
        self, edge: str, since: dt.datetime | None, **params: str
    ) -> Iterator[list[dict[str, Any]]]:
        """Raises NoResponseError at the end if what is looked for may stand on a page not read."""
        params = {"limit": "100", **params}
        if since is not None:
            params["since"] = str(int(since.timestamp()))
        pages = read_pages(
            params,
            read=lambda params: self.page("GET", edge, params=params),
            following=following_params,
            max_pages=MAX_LIST_PAGES,
        )
        for response in pages:
            yield response["data"]

    def _story_url(self, story_id: str) -> str:
        """https://developers.facebook.com/docs/page-stories-api"""
        return f"{self.app.host('auth')}/stories/{story_id}"

    def _state(self, video_id: str) -> VideoState:
        http = self.http_reading(errors.read_video_error)
        return read_state(http.get(f"/{VERSION}/{video_id}", params={"fields": FIELDS}))

    def page(self, method: str, edge: str, *, read: Any = None, **body: Any) -> Any:
        """A call to an edge of the Page that carries the post."""
        return self._graph(method, f"/{self.account.id}/{edge}", read=read, **body)

    def _graph(
        self,
        method: str,
        path: str,
        *,
        read: Callable[[PlatformResponse], PlatformApiError] | None = None,
        **body: Any,
    ) -> Any:
        """`read` takes the place of `read_error`."""
        http = self.http_reading(read) if read else self.http
        return http.call(method, f"/{VERSION}{path}", **body).json

    def common_params(self) -> Mapping[str, str]:
        return self.app.proof(self.account.token)

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """A token of another sixty days, made from the living one, and with it the Pages' anew."""
        tokens = self.app.long_lived(self.account.token)
        fresh = Facebook(Account(id=self.account.id, token=tokens.access_token))
        return Renewal(tokens=tokens, destinations=fresh.destinations())

    def profile(self) -> Profile:
        me = self._graph("GET", "/me", params={"fields": "id,name"})
        return Profile(id=me["id"], display_name=me["name"], scopes=self._granted())

    def _granted(self) -> tuple[str, ...]:
        permissions = self._graph("GET", "/me/permissions")["data"]
        return tuple(each["permission"] for each in permissions if each["status"] == "granted")

    def destinations(self) -> list[DestinationFacts]:
        granted = self._granted()
        pages: list[DestinationFacts] = []
        params = {"fields": "id,name,category,tasks,access_token", "limit": "100"}
        responses = read_pages(
            params,
            read=lambda params: self._graph("GET", "/me/accounts", params=params),
            following=following_params,
            max_pages=MAX_PAGES_OF_PAGES,
            must_end=False,
        )
        for response in responses:
            pages += [page_facts(page, granted) for page in response["data"]]
        return pages

    def revoke(self, refresh_token: Secret | None) -> None:
        self._graph("DELETE", "/me/permissions")


def taken(made: Mapping[str, Any], progress: Progress, **handle: Any) -> Progress:
    """Facebook took the publishing call of a video, which it now works on."""
    if made.get("success") is False:
        raise NoResponseError("Facebook does not say yes to publishing the video.")
    return progress.confirming(poll_after=VIDEO_POLL, **handle)


def edge_of(post: Post) -> str:
    return "video_reels" if post.post_type == "reel" else "video_stories"


def page_facts(page: Mapping[str, Any], granted: Collection[str]) -> DestinationFacts:
    token, tasks = page.get("access_token"), page.get("tasks", [])
    return DestinationFacts(
        id=page["id"],
        name=page["name"],
        kind="page",
        can_publish=bool(token) and "CREATE_CONTENT" in tasks,
        token=Secret(token) if token else None,
        # https://developers.facebook.com/docs/graph-api/reference/page/insights
        profile={"tells_insights": "read_insights" in granted and "ANALYZE" in tasks},
    )
