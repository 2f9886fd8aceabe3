"""The feed of events: complete, in order, each caller's own."""

import threading
import time

import pytest
from django.db import connection as database
from django.db import connections
from django.utils import timezone

from connections.models import SocialConnection
from connections.tests.test_destinations import connect
from connections.tokens import require_reauth
from publishing.retention import purge
from socialpublishing.events.feed import place_new_events
from socialpublishing.events.models import Event, EventType
from socialpublishing.events.outbox import News, record
from socialpublishing.events.serializers import CursorField
from socialpublishing.events.views import WaitingCallers

pytestmark = pytest.mark.usefixtures("instant_processing")


def types(page):
    return [event["type"] for event in page["events"]]


def make_event(sequence=1, *, user="alice", using="default"):
    Event.objects.using(using).create(
        type=EventType.JOB_CHANGED,
        user_id=user,
        sequence=sequence,
        data={},
        at=timezone.now(),
    )


# --- Contents ------------------------------------------------------------------------------------


def test_feed_has_what_happened_and_is_of_one_user(api, make_api, sandbox, worker):
    connection = connect(api, "twitter", confirm=True)
    job_id = api.publish(connection, "News").json()["job_id"]
    worker.work()
    require_reauth(connection, "The owner has changed the password.")
    connect(api, "twitter", confirm=True)
    api.delete(f"connections/{connection.pk}")

    page = api.get("events").json()
    assert types(page) == [
        "connection.connected",
        "job.accepted",
        "job.published",
        "connection.needs_reauth",
        "connection.restored",
        "connection.disconnected",
    ]
    [accepted, published] = [each for each in page["events"] if each["type"].startswith("job.")]
    assert published["data"] == api.get(f"publishing/jobs/{job_id}/status").json() | {
        "connection_id": str(connection.pk)
    }
    assert [each["sequence"] for each in (accepted, published)] == [1, 2]
    of_connection = [each for each in page["events"] if each["type"].startswith("connection.")]
    assert [each["sequence"] for each in of_connection] == [1, 2, 3, 4]
    assert of_connection[1]["data"]["status"] == "needs_reauth"
    assert make_api("bob").get("events").json()["events"] == []


def test_pause_of_a_platform_is_an_event_for_whoever_has_an_account_there(
    api, make_api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    make_connection("pinterest", user="bob")
    fault = {"code": 402, "body": {"title": "CreditsDepleted", "status": 402, "detail": "No."}}
    sandbox.fault("status", fault, method="POST", path="^/2/tweets$", times=1)
    api.publish(connection, "Hello")
    worker.work(until=Event.objects.filter(type="platform.paused").exists)
    worker.work_ahead(sandbox=sandbox)

    about = [each for each in api.get("events").json()["events"] if "platform." in each["type"]]
    assert [each["type"] for each in about] == ["platform.paused", "platform.resumed"]
    assert set(about[0]["data"]) == {"platform", "feature", "reason", "since", "until"}
    assert types(make_api("bob").get("events").json()) == ["connection.connected"]


# --- Cursor --------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_repeat(api):
    for sequence in range(1, 8):
        make_event(sequence)
    seen, cursor = [], ""
    for _ in range(4):
        page = api.get(f"events?limit=3&after={cursor}").json()
        seen += [event["sequence"] for event in page["events"]]
        cursor = page["next"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    make_event(8)
    assert [e["sequence"] for e in api.get(f"events?after={cursor}").json()["events"]] == [8]


@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_event_with_a_lower_id_that_commits_last_is_not_skipped(transactional_db, api):
    slow = connections.create_connection("default")
    connections.databases["slow"] = connections.databases["default"]
    try:
        connections["slow"] = slow
        slow.set_autocommit(False)
        make_event(1, using="slow")
        make_event(2)
        page = api.get("events").json()
        assert [event["sequence"] for event in page["events"]] == [2]
        slow.commit()
        page = api.get(f"events?after={page['next']}").json()
        assert [event["sequence"] for event in page["events"]] == [1]
    finally:
        slow.close()
        del connections["slow"], connections.databases["slow"]


@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_events_that_are_erased_while_they_are_placed_leave_no_position_twice(transactional_db):
    for sequence in range(1, 4):
        make_event(sequence)
    eraser = connections.create_connection("default")
    placed = []

    def place():
        try:
            placed.append(place_new_events())
        finally:
            database.close()

    try:
        eraser.set_autocommit(False)
        with eraser.cursor() as cursor:
            cursor.execute(f"DELETE FROM {Event._meta.db_table} WHERE sequence = 2")
            placing = threading.Thread(target=place)
            placing.start()
            cursor.execute("SELECT pg_sleep(0.5)")  # until the other waits for the row
        eraser.commit()
        placing.join(20)
    finally:
        eraser.close()
    make_event(4)
    place_new_events()

    assert placed == [2]
    assert list(Event.objects.values_list("sequence", "position")) == [(1, 1), (3, 3), (4, 4)]


def test_cursor_behind_what_is_kept_is_refused(api, settings):
    settings.EVENT_RETENTION_DAYS = 7
    make_event(1)
    start = CursorField().to_representation(0)
    old = api.get("events").json()["next"]
    Event.objects.update(at="2026-01-01T00:00Z")
    make_event(2)
    api.get("events")
    purge(timezone.now())

    assert [e["sequence"] for e in api.get("events").json()["events"]] == [2]
    assert [e["sequence"] for e in api.get(f"events?after={old}").json()["events"]] == [2]
    refused = api.get(f"events?after={start}")
    assert (refused.status_code, refused.json()["code"]) == (410, "cursor_expired")
    assert "Start again without `after`" in refused.json()["detail"]
    ahead = CursorField().to_representation(10**6)  # of a feed that a backup has replaced
    assert api.get(f"events?after={ahead}").status_code == 410


@pytest.mark.parametrize(
    "query",
    [
        "after=1", "after=%00", "after=MTo5OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "types=job.done",
        "limit=0", "limit=101", "limit=x", "wait=21", "wait=-1", "since=1",
    ],
)  # fmt: skip
def test_wrong_parameter_is_named(api, query):
    response = api.get(f"events?{query}")
    assert response.status_code == 400
    assert response.json()["violations"][0]["field"] == query.partition("=")[0]


def test_types_narrow_the_feed(api, make_connection, worker):
    api.publish(make_connection("twitter"))
    worker.work()
    page = api.get("events?types=job.published,job.failed").json()
    assert types(page) == ["job.published"]
    assert api.get(f"events?after={page['next']}").json()["events"] == []


# --- Waiting -------------------------------------------------------------------------------------


def test_waiting_caller_gets_the_event_when_it_comes(transactional_db, api):
    cursor = api.get("events").json()["next"]

    def later():
        time.sleep(0.3)
        try:
            make_event(1)
        finally:
            database.close()

    thread = threading.Thread(target=later)
    thread.start()
    page = api.get(f"events?wait=20&after={cursor}").json()
    thread.join()
    assert [event["sequence"] for event in page["events"]] == [1]


def test_places_for_waiting_callers_are_bounded():
    waiting = WaitingCallers(places=2, of_one_user=1)
    with waiting.place("alice") as first, waiting.place("alice") as second:
        assert (first, second) == (True, False)
        with waiting.place("bob") as third, waiting.place("carol") as fourth:
            assert (third, fourth) == (True, False)
    with waiting.place("alice") as again:
        assert again


# --- Outbox --------------------------------------------------------------------------------------


def test_event_outside_a_transaction_is_refused(transactional_db):
    with pytest.raises(RuntimeError):
        record([News(type=EventType.JOB_CHANGED, sequence=1, data={})], at=timezone.now())


def test_event_goes_with_the_transaction_that_fails(db, api, make_connection):
    connection = make_connection("twitter")
    assert SocialConnection.objects.filter(pk=connection.pk).exists()
    before = Event.objects.count()
    response = api.post("publishing/publish", {"connection_id": str(connection.pk)})
    assert response.status_code == 400
    assert Event.objects.count() == before
