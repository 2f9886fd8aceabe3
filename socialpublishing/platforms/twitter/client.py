"""X, still `twitter` in the API.

Written from https://docs.x.com (OAuth 2.0 with PKCE, POST /2/tweets, media upload v2, errors, rate
limits) and the official OpenAPI description 2.167, as of 2026-11-22.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import ContentRejectedError
from socialpublishing.http import Body, MultipartBody
from socialpublishing.limits import MEGABYTE, Capabilities
from socialpublishing.media import download
from socialpublishing.platforms.accounts import Profile
from socialpublishing.platforms.app import basic
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.platforms.twitter import errors
from socialpublishing.platforms.twitter.app import TwitterApp
from socialpublishing.platforms.twitter.limits import (
    CAPABILITIES,
    LARGEST_SEGMENT,
    MAX_SEGMENTS,
    SEGMENT,
    limits_of,
)
from socialpublishing.platforms.twitter.limits import cross_violations as cross_violations_of
from socialpublishing.platforms.twitter.matching import says
from socialpublishing.platforms.twitter.metrics import TwitterMetrics
from socialpublishing.platforms.twitter.options import TwitterOptions
from socialpublishing.platforms.twitter.payloads import (
    asked_fields,
    thread_texts,
    tweet_payload,
)
from socialpublishing.platforms.uploads import send_in_parts
from socialpublishing.posts import Media, MediaKind, Post

MAX_LOOKUP_PAGES = 5


class Twitter(Platform):
    name: ClassVar = "twitter"
    label: ClassVar = "X"
    app: ClassVar = TwitterApp()
    capabilities: ClassVar = CAPABILITIES
    options: ClassVar = TwitterOptions
    metrics_reader: ClassVar = TwitterMetrics
    cross_violations = staticmethod(cross_violations_of)
    read_error = staticmethod(errors.read_error)

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> Capabilities:
        return limits_of(profile)

    @classmethod
    def count_parts(cls, post: Post) -> int:
        return len(thread_texts(post))

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Uploads the media in their order: an image in one call, all else in parts."""
        media_ids = list(progress.handle.get("media_ids", []))
        media = post.media[len(media_ids)]
        if media.kind == MediaKind.IMAGE:
            media_id = self._upload_image(post, media)
        else:
            progress = self._upload_in_parts(media, progress)
            upload = progress.handle["upload"]
            if not upload["is_ready"]:
                return progress
            media_id = upload["id"]
        if media.alt_text:
            self.http.post(
                "/2/media/metadata",
                json={"id": media_id, "metadata": {"alt_text": {"text": media.alt_text}}},
            )
        media_ids.append(media_id)
        if len(media_ids) < len(post.media):
            return progress.preparing(media_ids=media_ids, upload=None)
        return progress.ready(media_ids=media_ids, upload=None)

    def _upload_image(self, post: Post, media: Media) -> str:
        file = download(media.url, max_bytes=self.capabilities.limit_of(media, post).max_bytes)
        response = self.http.post(
            "/2/media/upload",
            data={"media_category": "tweet_image"},
            files={"media": ("media", file.data, file.mime_type)},
        )
        media_id: str = response["data"]["id"]
        return media_id

    def _upload_in_parts(self, media: Media, progress: Progress) -> Progress:
        """One step of https://docs.x.com/x-api/media/quickstart/media-upload-chunked."""
        assert media.size_bytes is not None
        upload = progress.handle.get("upload")
        if upload is None:
            category = "tweet_gif" if media.kind == MediaKind.GIF else "tweet_video"
            response = self.http.post(
                "/2/media/upload/initialize",
                json={
                    "media_type": media.mime_type,
                    "total_bytes": media.size_bytes,
                    "media_category": category,
                },
            )
            begun = {
                "id": response["data"]["id"],
                "offset": 0,
                "is_whole": False,
                "is_ready": False,
            }
            return progress.preparing(upload=begun)
        if upload["offset"] < media.size_bytes:
            offset = self._append(media, upload["id"], upload["offset"])
            done = f"{offset / MEGABYTE:.0f} of {media.size_bytes / MEGABYTE:.0f} MB"
            return progress.preparing(upload={**upload, "offset": offset}, note=f"Uploaded {done}.")
        if not upload["is_whole"]:
            response = self.http.post(f"/2/media/upload/{upload['id']}/finalize")
        else:
            params = {"command": "STATUS", "media_id": upload["id"]}
            response = self.http.get("/2/media/upload", params=params)
        return self._processed(progress, {**upload, "is_whole": True}, response["data"])

    def _append(self, media: Media, media_id: str, start: int) -> int:
        assert media.size_bytes is not None
        small = media.size_bytes <= MAX_SEGMENTS * SEGMENT
        part_bytes = SEGMENT if small else LARGEST_SEGMENT

        def send(offset: int, part: Body) -> None:
            index = str(offset // part_bytes)
            form = MultipartBody(
                {"segment_index": index}, part, name="media", mime_type="application/octet-stream"
            )
            self.http.call(
                "POST",
                f"/2/media/upload/{media_id}/append",
                data=form,
                headers={"Content-Type": form.content_type},
                needs_json=False,
            )

        return send_in_parts(media, start=start, part_bytes=part_bytes, send=send)

    def _processed(
        self, progress: Progress, upload: Mapping[str, Any], data: Mapping[str, Any]
    ) -> Progress:
        # Without it, there is nothing to process.
        info = data.get("processing_info") or {"state": "succeeded"}
        if info["state"] == "failed":
            # The description knows of no reason; some answers gave one.
            reason = info.get("error", {}).get("message", "it does not say why")
            raise ContentRejectedError(f"X could not process the media: {reason}")
        if info["state"] == "succeeded":
            return progress.preparing(upload={**upload, "is_ready": True})
        pause = dt.timedelta(seconds=min(max(info.get("check_after_secs", 1), 1), 60))
        return progress.preparing(upload=upload, poll_after=pause, note="X processes the media.")

    def publish(self, post: Post, progress: Progress) -> Progress:
        """The next post of the thread; most threads have but one."""
        http = self.http
        if progress.posted:
            http = self.http_reading(errors.read_reply_error)
        response = http.post("/2/tweets", json=tweet_payload(post, progress))
        return self._with_part(post, progress, response["data"]["id"])

    def _with_part(self, post: Post, progress: Progress, tweet_id: Any) -> Progress:
        first, count = [*progress.posted, tweet_id][0], len(thread_texts(post))
        progress = progress.with_part(tweet_id, post_url=self._post_url(first))
        if len(progress.posted) < count:
            return progress.ready(note=f"Published {len(progress.posted)} of {count}.")
        return progress.published(remote_id=first, post_url=progress.post_url)

    def _post_url(self, tweet_id: str) -> str:
        username = self.account.profile.get("username", "i")
        return f"{self.app.host('auth')}/{username}/status/{tweet_id}"

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        posted = progress.posted
        wanted = Post(text=thread_texts(post)[len(posted)], media=() if posted else post.media)
        known = {*other_post_ids, *posted}
        params = {
            "max_results": "20",
            "start_time": since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **asked_fields("created_at", "entities", "note_tweet"),
        }
        pages = read_pages(
            params,
            read=lambda params: self.http.get(f"/2/users/{self.account.id}/tweets", params=params),
            following=following_params,
            max_pages=MAX_LOOKUP_PAGES,
        )
        for page in pages:
            for tweet in page.get("data", []):
                if tweet["id"] not in known and says(tweet, wanted):
                    return self._with_part(post, progress, tweet["id"])
        return None

    def profile(self) -> Profile:
        response = self.http.get(
            "/2/users/me", params={"user.fields": "profile_image_url,subscription_type,protected"}
        )
        user = response["data"]
        return Profile(
            id=user["id"],
            display_name=f"{user['name']} (@{user['username']})",
            facts={
                "username": user["username"],
                "picture": user.get("profile_image_url", ""),
                "subscription_type": user.get("subscription_type", "None"),
            },
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        token = refresh_token or self.account.token
        http = self.app.http()
        http.post(
            "/2/oauth2/revoke",
            data={"token": token.reveal()},
            headers={
                "Authorization": basic(self.app.client_id(), self.app.client_secret().reveal())
            },
        )


def following_params(params: dict[str, str], page: Any) -> dict[str, str] | None:
    """The parameters of the request for the next page; None after the last one."""
    token = page.get("meta", {}).get("next_token")
    return {**params, "pagination_token": token} if token else None
