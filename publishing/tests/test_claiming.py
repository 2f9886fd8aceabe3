"""Which due jobs a worker claims: fairly, under one lock, and with few queries."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection as database
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import SteppedWorker, statuses
from publishing import claiming
from publishing.models import PublishJob, Status
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault
from publishing.worker import due as due_module
from publishing.worker.due import DueJobs
from publishing.worker.turn import Turn
from socialpublishing.prepared import PreparedQuery

pytestmark = pytest.mark.usefixtures("instant_processing")
NOW = timezone.now()


@pytest.fixture
def make_due():
    """A job due a minute ago, each one a little later than the one before, or `after` seconds."""

    def make(user: str, account: str, *, after: float = 0, lease_owner: str = "") -> PublishJob:
        due = NOW - dt.timedelta(seconds=60 - PublishJob.objects.count() * 0.001)
        if after:
            due = NOW + dt.timedelta(seconds=after)
        return PublishJob.objects.create(
            user_id=user,
            platform=account.partition(":")[0],
            account=account,
            status=Status.SCHEDULED,
            next_attempt_at=due,
            lease_owner=lease_owner,
            created_at=NOW,
            updated_at=NOW,
        )

    return make


def test_many_jobs_of_one_account_do_not_delay_another_account(
    api, make_connection, sandbox, worker
):
    busy, other = make_connection(), make_connection()
    for number in range(50):
        api.publish(busy, f"Of many {number}")
    only_one = api.publish(other, "The only one").json()["job_id"]

    worker.finish(timezone.now() + dt.timedelta(seconds=1))

    assert PublishJob.objects.get(pk=only_one).status == "Published"


def test_many_accounts_of_one_user_do_not_delay_another_user(
    make_api, make_connection, sandbox, worker
):
    alice, bob = make_api("alice"), make_api("bob")
    for connection in [make_connection(user="alice") for _ in range(20)]:
        for number in range(3):
            alice.publish(connection, f"Of many {number}")
    bob.publish(make_connection(user="bob"), "The only one")

    worker.work()

    texts = [post["text"] for post in sandbox.posts()]
    assert len(texts) == 61
    assert texts.index("The only one") < worker.threads


def test_users_and_their_accounts_take_turns(make_due, db):
    for account in ("a1", "a1", "a2", "a3"):
        make_due("alice", f"twitter:{account}")
    make_due("bob", "twitter:b1")
    due = DueJobs(9)
    assert due.read(NOW)

    busy: tuple[set[str], ...] = (set(), {"twitter:a2"}, set())
    turns = [due.take(limit, each) for limit, each in zip((2, 9, 9), busy, strict=True)]

    accounts = dict(PublishJob.objects.values_list("pk", "account"))
    # No account twice at once; one that is busy keeps its turn.
    assert [[accounts[pk].removeprefix("twitter:") for pk in turn] for turn in turns] == [
        ["a1", "b1"],
        ["a3", "a1"],
        ["a2"],
    ]


def test_platforms_take_turns_and_none_has_all_places(make_due, db):
    for number in range(4):
        make_due("alice", f"tiktok:{number}")
    for number in range(2):
        make_due(f"user {number}", f"twitter:{number}")
    due = DueJobs(3)
    assert due.read(NOW)

    turns = [
        due.take(9, busy=set()),
        due.take(9, busy={"tiktok:8", "tiktok:9"}),
        due.take(9, busy=set()),
    ]

    accounts = dict(PublishJob.objects.values_list("pk", "account"))
    assert [[accounts[pk] for pk in turn] for turn in turns] == [
        ["tiktok:0", "twitter:0", "tiktok:1", "twitter:1", "tiktok:2"],
        ["tiktok:3"],
        [],
    ]


def test_account_with_more_due_jobs_than_the_window_hides_no_other(make_due, monkeypatch, db):
    monkeypatch.setattr(claiming, "CLAIM_WINDOW", 3)
    monkeypatch.setattr(claiming, "DUE", PreparedQuery(claiming.DUE._make))
    claimed = make_due("alice", "twitter:a1", lease_owner="another worker", after=30)
    for _ in range(5):
        make_due("alice", "twitter:a1")
    only_one = make_due("bob", "twitter:b1", after=-1)
    due = DueJobs(9)
    assert due.read(NOW)

    ids = due.take(9, busy=set())

    assert only_one.pk in ids
    assert claimed.pk not in ids
    assert PublishJob.objects.claimable(ids, NOW) == [only_one]


def test_platform_with_more_due_jobs_than_the_window_hides_no_other(make_due, monkeypatch, db):
    monkeypatch.setattr(claiming, "CLAIM_WINDOW", 3)
    monkeypatch.setattr(claiming, "DUE", PreparedQuery(claiming.DUE._make))
    for number in range(5):
        make_due("alice", f"tiktok:{number}")
    only_one = make_due("bob", "twitter:1", after=-1)
    due = DueJobs(2)
    assert due.read(NOW)
    assert only_one.pk in due.take(9, busy={"tiktok:8", "tiktok:9"})


def test_platforms_keep_their_turns_when_all_is_read_again(make_due, monkeypatch, db):
    monkeypatch.setattr(due_module, "READ_ALL_EVERY_S", 0)
    for number in range(3):
        make_due("alice", f"tiktok:{number}")
    make_due("bob", "twitter:1")
    due = DueJobs(9)

    taken = []
    for _ in range(2):
        assert due.read(NOW)
        taken += due.take(1, busy=set())

    accounts = dict(PublishJob.objects.values_list("pk", "account"))
    assert [accounts[pk] for pk in taken] == ["tiktok:0", "twitter:1"]


def test_job_that_becomes_due_beside_a_long_backlog_gets_its_turn(make_due, monkeypatch, db):
    monkeypatch.setattr(due_module, "READ_EVERY_S", 0)
    for _ in range(3):
        make_due("alice", "twitter:a1")
    of_bob = make_due("bob", "twitter:b1", after=2)
    of_alice = make_due("alice", "twitter:a1", after=2)
    due = DueJobs(9)
    assert due.read(NOW)
    due._read_all_again_at = float("inf")  # reading all of a long backlog takes long

    first = due.take(9, busy=set())
    assert due.read(NOW + dt.timedelta(seconds=3))
    then = [due.take(9, busy=set()) for _ in range(2)]

    assert of_bob.pk not in first
    assert of_bob.pk in then[0]
    # Of an account, the older ones come first.
    assert of_alice.pk not in first + then[0] + then[1]


# --- The claim lock ------------------------------------------------------------------------------

# The row by which workers of this release and of the one before exclude each other. Its name is
# stored: written out here, so that a change of CLAIM_LOCK fails.
LOCK_TABLE, LOCK_NAME = "publishing_lane", "turnstile"


def test_claim_locks_the_row_that_workers_of_all_releases_lock(api, make_connection, worker):
    api.publish(make_connection(), "Once")

    with CaptureQueriesContext(database) as captured:
        assert worker.claim(Turn(now=timezone.now()), limit=1) == 1

    statements = [query["sql"] for query in captured]
    [lock] = [number for number, sql in enumerate(statements) if LOCK_TABLE in sql]
    # SQLite has no row locks: there the transaction itself excludes all others.
    assert "FOR UPDATE" in statements[lock] or not database.features.has_select_for_update
    first_change = next(
        n for n, sql in enumerate(statements) if sql.startswith(("UPDATE", "WITH new"))
    )
    assert lock < first_change
    worker.finish(timezone.now())


@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has no row locks")
def test_nothing_is_claimed_while_a_worker_of_another_release_claims(
    transactional_db, api, make_connection, worker
):
    api.publish(make_connection(), "Once")
    other_release = connections.create_connection("default")
    try:
        other_release.set_autocommit(False)
        with other_release.cursor() as cursor:
            lock = f"SELECT name FROM {LOCK_TABLE} WHERE name = %s FOR UPDATE"
            cursor.execute(lock, [LOCK_NAME])
        assert worker.claim(Turn(now=timezone.now()), limit=1) == 0
    finally:
        other_release.close()

    assert worker.claim(Turn(now=timezone.now()), limit=1) == 1
    worker.finish(timezone.now())


# --- The number of queries -----------------------------------------------------------------------


def new_jobs(sandbox, worker, platform) -> None:
    """The jobs are new."""


def in_doubt_and_absent(sandbox, worker, platform) -> None:
    """The jobs are in doubt, and lookups do not find their posts."""
    since = timezone.now() - dt.timedelta(seconds=5)
    PublishJob.objects.update(
        status=Status.UNCONFIRMED, publish_started_at=since, in_doubt_since=since
    )


def known_to_be_absent(sandbox, worker, platform) -> None:
    """The posts of the jobs are known to be absent."""
    PublishJob.objects.update(in_doubt_since=timezone.now() - dt.timedelta(minutes=3))


def in_doubt_and_present(sandbox, worker, platform) -> None:
    """The jobs are in doubt, and lookups find their posts."""
    times = PublishJob.objects.count()
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "drop_after", times=times)
    now = timezone.now()
    while PublishJob.objects.exclude(status=Status.UNCONFIRMED).exists():
        worker.finish(now)
    PublishJob.objects.update(next_attempt_at=now)


def refused_as_duplicates(sandbox, worker, platform) -> None:
    """The platform refuses the retries of the jobs, and names the posts that it has."""
    in_doubt_and_present(sandbox, worker, platform)
    PublishJob.objects.update(status=Status.PENDING, publish_started_at=None)


@pytest.mark.parametrize(
    ("prepare", "platform", "outcome"),
    [
        (new_jobs, "facebook", "Published"),
        (new_jobs, "twitter", "Published"),
        (in_doubt_and_absent, "facebook", "Unconfirmed"),
        (in_doubt_and_absent, "twitter", "Unconfirmed"),
        (known_to_be_absent, "facebook", "Published"),
        (known_to_be_absent, "twitter", "Published"),
        (in_doubt_and_present, "facebook", "Published"),
        (in_doubt_and_present, "twitter", "Published"),
        (refused_as_duplicates, "linkedin", "Published"),
    ],
)
def test_number_of_queries_does_not_grow_with_the_jobs(
    api, make_connection, sandbox, prepare, platform, outcome
):
    """Each job is of an account of its own."""
    worker = SteppedWorker("wide", threads=12)

    def queries_of(count: int) -> tuple[int, int]:
        PublishJob.objects.all().delete()
        for number in range(count):
            api.publish(make_connection(platform), f"Number {number}")
        prepare(sandbox, worker, platform)
        turn = Turn(now=timezone.now())
        with CaptureQueriesContext(database) as claim:
            assert worker.claim(turn, limit=count) == count
        worker.unsettled = [worker.results.get(timeout=30) for _ in range(count)]
        with CaptureQueriesContext(database) as settle:
            worker.settle(turn)
        assert statuses() == {outcome: count}
        return len(claim), len(settle)

    assert queries_of(2) == queries_of(12)
