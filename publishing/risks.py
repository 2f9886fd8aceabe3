"""What would keep a scheduled post from being published, as things are now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connections.models import SocialConnection
from connections.targets import PostingTarget
from publishing.checking import token_warnings
from publishing.errors import NeedsReauthError, PermissionMissingError
from publishing.models import PublishJob
from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    PlatformRefusedError,
    RateLimitError,
    SocialPublishingBaseError,
    Violation,
    WhoActs,
)
from socialpublishing.options import files_in
from socialpublishing.platforms import offered_platform
from socialpublishing.platforms.pauses import PlatformPause, concerning
from socialpublishing.platforms.posting_options import PostingOptions, Remaining

MAX_RISKS, MAX_MESSAGE = 10, 400


@dataclass(frozen=True, kw_only=True)
class Risk:
    code: str
    message: str
    who_acts: WhoActs = WhoActs.NOBODY


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a post, and what it was when the post was accepted."""

    url: str
    mime_types: tuple[str, ...]
    # Of an asset.
    size_bytes: int | None = None
    # Of an option, such as a cover: only its limit is stored.
    max_bytes: int | None = None


class Readings(Protocol):
    """What is read from outside for all jobs, each once."""

    @property
    def pauses(self) -> Sequence[PlatformPause]: ...

    def offered(self, target: PostingTarget) -> PostingOptions:
        """The options that the platform offers now. Raises its error if it refuses."""

    def profile_again(self, connection: SocialConnection) -> None:
        """Read the facts of the account that its limits depend on."""

    def file_error(self, file: File) -> SocialPublishingBaseError | None:
        """What is wrong with a file now. Raises UnknownError if that cannot be read."""

    def count_before(self, job: PublishJob) -> int:
        """How many posts of the same account are due before it."""


class UnknownError(Exception):
    """It cannot be found out now whether there is a risk."""


@dataclass(kw_only=True)
class Assessment:
    """The risks of a job. Not complete: something could not be read, so there may be more."""

    risks: list[Risk] = field(default_factory=list)
    is_complete: bool = True


def assess(job: PublishJob, target: PostingTarget, readings: Readings) -> Assessment:
    """`job` goes to `target`. Raises nothing for what is wrong with the post or its account."""
    found = Assessment()
    try:
        offered_platform(job.platform, target.connection.login)
        job.platform_type.check_publishing(job.post)
        found.risks += _of_stored_facts(job, target)
        if not found.risks:
            # The platform would refuse the request for the same reason.
            found.risks += _of_account(job, target, readings, found)
        found.risks += _of_platform(job, target, readings.pauses)
    except SocialPublishingBaseError as error:
        found.risks.append(_risk(error))
    found.risks += _of_files(job, readings, found)
    found.risks = [*dict.fromkeys(found.risks)][:MAX_RISKS]
    return found


def _risk(error: SocialPublishingBaseError) -> Risk:
    return Risk(code=error.code, message=str(error)[:MAX_MESSAGE], who_acts=error.who_acts)


# --- What we know already ------------------------------------------------------------------------


def _of_stored_facts(job: PublishJob, target: PostingTarget) -> Iterator[Risk]:
    connection = target.connection
    needs_reauth = connection.status == SocialConnection.Status.NEEDS_REAUTH
    if needs_reauth and not target.has_own_token:
        yield _risk(NeedsReauthError(connection.status_reason))
    else:
        for warning in token_warnings(target, job.due_at):
            yield Risk(code=warning.code, message=warning.message, who_acts=WhoActs.OWNER)
    if missing := connection.lacks(job.platform_type.needed_scopes(job.post)):
        yield _risk(PermissionMissingError(sorted(missing), kind=job.post.post_type))
    # The row of a destination may be gone, too.
    can_publish = target.destination is None or target.destination.can_publish
    if not can_publish or target.key != job.account:
        yield _risk(may_not_publish(job.account_name))


def may_not_publish(name: str) -> InsufficientPermissionsError:
    return InsufficientPermissionsError(f"The account may no longer publish to {name}.")


def _of_platform(
    job: PublishJob, target: PostingTarget, pauses: Sequence[PlatformPause]
) -> Iterator[Risk]:
    limited_until = target.row.limited_until
    if limited_until is not None and limited_until > job.due_at:
        yield _too_many(
            f"lets the account publish again at {limited_until:%Y-%m-%d %H:%M} UTC", job
        )
    features = job.platform_type.features(job.post)
    for each in concerning(pauses, job.platform, target.connection.login, features):
        if each.code != RateLimitError.code:
            yield Risk(code=each.code, message=each.reason, who_acts=WhoActs.OPERATOR)
        elif each.probe_at is not None and each.probe_at > job.due_at:
            yield _too_many(f"accepts posts again at {each.probe_at:%Y-%m-%d %H:%M} UTC", job)


def _too_many(what: str, job: PublishJob) -> Risk:
    message = f"{job.platform_type.label} {what}."
    return Risk(code=RateLimitError.code, message=message, who_acts=WhoActs.USER)


# --- What the platform reports now ---------------------------------------------------------------


def _of_account(
    job: PublishJob, target: PostingTarget, readings: Readings, found: Assessment
) -> Iterator[Risk]:
    platform, connection = job.platform_type, target.connection
    try:
        if platform.depends_on_profile(job.post):
            readings.profile_again(connection)
        offered = readings.offered(target)
    except SocialPublishingBaseError as error:
        # One without an actor passes by itself; one that we do not understand is no forecast.
        if not error.who_acts or isinstance(error, PlatformRefusedError):
            found.is_complete = False
        else:
            yield _risk(error)
        return
    yield from _of_offer(job, offered, readings)
    violations = platform.violations(job.post, connection.profile)
    yield from _of_violations([*violations, *platform.offer_violations(job.post, offered)])


def _of_offer(job: PublishJob, offered: PostingOptions, readings: Readings) -> Iterator[Risk]:
    remaining = offered.remaining
    if remaining is not None and _counts(remaining, job.due_at):
        before = readings.count_before(job)
        if before >= remaining.count:
            yield _too_many(
                f"lets the account publish {remaining.count} more posts now, and {before} others "
                "are due before this one",
                job,
            )
            return
    if not offered.can_post:
        reason = offered.reason or "The account cannot post now."
        yield Risk(code="account_blocked", message=reason, who_acts=WhoActs.OWNER)


def _counts(remaining: Remaining, due: dt.datetime) -> bool:
    return remaining.until is None or due < remaining.until


def _of_violations(violations: Sequence[Violation]) -> Iterator[Risk]:
    if violations:
        message = " ".join(each.message for each in violations)[:MAX_MESSAGE]
        yield Risk(
            code=ContentRejectedError.code,
            message=message,
            who_acts=ContentRejectedError.who_acts,
        )


# --- Its files -----------------------------------------------------------------------------------


def files_of(job: PublishJob) -> Iterator[File]:
    for media in job.post.media:
        yield File(url=media.url, mime_types=(media.mime_type,), size_bytes=media.size_bytes)
    for _, url, option in files_in(job.platform_specific_options, job.platform_type.options):
        yield File(url=url, mime_types=tuple(sorted(option.mime_types)), max_bytes=option.max_bytes)


def _of_files(job: PublishJob, readings: Readings, found: Assessment) -> Iterator[Risk]:
    try:
        files = list(files_of(job))
    except SocialPublishingBaseError:
        return  # the platform is no longer in PLATFORMS
    for file in files:
        try:
            error = readings.file_error(file)
        except UnknownError:
            found.is_complete = False
        else:
            if error is not None:
                yield _risk(error)
