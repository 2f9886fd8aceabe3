"""What the engine takes and returns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from publishing.models import PublishJob
from publishing.transitions import Move
from socialpublishing.crypto import Secret
from socialpublishing.errors import PublishingOffError
from socialpublishing.platforms.accounts import Account, Renewal
from socialpublishing.platforms.pauses import AppRefusal, PlatformPause
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.posts import Post


class StepKind(StrEnum):
    """The HTTP that a step does. Stored in the job's history."""

    REFRESH = "refresh"
    PREPARE = "prepare"
    PUBLISH = "publish"
    CONFIRM = "confirm"
    LOOKUP = "find"  # stored in histories


@dataclass(frozen=True, kw_only=True)
class Step:
    """HTTP to do for a claimed job, with all that it needs: a thread asks no database."""

    job: PublishJob
    kind: StepKind
    post: Post
    account: Account
    progress: Progress
    token_version: int
    refresh_token: Secret | None = None
    # A lookup reads posts from then on, and ignores those of other jobs.
    since: dt.datetime | None = None
    other_post_ids: frozenset[str] = frozenset()
    # Whether it probes a platform that is paused for our app.
    is_probe: bool = False
    # time.monotonic() after which a publish request may no longer leave: the lease may be over.
    send_before: float = float("inf")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a step returned: a value of its kind, or the error that ended it."""

    step: Step
    value: Progress | Renewal | Found | None = None
    error: Exception | None = None
    duration_ms: int = 0
    # The platform's good responses ask the account to wait until then.
    limited_until: dt.datetime | None = None

    @property
    def is_of_follow_up(self) -> bool:
        return self.step.job.follow_up is not None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A move to store, and a step to take once it is stored."""

    move: Move
    step: Step | None = None
    # The job stays claimed: decide again once the move is stored.
    decide_again: bool = False
    # The platform asked the account to wait until then.
    limited_until: dt.datetime | None = None
    # The platform refuses our app: it is paused for all accounts.
    pause: AppRefusal | None = None
    # The response shows that the platform accepts our app.
    app_was_accepted: bool = False
    # Why only the connection's owner can help.
    reauth_reason: str = ""
    # The destination accepts no more posts from us; the account's other destinations may.
    ends_destination: bool = False


@dataclass(frozen=True, kw_only=True)
class Paused:
    """The job's platform is paused for our app. Its code and reason are those of the refusal."""

    # When the job may probe it; None: staff paused it.
    until: dt.datetime | None
    code: str
    reason: str
    # The step that met it: what is refused when the post is published refuses its preparation too.
    step: StepKind

    def holds(self, kind: StepKind) -> bool:
        return kind == StepKind.PREPARE or self.step == StepKind.PUBLISH


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The settings that bound retries. `uniform(low, high)` is the source of chance."""

    max_attempts: int
    delay_s: float
    backoff_factor: float
    late_grace_s: int
    uniform: Callable[[float, float], float]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the engine has to know beside the job. The worker reads it for many jobs at once."""

    now: dt.datetime
    policy: RetryPolicy
    # The end of the lease of a step that starts now, by the database's clock and by ours.
    lease_until: dt.datetime
    send_before: float = float("inf")
    # The pauses that the job may probe, if its step is one that they hold.
    probes: tuple[PlatformPause, ...] = ()
    # Why the operator's settings keep this post from being published, if they do.
    publishing_off: PublishingOffError | None = None
    # The pauses that hold the job.
    paused: tuple[Paused, ...] = ()
    # Another job of this account with the same text is in doubt.
    same_text_in_doubt: bool = False
    # Ids of recent posts that belong to other jobs of the account.
    other_post_ids: frozenset[str] = frozenset()
    # The post that the platform named in its response belongs to another job.
    named_post_is_taken: bool = False
    # Another job of the same text may own a post whose id nobody knows.
    named_post_may_be_others: bool = False
