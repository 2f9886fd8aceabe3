"""Unsaved rows and plain values for the tests of the engine, which needs no database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from connections.models import Destination, SocialConnection
from publishing.engine.values import Context, Result, RetryPolicy, Step, StepKind
from publishing.models import PublishJob, Status
from publishing.progress import JobProgress
from socialpublishing.crypto import Secret
from socialpublishing.platforms.accounts import Renewal
from socialpublishing.platforms.progress import Found, Progress

NOW = dt.datetime(2026, 11, 27, 9, 0, tzinfo=dt.UTC)
LEASE_UNTIL = NOW + dt.timedelta(seconds=30)
GRACE_S = 3600
MAX_ATTEMPTS = 3


def ago(**time: float) -> dt.datetime:
    return NOW - dt.timedelta(**time)


def ahead(**time: float) -> dt.datetime:
    return NOW + dt.timedelta(**time)


def highest(low: float, high: float) -> float:
    """Chance that always takes the largest value."""
    return high


def lowest(low: float, high: float) -> float:
    return low


POLICY = RetryPolicy(
    max_attempts=MAX_ATTEMPTS,
    delay_s=1,
    backoff_factor=3,
    late_grace_s=GRACE_S,
    uniform=highest,
)


def make_context(**facts: Any) -> Context:
    return Context(**{"now": NOW, "policy": POLICY, "lease_until": LEASE_UNTIL, **facts})


def make_connection(platform: str = "twitter", **facts: Any) -> SocialConnection:
    connection = SocialConnection(
        user_id="alice",
        platform=platform,
        external_user_id="7",
        external_display_name="Alice",
        created_at=ago(days=30),
        **{
            "expires_at": None,
            "last_refreshed_at": ago(days=1),
            "token_version": 5,
            **facts,
        },
    )
    connection.access_token = Secret("access")
    connection.refresh_token = Secret("refresh")
    return connection


def make_destination(connection: SocialConnection, *, own_token: bool = True) -> Destination:
    destination = Destination(
        connection=connection, external_id="70", name="Bakery", kind="page", can_publish=True
    )
    destination.access_token = Secret("page") if own_token else None
    return destination


def make_job(
    platform: str = "twitter", *, progress: JobProgress | None = None, **facts: Any
) -> PublishJob:
    """A claimed job that is due now and has not begun."""
    connection = facts.pop("connection", None) or make_connection(platform)
    values = {
        "user_id": "alice",
        "connection": connection,
        "platform": platform,
        "account": f"{platform}:7",
        "account_name": "Alice",
        "text": "Fresh bread",
        "status": Status.PROCESSING,
        "created_at": NOW,
        "updated_at": NOW,
        "next_attempt_at": LEASE_UNTIL,
        "lease_owner": "slot-1:1",
        "progress": (progress or JobProgress()).to_json(),
        **facts,
    }
    return PublishJob(**values)


def in_first_request(platform: str = "twitter", **facts: Any) -> PublishJob:
    """Its first publish request is under way, or was when its worker stopped."""
    started = facts.pop("started", ago(seconds=1))
    return make_job(platform, publish_started_at=started, in_doubt_since=started, **facts)


def in_retry(platform: str = "twitter", **facts: Any) -> PublishJob:
    """A second publish request is under way while the first is in doubt."""
    intent = {"publish_started_at": ago(seconds=1), "in_doubt_since": ago(minutes=3)}
    return make_job(platform, **{**intent, **facts})


def result_of(
    job: PublishJob,
    kind: StepKind,
    value: Progress | Renewal | Found | None = None,
    error: Exception | None = None,
) -> Result:
    assert job.connection is not None
    step = Step(
        job=job,
        kind=kind,
        post=job.post,
        account=job.connection.account,
        progress=job.stored_progress.platform,
        token_version=job.connection.token_version,
    )
    return Result(step=step, value=value, error=error)
