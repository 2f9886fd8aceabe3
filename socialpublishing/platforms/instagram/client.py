"""Instagram, for professional accounts.

Written from https://developers.facebook.com/docs/instagram-platform (content publishing,
containers, error codes, business login; v25.0), as of 2026-11-22. A connection made with Instagram
Login is one account; one made with Facebook Login (facebook_login.py) is a person with accounts
behind Pages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from socialpublishing import oauth as oauth2
from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    MalformedResponseError,
    NoResponseError,
    PlatformApiError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
    Violation,
)
from socialpublishing.platforms.accounts import Profile, Renewal, read_number
from socialpublishing.platforms.app import App
from socialpublishing.platforms.follow_ups import FollowUps
from socialpublishing.platforms.instagram import errors, limits
from socialpublishing.platforms.instagram.app import InstagramApp, unwrapped
from socialpublishing.platforms.instagram.follow_ups import FOLLOW_UPS, NO_TAKE_DOWN
from socialpublishing.platforms.instagram.matching import is_older, made_at, shows
from socialpublishing.platforms.instagram.metrics import InstagramMetrics
from socialpublishing.platforms.instagram.offers import Quota, posting_options, read_quota
from socialpublishing.platforms.instagram.options import InstagramOptions
from socialpublishing.platforms.instagram.payloads import (
    carousel_payload,
    child_payload,
    has_video,
    is_carousel,
    is_story,
    single_payload,
)
from socialpublishing.platforms.meta.client import GraphClient
from socialpublishing.platforms.meta.paging import read_list
from socialpublishing.platforms.posting_options import PostingOptions
from socialpublishing.platforms.progress import Found, Progress, read_id
from socialpublishing.posts import Media, Post, PostWarning

# More than an account can publish in the day during which we look up a post.
MAX_ITEMS = 500
# The status of a container that Instagram does not show; it may be processed all the same. After
# so many polls, the usual time of its processing, it is published anyway.
UNREADABLE = "UNREADABLE"
UNREAD_PAUSE = dt.timedelta(seconds=30)
IMAGE_UNREAD_POLLS, VIDEO_UNREAD_POLLS = 3, 10
# Pauses between polls of a container. Images are processed in seconds.
IMAGE_POLLS_S = (1.0, 2.0, 3.0, 5.0, 10.0)
# Long videos are processed in many minutes.
VIDEO_POLLS_S = (5.0, 10.0, 15.0, 30.0, 60.0)
# A container that is not processed after so many minutes is created again. Instagram reports no
# progress, and documents no end for videos.
IMAGE_WAIT_MINUTES, VIDEO_WAIT_MINUTES = 10, 30
# Instagram does not report when the quota of 24 hours allows the next post.
QUOTA_PAUSE = dt.timedelta(hours=1)
# Pauses between polls of a list that may show a new post only later. After the last poll, the post
# is published without its address. Handles count them under `looks`, a stored key.
PERMALINK_POLLS_S = (0.0, 1.0, 3.0, 10.0, 30.0, 60.0)
# A key of stored handles: it must not change.
OTHER_POST_IDS = "credited"


class Instagram(GraphClient):
    name: ClassVar = "instagram"
    label: ClassVar = "Instagram"
    app: ClassVar[App] = InstagramApp()
    renews_without_refresh_token: ClassVar = True
    capabilities: ClassVar = limits.CAPABILITIES
    options: ClassVar[type[options.PostOptions]] = InstagramOptions
    metrics_reader: ClassVar = InstagramMetrics
    follow_ups: ClassVar[FollowUps] = FOLLOW_UPS
    no_take_down: ClassVar = NO_TAKE_DOWN
    cross_violations = staticmethod(limits.cross_violations)
    read_error = staticmethod(errors.read_error)
    # Of the account itself; Facebook Login does not report `account_type`.
    account_fields: ClassVar = "id,user_id,username,name,account_type,profile_picture_url"

    # --- Before a post is accepted ---------------------------------------------------------------

    @classmethod
    def violations(cls, post: Post, profile: Mapping[str, Any]) -> list[Violation]:
        found = super().violations(post, profile)
        return [*found, *limits.account_violations(post, profile)]

    @classmethod
    def depends_on_profile(cls, post: Post) -> bool:
        return is_story(post)  # owners switch between business and creator accounts

    @classmethod
    def warnings(cls, post: Post, profile: Mapping[str, Any]) -> list[PostWarning]:
        return [*super().warnings(post, profile), *limits.warnings(post)]

    def posting_options(self) -> PostingOptions:
        account = unwrapped(
            self.call_graph("GET", f"/{self.account.id}", params={"fields": self.account_fields})
        )
        return posting_options(account, self._read_quota())

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return True  # every post needs a container

    @classmethod
    def pulled_media(cls, post: Post) -> Sequence[Media]:
        return post.media

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
        if pending and (waiting := self._unless_processed(pending, post, progress)):
            return waiting
        if "container" not in handle:
            payload = carousel_payload(post, children) if children else single_payload(post)
            container = self._create_container(payload)
            return progress.preparing(
                container=container, polls=0, waited_s=0, unread=0, note="Sent the post."
            )
        self._check_quota()
        return progress.ready()

    def _create_container(self, payload: Mapping[str, Any]) -> str:
        read_error, path = errors.read_preparing_error, f"/{self.account.id}/media"
        return read_id(self.call_graph("POST", path, read_error=read_error, json=payload)["id"])

    def _unless_processed(
        self, containers: Sequence[str], post: Post, progress: Progress
    ) -> Progress | None:
        """The pause until all containers are processed; None once they are."""
        is_unreadable = False
        for container in containers:
            match self._status_of(container):
                case "FINISHED" | "PUBLISHED":
                    continue
                case status if status != UNREADABLE:
                    return self._wait(post, progress)
            is_unreadable = True
        return self._wait_unread(post, progress) if is_unreadable else None

    def _wait(self, post: Post, progress: Progress) -> Progress:
        pauses = VIDEO_POLLS_S if has_video(post) else IMAGE_POLLS_S
        minutes = VIDEO_WAIT_MINUTES if has_video(post) else IMAGE_WAIT_MINUTES
        polls, waited_s = progress.handle.get("polls", 0), progress.handle.get("waited_s", 0)
        if waited_s >= minutes * 60:
            raise UploadLostError(
                f"Instagram has not processed the media in {minutes} minutes; we send them again."
            )
        pause_s = pauses[min(polls, len(pauses) - 1)]
        return progress.preparing(
            poll_after=dt.timedelta(seconds=pause_s),
            note="Instagram is fetching and processing the media.",
            polls=polls + 1,
            waited_s=waited_s + pause_s,
        )

    def _wait_unread(self, post: Post, progress: Progress) -> Progress | None:
        """None after the usual time: Instagram refuses what it has not processed yet (9007)."""
        unread = progress.handle.get("unread", 0)
        if unread >= (VIDEO_UNREAD_POLLS if has_video(post) else IMAGE_UNREAD_POLLS):
            return None
        note = "Instagram does not show whether it has processed the media."
        return progress.preparing(poll_after=UNREAD_PAUSE, unread=unread + 1, note=note)

    def _status_of(self, container: str) -> str:
        """Raises an error for a container that will never be processed."""
        data = self._read_container(container)
        status = str(data.get("status_code") or UNREADABLE)
        if status == "EXPIRED":
            raise UploadLostError
        if status == "ERROR":
            raise errors.container_failure(str(data.get("status") or ""))
        return status

    def _read_container(self, container: str) -> Mapping[str, Any]:
        """Empty if Instagram does not show it, whatever has become of it."""
        try:
            params = {"fields": "status_code,status"}
            data = self.call_graph("GET", f"/{container}", params=params)
        except PlatformApiError as error:
            if errors.is_unreadable_container(error):
                return {}
            raise
        return data if isinstance(data, dict) else {}

    def _check_quota(self) -> None:
        """Raises RateLimitError if the account may publish no more posts in these 24 hours."""
        quota = self._read_quota()
        if quota is not None and quota.left == 0:
            until = dt.datetime.now(tz=dt.UTC) + QUOTA_PAUSE
            raise RateLimitError(quota.sentence, until=until)

    def _read_quota(self) -> Quota | None:
        """None: Instagram does not report it. Without quota, it refuses the publish request."""
        path = f"/{self.account.id}/content_publishing_limit"
        try:
            params = {"fields": "config,quota_usage"}
            return read_quota(self.call_graph("GET", path, params=params))
        except (TokenExpiredError, RateLimitError):
            raise
        except PlatformApiError:
            return None  # not every account may read it

    def publish(self, post: Post, progress: Progress) -> Progress:
        response = self.call_graph(
            "POST",
            f"/{self.account.id}/media_publish",
            read_error=errors.read_publishing_error,
            json={"creation_id": progress.handle["container"]},
        )
        published = progress.published(remote_id=response["id"])
        return published.confirming(
            poll_after=dt.timedelta(0), media_id=published.remote_id, looks=0
        )

    def confirm(self, post: Post, progress: Progress) -> Progress:
        """The post is public. Its address is still missing, and perhaps its id."""
        polls = progress.handle.get("looks", 0)
        matches = [each for each in self._newest(post) if self._is_ours(each, post, progress)]
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
        is_other = found["id"] in progress.handle[OTHER_POST_IDS]
        return not is_other and shows(found, post) and made_at(found) >= since

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Reads whether the container was published. `confirm` then searches for the post's id."""
        match self._read_container(progress.handle["container"]).get("status_code"):
            case None:
                return self._found_in_list(post, since=since, other_post_ids=other_post_ids)
            case "PUBLISHED":
                return progress.confirming(
                    poll_after=dt.timedelta(0),
                    looks=0,
                    since=since.isoformat(),
                    **{OTHER_POST_IDS: sorted(other_post_ids)},
                )
            case "EXPIRED" | "ERROR":
                return progress.lost("Instagram no longer has what was prepared.")
            case "FINISHED" | "IN_PROGRESS":
                return None
        raise MalformedResponseError("Instagram returned an unknown status of a container.")

    def _found_in_list(
        self, post: Post, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | None:
        """For a container that cannot be read. A repeat uses the same container."""
        matches = [
            each
            for each in self._newest(post, since=since)
            if each["id"] not in other_post_ids and shows(each, post) and made_at(each) >= since
        ]
        if not matches:
            return None
        if len(matches) > 1:
            raise NoResponseError("Several posts of the account could be this one.")
        return Found(remote_id=matches[0]["id"], post_url=matches[0].get("permalink", ""))

    def _newest(self, post: Post, *, since: dt.datetime | None = None) -> Iterator[dict[str, Any]]:
        """The newest posts of the account, of the kind of `post`: a page, or all `since`."""
        edge = "stories" if is_story(post) else "media"
        path = f"/{self.account.id}/{edge}"
        fields = "id,caption,timestamp,permalink,media_product_type"
        pages = read_list(
            {"fields": fields},
            read=lambda params: self.call_graph("GET", path, params=params),
            max_items=MAX_ITEMS,
        )
        for page in pages:
            yield from page
            if since is None or (page and is_older(page[-1], since)):
                return

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
        params, read_error = {"fields": self.account_fields}, errors.read_login_error
        me = unwrapped(self.call_graph("GET", "/me", params=params, read_error=read_error))
        account_type = str(me.get("account_type") or "").lower()
        return Profile(
            # Not `id`: that is another number, which only our app and its callbacks use.
            id=read_number(me["user_id"]),
            display_name=me["username"],
            kind=account_type or "business",
            facts={
                "username": me["username"],
                "app_scoped_id": read_number(me.get("id", "")),
                "account_type": account_type,
            },
        )

    def revoke(self, refresh_token: Secret | None) -> None:
        self.call_graph("DELETE", "/me/permissions")
