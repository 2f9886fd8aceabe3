"""X, named `twitter` in the API.

Written from https://docs.x.com (OAuth 2.0 with PKCE, POST /2/tweets, media upload v2, errors, rate
limits) and the official OpenAPI description 2.167, as of 2026-11-27.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    NoResponseError,
    PlatformApiError,
    UploadLostError,
)
from socialpublishing.http import Body, MultipartBody
from socialpublishing.limits import MEGABYTE, Capabilities
from socialpublishing.platforms.accounts import Account, Profile, Renewal, read_text
from socialpublishing.platforms.app import basic
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.paging import read_pages
from socialpublishing.platforms.posting_options import PostingOptions
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.platforms.twitter import errors
from socialpublishing.platforms.twitter.app import TwitterApp
from socialpublishing.platforms.twitter.costs import cost_of
from socialpublishing.platforms.twitter.follow_ups import FOLLOW_UPS
from socialpublishing.platforms.twitter.limits import (
    CAPABILITIES,
    LARGEST_SEGMENT,
    MAX_SEGMENTS,
    SEGMENT,
    is_long,
    is_subscriber,
    limits_of,
    longest_video_s,
)
from socialpublishing.platforms.twitter.limits import cross_violations as cross_violations_of
from socialpublishing.platforms.twitter.matching import (
    is_same_post,
    listed_tweets,
    replied_to,
)
from socialpublishing.platforms.twitter.metrics import TwitterMetrics
from socialpublishing.platforms.twitter.options import TwitterOptions
from socialpublishing.platforms.twitter.payloads import (
    alt_text_payload,
    fields_parameter,
    initialize_payload,
    since_parameter,
    thread_texts,
    tweet_payload,
)
from socialpublishing.platforms.uploads import read_whole, send_in_parts
from socialpublishing.posts import Cost, Media, MediaKind, Post

MAX_LOOKUP_PAGES = 5
# A video whose processing does not go on for so long is uploaded again.
LONGEST_STANDSTILL = dt.timedelta(minutes=10)


class Twitter(Platform):
    name: ClassVar = "twitter"
    label: ClassVar = "X"
    app: ClassVar = TwitterApp()
    # Each consent has tokens of its own, and X revokes the one that it is sent (RFC 7009).
    revokes_single_grants: ClassVar = True
    capabilities: ClassVar = CAPABILITIES
    options: ClassVar = TwitterOptions
    metrics_reader: ClassVar = TwitterMetrics
    follow_ups: ClassVar = FOLLOW_UPS
    cross_violations = staticmethod(cross_violations_of)
    read_error = staticmethod(errors.read_error)

    # --- Before a post is accepted ---------------------------------------------------------------

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> Capabilities:
        return limits_of(profile)

    @classmethod
    def count_parts(cls, post: Post) -> int:
        return len(thread_texts(post))

    @classmethod
    def estimated_cost(cls, post: Post) -> Cost | None:
        return cost_of(post)

    @classmethod
    def depends_on_profile(cls, post: Post) -> bool:
        return is_long(post)

    def posting_options(self) -> PostingOptions:
        profile = self.profile()
        return PostingOptions(
            can_post=True,
            display_name=profile.display_name,
            avatar_url=str(profile.facts["picture"]),
            max_duration_s=longest_video_s(profile.facts),
        )

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return bool(post.media) or is_long(post)

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Upload the files one by one: an image in one request, a GIF or video in parts.

        Before a long text, X is asked whether the account still has a subscription: it refuses one
        without naming the reason.
        """
        if is_long(post) and "may_be_long" not in progress.handle:
            self._check_subscription()
            step = progress.preparing if post.media else progress.ready
            return step(may_be_long=True)
        media_ids = progress.handle.get("media_ids", [])
        media = post.media[len(media_ids)]
        if media.kind == MediaKind.IMAGE:
            media_id = self._upload_image(post, media)
        else:
            progress = self._upload_in_parts(media, progress)
            upload = progress.handle["upload"]
            if not upload["is_ready"]:
                return progress
            media_id = upload["id"]
        if media.alt_text and self.capabilities.limit_of(media, post).has_alt_text:
            progress = self._add_alt_text(media_id, media, progress)
        media_ids = [*media_ids, media_id]
        if len(media_ids) < len(post.media):
            return progress.preparing(media_ids=media_ids, upload=None)
        return progress.ready(media_ids=media_ids, upload=None)

    def _check_subscription(self) -> None:
        try:
            profile = self.profile()
        except PlatformApiError:
            return  # unknown: X decides itself
        if not is_subscriber(profile.facts):
            raise ContentRejectedError(
                "The account has no subscription of X now, so a post of it has at most 280 "
                "characters."
            )

    def _add_alt_text(self, media_id: str, media: Media, progress: Progress) -> Progress:
        try:
            self.http.post("/2/media/metadata", json=alt_text_payload(media_id, media.alt_text))
        except PlatformApiError as error:
            # A picture without its alt text is better than no post.
            return progress.warned(
                "alt_text_refused", f"X did not store the alt text of a {media.kind}: {error}"
            )
        return progress

    def _upload_image(self, post: Post, media: Media) -> str:
        file = read_whole(media, max_bytes=self.capabilities.limit_of(media, post).max_bytes)
        response = self.http.post(
            "/2/media/upload",
            data={"media_category": "tweet_image"},
            files={"media": ("media", file.data, file.mime_type)},
        )
        media_id: str = response["data"]["id"]
        return media_id

    def _upload_in_parts(self, media: Media, progress: Progress) -> Progress:
        """One step of https://docs.x.com/x-api/media/quickstart/media-upload-chunked.

        In the progress handle, `is_whole` means that X has all parts, `is_ready` that it has
        processed them.
        """
        size = media.known_bytes
        upload = progress.handle.get("upload")
        if upload is None:
            return progress.preparing(upload=self._initialize_upload(media))
        if upload["offset"] < size:
            offset = self._append(media, upload["id"], upload["offset"])
            note = f"Uploaded {offset / MEGABYTE:.0f} of {size / MEGABYTE:.0f} MB."
            return progress.preparing(upload={**upload, "offset": offset}, note=note)
        data = self._check_upload(upload) if upload["is_whole"] else self._finalize_upload(upload)
        return _processed(progress, {**upload, "is_whole": True}, data)

    def _initialize_upload(self, media: Media) -> dict[str, Any]:
        response = self.http.post("/2/media/upload/initialize", json=initialize_payload(media))
        return {"id": response["data"]["id"], "offset": 0, "is_whole": False, "is_ready": False}

    def _append(self, media: Media, media_id: str, start: int) -> int:
        """Upload the file from byte `start` on. Returns the offset that the upload has reached."""
        is_small = media.known_bytes <= MAX_SEGMENTS * SEGMENT
        part_bytes = SEGMENT if is_small else LARGEST_SEGMENT

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

    def _finalize_upload(self, upload: Mapping[str, Any]) -> Any:
        return self.http.post(f"/2/media/upload/{upload['id']}/finalize")["data"]

    def _check_upload(self, upload: Mapping[str, Any]) -> Any:
        params = {"command": "STATUS", "media_id": upload["id"]}
        return self.http.get("/2/media/upload", params=params)["data"]

    def publish(self, post: Post, progress: Progress) -> Progress:
        """Publish the next post of the thread. Most threads have only one."""
        http = self.http
        if progress.posted:
            http = self.http_reading(partial(errors.read_reply_error, to=progress.posted[-1]))
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
        """Search the account's posts for the next post of the thread."""
        posted = progress.posted
        wanted = Post(text=thread_texts(post)[len(posted)], media=() if posted else post.media)
        known_ids = {*other_post_ids, *posted}
        before = posted[-1] if posted else ""
        for tweet in self.tweets_since(since):
            # A first comment is a reply too, and may have the same text.
            is_in_place = replied_to(tweet) in {"", before}
            if tweet["id"] not in known_ids and is_in_place and is_same_post(tweet, wanted):
                return self._with_part(post, progress, tweet["id"])
        return None

    def tweets_since(self, since: dt.datetime) -> Iterator[Mapping[str, Any]]:
        """The account's posts and replies since then, newest first."""
        params = {
            "max_results": "20",
            **since_parameter(since),
            **fields_parameter("created_at", "entities", "note_tweet", "referenced_tweets"),
        }
        pages = read_pages(
            params,
            read=lambda params: self.http.get(f"/2/users/{self.account.id}/tweets", params=params),
            following=_next_params,
            max_pages=MAX_LOOKUP_PAGES,
        )
        for page in pages:
            yield from _all_tweets(page)

    # --- Connecting ------------------------------------------------------------------------------

    def profile(self) -> Profile:
        response = self.http.get(
            "/2/users/me", params={"user.fields": "profile_image_url,subscription_type,protected"}
        )
        user = response["data"]
        return Profile(
            id=user["id"],
            display_name=f"{read_text(user['name'])} (@{read_text(user['username'])})",
            facts={
                "username": user["username"],
                "picture": user.get("profile_image_url", ""),
                "subscription_type": user.get("subscription_type", "None"),
                "read_on": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            },
        )

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """New tokens, and once a day what the account is: it may have begun or ended to subscribe.

        X charges for reading a user, and renews tokens every two hours.
        """
        renewal = super().renew(refresh_token)
        if renewal.tokens is None or not _is_profile_old(self.account.profile):
            return renewal
        account = Account(id=self.account.id, token=renewal.tokens.access_token)
        try:
            return replace(renewal, profile=Twitter(account).profile())
        except PlatformApiError:
            return renewal  # the tokens must not be lost for it

    def revoke(self, refresh_token: Secret | None) -> None:
        token = refresh_token or self.account.token
        credentials = basic(self.app.client_id(), self.app.client_secret().reveal())
        self.app.http().post(
            "/2/oauth2/revoke",
            data={"token": token.reveal()},
            headers={"Authorization": credentials},
        )


def _processed(progress: Progress, upload: Mapping[str, Any], data: Mapping[str, Any]) -> Progress:
    """How far X has processed a complete upload, by `data` from X."""
    # Without `processing_info` there is nothing to process.
    info = data.get("processing_info") or {"state": "succeeded"}
    # X was seen to report an error in a state that goes on for ever.
    if info["state"] == "failed" or info.get("error"):
        raise ContentRejectedError(f"X could not process the media: {_reason(info)}")
    if info["state"] == "succeeded":
        return progress.preparing(upload={**upload, "is_ready": True})
    is_moving = info.get("progress_percent") != upload.get("percent")
    # The waits that were asked for since it last moved, in seconds.
    still_s = 0 if is_moving else upload.get("still_s", 0)
    if still_s >= LONGEST_STANDSTILL.total_seconds():
        raise UploadLostError("X has not gone on processing the media for ten minutes.")
    wait_s = min(max(info.get("check_after_secs", 1), 1, still_s / 10), 60)
    upload = {**upload, "percent": info.get("progress_percent"), "still_s": still_s + wait_s}
    wait = dt.timedelta(seconds=wait_s)
    return progress.preparing(upload=upload, poll_after=wait, note="X is processing the media.")


def _reason(info: Mapping[str, Any]) -> str:
    """The words of X, which are not described: an object with some of these, or a string."""
    error = info.get("error")
    if isinstance(error, dict):
        words = [error[name] for name in ("name", "message", "detail") if error.get(name)]
        error = ": ".join(map(str, words))
    return str(error)[:200] if error else "it gives no reason"


def _all_tweets(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The posts of a page. After them, raises NoResponseError if the page does not show all."""
    tweets = listed_tweets(page)
    yield from tweets
    if page.get("errors") or page["meta"]["result_count"] != len(tweets):
        raise NoResponseError("X's list of the account's posts does not show all of them.")


def _is_profile_old(profile: Mapping[str, Any]) -> bool:
    return profile.get("read_on") != dt.datetime.now(tz=dt.UTC).date().isoformat()


def _next_params(params: dict[str, str], page: Any) -> dict[str, str] | None:
    """The parameters of the request for the next page; None after the last one."""
    token = page.get("meta", {}).get("next_token")
    return {**params, "pagination_token": token} if token else None
