"""A user leaves: erasing and exporting through the commands, with two users side by side."""

from __future__ import annotations

import datetime as dt
import io
import json
import time

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from config import retention
from conftest import consent
from connections.models import AuthorizationSession, Revocation, SocialConnection
from insights.models import MetricSchedule, MetricSnapshot, WeekEstimate
from publishing.models import PublishJob
from publishing.operations import resolve_job
from publishing.tasks import housekeeping
from socialpublishing import erasure
from socialpublishing.crypto import EncryptedTextField
from socialpublishing.erasure import Erasure
from socialpublishing.events.feed import place_new_events
from socialpublishing.events.models import Event
from socialpublishing.events.webhooks import Webhook, new_secret

LATER = "2027-06-01T10:00:00Z"


def command(name, *arguments):
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return json.loads(out.getvalue())


def erase(user="alice", *arguments):
    return command("erase_user", user, "--yes", *arguments)


def own_models():
    """All tables but those of the sandbox and of proxies."""
    for model in apps.get_models():
        if not model._meta.proxy and not model.__module__.startswith("socialpublishing.sandbox"):
            yield model


def database_rows():
    """Every row of the database, by table and key, with the raw values of all columns."""
    return {
        (model._meta.db_table, str(row.pk)): {
            field.attname: str(row.__dict__[field.attname]) for field in model._meta.concrete_fields
        }
        for model in own_models()
        for row in model._base_manager.all()
    }


def rows_of(user):
    """The rows that the parts take for those of `user`, as they are in the database."""
    found = {
        (table.name, str(pk))
        for part in erasure.parts
        for table in part.tables
        if table.user
        for pk in table.model._base_manager.filter(**{table.user: user}).values_list(
            "pk", flat=True
        )
    }
    return {key: row for key, row in database_rows().items() if key in found}


@pytest.fixture
def make_life(make_api, make_connection, worker, sandbox):
    """All that the service can store of a user. Texts and names contain the user's id."""

    def make(user):
        api = make_api(user)
        address = f"https://{user}.example/events"
        Webhook.objects.create(
            user_id=user, url=address, secret=new_secret(), created_at=timezone.now()
        )
        twitter = make_connection("twitter", user=user, name=f"Name of {user}")
        facebook = make_connection("facebook", user=user, name=f"Face of {user}")
        post = {
            "connection_id": str(twitter.pk),
            "text_content": f"Published by {user}",
            "platform_specific_options": {"first_comment": f"Comment of {user}"},
        }
        api.post("publishing/publish", post, headers={"Idempotency-Key": f"key-{user}"})
        worker.work()
        api.post(
            "publishing/schedule",
            {"connection_id": str(twitter.pk), "text_content": f"Later of {user}"}
            | {"schedule_time": LATER},
        )
        sandbox.fault("status", 403, method="POST", path="^/2/tweets$")
        api.publish(twitter, f"Failed of {user}")
        worker.work()
        published = PublishJob.objects.get(user_id=user, status="Published")
        MetricSchedule.objects.create(job=published, error_message=f"Metrics of {user}")
        MetricSnapshot.objects.create(job=published, read_at=timezone.now(), likes=3)
        WeekEstimate.objects.create(
            connection=twitter,
            account=f"twitter:{twitter.external_user_id}",
            account_name=f"Name of {user}",
            platform="twitter",
            timezone="UTC",
            made_at=timezone.now(),
            confidence="low",
            lift=1.0,
            posts_used=1,
            missing_posts=0,
        )
        batch = {
            "text_content": f"Together by {user}",
            "schedule_time": LATER,
            "external_reference": f"Batch of {user}",
            "metadata": {"of": user},
            "targets": [{"connection_id": str(twitter.pk)}, {"connection_id": str(facebook.pk)}],
        }
        key = {"Idempotency-Key": f"batch-{user}"}
        assert api.post("publishing/batches", batch, headers=key).status_code == 202
        started = api.get("connections/connect/pinterest?redirect=false").json()
        assert api.get(consent(started["authorization_url"])).status_code == 200
        place_new_events()
        return api, twitter, facebook

    return make


def test_every_table_is_named_by_a_part():
    """A new table has to say what becomes of a user's rows, or that it has none."""
    assert erasure.unregistered(own_models()) == []
    names = [table.name for part in erasure.parts for table in part.tables]
    assert len(names) == len(set(names))
    for part in erasure.parts:
        for table in part.tables:
            assert table.user or table.why, table.name
            if table.name == "config_secondfactor":
                continue  # of staff
            if any(isinstance(field, EncryptedTextField) for field in table.model._meta.fields):
                assert table.user, table.name


def test_erased_user_is_gone_and_the_other_is_unchanged(make_life, sandbox):
    make_life("alice")
    make_life("bob")
    others = rows_of("bob")
    assert {table for table, _ in others} == {table for table, _ in rows_of("alice")}
    assert len({table for table, _ in others}) == 13
    counts = {table: 0 for table, _ in rows_of("alice")}
    for table, _ in rows_of("alice"):
        counts[table] += 1

    receipt = erase()

    assert rows_of("bob") == others
    assert "alice" not in json.dumps(list(database_rows().values()))
    assert set(receipt) == {"id", "user_id", "at", "erased", "kept"}
    assert receipt["user_id"] == "alice"
    assert set(receipt["erased"]) == set(counts)
    assert all(receipt["erased"][table] >= count for table, count in counts.items())
    assert receipt["kept"] == {}
    revoked = sandbox.calls("/oauth2/revoke")
    assert len(revoked) == 1
    assert len(sandbox.calls("/permissions", "DELETE")) == 1


def test_receipt_is_shown_again_and_has_a_hash_of_the_user_only(make_connection):
    make_connection("twitter")
    first = erase()
    assert erase() == first
    assert command("erase_user", "alice", "--receipt") == first

    row = Erasure.objects.get()
    assert "alice" not in row.user_hash
    assert row.done_at is not None
    make_connection("twitter")  # the user has come back
    assert erase()["id"] != first["id"]
    with pytest.raises(CommandError, match="never erased"):
        call_command("erase_user", "bob", "--receipt")


def test_user_of_whom_nothing_is_stored_gets_a_receipt_too(db):
    receipt = erase("nobody-here")
    assert (receipt["erased"], receipt["kept"]) == ({}, {})


@pytest.mark.parametrize("typed", ["", "yes", "bob"])
def test_nothing_is_erased_without_confirmation(make_connection, monkeypatch, typed):
    make_connection("twitter")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_user", "alice")
    assert SocialConnection.objects.get().status == "active"

    monkeypatch.setattr("sys.stdin", io.StringIO("alice\n"))
    call_command("erase_user", "alice")
    assert not SocialConnection.objects.exists()


def test_tokens_that_the_platform_has_not_revoked_are_kept_until_it_has(make_connection, sandbox):
    make_connection("twitter")
    sandbox.fault("status", 503, path="/revoke$")

    assert erase()["kept"] == {"connections_revocation": 1}
    assert "alice" not in json.dumps(list(database_rows().values()))

    housekeeping()
    assert len(sandbox.calls("/oauth2/revoke")) == 2
    assert not Revocation.objects.exists()


def test_revocation_of_an_erased_user_that_was_given_up_leaves_nothing(make_connection, sandbox):
    make_connection("twitter")
    make_connection("linkedin")
    sandbox.fault("status", 503, path="/revoke$", times=9)
    erase()

    Revocation.objects.update(created_at=timezone.now() - dt.timedelta(days=2))
    Revocation.objects.update(next_attempt_at=timezone.now())
    housekeeping()

    assert not Revocation.objects.exists()


# --- While posts go out --------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "posts"), [("delay", 0), ("delay_after", 1)])
def test_post_that_is_being_published_is_finished_before_it_is_erased(
    api, make_connection, sandbox, worker, late, posts
):
    """The request arrives after the tokens were revoked, or its response comes after that."""
    connection = make_connection("twitter")
    sandbox.fault(late, 1, method="POST", path="^/2/tweets$")
    api.publish(connection, "On its way")
    worker.turn(timezone.now())  # the request is sent, in a thread
    give_up_at = time.monotonic() + 10
    while len(sandbox.posts()) < posts and time.monotonic() < give_up_at:
        time.sleep(0.01)

    with pytest.raises(CommandError, match="run the command again"):
        call_command("erase_user", "alice", "--yes", "--wait", "0", stdout=io.StringIO())
    connection.refresh_from_db()
    assert (connection.status, connection.access_token) == ("revoked", None)
    assert Erasure.objects.get().done_at is None

    worker.finish(timezone.now())
    assert len(sandbox.posts()) == posts
    receipt = erase()

    assert receipt["id"] == str(Erasure.objects.get().pk)
    assert receipt["erased"]["publishing_publishjob"] == 1
    assert not PublishJob.objects.exists()
    worker.finish(timezone.now())
    assert len(sandbox.posts()) == posts


@pytest.mark.parametrize("path", ["/oauth2/token", "^/2/media/upload"])
def test_step_before_the_publish_request_finds_its_rows_erased(
    api, make_connection, sandbox, worker, path
):
    connection = make_connection("twitter")
    if "token" in path:
        SocialConnection.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    sandbox.fault("delay", 1, path=path)
    api.publish(connection, "Never sent", assets=[sandbox.picture()])
    worker.turn(timezone.now())
    assert len(worker.in_flight) == 1

    receipt = erase()

    assert receipt["erased"]["publishing_publishjob"] == 1
    worker.finish(timezone.now())  # its result finds no row
    assert sandbox.posts() == []
    assert not PublishJob.objects.exists()


@pytest.fixture
def doubtful(api, make_connection, sandbox, worker):
    """A job whose publish request got no response, and that no lookup has found yet."""
    connection = make_connection("twitter")
    sandbox.fault("drop_after", method="POST", path="^/2/tweets$")
    sandbox.fault("status", 503, method="GET", path="/tweets", times=9)
    api.publish(connection, "In doubt")
    worker.finish(timezone.now())
    job = PublishJob.objects.get()
    assert job.status == "Unconfirmed"
    return job


@pytest.mark.parametrize("outcome", ["published", "not_published"])
def test_post_in_doubt_is_resolved_without_its_content(doubtful, outcome):
    receipt = erase()

    assert receipt["kept"]["publishing_publishjob"] == 1
    assert "publishing_publishjob" not in receipt["erased"]
    job = PublishJob.objects.get()
    assert (job.status, job.next_attempt_at, job.user_id) == ("Unconfirmed", None, "")
    assert (job.text, job.assets, job.platform_specific_options) == ("", [], {})
    assert (job.account_name, job.connection_id) == ("", None)
    assert job.in_doubt_since is not None
    dump = json.dumps(list(database_rows().values()))
    assert "In doubt" not in dump
    assert "alice" not in dump
    housekeeping()
    assert PublishJob.objects.count() == 1  # until a person has resolved it

    # An event without a user is everybody's: this one is nobody's.
    resolve_job(job, outcome=outcome, actor="staff", remote_id="")
    assert not Event.objects.exists()
    housekeeping()

    assert not PublishJob.objects.exists()


def test_erased_post_in_doubt_is_never_sent_again(doubtful, worker, sandbox):
    made = len(sandbox.posts())
    erase()
    worker.work_ahead(86_400)
    assert len(sandbox.posts()) == made


def test_console_log_keeps_what_staff_did_without_names(make_connection, superuser):
    connection = make_connection("twitter", name="Name of alice")
    LogEntry.objects.log_actions(User.objects.get().pk, [connection], 2, "Renewed: asked by phone")

    erase()

    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.object_id) == ("", str(connection.pk))


# --- Export --------------------------------------------------------------------------------------


def test_export_has_all_that_is_stored_and_no_secret(make_life):
    make_life("alice")
    make_life("bob")

    out = io.StringIO()
    call_command("export_user", "alice", stdout=out)
    exported = json.loads(out.getvalue())

    stored = {}
    for table, _ in rows_of("alice"):
        stored[table] = stored.get(table, 0) + 1
    counts = {name: len(rows) for name, rows in exported["tables"].items()}
    assert counts == {"connections_revocation": 0, **stored}
    assert exported["user_id"] == "alice"
    assert "bob" not in out.getvalue()
    for text in ("Published by alice", "Later of alice", "Name of alice", "key-alice"):
        assert text in out.getvalue()
    for connection in SocialConnection.objects.filter(user_id="alice"):
        assert connection.access_token.reveal() not in out.getvalue()
        assert connection.__dict__["access_token"] not in out.getvalue()
    webhook = Webhook.objects.get(user_id="alice")
    assert webhook.secret.reveal() not in out.getvalue()
    assert webhook.__dict__["secret"] not in out.getvalue()
    for session in AuthorizationSession.objects.filter(user_id="alice"):
        for hidden in (session.state_hash, session.completion_hash, session.browser_hash):
            assert not hidden or hidden not in out.getvalue()
    for name in ("access_token", "refresh_token", "grant", "credentials", "verifier"):
        assert f'"{name}"' not in out.getvalue()


def test_export_of_an_erased_user_is_empty(make_life):
    make_life("alice")
    erase()
    assert not any(command("export_user", "alice")["tables"].values())


# --- Settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "events", "jobs", "wanted"),
    [
        (0, 0, 0, []),
        (30, 90, 365, []),
        (30, 30, 0, []),
        (0, 0, 90, []),
        (90, 90, 90, []),
        (91, 0, 90, ["E051"]),
        (91, 92, 90, ["E051", "E051"]),
        (0, 0, 30, ["W052"]),
    ],
)
def test_retention_that_makes_no_sense_is_refused(settings, content, events, jobs, wanted):
    settings.JOB_CONTENT_RETENTION_DAYS = content
    settings.EVENT_RETENTION_DAYS = events
    settings.JOB_RETENTION_DAYS = jobs
    found = [message.id for message in retention.check_retention()]
    assert found == [f"socialpublishing.{each}" for each in wanted]
