"""Facebook Pages.

Written from https://developers.facebook.com/docs/graph-api (v27.0: login, Page posts, photos, error
handling, rate limiting), as of 2026-11-27. A connection is a person; the destinations are the Pages
on which that person may create content.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import NoResponseError
from socialpublishing.media import download
from socialpublishing.platforms.accounts import DestinationFacts
from socialpublishing.platforms.facebook import errors, limits, lookups, uploads
from socialpublishing.platforms.facebook.app import FacebookApp
from socialpublishing.platforms.facebook.follow_ups import FOLLOW_UPS
from socialpublishing.platforms.facebook.metrics import CAN_READ_INSIGHTS, FacebookMetrics
from socialpublishing.platforms.facebook.options import FacebookOptions
from socialpublishing.platforms.facebook.payloads import (
    feed_form,
    finish_form,
    is_photo_story,
    is_video,
    upload_host_edge,
    upload_host_form,
    uses_upload_host,
)
from socialpublishing.platforms.facebook.reels import (
    MAX_COVER_BYTES,
    with_extras,
    with_warnings,
)
from socialpublishing.platforms.facebook.videos import FIELDS, VIDEO_POLL, VideoState, read_state
from socialpublishing.platforms.meta.client import FacebookLoginClient
from socialpublishing.platforms.meta.pages import (
    INSIGHTS_TASKS,
    PUBLISHING_TASKS,
    Page,
    has_task,
)
from socialpublishing.platforms.progress import Found, LookupRules, Progress, Stage
from socialpublishing.platforms.uploads import read_whole
from socialpublishing.posts import Media, Post, PostWarning


class Facebook(FacebookLoginClient):
    name: ClassVar = "facebook"
    label: ClassVar = "Facebook"
    app: ClassVar = FacebookApp()
    capabilities: ClassVar = limits.CAPABILITIES
    options: ClassVar = FacebookOptions
    destination_option: ClassVar = "page_id"
    posts_as_account: ClassVar = False
    metrics_reader: ClassVar = FacebookMetrics
    follow_ups: ClassVar = FOLLOW_UPS
    upload_hosts: ClassVar = (".rupload.facebook.com",)
    cross_violations = staticmethod(limits.cross_violations)
    read_error = staticmethod(errors.read_error)

    @classmethod
    def warnings(cls, post: Post, profile: Mapping[str, Any]) -> list[PostWarning]:
        return [*super().warnings(post, profile), *limits.warnings(post)]

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """A Page's list may show a new post only minutes later, so it counts as absent after 5
        minutes."""
        return LookupRules(settle=dt.timedelta(minutes=5))

    # --- Publishing ------------------------------------------------------------------------------

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Uploads one unpublished photo per step, or a video. So the ids are known before the
        publish request."""
        if uses_upload_host(post):
            return with_extras(self, post, uploads.upload_to_host(self, post, progress))
        if is_video(post):
            return uploads.upload_in_parts(self, post.media[0], progress)
        photo_ids = list(progress.handle.get("photo_ids", []))
        if len(photo_ids) < len(post.media):
            photo_ids.append(self._upload_photo(post, post.media[len(photo_ids)]))
        if len(photo_ids) < len(post.media):
            return progress.preparing(photo_ids=photo_ids)
        return progress.ready(photo_ids=photo_ids)

    def _upload_photo(self, post: Post, media: Media) -> str:
        file = read_whole(media, max_bytes=self.capabilities.limit_of(media, post).max_bytes)
        form = {"published": "false"}
        if media.alt_text:
            form["alt_text_custom"] = media.alt_text
        files = {"source": ("photo", file.data, file.mime_type)}
        photo_id: str = self.call_page("POST", "photos", data=form, files=files)["id"]
        return photo_id

    def publish(self, post: Post, progress: Progress) -> Progress:
        if uses_upload_host(post):
            response = self.call_page(
                "POST",
                upload_host_edge(post),
                data=upload_host_form(post, progress),
                read_error=errors.read_reel_error,
            )
            # For a story, no other response may contain the id.
            return confirming_video(
                response, progress, post_number=str(response.get("post_id") or "")
            )
        if is_photo_story(post):
            return self._publish_photo_story(progress)
        if is_video(post):
            form, files = finish_form(post, progress), self._cover(post)
            return confirming_video(self._call_publishing("videos", form, files), progress)
        response = self._call_publishing("feed", feed_form(post, progress))
        post_id = response["id"]
        post_url = response.get("permalink_url") or f"{self.app.host('auth')}/{post_id}"
        return progress.published(remote_id=post_id, post_url=post_url)

    def _call_publishing(
        self, edge: str, form: Mapping[str, str], files: Mapping[str, Any] | None = None
    ) -> Any:
        read_error = errors.read_publishing_error
        return self.call_page("POST", edge, read_error=read_error, data=form, files=files)

    def _publish_photo_story(self, progress: Progress) -> Progress:
        [photo_id] = progress.handle["photo_ids"]
        response = self.call_page(
            "POST",
            "photo_stories",
            data={"photo_id": photo_id},
            read_error=errors.read_not_visible_yet_error,
        )
        story_id = response["post_id"]
        return progress.published(remote_id=story_id, post_url=self.story_url(story_id))

    def _cover(self, post: Post) -> Mapping[str, Any] | None:
        url = post.options.get("cover_url")
        if not url:
            return None
        # A file that cannot be read raises here, before the publish request.
        file = download(url, max_bytes=MAX_COVER_BYTES)
        return {"thumb": ("cover", file.data, file.mime_type)}

    def confirm(self, post: Post, progress: Progress) -> Progress:
        current = lookups.progress_of_video(self, post, progress)
        if current.stage == Stage.PUBLISHED:
            return with_warnings(current)
        if current.stage != Stage.READY:
            return current
        # Facebook accepted the publish request; the status does not show it yet.
        return progress.confirming(poll_after=VIDEO_POLL)

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        if is_video(post):
            return lookups.look_up_video(self, post, progress, since, other_post_ids)
        if is_photo_story(post):
            [photo_id] = progress.handle["photo_ids"]
            return lookups.look_up_story(self, photo_id, since)
        photo_ids = set(progress.handle.get("photo_ids", []))
        return lookups.look_up_post(self, post, photo_ids, since, other_post_ids)

    # --- Requests --------------------------------------------------------------------------------

    def call_page(self, method: str, edge: str, **body: Any) -> Any:
        """A request to an edge of the Page that the post goes to."""
        return self.call_graph(method, f"/{self.account.id}/{edge}", **body)

    def video_state(self, video_id: str) -> VideoState:
        data = self.call_graph(
            "GET",
            f"/{video_id}",
            params={"fields": FIELDS},
            read_error=errors.read_not_visible_yet_error,
        )
        return read_state(data)

    def story_url(self, story_id: str) -> str:
        """https://developers.facebook.com/docs/page-stories-api"""
        return f"{self.app.host('auth')}/stories/{story_id}"

    # --- Connecting ------------------------------------------------------------------------------

    def destinations(self) -> list[DestinationFacts]:
        granted = self.granted_scopes()
        pages = self.pages_of_person(fields="id,name,tasks,access_token")
        return [page_facts(page, granted) for page in pages]


def confirming_video(response: Mapping[str, Any], progress: Progress, **handle: Any) -> Progress:
    """Facebook accepted the publish request for a video and is processing the video."""
    if response.get("success") is False:
        raise NoResponseError("Facebook did not confirm that it publishes the video.")
    return progress.confirming(poll_after=VIDEO_POLL, **handle)


def page_facts(page: Page, granted: Collection[str]) -> DestinationFacts:
    token = page.get("access_token")
    can_read = "read_insights" in granted and has_task(page, INSIGHTS_TASKS)
    return DestinationFacts(
        id=page["id"],
        name=page.get("name") or page["id"],
        kind="page",
        can_publish=bool(token) and has_task(page, PUBLISHING_TASKS),
        token=Secret(token) if token else None,
        # https://developers.facebook.com/docs/graph-api/reference/page/insights
        profile={CAN_READ_INSIGHTS: can_read},
    )
