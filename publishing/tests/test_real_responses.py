"""What the engine makes of responses that the real platforms gave."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator

import pytest

from publishing.engine.settle import settle
from publishing.engine.values import Decision, StepKind
from publishing.models import Status, WaitingFor
from publishing.tests.engine.builders import in_first_request, make_context, make_job, result_of
from publishing.tests.real_responses import RealResponse
from socialpublishing.errors import Retry
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms import PLATFORMS


def cases() -> Iterator[object]:
    for platform in PLATFORMS:
        try:
            module = importlib.import_module(f"publishing.tests.real_responses.{platform}")
        except ModuleNotFoundError:
            continue
        for each in module.RESPONSES:
            yield pytest.param(platform, each, id=f"{platform}-{each.name}")


def waits_for(what: WaitingFor) -> Callable[[Decision], bool]:
    return lambda decision: decision.move.changes.get("waiting_for") == what


OUTCOMES: dict[str, Callable[[Decision], bool]] = {
    "retried": lambda decision: (
        decision.move.to == Status.PENDING
        and decision.move.changes["waiting_for"] in {WaitingFor.RETRY, WaitingFor.PLATFORM}
    ),
    "waits_for_limit": waits_for(WaitingFor.RATE_LIMIT),
    "paused": lambda decision: decision.pause is not None,
    "waits_for_owner": waits_for(WaitingFor.OWNER),
    "rejected": lambda decision: decision.move.to == Status.CONTENT_REJECTED,
    "failed": lambda decision: decision.move.to == Status.FAILED,
    "looked_up": lambda decision: decision.move.to == Status.UNCONFIRMED,
    "upload_restarted": lambda decision: (
        decision.move.to == Status.PENDING and "progress" in decision.move.changes
    ),
    "token_refreshed": lambda decision: decision.move.code == "token_refused",
}


@pytest.mark.parametrize(("platform", "case"), list(cases()))
def test_response_is_read_as_it_was_meant(platform: str, case: RealResponse) -> None:
    body = case.body if isinstance(case.body, str) else json.dumps(case.body)
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    response = PlatformResponse(
        status_code=case.status, headers=case.headers, json=parsed, text=body
    )
    error = PLATFORMS[platform].read_error(response)
    assert type(error) is case.means
    assert case.reads in str(error)
    assert error.who_acts == case.who_acts

    is_publish = case.during == "publish"
    job = in_first_request(platform) if is_publish else make_job(platform)
    kind = StepKind.PUBLISH if is_publish else StepKind.PREPARE
    decision = settle(result_of(job, kind, error=error), make_context())
    assert OUTCOMES[case.then](decision)
    if error.retry == Retry.NEVER:
        assert case.then in {"rejected", "failed", "looked_up"}
