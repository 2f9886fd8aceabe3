"""Would platforms accept a post, for which price, and when would it go out?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from publishing.checking import (
    Checked,
    Draft,
    check_schedule_time,
    check_targets,
    checked,
    connection_for_publishing,
)
from publishing.representation import time_as_data
from socialpublishing.clock import database_now
from socialpublishing.errors import RateLimitError
from socialpublishing.platforms.pauses import PlatformPause, concerning


def validate_post(draft: Draft, *, user_id: str) -> dict[str, Any]:
    """The verdict on one post. Raises the errors of `accept_post` but those of its content."""
    now = database_now()
    connection = connection_for_publishing(draft, user_id)
    check_schedule_time(draft.scheduled_at, now)
    found = checked(draft, connection, with_offers=True)
    violations = [vars(each) for each in found.violations]
    return _verdict(found, violations, now, list(PlatformPause.objects.all()))


def validate_targets(drafts: Sequence[Draft], *, user_id: str) -> dict[str, Any]:
    """The verdict on each target and on all; an error of one is one of its violations."""
    now = database_now()
    pauses = list(PlatformPause.objects.all())
    targets = [
        {
            "target": target.number,
            **_verdict(target.checked, target.violations_as_data(), now, pauses),
        }
        for target in check_targets(drafts, user_id=user_id, now=now, with_offers=True)
    ]
    return {
        "is_valid": all(each["is_valid"] for each in targets),
        "violations": [violation for each in targets for violation in each["violations"]],
        "warnings": [
            {"target": each["target"], **warning}
            for each in targets
            for warning in each["warnings"]
        ],
        "targets": targets,
    }


def _verdict(
    found: Checked | None,
    violations: Sequence[dict[str, Any]],
    now: dt.datetime,
    pauses: Sequence[PlatformPause],
) -> dict[str, Any]:
    expected_at = None
    if found is not None and not violations:
        expected_at = _expected_at(found, now, pauses)
    return {
        "is_valid": not violations,
        "violations": violations,
        "warnings": [vars(each) for each in found.warnings] if found else [],
        "estimated_cost": _cost(found) if found else None,
        "will_publish_at": time_as_data(expected_at),
    }


def _cost(found: Checked) -> dict[str, Any] | None:
    cost = found.candidate.target.connection.platform_type.estimated_cost(found.post)
    return None if cost is None else vars(cost)


def _expected_at(
    found: Checked, now: dt.datetime, pauses: Sequence[PlatformPause]
) -> dt.datetime | None:
    """The earliest time at which the post would go out; None if a person has to act first."""
    target = found.candidate.target
    connection = target.connection
    at = found.candidate.draft.scheduled_at or now
    if target.row.limited_until is not None:
        at = max(at, target.row.limited_until)
    features = connection.platform_type.features(found.post)
    for pause in concerning(pauses, connection.platform, connection.login, features):
        if pause.may_be_over(at):
            continue
        if pause.code != RateLimitError.code or pause.probe_at is None:
            return None
        at = pause.probe_at
    return at
