"""The exactly-once rule, row by row: state and response in, decision out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from publishing.engine import in_doubt
from publishing.engine.settle import settle
from publishing.engine.values import StepKind
from publishing.models import PublishJob, Status
from publishing.progress import JobProgress, Refusal
from publishing.tests.engine.builders import (
    MAX_ATTEMPTS,
    NOW,
    ago,
    in_first_request,
    in_retry,
    make_connection,
    make_context,
    make_destination,
    make_job,
    result_of,
)
from socialpublishing.errors import (
    AccountBlockedError,
    AssetUnreachableError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MalformedResponseError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    PlatformUnreachableError,
    RateLimitError,
    TokenExpiredError,
    UploadAddressRefusedError,
    UploadLostError,
)
from socialpublishing.platforms.progress import Found, Progress, Stage

# LinkedIn refuses a member's duplicate for some minutes; its posts cannot be read.
NOT_READABLE = "linkedin"
PROVES_NOTHING_CREATED = [
    PlatformUnreachableError(),
    UploadAddressRefusedError(),
    RateLimitError(),
    TokenExpiredError(),
    AccountBlockedError(),
    InsufficientPermissionsError(),
    PlatformConfigurationError(),
    PlatformRefusedError(nothing_was_created=True),
    MediaNotReadyError(),
    UploadLostError(),
    ContentRejectedError(),
    DuplicateContentError(),
    AssetUnreachableError(),
]
LEAVES_IN_DOUBT = [
    NoResponseError(),
    MalformedResponseError(),
    PlatformApiError(),
    RuntimeError("a bug of ours"),
]


def after_publish(job: PublishJob, error: Exception, **facts: Any) -> Any:
    result = result_of(job, StepKind.PUBLISH, error=error)
    return settle(result, make_context(**facts)).move


def after_lookup(job: PublishJob, value: Found | Progress | None = None, **facts: Any) -> Any:
    result = result_of(job, StepKind.LOOKUP, value=value)
    return settle(result, make_context(**facts)).move


def name_of(error: object) -> str:
    return type(error).__name__


# --- The intent ----------------------------------------------------------------------------------


def test_the_intent_of_a_first_request_puts_it_in_doubt() -> None:
    assert in_doubt.intent(make_job(publish_requests=0, fencing_token=4), NOW) == {
        "publish_started_at": NOW,
        "in_doubt_since": NOW,
        "publish_requests": 1,
        "lookups": 0,
        "fencing_token": 5,
    }


def test_the_intent_of_a_retry_keeps_the_first_request_in_doubt() -> None:
    first = ago(minutes=3)
    changes = in_doubt.intent(make_job(in_doubt_since=first, publish_requests=1), NOW)
    assert (changes["publish_started_at"], changes["in_doubt_since"]) == (NOW, first)


# --- After a publish request ---------------------------------------------------------------------


@pytest.mark.parametrize("error", PROVES_NOTHING_CREATED, ids=name_of)
def test_proof_that_nothing_was_created_takes_the_intent_away(error: Exception) -> None:
    move = after_publish(in_first_request(), error)
    assert move.changes["publish_started_at"] is None
    assert move.changes["in_doubt_since"] is None


# After these, a post of the original request is looked up.
MAY_BE_DUE_TO_THE_POST = (
    ContentRejectedError,
    MediaNotReadyError,
    PlatformRefusedError,
    UploadLostError,
)


@pytest.mark.parametrize(
    "error",
    [each for each in PROVES_NOTHING_CREATED if not isinstance(each, MAY_BE_DUE_TO_THE_POST)],
    ids=name_of,
)
def test_response_to_a_retry_does_not_settle_the_original_request(error: Exception) -> None:
    move = after_publish(in_retry(), error)
    assert move.changes["publish_started_at"] is None
    assert "in_doubt_since" not in move.changes


@pytest.mark.parametrize("error", LEAVES_IN_DOUBT, ids=name_of)
@pytest.mark.parametrize("make", [in_first_request, in_retry])
def test_without_proof_the_outcome_is_looked_up(make: Any, error: Exception) -> None:
    move = after_publish(make(), error)
    assert move.to == Status.UNCONFIRMED
    assert move.changes["error_code"] == "outcome_unknown"
    assert move.changes["waiting_for"] == "outcome"
    assert move.changes["next_attempt_at"] == NOW + dt.timedelta(seconds=2)
    assert move.changes.keys().isdisjoint({"publish_started_at", "in_doubt_since"})


@pytest.mark.parametrize(
    "error", [UploadLostError(), ContentRejectedError(), MediaNotReadyError()], ids=name_of
)
def test_retry_that_the_post_itself_may_refuse_is_looked_up(error: PlatformApiError) -> None:
    job = in_retry()
    move = after_publish(job, error)
    assert move.to == Status.UNCONFIRMED
    assert move.changes.keys().isdisjoint({"publish_started_at", "in_doubt_since"})
    refusal = JobProgress.from_json(move.changes["progress"]).refusal
    assert refusal == Refusal(code=error.code, message=str(error))


@pytest.mark.parametrize(
    ("platform", "error", "may_be"),
    [
        ("twitter", UploadLostError(), True),
        ("twitter", ContentRejectedError(), True),
        ("twitter", DuplicateContentError(), True),
        ("twitter", MediaNotReadyError(), True),
        (NOT_READABLE, MediaNotReadyError(), False),
        (NOT_READABLE, ContentRejectedError(), True),
        ("twitter", RateLimitError(), False),
        ("twitter", NoResponseError(), False),
        ("twitter", None, False),
    ],
)
def test_which_refusals_may_be_due_to_an_earlier_request(
    platform: str, error: Exception | None, may_be: bool
) -> None:
    retry, first = in_retry(platform), in_first_request(platform)
    assert in_doubt.may_be_due_to_earlier_request(error, retry) is may_be
    assert not in_doubt.may_be_due_to_earlier_request(error, first)


@pytest.mark.parametrize(
    ("make", "remote_id", "facts", "is_ours"),
    [
        (in_retry, "99", {}, True),
        (in_first_request, "99", {}, False),
        (in_retry, "", {}, False),
        (in_retry, "99", {"named_post_is_taken": True}, False),
        (in_retry, "99", {"named_post_may_be_others": True}, False),
    ],
)
def test_whose_a_named_duplicate_is(
    make: Any, remote_id: str, facts: dict[str, bool], is_ours: bool
) -> None:
    move = after_publish(make(), DuplicateContentError(remote_id=remote_id), **facts)
    assert (move.to == Status.PUBLISHED) is is_ours
    assert move.changes.get("remote_id", "") == ("99" if is_ours else "")


@pytest.mark.parametrize(
    ("refusal", "remote_id", "to"),
    [
        (PlatformRefusedError(nothing_was_created=True), "99", Status.PUBLISHED),
        (PlatformRefusedError(nothing_was_created=True), "", Status.UNCONFIRMED),
        (RateLimitError(), "99", Status.CONTENT_REJECTED),
        (RateLimitError(), "", Status.CONTENT_REJECTED),
    ],
)
def test_duplicate_may_be_due_to_a_request_refused_for_an_unknown_reason(
    refusal: PlatformApiError, remote_id: str, to: Status
) -> None:
    job = in_first_request()
    for error in (refusal, RateLimitError()):
        after_publish(job, error).apply()
        assert not in_doubt.may_exist(job)
        job.publish_started_at = job.in_doubt_since = NOW
    move = after_publish(job, DuplicateContentError(remote_id=remote_id))
    assert move.to == to
    if to == Status.UNCONFIRMED:  # looked up from the first request on
        assert move.changes["in_doubt_since"] == ago(seconds=1)


@pytest.mark.parametrize(
    ("between", "to"),
    [
        (lambda job: after_publish(job, UploadLostError()).changes["progress"], "Unconfirmed"),
        # The next part of a thread is another request.
        (lambda job: job.stored_progress.with_part("1", post_url="").to_json(), "ContentRejected"),
    ],
)
def test_unknown_refusal_is_remembered_for_its_part_of_the_post(between: Any, to: str) -> None:
    job = in_first_request()
    after_publish(job, PlatformRefusedError(nothing_was_created=True)).apply()
    job.error_code = ""
    job.progress = between(job)
    job.publish_started_at = job.in_doubt_since = NOW
    assert after_publish(job, DuplicateContentError()).to == to


def test_lost_upload_is_not_repeated_where_nothing_can_be_looked_up() -> None:
    job = make_job(NOT_READABLE, in_doubt_since=ago(minutes=3))
    result = result_of(job, StepKind.PREPARE, error=UploadLostError())
    move = settle(result, make_context()).move
    assert (move.to, move.changes["next_attempt_at"]) == (Status.UNCONFIRMED, None)


# --- After a lookup ------------------------------------------------------------------------------


def test_post_that_is_found_is_published() -> None:
    move = after_lookup(in_first_request(), Found(remote_id="99", post_url="https://x.com/1"))
    assert (move.to, move.changes["remote_id"]) == (Status.PUBLISHED, "99")


def test_post_of_another_job_is_not_taken_for_the_one_that_is_sought() -> None:
    move = after_lookup(in_first_request(), Found(remote_id="99"), named_post_is_taken=True)
    assert move.to == Status.UNCONFIRMED
    assert JobProgress.from_json(move.changes["progress"]).absent_lookups == 1


@pytest.mark.parametrize(
    ("age_s", "absent_before", "is_repeated"),
    [(1, 0, False), (1, 5, False), (89, 1, False), (90, 0, False), (90, 1, True), (200, 7, True)],
)
def test_absent_is_what_two_lookups_do_not_show_after_the_settle_time(
    age_s: int, absent_before: int, is_repeated: bool
) -> None:
    progress = JobProgress(absent_lookups=absent_before)
    started = ago(seconds=age_s)
    move = after_lookup(in_first_request(started=started, progress=progress))
    assert (move.to == Status.PENDING) is is_repeated
    if is_repeated:
        assert move.changes["publish_started_at"] is None
        assert move.changes["in_doubt_since"] == started
        assert move.changes["attempts"] == 1
        assert JobProgress.from_json(move.changes["progress"]).absent_lookups == 0
    else:
        assert "publish_started_at" not in move.changes
        stored = JobProgress.from_json(move.changes["progress"])
        assert stored.absent_lookups == absent_before + 1


def test_list_that_may_be_incomplete_proves_no_absence() -> None:
    asset = {"url": "https://a.example/1.jpg", "asset_type": "image", "mime_type": "image/jpeg"}
    job = in_first_request(
        "tiktok",
        started=ago(hours=1),
        assets=[{**asset, "kind": "image"}],
        progress=JobProgress(absent_lookups=9),
    )
    assert after_lookup(job).to == Status.UNCONFIRMED


def test_absent_post_fails_when_all_attempts_are_used() -> None:
    progress = JobProgress(absent_lookups=1)
    job = in_first_request(started=ago(seconds=90), progress=progress, attempts=MAX_ATTEMPTS)
    move = after_lookup(job)
    assert (move.to, move.code) == (Status.FAILED, "no_answer")


@pytest.mark.parametrize(
    ("code", "age", "to"),
    [
        ("content_rejected", dt.timedelta(minutes=9), Status.UNCONFIRMED),
        ("content_rejected", dt.timedelta(minutes=11), Status.CONTENT_REJECTED),
        ("upload_lost", dt.timedelta(minutes=11), Status.UNCONFIRMED),
    ],
)
def test_refused_retry_is_never_repeated(code: str, age: dt.timedelta, to: Status) -> None:
    progress = JobProgress(absent_lookups=4, refusal=Refusal(code=code, message="Refused."))
    assert after_lookup(in_retry(publish_started_at=NOW - age, progress=progress)).to == to


@pytest.mark.parametrize(
    ("platform", "at_destination", "age", "is_over"),
    [
        (NOT_READABLE, False, dt.timedelta(minutes=1), False),
        (NOT_READABLE, False, dt.timedelta(minutes=30), True),
        (NOT_READABLE, True, dt.timedelta(minutes=30), False),
        ("twitter", False, dt.timedelta(hours=9), False),
    ],
)
def test_nothing_is_repeated_after_the_platforms_own_window(
    platform: str, at_destination: bool, age: dt.timedelta, is_over: bool
) -> None:
    connection = make_connection(platform)
    destination = make_destination(connection) if at_destination else None
    job = make_job(
        platform, connection=connection, destination=destination, in_doubt_since=NOW - age
    )
    assert in_doubt.repeat_window_is_over(job, NOW) is is_over


def test_window_counts_from_the_first_request_in_doubt() -> None:
    job = in_retry(NOT_READABLE, in_doubt_since=ago(minutes=30))
    assert in_doubt.repeat_window_is_over(job, NOW)


@pytest.mark.parametrize(
    ("lookups", "age_s", "pause_s"),
    [
        (0, 0, 8),
        (1, 10, 20),
        (2, 30, 40),
        (2, 60, 30),
        (4, 200, 120),
        (7, 4000, 900),
        (99, 9000, 900),
    ],
)
def test_pauses_between_lookups_grow_and_one_meets_the_settle_time(
    lookups: int, age_s: int, pause_s: int
) -> None:
    job = in_first_request(started=ago(seconds=age_s), lookups=lookups)
    move = in_doubt.look_up_again(job, NOW, note="Not there.").move
    assert move.changes["next_attempt_at"] == NOW + dt.timedelta(seconds=pause_s)
    assert move.changes["lookups"] == lookups + 1


@pytest.mark.parametrize(
    ("hours", "lookups", "is_left"),
    [(23, 50, False), (25, 50, True), (25, 3, True), (25, 2, False)],
)
def test_after_a_day_of_lookups_a_person_resolves_the_job(
    hours: int, lookups: int, is_left: bool
) -> None:
    job = in_first_request(started=ago(hours=hours), lookups=lookups)
    move = in_doubt.look_up_again(job, NOW, note="Not there.").move
    assert move.to == Status.UNCONFIRMED
    assert (move.changes["next_attempt_at"] is None) is is_left


@pytest.mark.parametrize(("lookups", "to"), [(7, Status.PROCESSING), (8, Status.PUBLISHED)])
def test_post_with_an_id_is_published_even_if_nothing_more_can_be_read(
    lookups: int, to: Status
) -> None:
    platform = Progress(stage=Stage.CONFIRMING, remote_id="99")
    job = in_first_request(lookups=lookups, progress=JobProgress(platform=platform))
    move = in_doubt.look_up_again(job, NOW, note="No.").move
    assert move.to == to


def test_lookup_reads_posts_from_before_the_first_request() -> None:
    job = in_retry(in_doubt_since=ago(minutes=3))
    assert in_doubt.lookup_since(job) == ago(minutes=5)


# --- What is known of a job ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "intent", "doubt", "may_exist"),
    [
        ("twitter", False, False, False),
        ("twitter", True, True, True),
        ("twitter", False, True, False),  # two lookups have shown that it is absent
        (NOT_READABLE, False, True, True),
        (NOT_READABLE, True, True, True),
        ("myspace", False, True, True),
    ],
)
def test_whether_a_post_may_exist(
    platform: str, intent: bool, doubt: bool, may_exist: bool
) -> None:
    job = make_job(
        platform,
        publish_started_at=NOW if intent else None,
        in_doubt_since=NOW if doubt else None,
    )
    assert in_doubt.may_exist(job) is may_exist


@pytest.mark.parametrize(
    ("facts", "may_be_public"),
    [
        ({}, False),
        ({"publish_started_at": NOW, "in_doubt_since": NOW}, True),
        ({"publish_started_at": NOW}, True),  # as the release before stores it
        ({"in_doubt_since": NOW}, False),
        ({"progress": JobProgress(platform=Progress(posted=("1",)))}, True),
    ],
)
def test_whether_publishing_has_begun(facts: dict[str, Any], may_be_public: bool) -> None:
    assert in_doubt.may_be_public(make_job(**facts)) is may_be_public


@pytest.mark.parametrize("status", list(Status))
def test_only_what_has_neither_begun_nor_ended_can_be_cancelled(status: Status) -> None:
    waits = {Status.PENDING, Status.SCHEDULED, Status.PROCESSING}
    assert in_doubt.can_be_cancelled(make_job(status=status)) is (status in waits)
    assert not in_doubt.can_be_cancelled(in_first_request(status=status))


def test_retry_by_hand_looks_up_what_is_in_doubt_and_forgets_the_refusal() -> None:
    progress = JobProgress(
        platform=Progress(posted=("1",)),
        absent_lookups=2,
        refusal=Refusal(code="content_rejected", message="Refused."),
    )
    job = make_job(in_doubt_since=ago(hours=1), progress=progress)
    assert in_doubt.look_up_before_retry(job) == {
        "publish_started_at": ago(hours=1),
        "progress": {"posted": ["1"]},
    }


# --- A refusal that we do not understand ---------------------------------------------------------


def test_refusal_of_unknown_reason_after_a_publish_request_is_looked_up() -> None:
    error = PlatformRefusedError("Not today.")
    move = settle(result_of(in_first_request(), StepKind.PUBLISH, error=error), make_context()).move
    assert move.to == Status.UNCONFIRMED
    assert "publish_started_at" not in move.changes
    assert move.changes["progress"]["doubt"]["message"] == "Not today."


def test_operator_reads_the_words_of_an_unknown_refusal(caplog: pytest.LogCaptureFixture) -> None:
    error = PlatformRefusedError("Not today.", platform_code="4711")
    settle(result_of(in_first_request(), StepKind.PUBLISH, error=error), make_context())
    [record] = caplog.records
    facts = vars(record)
    assert (facts["platform_code"], facts["reason"]) == ("4711", "Not today.")


def test_refusal_that_created_nothing_is_retried_without_an_attempt() -> None:
    error = PlatformRefusedError("Edge.", nothing_was_created=True)
    move = settle(result_of(in_first_request(), StepKind.PUBLISH, error=error), make_context()).move
    assert move.to == Status.PENDING
    assert move.changes["publish_started_at"] is None
    assert (move.changes["attempts"], move.changes["retry_pause_s"]) == (0, 60)


@pytest.mark.parametrize("nothing_was_created", [False, True])
def test_retry_that_is_refused_for_an_unknown_reason_is_looked_up(
    nothing_was_created: bool,
) -> None:
    """The reason may be the post of the earlier request."""
    error = PlatformRefusedError("No.", nothing_was_created=nothing_was_created)
    move = settle(result_of(in_retry(), StepKind.PUBLISH, error=error), make_context()).move
    assert move.to == Status.UNCONFIRMED
    assert "publish_started_at" not in move.changes


@pytest.mark.parametrize(("last_pause_s", "pause_s"), [(0, 60), (60, 120), (240, 480), (800, 900)])
def test_absent_post_is_published_again_after_growing_pauses(
    last_pause_s: float, pause_s: float
) -> None:
    doubt = Refusal(code="platform_refused", message="Not today.")
    job = in_first_request(
        started=ago(minutes=10),
        attempts=MAX_ATTEMPTS,
        retry_pause_s=last_pause_s,
        progress=JobProgress(absent_lookups=1, doubt=doubt),
    )
    move = settle(result_of(job, StepKind.LOOKUP), make_context()).move
    assert (move.to, move.changes["error_code"]) == (Status.PENDING, "platform_refused")
    assert move.changes["next_attempt_at"] == NOW + dt.timedelta(seconds=pause_s)
    assert move.changes["who_acts"] == "operator"
    assert "doubt" not in move.changes["progress"]


# --- Before a job ends ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "error", "to"),
    [
        (NOT_READABLE, InsufficientPermissionsError(), Status.UNCONFIRMED),
        ("twitter", InsufficientPermissionsError(), Status.FAILED),
    ],
)
def test_nothing_ends_as_unpublished_while_it_may_exist(
    platform: str, error: Exception, to: Status
) -> None:
    job = make_job(platform, in_doubt_since=ago(minutes=3))
    result = result_of(job, StepKind.PREPARE, error=error)
    move = settle(result, make_context()).move
    assert move.to == to
    assert (in_doubt.MAY_EXIST in move.note) is (to == Status.UNCONFIRMED)
