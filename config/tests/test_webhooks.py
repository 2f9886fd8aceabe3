"""Webhooks through the API and real receivers. Cases of corpora/webhook_cases.md are W01 to W09."""

import datetime as dt
import json
import logging
import re
import threading
import time
from dataclasses import replace

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.utils import timezone
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from conftest import Api
from socialpublishing.audit import AuditRecord
from socialpublishing.clock import database_now
from socialpublishing.crypto import key_ring
from socialpublishing.events.delivering import PER_HOST, RETRIES_S, Deliverer
from socialpublishing.events.managing import WEBHOOKS_PER_USER, create_webhook
from socialpublishing.events.models import Event, EventType
from socialpublishing.events.outbox import News, record
from socialpublishing.events.sending import Message, Outcome, signed_headers
from socialpublishing.events.webhooks import DeliveryError, Webhook, WebhookDelivery
from socialpublishing.media.network import INTERNET
from socialpublishing.tests.receiver import Receiver

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def make_receiver(settings):
    made = []

    def make():
        made.append(Receiver())
        settings.WEBHOOK_ALLOWED_ORIGINS = [each.origin for each in made]
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def receiver(make_receiver):
    return make_receiver()


@pytest.fixture
def deliverer(db):
    return Deliverer(network=replace(INTERNET, headers_s=0.2))


def make_webhook(api, receiver, **more):
    response = api.post("webhooks", {"url": receiver.url, **more})
    assert response.status_code == 201, response.json()
    return response.json()


def tell(user="alice", type_=EventType.JOB_PUBLISHED, *, sequence=1, **facts):
    news = News(
        type=type_, user_id=user, platform="twitter", sequence=sequence, data={"id": "1", **facts}
    )
    with transaction.atomic():
        record([news], at=database_now())


def log_of(api, webhook, query=""):
    return api.get(f"webhooks/{webhook['id']}/deliveries{query}").json()


def feed_of(api):
    return [event["id"] for event in api.get("events?limit=100").json()["events"]]


# --- The cases -----------------------------------------------------------------------------------


def test_w01_both_secrets_verify_for_a_day_after_a_rotation(api, receiver, deliverer):
    webhook = make_webhook(api, receiver)
    rotated = api.post(f"webhooks/{webhook['id']}/rotate-secret").json()
    tell()
    deliverer.finish(timezone.now())

    for secret in (webhook["secret"], rotated["secret"]):
        assert len(receiver.events(secret)) == 1
    [(_, headers, body)] = receiver.requests
    newest, _ = headers["webhook-signature"].split(" ")
    Signer(rotated["secret"]).verify(body, {**headers, "webhook-signature": newest})

    tell()
    deliverer.finish(timezone.now() + 25 * HOUR)
    assert " " not in receiver.requests[-1][1]["webhook-signature"]


def test_w02_changed_body_id_or_timestamp_does_not_verify(api, receiver, deliverer):
    webhook = make_webhook(api, receiver)
    tell()
    deliverer.finish(timezone.now())
    [(_, headers, body)] = receiver.requests
    later = str(int(headers["webhook-timestamp"]) + 1)
    for changed, text in (
        (headers, body.replace("twitter", "twittes", 1) + " "),
        ({**headers, "webhook-id": "evt_0"}, body),
        ({**headers, "webhook-timestamp": later}, body),
    ):
        with pytest.raises(WebhookVerificationError):
            Signer(webhook["secret"]).verify(text, changed)


def test_w03_replay_after_five_minutes_is_refused_by_the_public_library(api, receiver, deliverer):
    webhook = make_webhook(api, receiver)
    tell()
    deliverer.finish(timezone.now())
    with (
        time_machine.travel(timezone.now() + dt.timedelta(minutes=6)),
        pytest.raises(WebhookVerificationError, match="too old"),
    ):
        receiver.events(webhook["secret"])


@pytest.mark.parametrize(
    ("respond", "error"),
    [
        (500, "refused"), (301, "redirected"), ("hang", "no_response"), ("close", "no_response"),
    ],
)  # fmt: skip
def test_w04_failed_delivery_is_tried_again_with_the_same_id(
    respond, error, api, receiver, deliverer
):
    webhook = make_webhook(api, receiver)
    receiver.respond, receiver.hang_s = respond, 1
    receiver.location = f"{receiver.origin}/elsewhere"
    tell()
    now = timezone.now()
    for number, pause_s in enumerate(RETRIES_S, start=1):
        with time_machine.travel(now):
            deliverer.finish(now)
        assert len(receiver.requests) == number
        due = WebhookDelivery.objects.get().next_attempt_at
        assert 0.8 * pause_s <= (due - now).total_seconds() <= 1.2 * pause_s
        deliverer.finish(due - dt.timedelta(seconds=1))
        assert len(receiver.requests) == number
        now = due
    with time_machine.travel(now):
        deliverer.finish(now)

    [delivery] = log_of(api, webhook)
    assert (delivery["status"], delivery["attempts"]) == ("failed", 8)
    assert (delivery["error"], delivery["next_attempt_at"]) == (error, None)
    assert delivery["response_status"] == (respond if isinstance(respond, int) else None)
    assert {path for path, _, _ in receiver.requests} == {"/events"}
    headers = [headers for _, headers, _ in receiver.requests]
    assert len({each["webhook-id"] for each in headers}) == 1
    assert len({each["webhook-timestamp"] for each in headers}) == 8


def test_w04_a_receiver_that_is_gone_pauses_its_webhook(api, receiver, deliverer, caplog):
    webhook = make_webhook(api, receiver)
    receiver.respond = 410
    tell()
    deliverer.finish(timezone.now())

    found = api.get(f"webhooks/{webhook['id']}").json()
    assert (found["status"], found["paused_reason"]) == ("paused", "gone")
    [delivery] = log_of(api, webhook)
    assert (delivery["status"], delivery["error"]) == ("failed", "gone")
    assert "a webhook is paused" in caplog.text
    receiver.respond = 200
    tell()
    deliverer.finish(timezone.now())
    assert len(receiver.requests) == 1


def test_w06_five_days_of_failures_pause_a_webhook_and_lose_nothing(
    api, receiver, deliverer, caplog
):
    webhook = make_webhook(api, receiver)
    receiver.respond = 500
    start = timezone.now()
    for hours in range(0, 140, 13):
        tell(sequence=hours + 1)
        for minutes in (0, 1, 10):
            deliverer.finish(start + hours * HOUR + dt.timedelta(minutes=minutes))
    found = api.get(f"webhooks/{webhook['id']}").json()
    assert (found["status"], found["paused_reason"]) == ("paused", "failing")
    assert found["failing_since"] is not None
    record = AuditRecord.objects.get(object_id=webhook["id"])
    assert (record.action, record.after) == ("paused", {"status": "paused"})
    assert caplog.text.count("a webhook is paused") == 1

    receiver.respond = 200
    receiver.requests.clear()
    refused = api.post(
        f"webhooks/{webhook['id']}/deliveries/{log_of(api, webhook)[-1]['id']}/redeliver"
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_paused")
    active = api.patch(f"webhooks/{webhook['id']}", {"status": "active"}).json()
    assert (active["status"], active["paused_reason"], active["failing_since"]) == (
        "active", None, None,
    )  # fmt: skip
    for delivery in log_of(api, webhook, "?status=failed"):
        again = api.post(f"webhooks/{webhook['id']}/deliveries/{delivery['id']}/redeliver")
        assert (again.status_code, again.json()["status"]) == (202, "pending")
    deliverer.finish(start + 300 * HOUR)
    assert set(receiver.counts(webhook["secret"])) == set(feed_of(api))


def test_w07_a_process_that_ended_before_it_stored_the_outcome_sends_again(
    api, receiver, deliverer
):
    webhook = make_webhook(api, receiver)
    tell()
    now = timezone.now()
    deliverer.turn(now)
    _, outcome = deliverer.results.get(timeout=5)  # and is killed
    assert outcome.is_delivered

    another = Deliverer()
    another.turn(now + dt.timedelta(seconds=25))
    assert len(receiver.requests) == 1
    assert not another.places.taken
    another.finish(now + dt.timedelta(seconds=35))
    assert list(receiver.counts(webhook["secret"]).values()) == [2]
    assert log_of(api, webhook)[0]["status"] == "delivered"


def test_delivery_that_is_due_again_while_it_is_sent_waits_for_its_response(
    api, receiver, deliverer
):
    webhook = make_webhook(api, receiver)
    receiver.delay_s = 0.1
    tell()
    now = timezone.now()
    deliverer.turn(now)
    [delivery] = log_of(api, webhook)
    again = f"webhooks/{webhook['id']}/deliveries/{delivery['id']}/redeliver"
    assert [api.post(again).status_code for _ in range(2)] == [202, 202]

    deliverer.turn(now + HOUR)
    assert len(receiver.requests) == deliverer.places.taken == 1
    deliverer.finish(now + HOUR)
    assert list(receiver.counts(webhook["secret"]).values()) == [2]
    [delivery] = log_of(api, webhook)
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)


def test_late_failure_of_a_process_that_lost_its_lease_changes_nothing(api, receiver, deliverer):
    webhook = make_webhook(api, receiver)
    tell()
    now = timezone.now()
    deliverer.turn(now)
    claimed, _ = deliverer.results.get(timeout=5)
    Deliverer().finish(now + dt.timedelta(seconds=35))

    deliverer.unsettled.append((claimed, Outcome(error=DeliveryError.NO_RESPONSE)))
    deliverer.settle(now + dt.timedelta(seconds=36))

    assert log_of(api, webhook)[0]["status"] == "delivered"


def test_w08_w09_a_payload_is_the_event_of_the_feed_and_has_no_content(
    api, receiver, deliverer, make_connection, worker, sandbox
):
    webhook = make_webhook(api, receiver)
    connection = make_connection("twitter")
    api.publish(connection, "My own words", assets=[sandbox.picture()])
    worker.work()
    deliverer.finish(timezone.now())

    received = receiver.events(webhook["secret"])
    assert sorted(received, key=lambda event: event["timestamp"]) == sorted(
        api.get("events").json()["events"], key=lambda event: event["timestamp"]
    )
    of_job = [event for event in received if event["type"].startswith("job.")]
    assert {event["type"] for event in of_job} >= {"job.accepted", "job.published"}
    assert sorted(event["sequence"] for event in of_job) == list(range(1, len(of_job) + 1))
    sent = "".join(body for _, _, body in receiver.requests)
    tokens = (connection.access_token.reveal(), connection.refresh_token.reveal())
    for private in ("My own words", "harbour.jpg", "A harbour", *tokens):
        assert private not in sent
    assert all(headers["Content-Type"] == "application/json" for _, headers, _ in receiver.requests)


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="threads lock each other out of a database in memory"
)
def test_two_machines_send_each_event_once(transactional_db, receiver):
    api = Api("alice")
    webhook = make_webhook(api, receiver)
    stop = threading.Event()

    def deliver():
        Deliverer().run(stop=stop.is_set, alive=lambda: None)
        connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(2)]
    for each in threads:
        each.start()
    for number in range(100):
        tell(sequence=number + 1)
    give_up_at = time.monotonic() + 20
    while len(receiver.requests) < 100 and time.monotonic() < give_up_at:
        time.sleep(0.05)
    stop.set()
    for each in threads:
        each.join()
    assert receiver.counts(webhook["secret"]) == dict.fromkeys(feed_of(api), 1)
    assert len(feed_of(api)) == 100


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_webhook_is_deleted_while_events_are_queued_for_it(transactional_db, receiver):
    api = Api("alice")
    webhook = Webhook.objects.get(pk=make_webhook(api, receiver)["id"])
    tell()
    placing, responses = connections.create_connection("default"), []
    connections.databases["placing"] = connections.databases["default"]

    def delete():
        responses.append(api.delete(f"webhooks/{webhook.pk}"))
        connection.close()

    try:
        connections["placing"] = placing
        placing.set_autocommit(False)
        WebhookDelivery.objects.using("placing").create(
            webhook_id=webhook.pk,
            event_id=Event.objects.get().pk,
            created_at=timezone.now(),
            next_attempt_at=timezone.now(),
        )
        placing.check_constraints()
        deleting = threading.Thread(target=delete)
        deleting.start()
        with placing.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.5)")  # until the other waits for the row
        placing.commit()
        deleting.join(20)
    finally:
        placing.close()
        del connections["placing"], connections.databases["placing"]

    assert [each.status_code for each in responses] == [204]
    assert not WebhookDelivery.objects.exists()


# --- Which events go where -----------------------------------------------------------------------


def test_each_webhook_gets_the_events_that_concern_it(
    make_api, make_receiver, deliverer, make_connection
):
    alice, bob = make_api("alice"), make_api("bob")
    receivers = {name: make_receiver() for name in ("all", "failed", "bob", "console")}
    make_webhook(alice, receivers["all"], events=None)
    make_webhook(alice, receivers["failed"], events=["job.failed"])
    make_webhook(bob, receivers["bob"], events=[])
    create_webhook(user_id="", url=receivers["console"].url)
    make_connection("twitter", user="alice")
    deliverer.finish(timezone.now())
    for each in receivers.values():
        each.requests.clear()

    tell("alice", EventType.JOB_PUBLISHED)
    tell("alice", EventType.JOB_FAILED)
    tell("bob", EventType.JOB_FAILED)
    tell("", EventType.PLATFORM_PAUSED)
    tell("carol", EventType.JOB_FAILED)
    deliverer.finish(timezone.now())

    got = {
        name: sorted(json.loads(body)["type"] for _, _, body in each.requests)
        for name, each in receivers.items()
    }
    assert got == {
        "all": ["job.failed", "job.published", "platform.paused"],
        "failed": ["job.failed"],
        "bob": ["job.failed"],
        "console": ["job.failed"] * 3 + ["job.published", "platform.paused"],
    }


def test_events_cost_few_queries_without_webhooks(db, django_assert_max_num_queries):
    tell()
    Deliverer().turn(timezone.now())
    tell()
    with django_assert_max_num_queries(12):
        Deliverer().turn(timezone.now())


# --- Receivers that fail -------------------------------------------------------------------------


def test_receiver_that_was_down_for_an_hour_gets_each_event_once(api, make_receiver, deliverer):
    down = make_receiver()
    webhook = make_webhook(api, down)
    down.close()
    start = timezone.now()
    for minute in range(0, 60, 3):
        tell(sequence=minute + 1)
        deliverer.finish(start + dt.timedelta(minutes=minute))
    back = make_receiver()
    assert api.patch(f"webhooks/{webhook['id']}", {"url": back.url}).status_code == 200
    deliverer.finish(start + 4 * HOUR)

    assert back.counts(webhook["secret"]) == dict.fromkeys(feed_of(api), 1)
    assert len(feed_of(api)) == 20
    assert {each["status"] for each in log_of(api, webhook)} == {"delivered"}
    assert api.get(f"webhooks/{webhook['id']}").json()["failing_since"] is None


def test_receiver_that_hangs_does_not_delay_others(make_api, make_receiver):
    slow, quick = make_receiver(), make_receiver()
    slow.respond, slow.hang_s = "hang", 12
    make_webhook(make_api("alice"), slow)
    make_webhook(make_api("bob"), quick)
    deliverer = Deliverer()
    for number in range(60):
        tell("alice", sequence=number + 1)
    for number in range(10):
        tell("bob", sequence=number + 1)
    now = timezone.now()
    give_up_at = time.monotonic() + 10
    while len(quick.requests) < 10 and time.monotonic() < give_up_at:
        deliverer.turn(now)
        deliverer.collect(0.01)
        assert len(slow.requests) <= PER_HOST  # all of them still hang
    assert len(quick.requests) == 10


def test_own_mistake_of_one_webhook_stops_no_other(make_api, make_receiver, deliverer, caplog):
    broken, good = make_receiver(), make_receiver()
    webhook = make_webhook(make_api("alice"), broken)
    make_webhook(make_api("bob"), good)
    envelope = Webhook.objects.get(user_id="bob").__dict__["secret"]
    Webhook.objects.filter(user_id="alice").update(secret=envelope)
    tell("alice")
    tell("bob")
    deliverer.finish(timezone.now())
    assert len(good.requests) == 1
    assert broken.requests == []
    assert log_of(make_api("alice"), webhook)[0]["error"] == "secret_unreadable"


# --- The API -------------------------------------------------------------------------------------


def test_secret_is_shown_at_creation_and_rotation_only(api, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    webhook = make_webhook(api, receiver, description="Newsroom", events=["job.failed"])
    assert webhook["secret"].startswith("whsec_")
    assert len(Signer(webhook["secret"])._whsecret) == 32
    path = f"webhooks/{webhook['id']}"
    texts = [
        api.get("webhooks").content,
        api.get(path).content,
        api.patch(path, {"description": ""}).content,
        api.get(f"{path}/deliveries").content,
    ]
    assert not any(b"whsec_" in text for text in texts)
    rotated = api.post(f"{path}/rotate-secret").json()
    assert rotated["secret"] != webhook["secret"]
    assert rotated["former_secret_until"] is not None
    assert "whsec_" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 1},
        {"url": "https://example.com/" + "a" * 2048},
        {"url": "https://example.com/", "events": ["job.done"]},
        {"url": "https://example.com/", "events": "job.failed"},
        {"url": "https://example.com/", "description": "a" * 201},
        {"url": "https://example.com/", "secret": "whsec_x"},
        {"url": "https://example.com/", "status": "paused"},
    ],
)
def test_bad_webhook_is_refused(body, api):
    response = api.post("webhooks", body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert not Webhook.objects.exists()


def test_webhook_beyond_the_limit_is_refused(api, receiver):
    for _ in range(WEBHOOKS_PER_USER):
        make_webhook(api, receiver)
    response = api.post("webhooks", {"url": receiver.url})
    assert (response.status_code, response.json()["code"]) == (409, "webhook_limit_reached")


def test_webhook_is_changed_paused_and_deleted(api, receiver, deliverer):
    webhook = make_webhook(api, receiver, events=["job.failed"])
    path = f"webhooks/{webhook['id']}"
    changed = api.patch(path, {"events": None, "status": "paused"}).json()
    assert (changed["events"], changed["status"]) == (None, "paused")
    assert changed["paused_reason"] == "requested"
    tell()
    deliverer.finish(timezone.now())
    assert receiver.requests == []
    assert api.patch(path, {"status": "active"}).json()["paused_at"] is None
    tell()
    deliverer.finish(timezone.now())
    assert len(receiver.requests) == 1
    refused = api.patch(path, {"url": "http://127.0.0.1/x"})
    assert refused.json()["code"] == "webhook_address_refused"
    assert api.delete(path).status_code == 204
    assert api.get(path).json()["code"] == "webhook_not_found"
    assert not WebhookDelivery.objects.exists()


def test_what_waits_at_a_pause_is_sent_afterwards(api, receiver, deliverer):
    webhook = make_webhook(api, receiver)
    path = f"webhooks/{webhook['id']}"
    receiver.respond = 500
    tell()
    deliverer.finish(timezone.now())
    api.patch(path, {"status": "paused"})
    deliverer.finish(timezone.now() + HOUR)
    [waiting] = log_of(api, webhook)
    assert (waiting["status"], waiting["next_attempt_at"]) == ("pending", None)
    api.patch(path, {"status": "active"})
    receiver.respond = 200
    deliverer.finish(timezone.now() + HOUR)
    assert log_of(api, webhook)[0]["status"] == "delivered"


def test_test_event_is_sent_at_once_and_reports_the_outcome(api, receiver):
    webhook = make_webhook(api, receiver)
    result = api.post(f"webhooks/{webhook['id']}/test").json()
    assert (result["delivered"], result["response_status"], result["error"]) == (True, 204, None)
    [event] = receiver.events(webhook["secret"])
    assert (event["id"], event["type"]) == (result["event_id"], "webhook.test")
    assert set(event) == {"id", "type", "timestamp", "sequence", "data"}
    receiver.respond = 403
    result = api.post(f"webhooks/{webhook['id']}/test").json()
    assert (result["delivered"], result["error"]) == (False, "refused")
    assert feed_of(api) == []
    assert log_of(api, webhook) == []


def test_log_of_deliveries_is_paged_and_filtered(api, receiver, deliverer):
    webhook = make_webhook(api, receiver)
    for number in range(5):
        tell(sequence=number + 1)
        deliverer.finish(timezone.now())
    response = api.get(f"webhooks/{webhook['id']}/deliveries?limit=2")
    seen = [each["id"] for each in response.json()]
    while link := response.headers.get("Link", ""):
        following = [part for part in link.split(", ") if 'rel="next"' in part]
        if not following:
            break
        response = api.get(following[0].partition("/api/v1/")[2].partition(">")[0])
        seen += [each["id"] for each in response.json()]
    assert len(seen) == len(set(seen)) == 5
    assert log_of(api, webhook, "?status=failed") == []
    for wrong in ("state=x", "cursor=cD1hYmM=", "cursor=cD0wMDAxLTAxLTAxVDAwOjAwKzE0OjAw"):
        refused = api.get(f"webhooks/{webhook['id']}/deliveries?{wrong}")
        assert refused.status_code == 400
        assert refused.json()["violations"][0]["field"] == wrong.partition("=")[0]


# --- Keys, retention -----------------------------------------------------------------------------


def test_secrets_get_a_new_key(api, receiver, deliverer, settings):
    webhook = make_webhook(api, receiver)
    api.post(f"webhooks/{webhook['id']}/rotate-secret")
    settings.AES_KEYS_RETIRED = [settings.AES_KEY]
    settings.AES_KEY = "f0l0u5DIIs00/D/kAAc7HXqgvZOUt8/IcjF75LuqsWk="
    call_command("rotate_keys", "--new-envelope")
    stored = Webhook.objects.get().__dict__
    for column in ("secret", "former_secret"):
        assert stored[column].startswith(f"v2.{key_ring().primary_id}.")
    settings.AES_KEYS_RETIRED = []
    tell()
    deliverer.finish(timezone.now())
    assert len(receiver.events(webhook["secret"])) == 1


def test_webhook_whose_key_is_lost_works_after_a_rotation(api, receiver, deliverer, settings):
    webhook = make_webhook(api, receiver)
    settings.AES_KEY = "f0l0u5DIIs00/D/kAAc7HXqgvZOUt8/IcjF75LuqsWk="
    call_command("rotate_keys", "--give-up-lost")
    path = f"webhooks/{webhook['id']}"
    assert api.get(path).json()["paused_reason"] == "secret_lost"
    for response in (api.patch(path, {"status": "active"}), api.post(f"{path}/test")):
        assert (response.status_code, response.json()["code"]) == (409, "webhook_secret_lost")
    secret = api.post(f"{path}/rotate-secret").json()["secret"]
    api.patch(path, {"status": "active"})
    tell()
    deliverer.finish(timezone.now())
    assert len(receiver.events(secret)) == 1


def test_deliveries_are_kept_for_a_month(api, receiver, deliverer):
    from connections.tasks import housekeeping

    webhook = make_webhook(api, receiver)
    tell()
    deliverer.finish(timezone.now())
    tell()
    deliverer.finish(timezone.now())
    old = WebhookDelivery.objects.last()
    WebhookDelivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - 31 * 24 * HOUR)
    housekeeping()
    assert len(log_of(api, webhook)) == 1
    assert Event.objects.count() == 2


def test_signature_is_that_of_the_specification():
    """https://github.com/standard-webhooks/standard-webhooks, the example of its libraries."""
    from socialpublishing.crypto import Secret

    message = Message(id="msg_p5jXN8AQM9LWM0D4loKWxJek", body='{"test": 2432232314}')
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    headers = signed_headers(message, [Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")], at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


# --- The console ---------------------------------------------------------------------------------

PAGES = "/admin/socialpublishing/webhook/"
REASON = "They asked by phone."


def operate(client, name, row, page=PAGES):
    return client.post(page, {"action": name, "_selected_action": [row], "reason": REASON})


def test_webhook_of_the_console_is_made_with_a_reason_and_gets_everything(
    superuser, receiver, deliverer
):
    facts = {"url": receiver.url, "events": ["job.published"], "reason": REASON}
    html = superuser.post(f"{PAGES}add/", facts).content.decode()
    [secret] = re.findall(r"whsec_[\w+/=]+", html)
    webhook = Webhook.objects.get()
    made = AuditRecord.objects.exclude(action="signed_in").get()
    assert (made.action, made.object_id, made.reason) == ("created", str(webhook.pk), REASON)
    tell("alice")
    tell("bob")
    deliverer.finish(timezone.now())
    assert len(receiver.events(secret)) == 2
    page = f"{PAGES}{webhook.pk}/change/"
    assert b"whsec_" not in superuser.get(page).content + superuser.get(PAGES).content

    rotate = f"{PAGES}{webhook.pk}/rotate_secret/"
    assert rotate in superuser.get(page).content.decode()
    assert b"whsec_" not in superuser.get(rotate).content
    html = superuser.post(rotate, {"reason": REASON}).content.decode()
    [rotated] = re.findall(r"whsec_[\w+/=]+", html)
    assert rotated not in (secret, "")
    assert AuditRecord.objects.filter(action="secret_rotated").count() == 1
    operate(superuser, "delete", webhook.pk)
    assert not Webhook.objects.exists()
    assert AuditRecord.objects.filter(action="deleted", reason=REASON).count() == 1


def test_address_of_the_console_passes_the_same_gate(superuser):
    facts = {"url": "https://127.0.0.1/", "reason": REASON}
    assert b"We send events to public" in superuser.post(f"{PAGES}add/", facts).content
    assert not Webhook.objects.exists()


def test_staff_pauses_and_activates_and_never_sees_the_secret_of_a_user(
    api, receiver, deliverer, superuser
):
    webhook = make_webhook(api, receiver)
    path, pk = f"webhooks/{webhook['id']}", webhook["id"]
    tell()
    deliverer.finish(timezone.now())
    operate(superuser, "pause", pk)
    assert api.get(path).json()["paused_reason"] == "staff"
    refused = api.patch(path, {"status": "active"})
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_paused_by_staff")
    operate(superuser, "activate", pk)
    assert api.get(path).json()["status"] == "active"
    done = AuditRecord.objects.filter(object_id=pk, reason=REASON)
    assert [each.action for each in done.order_by("id")] == ["paused", "activated"]

    operate(superuser, "delete", pk)
    refused = superuser.post(f"{PAGES}{pk}/rotate_secret/", {"reason": REASON}, follow=True)
    assert b"A user made it" in refused.content
    assert b"whsec_" not in refused.content
    assert Webhook.objects.get().former_secret is None

    deliveries = "/admin/socialpublishing/webhookdelivery/"
    delivery = log_of(api, webhook)[0]["id"]
    assert superuser.get(f"{deliveries}?webhook__id__exact={pk}").status_code == 200
    assert superuser.get(f"{deliveries}{delivery}/change/").status_code == 200
    operate(superuser, "redeliver", delivery, deliveries)
    deliverer.finish(timezone.now())
    assert list(receiver.counts(webhook["secret"]).values()) == [2]
