"""What every platform must provide: facts as data, and methods.

The methods that publish differ in what repeating them does.
"""

from __future__ import annotations

import abc
import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings

from socialpublishing import limits as content_limits
from socialpublishing.crypto import Secret
from socialpublishing.errors import PlatformApiError, TokenExpiredError, Violation
from socialpublishing.http import Http, PlatformResponse
from socialpublishing.limits import Capabilities, PostType
from socialpublishing.media import public
from socialpublishing.options import PostOptions
from socialpublishing.platforms.accounts import Account, DestinationFacts, Profile, Renewal
from socialpublishing.platforms.app import App
from socialpublishing.platforms.follow_ups import (
    FIRST_COMMENT,
    FirstComment,
    FollowUps,
    FollowUpSteps,
)
from socialpublishing.platforms.posting_options import PostingOptions
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.platforms.responses import ReadsResponses
from socialpublishing.platforms.uploads import check_upload_address
from socialpublishing.posts import Cost, Media, Post, PostWarning

if TYPE_CHECKING:
    from socialpublishing.platforms.metrics import MetricsReader


class Platform(ReadsResponses, abc.ABC):
    """A client of one platform for one account.

    Every request may raise a PlatformApiError. There is no `try` around a publish request.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    app: ClassVar[App]
    # Can an access token that is still valid be exchanged for a new one, without a refresh token?
    renews_without_refresh_token: ClassVar[bool] = False
    # Does `revoke` end one grant of an account and leave its others alone? If not, or if it is
    # unknown, the grant that a new consent replaces is not revoked.
    revokes_single_grants: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities]
    options: ClassVar[type[PostOptions]]
    # The option that chooses a destination, where a connection has any.
    destination_option: ClassVar[str] = ""
    # Can a post go to the account itself, without a destination?
    posts_as_account: ClassVar[bool] = True
    # Hosts for uploads, in addition to the API host: ends of host names, as the platform documents
    # them.
    upload_hosts: ClassVar[tuple[str, ...]] = ()
    # Reads the metrics of published posts (metrics.py), where the platform reports them.
    metrics_reader: ClassVar[type[MetricsReader[Any]] | None] = None
    # Does a post depend on what the account may choose now (`offer_violations`)? If not, a
    # validation does not ask the platform, which may charge for it.
    checks_offers: ClassVar[bool] = False
    # What can follow a published post, and why it cannot be taken down where it cannot.
    follow_ups: ClassVar[FollowUps] = {}
    no_take_down: ClassVar[str] = "The platform lets no other service delete posts."
    # Other ways to connect, by the name that chooses them. Each is a subclass and not in PLATFORMS.
    # The usual one is named by `app.login`, and by "" in stored rows.
    logins: ClassVar[Mapping[str, type[Platform]]] = {}
    login: ClassVar[str] = ""

    # When a good response reported that the platform accepts no more requests until then.
    limited_until: dt.datetime | None = None

    def __init__(self, account: Account) -> None:
        self.account = account
        self.http = self.http_reading(self.read_error)

    @classmethod
    def login_names(cls) -> list[str]:
        """What a caller may name as `login`, the usual one first; empty if there is only one."""
        return [cls.app.login, *cls.logins] if cls.logins else []

    @classmethod
    def default_login(cls) -> str:
        """The login of callers that name none: {PLATFORM}_LOGIN, else the usual one."""
        chosen: str = getattr(settings, f"{cls.name.upper()}_LOGIN", "")
        return chosen or cls.app.login

    # --- Before a post is accepted ---------------------------------------------------------------

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> Capabilities:
        """What the platform accepts from an account with this profile."""
        return cls.capabilities

    @staticmethod
    def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
        """Rules that the limits cannot express, such as a poll that excludes media.

        `kind` are the limits of this kind of post for the account that posts.
        """
        return iter(())

    @classmethod
    def violations(cls, post: Post, profile: Mapping[str, Any]) -> list[Violation]:
        """Every rule that `post` breaks; an empty list if the platform would accept it."""
        limits = cls.limits(profile)
        crossed = cls.cross_violations(post, limits.of(post))
        return [
            *content_limits.violations(post, limits),
            *crossed,
            *cls._redirect_violations(post),
            *cls._comment_violations(post, profile),
        ]

    @classmethod
    def first_comment(cls) -> type[FirstComment[Any]] | None:
        steps = cls.follow_ups.get(FIRST_COMMENT)
        return steps if steps is not None and issubclass(steps, FirstComment) else None

    @classmethod
    def _comment_violations(cls, post: Post, profile: Mapping[str, Any]) -> Iterator[Violation]:
        comment, steps = post.options.get(FIRST_COMMENT), cls.first_comment()
        if not comment or steps is None:
            return
        limits = Capabilities(post_types=(replace(steps.limits(profile), needs_text=True),))
        for found in content_limits.violations(Post(text=comment), limits):
            yield replace(
                found, rule=f"comment_{found.rule}", message=f"The first comment: {found.message}"
            )

    @classmethod
    def _redirect_violations(cls, post: Post) -> Iterator[Violation]:
        """Platforms that fetch a file follow no redirects; usually it comes from us instead."""
        if public.can_be_pulled_from():
            return
        for media in cls.pulled_media(post):
            if media.is_redirected:
                yield Violation(
                    rule="media_redirects",
                    limit=0,
                    actual=1,
                    message=f"The address of asset {post.media.index(media) + 1} redirects, and "
                    f"{cls.label} fetches the file without following redirects.",
                    fix="Give the address that it redirects to.",
                )

    @classmethod
    def warnings(cls, post: Post, profile: Mapping[str, Any]) -> list[PostWarning]:
        """What the author of an acceptable `post` should know."""
        return content_limits.warnings(post, cls.limits(profile))

    @classmethod
    def needed_scopes(cls, post: Post) -> frozenset[str]:
        """The scopes without which `post` cannot be published."""
        return cls.capabilities.of(post).scopes or cls.app.oauth.publish_scopes

    @classmethod
    def depends_on_profile(cls, post: Post) -> bool:
        """Is `post` allowed or not by facts of the account that may have changed lately?"""
        return False

    def posting_options(self) -> PostingOptions:
        """What the account may choose now, read from the platform."""
        name = str(self.account.profile.get("display_name") or "")
        return PostingOptions(can_post=True, display_name=name)

    @classmethod
    def offer_violations(cls, post: Post, offered: PostingOptions) -> Iterator[Violation]:
        """Rules that `post` breaks by what the account may choose now."""
        return iter(())

    @classmethod
    def check_publishing(cls, post: Post) -> None:
        """Raises PublishingOffError if the operator has switched off publishing such a post."""

    @classmethod
    def pulled_media(cls, post: Post) -> Sequence[Media]:
        """The files that the platform fetches by itself. All others, we send."""
        return ()

    @classmethod
    def count_parts(cls, post: Post) -> int:
        """The number of publish requests that it takes, each of which creates a post."""
        return 1

    @classmethod
    def estimated_cost(cls, post: Post) -> Cost | None:
        """What the platform charges our app for `post`; None: it does not charge by the post."""
        return None

    @classmethod
    def features(cls, post: Post) -> frozenset[str]:
        """What of our app `post` needs: a PlatformConfigurationError may name one of these."""
        return frozenset({post.post_type})

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        """How far the result of `lookup` can be trusted for `post`."""
        return LookupRules()

    # --- Publishing ------------------------------------------------------------------------------

    @classmethod
    def steps_of(cls, kind: str) -> type[Platform] | type[FollowUpSteps[Any]]:
        """The steps of a kind of follow-up; "": those of publishing."""
        return cls.follow_ups[kind] if kind else cls

    def steps(self, kind: str) -> Steps:
        return self.follow_ups[kind](self) if kind else self

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        """Is there anything to do before `publish`? If not, a post starts at stage READY."""
        return bool(post.media)

    @abc.abstractmethod
    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Upload media or create drafts, one step per call.

        Repeating it leaves unused uploads at the platform, never a second post.
        """

    @abc.abstractmethod
    def publish(self, post: Post, progress: Progress) -> Progress:
        """The one request that makes `post` public. Repeating it could post twice."""

    def confirm(self, post: Post, progress: Progress) -> Progress:
        """Read how far the platform has come since `publish`. Changes nothing."""
        raise NotImplementedError(f"{self.name} is done when `publish` returns")

    @abc.abstractmethod
    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        """Search for `post` among what the account published after `since`.

        `other_post_ids` are the ids of posts that belong to other jobs. None means that the post
        is not there, or not yet. A Progress has the stage: CONFIRMING, the platform accepted the
        post and is processing it; READY, a part is public and more parts follow; REFUSED or LOST.
        """

    @staticmethod
    @abc.abstractmethod
    def read_error(response: PlatformResponse) -> PlatformApiError:
        """The error in `response`. One that we do not know is a plain PlatformApiError."""

    # --- Connecting ------------------------------------------------------------------------------

    @abc.abstractmethod
    def profile(self) -> Profile:
        """The account that the token belongs to."""

    def destinations(self) -> list[DestinationFacts]:
        """The other places where the account can post, read to the last page."""
        return []

    def accepts_posts(self) -> bool:
        """Does this place, missing in the last list of destinations, still accept our token?

        Only a refusal of the place itself is a no. Any other error may be raised.
        """
        return True

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """New tokens. Raises TokenExpiredError if the owner must connect again."""
        if refresh_token is None:
            raise TokenExpiredError(platform=self.name)
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return Renewal(tokens=self.app.call_token_endpoint(form))

    def revoke(self, refresh_token: Secret | None) -> None:
        """End the authorization at the platform, where that is possible."""

    # --- Requests --------------------------------------------------------------------------------

    def http_reading(self, read_error: Callable[[PlatformResponse], PlatformApiError]) -> Http:
        """Requests with the account's token, whose errors `read_error` reads."""
        return Http(
            platform=self.name,
            base_url=self.app.host("api"),
            read_error=read_error,
            token=self.account.token,
            headers=self.app.headers,
            params=self.common_params(),
        )

    def common_params(self) -> Mapping[str, str]:
        """Parameters that go with each request."""
        return {}

    def upload_http(
        self,
        address: str,
        *,
        token: Secret | None = None,
        read_error: Callable[[PlatformResponse], PlatformApiError] | None = None,
    ) -> Http:
        """Requests to an upload address that the platform named; by default without our token.

        `read_error` reads errors of the host, where they differ from those of the API. Raises
        UploadAddressRefusedError for an address that is not the platform's.
        """
        check_upload_address(
            address,
            api=self.app.host("api"),
            upload_hosts=(*self.upload_hosts, *self.app.more_upload_hosts()),
            platform=self.name,
        )
        return Http(
            platform=self.name,
            base_url=address,
            read_error=read_error or self.read_error,
            token=token,
        )


# What takes the steps of publishing, or of a follow-up.
Steps = Platform | FollowUpSteps[Any]
