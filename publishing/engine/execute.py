"""The HTTP of a step."""

from __future__ import annotations

import datetime as dt
import time

from structlog.contextvars import bound_contextvars

from publishing.engine.values import Result, Step, StepKind
from publishing.job_log import facts_of
from socialpublishing import media
from socialpublishing.errors import PlatformUnreachableError
from socialpublishing.platforms import client_for
from socialpublishing.platforms.accounts import Renewal
from socialpublishing.platforms.base import Steps
from socialpublishing.platforms.progress import Found, Progress


def execute(step: Step) -> Result:
    """Take `step`. Whatever happens is in the result; nothing is raised."""
    started = time.monotonic()
    value: Progress | Renewal | Found | None = None
    failure: Exception | None = None
    limited_until: dt.datetime | None = None
    try:
        # On whatever is logged meanwhile.
        with bound_contextvars(**facts_of(step.job)):
            client = client_for(step.job.platform, step.account)
            value = _call(client.steps(step.job.follow_up_kind), step)
            limited_until = client.limited_until
    except Exception as error:  # noqa: BLE001  nobody waits for a thread; settle() logs it
        failure = error
    duration_ms = int((time.monotonic() - started) * 1000)
    return Result(
        step=step,
        value=value,
        error=failure,
        duration_ms=duration_ms,
        limited_until=limited_until,
    )


def _call(client: Steps, step: Step) -> Progress | Renewal | Found | None:
    match step.kind:
        case StepKind.REFRESH:
            return client.renew(step.refresh_token)
        case StepKind.PREPARE:
            _check_pulled_files(client, step)
            return client.prepare(step.post, step.progress)
        case StepKind.PUBLISH:
            _check_pulled_files(client, step)
            # A process that was frozen may wake when its lease is long over.
            if time.monotonic() > step.send_before:
                raise PlatformUnreachableError("The worker came too late to send this.")
            return client.publish(step.post, step.progress)
        case StepKind.CONFIRM:
            return client.confirm(step.post, step.progress)
        case StepKind.LOOKUP:
            assert step.since is not None
            return client.lookup(
                step.post, step.progress, since=step.since, other_post_ids=step.other_post_ids
            )


def _check_pulled_files(client: Steps, step: Step) -> None:
    """Raises AssetChangedError. Files that we send are checked while they are read."""
    if step.progress.handle:
        return  # the platform has fetched some of them already
    for file in client.pulled_media(step.post):
        media.check_unchanged(
            file.url, declared_type=file.mime_type, expected_bytes=file.size_bytes
        )
