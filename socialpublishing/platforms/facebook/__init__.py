"""Facebook Pages.

Written from https://developers.facebook.com/docs/graph-api (v25.0: login, Page posts, photos, error
handling, rate limiting), as of 2026-11-22. A connection is a person; what carries posts are the
Pages on which that person may create content.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from socialpublishing import graph, options
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    PlatformApiError,
    UploadLostError,
    Violation,
)
from socialpublishing.graph import VERSION
from socialpublishing.http import Answer, Body, MultipartBody
from socialpublishing.media import download, open_stream
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.options import WholeField
from socialpublishing.platforms.base import (
    Account,
    DestinationFacts,
    Found,
    Host,
    Platform,
    Profile,
    Progress,
    Renewal,
    Stage,
)
from socialpublishing.platforms.facebook.payloads import (
    feed_form,
    finish_form,
    hosted_form,
    is_hosted_upload,
    is_photo_story,
    is_video,
    shows,
)
from socialpublishing.platforms.facebook.results import FacebookResults
from socialpublishing.policy import GIGABYTE, MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.posts import Media, MediaKind, Post
from socialpublishing.serializers import StrictSerializer, TextField

MAX_PAGES_OF_PAGES = 50
CHUNK = 8 * MEGABYTE
VIDEO_POLL = dt.timedelta(seconds=5)


# Facebook's own, beside those of the Graph API:
# https://developers.facebook.com/docs/graph-api/reference/page/videos
ERRORS: graph.Errors = {
    # Another offset was expected, or the session is over: it is uploaded anew.
    (None, 1363030): UploadLostError,
    (None, 1363037): UploadLostError,
    (1363037, None): UploadLostError,
    (None, 1363041): UploadLostError,
    (6000, None): UploadLostError,
}


class LinkDetails(StrictSerializer):
    title = TextField(max_length=255, required=False)
    description = TextField(max_length=1000, required=False)
    picture_url = TextField(max_length=2048, required=False)


class Targeting(StrictSerializer):
    countries = serializers.ListField(
        child=TextField(max_length=2, validators=[RegexValidator(r"^[A-Z]{2}\Z")]),
        min_length=1,
        max_length=25,
        required=False,
        help_text="ISO 3166 codes of two letters.",
    )
    age_min = WholeField(required=False, help_text="13, 15, 18, 21 or 25.")
    locales = serializers.ListField(
        child=WholeField(min_value=1),
        min_length=1,
        max_length=50,
        required=False,
        help_text="Facebook's numbers of languages.",
    )

    def validate_age_min(self, age: int) -> int:
        if age not in {13, 15, 18, 21, 25}:
            raise serializers.ValidationError("The least age is 13, 15, 18, 21 or 25.")
        return age


class FacebookOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "video_title": "Our bakery at dawn",
        "page_id": "104829301746",
        "link": "https://example.com/news",
        "link_details": {"title": "News of the bakery", "description": "Rye is back"},
        "place": "110843418940484",
        "targeting": {"countries": ["DE", "AT"], "age_min": 18},
        "feed_targeting": {"countries": ["CH"]},
    }
    post_type = options.choice("The kind of post.", "feed", "reel", "story")
    video_title = options.text("The title of a video.", max_length=255)
    page_id = options.text("The Page to post to, one of the destinations.", max_length=64)
    link = options.text(
        "A link to show as a card below the text; not together with assets.", max_length=2048
    )
    link_details = LinkDetails(
        **options.optional(
            "What the link's card says, for a site that the Page has shown to be its own."
        )
    )
    place = options.text("The id of a Page with a place: where it was.", max_length=64)
    targeting = Targeting(**options.optional("Who may see the post."))
    feed_targeting = Targeting(**options.optional("To whom it is shown rather than to others."))


PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"})
# https://developers.facebook.com/docs/video-api/guides/reels-publishing: 9 to 16; of a story 60 s.
UPRIGHT = MediaLimit(
    mime_types=frozenset({"video/mp4", "video/quicktime"}),
    max_bytes=GIGABYTE,
    width=Bounds(low=540),
    height=Bounds(low=960),
    ratio=Bounds(low=0.55, high=0.575),
    duration_s=Bounds(low=3, high=60),
    frame_rate=Bounds(low=24, high=60),
    has_alt_text=False,
)
CHECKED = dt.date(2026, 11, 22)


class Facebook(Platform):
    name: ClassVar = "facebook"
    label: ClassVar = "Facebook"
    hosts: ClassVar = {
        "api": Host(variable="FACEBOOK_API_URL", default="https://graph.facebook.com"),
        "auth": Host(variable="FACEBOOK_AUTH_URL", default="https://www.facebook.com"),
    }
    client_id_variables: ClassVar = ("FACEBOOK_APP_ID",)
    client_secret_variables: ClassVar = ("FACEBOOK_APP_SECRET",)
    oauth: ClassVar = OAuth(
        authorize_path=f"/{VERSION}/dialog/oauth",
        token_path=f"/{VERSION}/oauth/access_token",
        scopes=(
            "pages_show_list",
            "pages_manage_posts",
            "pages_read_engagement",
            "business_management",
        ),
        publish_scopes=frozenset({"pages_manage_posts"}),
        scope_separator=",",
        # PKCE exists only in Facebook's OpenID flow, and there it is still marked as testing.
        pkce=False,
        default_lifetime=dt.timedelta(days=60),
    )
    capabilities: ClassVar = Capabilities(
        post_types=(
            PostType(
                description="A post on the Page: text, a link, photos, or a video.",
                max_text=63_206,
                max_media=10,
                media={
                    MediaKind.IMAGE: MediaLimit(
                        max_count=10,
                        mime_types=PHOTO_TYPES,
                        max_bytes=10 * MEGABYTE,
                    ),
                    # https://developers.facebook.com/docs/graph-api/reference/page/videos
                    MediaKind.VIDEO: MediaLimit(
                        mime_types=frozenset({"video/mp4", "video/quicktime"}),
                        max_bytes=2 * GIGABYTE,
                        ratio=Bounds(low=0.5625, high=1.778),
                        duration_s=Bounds(low=1, high=40 * 60),
                        has_alt_text=False,
                    ),
                },
                max_alt_text=1000,
                options=frozenset(
                    {
                        "page_id",
                        "link",
                        "link_details",
                        "video_title",
                        "place",
                        "targeting",
                        "feed_targeting",
                    }
                ),
                source="https://developers.facebook.com/docs/pages-api/posts",
                checked=CHECKED,
            ),
            PostType(
                name="reel",
                description="An upright video. 30 a day for a Page.",
                max_text=63_206,
                min_media=1,
                max_media=1,
                media={
                    MediaKind.VIDEO: replace(
                        UPRIGHT,
                        # [memory] No page bounds it.
                        max_bytes=GIGABYTE,
                        duration_s=Bounds(low=3, high=90),
                    )
                },
                options=frozenset(
                    {"page_id", "video_title", "place", "targeting", "feed_targeting"}
                ),
                source="https://developers.facebook.com/docs/video-api/guides/reels-publishing",
                checked=CHECKED,
            ),
            PostType(
                name="story",
                description="A photo or an upright video that is gone after a day; no text.",
                max_text=0,
                min_media=1,
                max_media=1,
                media={
                    MediaKind.IMAGE: MediaLimit(
                        mime_types=PHOTO_TYPES, max_bytes=10 * MEGABYTE, has_alt_text=False
                    ),
                    MediaKind.VIDEO: UPRIGHT,
                },
                options=frozenset({"page_id"}),
                source="https://developers.facebook.com/docs/page-stories-api",
                checked=CHECKED,
            ),
        )
    )
    options: ClassVar = FacebookOptions
    destination_option: ClassVar = "page_id"
    posts_as_account: ClassVar = False
    results: ClassVar = FacebookResults
    upload_hosts: ClassVar = (".rupload.facebook.com",)

    @classmethod
    def cross_violations(cls, post: Post, kind: PostType) -> Iterator[Violation]:
        if post.options.get("link") and post.media:
            yield Violation(
                rule="link_alone",
                limit=0,
                actual=len(post.media),
                message="A link is shown as a card in a post without assets.",
                fix="Take out the assets, or write the link into the text.",
            )
        if "link_details" in post.options and not post.options.get("link"):
            yield Violation(
                rule="link_details_need_link",
                limit=1,
                actual=0,
                message="link_details are for a post with a link.",
                fix="Add the link, or take them out.",
            )
        if post.options.get("place") and is_video(post) and post.post_type == "feed":
            yield Violation(
                rule="place_without_video",
                limit=0,
                actual=1,
                message="A video in the feed has no place; a reel may have one.",
                fix='Take the place out, or post it with post_type "reel".',
            )
        if post.options.get("video_title") and not is_video(post):
            yield Violation(
                rule="title_needs_video",
                limit=1,
                actual=0,
                message="video_title is for a post with a video.",
                fix="Add a video, or take it out.",
            )

    # --- Publishing ------------------------------------------------------------------------------

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
        answer = self.page(
            "POST", "photos", data=form, files={"source": ("photo", file.data, file.mime_type)}
        )
        photo_id: str = answer["id"]
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
        upload = {**upload, "offset": max(upload["offset"], self._received(upload["id"]))}
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
            self.page("POST", "videos", data=form, headers=headers)

        offset = self.upload(video, start=upload["offset"], part_bytes=CHUNK, send=send)
        upload = {**upload, "offset": offset}
        if offset < size:
            done = f"{offset / MEGABYTE:.0f} of {size / MEGABYTE:.0f} MB"
            return progress.preparing(upload=upload, note=f"Uploaded {done}.")
        return progress.ready(upload=upload)

    def _received(self, video_id: str) -> int:
        """How many bytes Facebook has of a video; 0 if it does not say."""
        told = self._graph("GET", f"/{video_id}", params={"fields": "status"})
        phase = told.get("status", {}).get("uploading_phase", {})
        count = phase.get("bytes_transferred", phase.get("bytes_transfered", 0))
        return int(count)

    def _upload_hosted(self, post: Post, progress: Progress) -> Progress:
        """Start, the bytes to the upload host, and a look whether they are all there.

        https://developers.facebook.com/docs/video-api/guides/reels-publishing
        """
        video = post.media[0]
        size = video.size_bytes
        assert self.account is not None
        assert size is not None
        hosted = progress.handle.get("hosted")
        if hosted is None:
            begun = self.page("POST", edge_of(post), data={"upload_phase": "start"})
            named = {"id": begun["video_id"], "url": begun["upload_url"]}
            return progress.preparing(hosted=named, note="Facebook expects the video.")
        if not hosted.get("is_sent"):
            headers = {
                # The upload host wants the token under another name.
                "Authorization": f"OAuth {self.account.token.reveal()}",
                "offset": "0",
                "file_size": str(size),
                "Content-Type": "application/octet-stream",
            }
            with open_stream(video.url, max_bytes=size, expected_bytes=size) as stream:
                self.upload_http(hosted["url"]).call(
                    "POST", "", data=stream.part(size), headers=headers
                )
            return progress.preparing(hosted={**hosted, "is_sent": True}, note="Uploaded.")
        told = self._graph("GET", f"/{hosted['id']}", params={"fields": "status"})
        status = told.get("status", {})
        if status.get("video_status") in {"error", "upload_failed"}:
            raise ContentRejectedError("Facebook could not process the video.")
        if status.get("video_status") == "expired":
            raise UploadLostError
        if status.get("uploading_phase", {}).get("status") in {"complete", "completed"}:
            # Not until it is processed: waiting for that has been seen to have no end.
            return progress.ready()
        note = "Facebook is taking the video in."
        return progress.preparing(poll_after=VIDEO_POLL, note=note)

    def publish(self, post: Post, progress: Progress) -> Progress:
        if is_hosted_upload(post):
            self.page("POST", edge_of(post), data=hosted_form(post, progress))
            return progress.confirming(poll_after=VIDEO_POLL)
        if is_photo_story(post):
            [photo_id] = progress.handle["photo_ids"]
            made = self.page("POST", "photo_stories", data={"photo_id": photo_id})
            return progress.published(
                remote_id=made["post_id"], post_url=self._story_url(made["post_id"])
            )
        if is_video(post):
            self.page("POST", "videos", data=finish_form(post, progress))
            return progress.confirming(poll_after=VIDEO_POLL)
        answer = self.page("POST", "feed", data=feed_form(post, progress))
        return progress.published(
            remote_id=answer["id"],
            post_url=answer.get("permalink_url") or f"{self.host('auth')}/{answer['id']}",
        )

    def confirm(self, post: Post, progress: Progress) -> Progress:
        done = self._video(post, progress)
        # The publishing call was taken; a status that does not show it yet is late.
        return progress.confirming(poll_after=VIDEO_POLL) if done.stage == Stage.READY else done

    def _story_url(self, story_id: str) -> str:
        """https://developers.facebook.com/docs/page-stories-api"""
        return f"{self.host('auth')}/stories/{story_id}"

    def _video(self, post: Post, progress: Progress) -> Progress:
        """How the video stands: READY while nobody asked to publish it.

        https://developers.facebook.com/docs/graph-api/reference/video: spellings differ.
        """
        video_id = progress.handle["hosted" if is_hosted_upload(post) else "upload"]["id"]
        fields = "id,status,published,post_id,permalink_url"
        told = self._graph("GET", f"/{video_id}", params={"fields": fields})
        status = told.get("status", {})
        processing = status.get("processing_phase", {})
        if status.get("video_status") == "error" or processing.get("status") == "error":
            errors = processing.get("errors") or processing.get("error") or []
            words = " ".join(str(error.get("message", "")) for error in errors)
            return progress.refused(f"Facebook could not process the video. {words}".strip())
        publishing = status.get("publishing_phase", {})
        if publishing.get("publish_status") == "published" or (
            told.get("published") and publishing.get("status") in {"complete", "completed"}
        ):
            link = str(told.get("permalink_url") or "")
            if link.startswith("/"):
                link = f"{self.host('auth')}{link}"
            return progress.published(remote_id=self._post_id(told, video_id), post_url=link)
        if status.get("video_status") == "processing" and told.get("post_id"):
            return progress.confirming(poll_after=VIDEO_POLL)
        return replace(progress, stage=Stage.READY)

    def _post_id(self, told: Mapping[str, Any], video_id: str) -> str:
        """As lists name the post: a video tells the number alone."""
        assert self.account is not None
        post_id = str(told.get("post_id") or "")
        if not post_id:
            return video_id
        return post_id if "_" in post_id else f"{self.account.id}_{post_id}"

    def find_published(
        self, post: Post, progress: Progress, *, since: dt.datetime, credited: Collection[str]
    ) -> Found | Progress | None:
        if is_video(post):
            done = self._video(post, progress)
            return None if done.stage == Stage.READY else done
        if is_photo_story(post):
            return self._find_story(progress)
        photo_ids = set(progress.handle.get("photo_ids", []))
        fields = "id,message,created_time,permalink_url,attachments{target{id},subattachments}"
        answer = self.page(
            "GET",
            "published_posts",
            params={"since": str(int(since.timestamp())), "fields": fields, "limit": "100"},
        )
        for found in answer["data"]:
            if found["id"] not in credited and shows(found, post, photo_ids):
                return Found(remote_id=found["id"], post_url=found.get("permalink_url", ""))
        return None

    def _find_story(self, progress: Progress) -> Found | None:
        """A photo is shown by one story only."""
        [photo_id] = progress.handle["photo_ids"]
        answer = self.page("GET", "stories", params={"limit": "100"})
        for story in answer["data"]:
            if story.get("media_id") == photo_id:
                return Found(remote_id=story["post_id"], post_url=self._story_url(story["post_id"]))
        return None

    def page(self, method: str, edge: str, **body: Any) -> Any:
        """A call to an edge of the Page that carries the post."""
        assert self.account is not None
        return self._graph(method, f"/{self.account.id}/{edge}", **body)

    def _graph(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, **body: Any
    ) -> Any:
        return self.http.call(
            method, f"/{VERSION}{path}", params={**(params or {}), **self._proof()}, **body
        ).json

    def _proof(self) -> dict[str, str]:
        assert self.account is not None
        return graph.proof(self.account.token, self.client_secret())

    # --- Connecting ------------------------------------------------------------------------------

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        short = super().exchange_code(code=code, redirect_uri=redirect_uri, verifier=verifier)
        # Page tokens inherit the life of the token they were read with: an hour, or no end.
        return self._long_lived(short.access_token)

    def _long_lived(self, token: Secret) -> Tokens:
        return self.call_token_endpoint(
            {"grant_type": "fb_exchange_token", "fb_exchange_token": token.reveal()}
        )

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """A token of another sixty days, made from the living one, and with it the Pages' anew."""
        assert self.account is not None
        tokens = self._long_lived(self.account.token)
        fresh = Facebook(Account(id=self.account.id, token=tokens.access_token))
        return Renewal(tokens=tokens, destinations=fresh.destinations())

    def profile(self) -> Profile:
        me = self._graph("GET", "/me", params={"fields": "id,name"})
        permissions = self._graph("GET", "/me/permissions")["data"]
        return Profile(
            id=me["id"],
            display_name=me["name"],
            scopes=tuple(p["permission"] for p in permissions if p["status"] == "granted"),
        )

    def destinations(self) -> list[DestinationFacts]:
        pages: list[DestinationFacts] = []
        params = {"fields": "id,name,category,tasks,access_token", "limit": "100"}
        for _ in range(MAX_PAGES_OF_PAGES):
            answer = self._graph("GET", "/me/accounts", params=params)
            pages += [page_facts(page) for page in answer["data"]]
            paging = answer.get("paging", {})
            if "next" not in paging:
                break
            params["after"] = paging["cursors"]["after"]
        return pages

    def revoke(self, refresh_token: Secret | None) -> None:
        self._graph("DELETE", "/me/permissions")

    # --- Errors ----------------------------------------------------------------------------------

    def read_error(self, answer: Answer) -> PlatformApiError:
        body = answer.json if isinstance(answer.json, dict) else {}
        if isinstance(trouble := body.get("debug_info"), dict):
            # The upload host's own words.
            words = str(trouble.get("message", ""))
            if trouble.get("retriable") or trouble.get("type") != "ProcessingFailedError":
                return UploadLostError(f"Facebook did not take the video: {words}")
            return ContentRejectedError(f"Facebook did not take the video: {words}")
        return graph.read_error(answer, label=self.label, own=ERRORS)


def edge_of(post: Post) -> str:
    return "video_reels" if post.post_type == "reel" else "video_stories"


def page_facts(page: Mapping[str, Any]) -> DestinationFacts:
    token = page.get("access_token")
    return DestinationFacts(
        id=page["id"],
        name=page["name"],
        kind="page",
        can_publish=bool(token) and "CREATE_CONTENT" in page.get("tasks", []),
        token=Secret(token) if token else None,
    )
