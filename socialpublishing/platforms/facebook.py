"""Facebook Pages.

Written from https://developers.facebook.com/docs/graph-api (v25.0: login, Page posts, photos, error
handling, rate limiting), as of 2026-11-22. A connection is a person; what carries posts are the
Pages on which that person may create content.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from socialpublishing import graph, options
from socialpublishing.crypto import Secret
from socialpublishing.errors import PlatformApiError, Violation
from socialpublishing.graph import VERSION
from socialpublishing.http import Answer, Body, MultipartBody
from socialpublishing.media import download
from socialpublishing.oauth import OAuth, Tokens
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
from socialpublishing.policy import GIGABYTE, MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.posts import Media, MediaKind, Post

MAX_PAGES_OF_PAGES = 50
CHUNK = 8 * MEGABYTE
VIDEO_POLL = dt.timedelta(seconds=5)


class FacebookOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "video_title": "Our bakery at dawn",
        "page_id": "104829301746",
        "link": "https://example.com/news",
    }
    post_type = options.choice("The kind of post.", "feed")
    video_title = options.text("The title of a video.", max_length=255)
    page_id = options.text("The Page to post to, one of the destinations.", max_length=64)
    link = options.text(
        "A link to show as a card below the text; not together with assets.", max_length=2048
    )


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
                        mime_types=frozenset(
                            {"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"}
                        ),
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
                options=frozenset({"page_id", "link", "video_title"}),
                source="https://developers.facebook.com/docs/pages-api/posts",
                checked=dt.date(2026, 11, 22),
            ),
        )
    )
    options: ClassVar = FacebookOptions
    destination_option: ClassVar = "page_id"
    posts_as_account: ClassVar = False

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
        answer = self._page(
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
            begun = self._page("POST", "videos", data=form)
            named = {"id": begun["video_id"], "session": begun["upload_session_id"]}
            return progress.preparing(upload={**named, "offset": int(begun["start_offset"])})

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
            self._page("POST", "videos", data=form, headers=headers)

        offset = self.upload(video, start=upload["offset"], part_bytes=CHUNK, send=send)
        upload = {**upload, "offset": offset}
        if offset < size:
            done = f"{offset / MEGABYTE:.0f} of {size / MEGABYTE:.0f} MB"
            return progress.preparing(upload=upload, note=f"Uploaded {done}.")
        return progress.ready(upload=upload)

    def publish(self, post: Post, progress: Progress) -> Progress:
        if is_video(post):
            self._page("POST", "videos", data=finish_form(post, progress))
            return progress.confirming(poll_after=VIDEO_POLL)
        answer = self._page("POST", "feed", data=feed_form(post, progress))
        return progress.published(
            remote_id=answer["id"],
            post_url=answer.get("permalink_url") or f"{self.host('auth')}/{answer['id']}",
        )

    def confirm(self, post: Post, progress: Progress) -> Progress:
        done = self._video(progress)
        # The publishing call was taken; a status that does not show it yet is late.
        return progress.confirming(poll_after=VIDEO_POLL) if done.stage == Stage.READY else done

    def _video(self, progress: Progress) -> Progress:
        """How the video stands: READY while nobody asked to publish it.

        https://developers.facebook.com/docs/graph-api/reference/video: spellings differ.
        """
        video_id = progress.handle["upload"]["id"]
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
            return progress.published(remote_id=told.get("post_id") or video_id, post_url=link)
        if status.get("video_status") == "processing" and told.get("post_id"):
            return progress.confirming(poll_after=VIDEO_POLL)
        return replace(progress, stage=Stage.READY)

    def find_published(
        self, post: Post, progress: Progress, *, since: dt.datetime, credited: Collection[str]
    ) -> Found | Progress | None:
        if is_video(post):
            done = self._video(progress)
            return None if done.stage == Stage.READY else done
        photo_ids = set(progress.handle.get("photo_ids", []))
        fields = "id,message,created_time,permalink_url,attachments{target{id},subattachments}"
        answer = self._page(
            "GET",
            "published_posts",
            params={"since": str(int(since.timestamp())), "fields": fields, "limit": "100"},
        )
        for found in answer["data"]:
            if found["id"] in credited or found.get("message", "").strip() != post.text.strip():
                continue
            shown = set(_attached_ids(found))
            if photo_ids and shown and not photo_ids & shown:
                continue
            return Found(remote_id=found["id"], post_url=found.get("permalink_url", ""))
        return None

    def _page(self, method: str, edge: str, **body: Any) -> Any:
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
        return graph.read_error(answer, label=self.label, own={})


def is_video(post: Post) -> bool:
    return bool(post.media) and post.media[0].kind == MediaKind.VIDEO


def finish_form(post: Post, progress: Progress) -> dict[str, str]:
    form = {
        "upload_phase": "finish",
        "upload_session_id": progress.handle["upload"]["session"],
        "published": "true",
    }
    if post.text:
        form["description"] = post.text
    if title := post.options.get("video_title"):
        form["title"] = title
    return form


def feed_form(post: Post, progress: Progress) -> dict[str, str]:
    # The answer of a write carries what `fields` asks for.
    form = {"fields": "id,permalink_url"}
    if post.text:
        form["message"] = post.text
    if link := post.options.get("link"):
        form["link"] = link
    if photo_ids := progress.handle.get("photo_ids"):
        form["attached_media"] = json.dumps([{"media_fbid": photo_id} for photo_id in photo_ids])
    return form


def page_facts(page: Mapping[str, Any]) -> DestinationFacts:
    token = page.get("access_token")
    return DestinationFacts(
        id=page["id"],
        name=page["name"],
        kind="page",
        can_publish=bool(token) and "CREATE_CONTENT" in page.get("tasks", []),
        token=Secret(token) if token else None,
    )


def _attached_ids(post: Mapping[str, Any]) -> Iterator[str]:
    for attachment in post.get("attachments", {}).get("data", []):
        for part in (attachment, *attachment.get("subattachments", {}).get("data", [])):
            if target := part.get("target", {}).get("id"):
                yield target
