"""Instagram, for professional accounts.

Written from https://developers.facebook.com/docs/instagram-platform (content publishing,
containers, error codes, business login; v25.0), as of 2026-11-22. A connection made with Instagram
Login is one account; one made with Facebook Login (facebook_login.py) is a person with accounts
behind Pages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from socialpublishing import oauth as oauth2
from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    RateLimitError,
    UploadLostError,
)
from socialpublishing.platforms.accounts import Profile, Renewal
from socialpublishing.platforms.app import App
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.instagram import errors, limits
from socialpublishing.platforms.instagram.app import InstagramApp, unwrapped
from socialpublishing.platforms.instagram.matching import made_at, shows
from socialpublishing.platforms.instagram.metrics import InstagramMetrics
from socialpublishing.platforms.instagram.options import InstagramOptions
from socialpublishing.platforms.instagram.payloads import (
    carousel_payload,
    child_payload,
    is_carousel,
    is_story,
    single_payload,
)
from socialpublishing.platforms.meta import VERSION
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.posts import MediaKind, Post

PAGE_SIZE = 50
# Pauses between polls of a container. Images are processed in seconds.
IMAGE_POLLS_S = (1.0, 2.0, 3.0, 5.0, 10.0)
# Long videos are processed in many minutes.
VIDEO_POLLS_S = (5.0, 10.0, 15.0, 30.0, 60.0)
# Instagram does not report when the quota of 24 hours allows the next post.
QUOTA_PAUSE = dt.timedelta(hours=1)
# Pauses between polls of a list that may show a new post only later. After the last poll, the post
# is published without its address. Handles count them under `looks`, a stored key.
PERMALINK_POLLS_S = (0.0, 1.0, 3.0, 10.0, 30.0, 60.0)
# A key of stored handles: it must not change.
OTHER_POST_IDS = "credited"


class Instagram(Platform):
    name: ClassVar = "instagram"
    label: ClassVar = "Instagram"
    app: ClassVar[App] = InstagramApp()
    renews_without_refresh_token: ClassVar = True
    capabilities: ClassVar = limits.CAPABILITIES
    options: ClassVar[type[options.PostOptions]] = InstagramOptions
    metrics_reader: ClassVar = InstagramMetrics
    cross_violations = staticmethod(limits.cross_violations)
    read_error = staticmethod(errors.read_error)

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return True  # every post needs a container

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Creates one container per step and waits until it is processed.

        The files of a carousel have containers of their own, which come first. Instagram fetches
        the files itself: only apps with Facebook Login may upload them.
        https://developers.facebook.com/docs/instagram-platform/content-publishing
        """
        handle = progress.handle
        children: list[str] = list(handle.get("children", []))
        if is_carousel(post) and len(children) < len(post.media):
            payload = child_payload(post, len(children))
            children.append(self._create_container(payload))
            return progress.preparing(children=children, note=f"Sent file {len(children)}.")
        pending = [handle["container"]] if "container" in handle else children
        if not all(self._is_processed(container) for container in pending):
            return self._wait(post, progress)
        if "container" not in handle:
            payload = carousel_payload(post, children) if children else single_payload(post)
            container = self._create_container(payload)
            return progress.preparing(container=container, polls=0, note="Sent the post.")
        self._check_quota()
        return progress.ready()

    def _create_container(self, payload: Mapping[str, Any]) -> str:
        container: str = self.http.post(f"/{VERSION}/{self.account.id}/media", json=payload)["id"]
        return container

    def _wait(self, post: Post, progress: Progress) -> Progress:
        has_video = any(media.kind == MediaKind.VIDEO for media in post.media)
        pauses = VIDEO_POLLS_S if has_video else IMAGE_POLLS_S
        polls = progress.handle.get("polls", 0)
        pause = dt.timedelta(seconds=pauses[min(polls, len(pauses) - 1)])
        note = "Instagram is fetching and processing the media."
        return progress.preparing(poll_after=pause, polls=polls + 1, note=note)

    def _is_processed(self, container: str) -> bool:
        data = self.http.get(f"/{VERSION}/{container}", params={"fields": "status_code,status"})
        match data["status_code"]:
            case "FINISHED":
                return True
            case "EXPIRED":
                raise UploadLostError
            case "ERROR":
                raise errors.container_failure(str(data.get("status", "")))
        return False

    def _check_quota(self) -> None:
        """Raises RateLimitError if the account may publish no more posts in these 24 hours."""
        try:
            response = self.http.get(
                f"/{VERSION}/{self.account.id}/content_publishing_limit",
                params={"fields": "config,quota_usage"},
            )
        except (InsufficientPermissionsError, ContentRejectedError):
            return  # not every account may read it; without quota, the publish request is refused
        for data in response["data"][:1]:
            total = data.get("config", {}).get("quota_total")
            if total is not None and data.get("quota_usage", 0) >= total:
                until = dt.datetime.now(tz=dt.UTC) + QUOTA_PAUSE
                message = f"Instagram publishes {total} posts of an account in 24 hours."
                raise RateLimitError(message, until=until)

    def publish(self, post: Post, progress: Progress) -> Progress:
        response = self.http_reading(errors.read_publishing_error).post(
            f"/{VERSION}/{self.account.id}/media_publish",
            json={"creation_id": progress.handle["container"]},
        )
        published = progress.published(remote_id=response["id"])
        return published.confirming(
            poll_after=dt.timedelta(0), media_id=published.remote_id, looks=0
        )

    def confirm(self, post: Post, progress: Progress) -> Progress:
        """The post is public. Its address is still missing, and perhaps its id."""
        polls = progress.handle.get("looks", 0)
        matches = [found for found in self._newest(post) if self._is_ours(found, post, progress)]
        if len(matches) == 1:
            [found] = matches
            return progress.published(remote_id=found["id"], post_url=found.get("permalink"))
        if polls + 1 < len(PERMALINK_POLLS_S):
            pause = dt.timedelta(seconds=PERMALINK_POLLS_S[polls + 1])
            return progress.confirming(poll_after=pause, looks=polls + 1)
        known = progress.handle.get("media_id") or progress.handle["container"]
        return progress.published(remote_id=known)

    def _is_ours(self, found: Mapping[str, Any], post: Post, progress: Progress) -> bool:
        if media_id := progress.handle.get("media_id"):
            return bool(found["id"] == media_id)
        since = dt.datetime.fromisoformat(progress.handle["since"])
        is_new = found["id"] not in progress.handle[OTHER_POST_IDS] and made_at(found) >= since
        return is_new and shows(found, post)

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Reads whether the container was published. `confirm` then searches for the post's id."""
        data = self.http.get(
            f"/{VERSION}/{progress.handle['container']}", params={"fields": "status_code"}
        )
        match data["status_code"]:
            case "PUBLISHED":
                return progress.confirming(
                    poll_after=dt.timedelta(0),
                    looks=0,
                    since=since.isoformat(),
                    **{OTHER_POST_IDS: sorted(other_post_ids)},
                )
            case "EXPIRED" | "ERROR":
                return progress.lost("Instagram no longer has what was prepared.")
        return None

    def _newest(self, post: Post) -> list[dict[str, Any]]:
        """The newest posts of the account, of the kind of `post`."""
        edge = "stories" if is_story(post) else "media"
        fields = "id,caption,timestamp,permalink,media_product_type"
        response = self.http.get(
            f"/{VERSION}/{self.account.id}/{edge}",
            params={"fields": fields, "limit": str(PAGE_SIZE)},
        )
        found: list[dict[str, Any]] = response["data"]
        return found

    # --- Connecting ------------------------------------------------------------------------------

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """Exchanges the token, which must still be valid, for a new one of sixty days."""
        params = {
            "grant_type": "ig_refresh_token",
            "access_token": self.account.token.reveal(),
        }
        response = self.app.http().get("/refresh_access_token", params=params)
        return Renewal(tokens=oauth2.read_tokens(response, self.app.oauth))

    def profile(self) -> Profile:
        fields = "id,user_id,username,name,account_type"
        me = unwrapped(self.http.get(f"/{VERSION}/me", params={"fields": fields}))
        return Profile(
            # Not `id`: that is another number, which only our app and its callbacks use.
            id=me["user_id"],
            display_name=me["username"],
            kind=str(me.get("account_type") or "business").lower(),
            facts={"username": me["username"], "app_scoped_id": str(me.get("id", ""))},
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        self.http.delete(f"/{VERSION}/me/permissions")
