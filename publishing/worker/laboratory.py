"""Divides what the worker waits for, so that proofs over many crashes take minutes, not hours.

`manage.py worker` calls this where LABORATORY_TIME_DIVISOR is set; a system check refuses it
outside of sandbox mode. Leases, settle times, pauses and timeouts become shorter by the same
factor, so which of two waits ends first stays as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.utils import timezone

from connections import tokens
from publishing.engine import in_doubt, outcomes, retry, settle
from publishing.models import PublishJob
from publishing.worker import process, storing, turn
from socialpublishing import http
from socialpublishing.platforms import pauses
from socialpublishing.platforms.progress import LookupRules

# Times and numbers of seconds that a module uses by their names in it.
DIVIDED = (
    (turn, ("LEASE", "SEND_MARGIN_S")),
    (process, ("LEASE", "EXTEND_EVERY_S", "STEP_DEADLINE_S")),
    (in_doubt, ("LOOKUP_FOR", "LATE_IN_LISTS")),
    (retry, ("LOOKUP_FOR",)),
    (tokens, ("REFRESH_LEASE", "REFUSED_PAUSE")),
    (pauses, ("FIRST_PROBE_S", "MAX_PROBE_PAUSE_S", "PROBE_LEASE")),
    (settle, ("FIRST_PROBE_S",)),
    (http, ("CONNECT_TIMEOUT_S", "READ_TIMEOUT_S", "REQUEST_DEADLINE_S")),
)


def divide_times(divisor: int) -> None:
    """For this process and those that it forks. Called once."""
    for module, names in DIVIDED:
        for name in names:
            setattr(module, name, getattr(module, name) / divisor)
    in_doubt.LOOKUP_PAUSES_S = tuple(each / divisor for each in in_doubt.LOOKUP_PAUSES_S)  # type: ignore[assignment]
    vars(in_doubt)["growing_pause"] = _with_short_first(outcomes.growing_pause, divisor)
    for module in (outcomes, retry, settle):
        vars(module)["wait"] = _sooner(outcomes_wait, divisor)
    vars(storing)["_update"] = _with_short_limit(storing._update, divisor)
    PublishJob.lookup_rules = property(_with_short_times(job_lookup_rules, divisor))  # type: ignore[method-assign, assignment]


outcomes_wait = outcomes.wait
job_lookup_rules: Callable[[PublishJob], LookupRules] = PublishJob.lookup_rules.fget  # type: ignore[attr-defined]


def _sooner(wait: Callable[..., Any], divisor: int) -> Callable[..., Any]:
    def wait_shorter(job: PublishJob, until: dt.datetime, *args: Any, **kwargs: Any) -> Any:
        now = timezone.now()
        return wait(job, now + (until - now) / divisor, *args, **kwargs)

    return wait_shorter


def _with_short_limit(update: Callable[..., None], divisor: int) -> Callable[..., None]:
    """The limit of an account, as long as the wait of the job that met it."""

    def update_sooner(row: Any, **columns: Any) -> None:
        if "limited_until" in columns:
            now = timezone.now()
            columns["limited_until"] = now + (columns["limited_until"] - now) / divisor
        update(row, **columns)

    return update_sooner


def _with_short_first(pause: Callable[..., float], divisor: int) -> Callable[..., float]:
    return lambda previous_s, first: pause(previous_s, first / divisor)


def _with_short_times(
    rules_of: Callable[[PublishJob], LookupRules], divisor: int
) -> Callable[[PublishJob], LookupRules]:
    def rules(job: PublishJob) -> LookupRules:
        found = rules_of(job)
        within = found.repeat_within
        return replace(
            found,
            settle=found.settle / divisor,
            repeat_within=None if within is None else within / divisor,
        )

    return rules
