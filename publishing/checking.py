"""Every check that a post passes before it is accepted: its target, its files, its content.

Targets of a request are checked together: what the database and the platform know of each, one
after the other; then all files, several at a time; then each content.
"""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from connections.models import SocialConnection
from connections.posting_options import offered_to
from connections.targets import PostingTarget, target_from_options
from connections.tokens import is_renewable, read_profile_again
from publishing.errors import (
    DuplicateTargetError,
    EmptyPostError,
    NeedsReauthError,
    PermissionMissingError,
    ScheduleTimePastError,
    ScheduleTimeTooFarError,
)
from publishing.models import PublishJob
from publishing.probing import FileReads, probe_assets, without_lost_alt_texts, wrong_files
from socialpublishing import media
from socialpublishing.clock import database_now
from socialpublishing.codes import CODES
from socialpublishing.errors import (
    ContentValidationError,
    MediaError,
    SocialPublishingBaseError,
    Violation,
)
from socialpublishing.options import InvalidOptionsError, checked_options, with_files
from socialpublishing.platforms import offered_platform
from socialpublishing.platforms.follow_ups import FIRST_COMMENT
from socialpublishing.posts import Media, Post, PostWarning
from socialpublishing.text import is_blank

MAX_AHEAD = dt.timedelta(days=366)
# After so long, a request that checks many targets asks platforms no more; what is stored counts.
ASK_PLATFORMS_S = 10


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a caller wants to publish, as sent."""

    connection_id: uuid.UUID
    text: str = ""
    assets: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    scheduled_at: dt.datetime | None = None
    late_grace_s: int | None = None
    external_reference: str = ""
    metadata: Mapping[str, Any] | None = None
    # Addresses of files of the job that this draft changes: they were accepted with it.
    accepted_files: frozenset[str] = frozenset()

    def own_file(self, url: str, user_id: str) -> str:
        """`url`, or for a path that of a file of `user_id`. Raises MediaError."""
        return url if url in self.accepted_files else media.owned(url, user_id)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A draft with its target and checked options. Its files and its content are not checked."""

    draft: Draft
    target: PostingTarget

    def own_file(self, url: str) -> str:
        return self.draft.own_file(url, self.target.connection.user_id)

    def add_files(self, files: FileReads) -> None:
        files.add(
            self.draft.assets,
            self.draft.options,
            limits=self.target.limits,
            known=self.target.connection.platform_type.options,
            own_file=self.own_file,
        )

    @property
    def identity(self) -> str:
        """The same for drafts that would publish the same at the same place and time."""
        options = dict(self.draft.options)
        options.pop(self.target.connection.platform_type.destination_option, None)
        same = (self.target.key, self.draft.text, list(self.draft.assets), options)
        return json.dumps([*same, str(self.draft.scheduled_at)], sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A candidate whose files were read: its post, and each rule that it breaks."""

    candidate: Candidate
    post: Post
    assets: Sequence[dict[str, Any]]
    wrong_files: Sequence[tuple[str, MediaError]]  # of options, by their path
    wrong_assets: Sequence[tuple[int, MediaError]]
    broken_rules: Sequence[Violation]
    warnings: Sequence[PostWarning]

    @property
    def violations(self) -> list[Violation]:
        of_options = [_of_file(path, path, error) for path, error in self.wrong_files]
        of_assets = [_of_file(f"Asset {n}", None, error) for n, error in self.wrong_assets]
        return [*of_options, *of_assets, *self.broken_rules]

    def columns(self) -> dict[str, Any]:
        """The columns of a job that hold its content and its target. Raises what is wrong."""
        if self.wrong_files:
            raise InvalidOptionsError([(path, str(error)) for path, error in self.wrong_files])
        for _, error in self.wrong_assets:
            raise error
        if self.broken_rules:
            raise ContentValidationError(self.broken_rules)
        target, draft = self.candidate.target, self.candidate.draft
        return {
            "destination": target.destination,
            "account": target.key,
            "account_name": target.name,
            "text": draft.text,
            "assets": without_lost_alt_texts(self.assets, target.limits.of(self.post)),
            "platform_specific_options": draft.options,
            "warnings": [vars(each) for each in self.warnings] or None,
        }


def _of_file(name: str, actual: str | None, error: MediaError) -> Violation:
    return Violation(rule=error.code, limit=None, actual=actual, message=f"{name}: {error}")


# --- One target ----------------------------------------------------------------------------------


def checked(draft: Draft, connection: SocialConnection, *, with_offers: bool = False) -> Checked:
    """`draft` after all checks. Raises what is wrong with the request itself.

    `with_offers`: what the account may choose now is read from the platform, too.
    """
    candidate = candidate_of(draft, connection)
    files = FileReads()
    candidate.add_files(files)
    files.read()
    return check_content(candidate, files, with_offers=with_offers)


def candidate_of(draft: Draft, connection: SocialConnection, *, ask: bool = True) -> Candidate:
    """`draft` after the checks of its options and its target. Raises what is wrong.

    Without `ask`, the facts of the account are those that are stored.
    """
    known = connection.platform_type.options
    options = checked_options(draft.options, known)
    options = with_files(options, known, lambda url: draft.own_file(url, connection.user_id))
    draft = replace(draft, options=options)
    post = Post(options=options)
    connection.platform_type.check_publishing(post)
    target = target_from_options(connection, options)
    _check_permission(target, post)
    content_options = target.limits.of(post).content_options
    has_content = draft.assets or not content_options.isdisjoint(options)
    if is_blank(draft.text) and not has_content:
        raise EmptyPostError(content_options)
    if ask and connection.platform_type.depends_on_profile(_post(draft, draft.assets)):
        read_profile_again(connection)
    return Candidate(draft=draft, target=target)


def check_content(candidate: Candidate, files: FileReads, *, with_offers: bool = False) -> Checked:
    draft, target = candidate.draft, candidate.target
    connection = target.connection
    platform = connection.platform_type
    assets, wrong_assets = probe_assets(
        draft.assets, draft.options, target.limits, own_file=candidate.own_file, files=files
    )
    post = _post(draft, assets)
    rules = [
        *platform.violations(post, connection.profile),
        *_comment_permission_violations(post, target),
    ]
    if with_offers and platform.checks_offers and (offered := offered_to(target)):
        rules += platform.offer_violations(post, offered)
    due = draft.scheduled_at or database_now()
    return Checked(
        candidate=candidate,
        post=post,
        assets=assets,
        wrong_files=list(wrong_files(draft.options, platform.options, files)),
        wrong_assets=wrong_assets,
        broken_rules=rules,
        warnings=[*platform.warnings(post, connection.profile), *token_warnings(target, due)],
    )


def connection_for_publishing(draft: Draft, user_id: str) -> SocialConnection:
    connection = SocialConnection.objects.one_of(user_id, draft.connection_id)
    offered_platform(connection.platform, connection.login)
    return connection


def check_schedule_time(at: dt.datetime | None, now: dt.datetime) -> None:
    if at is not None and at <= now:
        raise ScheduleTimePastError
    if at is not None and at > now + MAX_AHEAD:
        raise ScheduleTimeTooFarError


def _check_permission(target: PostingTarget, post: Post) -> None:
    connection = target.connection
    # A target with its own token publishes with it, whatever became of the connection's.
    needs_connection = not target.has_own_token
    if connection.status == SocialConnection.Status.NEEDS_REAUTH and needs_connection:
        raise NeedsReauthError(connection.status_reason)
    missing = connection.lacks(connection.platform_type.needed_scopes(post))
    if missing:
        raise PermissionMissingError(sorted(missing), kind=post.post_type)


def _comment_permission_violations(post: Post, target: PostingTarget) -> Iterator[Violation]:
    connection = target.connection
    steps = connection.platform_type.follow_ups.get(FIRST_COMMENT)
    if steps is None or not post.options.get(FIRST_COMMENT):
        return
    wanted = steps.scopes(at_destination=target.destination is not None)
    if missing := sorted(connection.lacks(wanted)):
        yield Violation(
            rule="comment_permission",
            limit=sorted(wanted),
            actual=missing,
            message="The account was connected without the permission to comment "
            f"({', '.join(missing)}).",
            fix="Connect the account again and grant it, or remove first_comment.",
        )


def _post(draft: Draft, assets: Sequence[Mapping[str, Any]]) -> Post:
    return Post(
        text=draft.text,
        media=tuple(Media.from_asset(asset) for asset in assets),
        options=draft.options,
    )


# --- Many targets --------------------------------------------------------------------------------


@dataclass(kw_only=True)
class CheckedTarget:
    """One target of a request. `errors`: what is wrong with it, as far as that was found out."""

    number: int  # from 0
    draft: Draft
    candidate: Candidate | None = None
    checked: Checked | None = None
    errors: list[SocialPublishingBaseError] = field(default_factory=list)

    @contextmanager
    def keeps_errors(self) -> Iterator[None]:
        """An error of the caller's becomes one of this target; others are raised."""
        try:
            yield
        except SocialPublishingBaseError as error:
            public = CODES.get(error.code)
            if public is None or public.status is None or public.status >= 429:
                raise
            self.errors.append(error)

    def violations_as_data(self) -> list[dict[str, Any]]:
        """Everything that is wrong, each with the number of the target."""
        listed = [
            violation
            for error in self.errors
            for violation in error.violations_as_data()
            or [{"code": error.code, "message": str(error)}]
        ]
        found = self.checked.violations if self.checked else ()
        return [{"target": self.number, **each} for each in [*listed, *map(vars, found)]]


def check_targets(
    drafts: Sequence[Draft], *, user_id: str, now: dt.datetime, with_offers: bool = False
) -> list[CheckedTarget]:
    """Each draft after all checks, with everything that is wrong with it."""
    targets = [CheckedTarget(number=number, draft=draft) for number, draft in enumerate(drafts)]
    ask_until = time.monotonic() + ASK_PLATFORMS_S
    connections: dict[uuid.UUID, SocialConnection] = {}
    first: dict[str, int] = {}
    files = FileReads()
    for target in targets:
        with target.keeps_errors():
            check_schedule_time(target.draft.scheduled_at, now)
        with target.keeps_errors():
            connection = connections.get(target.draft.connection_id)
            connection = connection or connection_for_publishing(target.draft, user_id)
            connections[connection.pk] = connection
            ask = time.monotonic() < ask_until
            candidate = target.candidate = candidate_of(target.draft, connection, ask=ask)
            candidate.add_files(files)
            earlier = first.setdefault(candidate.identity, target.number)
            if earlier != target.number:
                raise DuplicateTargetError(earlier)
    files.read()
    for target in targets:
        if target.candidate is not None:
            asks = with_offers and time.monotonic() < ask_until
            target.checked = check_content(target.candidate, files, with_offers=asks)
    return targets


# --- Warnings ------------------------------------------------------------------------------------


def rescheduled_warnings(job: PublishJob, due: dt.datetime) -> list[dict[str, str]] | None:
    """The warnings of `job` once it is due at another time."""
    kept = [each for each in job.warnings or () if each["code"] != "token_ends_before"]
    added = token_warnings(job.target, due) if job.target else ()
    return [*kept, *map(vars, added)] or None


def token_warnings(target: PostingTarget, due: dt.datetime) -> Iterator[PostWarning]:
    """A warning if the authorization ends before `due`, and only the owner can renew it."""
    connection = target.connection
    if target.has_own_token:
        return
    ends_at = connection.expires_at
    if is_renewable(connection):
        # Refreshing an account that nobody uses keeps a rotating refresh token alive.
        is_kept = connection.platform_type.app.oauth.rotates_refresh_token
        ends_at = None if is_kept else connection.refresh_expires_at
    if ends_at is not None and ends_at < due:
        yield PostWarning(
            code="token_ends_before",
            message=f"The authorization of the account ends at {ends_at:%Y-%m-%d %H:%M} UTC, "
            "before the post is due. Its owner has to connect it again by then.",
        )
