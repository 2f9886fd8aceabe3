"""Who has to act, as jobs store it: for each error, while its job waits and when it has ended."""

from __future__ import annotations

from typing import Any

import pytest

from connections.models import SocialConnection
from publishing.engine.decide import decide
from publishing.engine.outcomes import left_to_a_person
from publishing.engine.retry import defer
from publishing.engine.settle import settle
from publishing.engine.values import Paused, StepKind
from publishing.models import Status
from publishing.tests.engine.builders import (
    MAX_ATTEMPTS,
    ago,
    ahead,
    in_first_request,
    make_connection,
    make_context,
    make_job,
    result_of,
)
from socialpublishing import errors
from socialpublishing.codes import CODES
from socialpublishing.errors import LimitScope, RateLimitError

# The error of a step; what its job waits for, or how it ends; and who acts.
TABLE: list[tuple[Exception, str, str]] = [
    (errors.PlatformApiError(), "retry", ""),
    (errors.PlatformUnreachableError(), "retry", ""),
    (errors.NoResponseError(), "retry", ""),
    (errors.MalformedResponseError(), "retry", ""),
    (errors.MediaBusyError(), "retry", ""),
    (errors.MediaNotReadyError(), "platform", ""),
    (errors.UploadLostError(), "retry", ""),
    (RateLimitError(until=ahead(hours=1)), "rate_limit", ""),
    (RateLimitError(limits=LimitScope.APP), "rate_limit", ""),
    (errors.AssetUnreachableError(), "retry", "user"),
    (errors.PlatformRefusedError(), "retry", "operator"),
    (errors.AccountBlockedError(), "owner", "owner"),
    (errors.PlatformConfigurationError(), "operator", "operator"),
    (errors.AssetChangedError(), Status.FAILED, "user"),
    (errors.AssetTooLargeError(), Status.FAILED, "user"),
    (errors.AssetTypeMismatchError(), Status.FAILED, "user"),
    (errors.ObjectStoreNotConfiguredError(), Status.FAILED, "operator"),
    (errors.ContentRejectedError(), Status.CONTENT_REJECTED, "user"),
    (errors.DuplicateContentError(), Status.CONTENT_REJECTED, "user"),
    (errors.InsufficientPermissionsError(), Status.FAILED, "owner"),
    (KeyError("id"), Status.FAILED, "operator"),
]
# Where somebody must act before the post can go out, by the code of the job.
ACTORS = {
    "account_blocked": "owner",
    "content_rejected": "user",
    "duplicate_content": "user",
    "internal_error": "operator",
    "needs_reauth": "owner",
    "outcome_unknown": "user",
    "permission_missing": "owner",
    "platform_configuration": "operator",
    "platform_paused": "operator",
    "platform_refused": "operator",
    "poison": "operator",
    "publishing_off": "operator",
}
# These heal by themselves, are what a person wanted, or leave the choice to retry to the user.
NOBODY = {
    "cancelled",
    "connection_removed",
    "media_not_ready",
    "no_answer",
    "not_published",
    "rate_limited",
    "token_refused",
    "too_late",  # it keeps the one whom it has waited for
    "upload_lost",
}


def test_each_code_of_jobs_has_its_actor() -> None:
    assert {code for code, public in CODES.items() if public.on_job} == ACTORS.keys() | NOBODY


@pytest.mark.parametrize(
    ("error", "outcome", "who"), TABLE, ids=lambda value: getattr(value, "code", None)
)
def test_step_that_failed_names_who_acts(error: Exception, outcome: str, who: str) -> None:
    job = make_job("twitter", text="Hi")
    changes = settle(result_of(job, StepKind.PREPARE, error=error), make_context()).move
    found = changes.changes.get("waiting_for") or changes.to
    assert (found, changes.changes["who_acts"]) == (outcome, who)
    if who and changes.changes["error_code"] in ACTORS:
        assert ACTORS[changes.changes["error_code"]] == who


@pytest.mark.parametrize(
    ("error", "who"),
    [(error, who) for error, outcome, who in TABLE if outcome == "retry"],
    ids=lambda value: getattr(value, "code", None),
)
def test_who_acts_stays_when_the_attempts_are_used_up(error: Exception, who: str) -> None:
    job = make_job("twitter", attempts=MAX_ATTEMPTS)
    move = settle(result_of(job, StepKind.PREPARE, error=error), make_context()).move
    assert move.changes["who_acts"] == who


def needs_reauth() -> SocialConnection:
    return make_connection(status="needs_reauth")


def test_job_that_waits_for_a_person_names_them() -> None:
    on_owner = decide(make_job(connection=needs_reauth()), make_context()).move.changes
    assert (on_owner["waiting_for"], on_owner["who_acts"]) == ("owner", "owner")
    pause = Paused(until=ahead(minutes=1), code="x", reason="x", step=StepKind.PUBLISH)
    on_operator = decide(make_job(), make_context(paused=(pause,))).move.changes
    assert (on_operator["waiting_for"], on_operator["who_acts"]) == ("operator", "operator")
    lookup = decide(in_first_request(connection=needs_reauth()), make_context()).move.changes
    assert (lookup["waiting_for"], lookup["who_acts"]) == ("owner", "owner")


def test_job_whose_grace_ends_names_whom_it_has_waited_for() -> None:
    late: dict[str, Any] = {"created_at": ago(hours=2), "waiting_for": "operator"}
    late |= {"who_acts": "operator"}
    assert decide(make_job(**late), make_context()).move.changes["who_acts"] == "operator"
    late |= {"waiting_for": "owner", "who_acts": "owner"}
    assert decide(make_job(**late), make_context()).move.changes["who_acts"] == "owner"
    unknown = errors.InvalidSocialPlatformError("myspace")
    deferred = defer(make_job(created_at=ago(hours=2)), make_context(), unknown).move
    assert (deferred.to, deferred.changes["who_acts"]) == (Status.FAILED, "operator")


def test_unconfirmed_job_that_is_left_to_a_person_names_its_user() -> None:
    assert left_to_a_person(in_first_request(), "Why.").move.changes["who_acts"] == "user"


def test_job_that_kills_its_workers_names_the_operator() -> None:
    move = decide(make_job(claims=99), make_context()).move
    assert (move.changes["error_code"], move.changes["who_acts"]) == ("poison", "operator")
