"""The audit: what staff does is recorded, and no record changes or goes."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from connections.models import SocialConnection
from publishing.models import PublishJob
from socialpublishing import audit
from socialpublishing.audit import Action, AppendOnlyError, AuditRecord

REASON = "The owner asked for it."


@pytest.fixture
def record(db):
    audit.record(Action.RETRIED, actor=audit.Actor(id="7", name="olga"), reason=REASON)
    return AuditRecord.objects.get(actor_name="olga")


@pytest.fixture
def failed_job(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    sandbox.fault("status", 403, method="POST", path="^/2/tweets$")
    api.publish(connection, "A secret text")
    worker.work()
    return PublishJob.objects.get()


def operate(client, row, action, **more):
    model = row._meta
    data = {"action": action, "_selected_action": [row.pk], "reason": REASON, **more}
    return client.post(f"/admin/{model.app_label}/{model.model_name}/", data)


def test_operation_on_a_job_is_recorded_with_reason_before_and_after(superuser, failed_job):
    operate(superuser, failed_job, "retry")

    record = AuditRecord.objects.get(action=Action.RETRIED)
    assert (record.actor_name, record.reason, record.address) == ("staff0", REASON, "127.0.0.1")
    assert (record.object_kind, record.object_id) == ("publishing.PublishJob", str(failed_job.pk))
    assert record.before == {"status": failed_job.status}
    assert record.after == {"status": "Pending"}
    assert "A secret text" not in str(vars(record))


def test_each_operation_has_its_own_action(superuser, failed_job):
    operate(superuser, failed_job, "retry")
    operate(superuser, failed_job, "cancel")
    PublishJob.objects.update(status="Unconfirmed")
    operate(superuser, failed_job, "resolve_not_published")
    PublishJob.objects.update(status="Unconfirmed")
    operate(superuser, failed_job, "resolve_published")

    of_job = AuditRecord.objects.filter(object_id=str(failed_job.pk)).order_by("id")
    assert list(of_job.values_list("action", flat=True)) == [
        Action.RETRIED,
        Action.CANCELLED,
        Action.RESOLVED_AS_NOT_PUBLISHED,
        Action.RESOLVED_AS_PUBLISHED,
    ]


def test_refused_operation_leaves_no_record(superuser, failed_job):
    operate(superuser, failed_job, "cancel")

    assert not AuditRecord.objects.filter(action=Action.CANCELLED).exists()


def test_operation_without_its_record_does_not_happen(superuser, failed_job, monkeypatch):
    def refuse(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", refuse)
    with pytest.raises(DatabaseError):
        operate(superuser, failed_job, "retry")

    assert PublishJob.objects.get().status == failed_job.status


def test_retries_by_the_command_are_recorded(failed_job):
    call_command("reprocess_jobs", failed_job.pk, "--reason", "It is back.", stdout=StringIO())

    record = AuditRecord.objects.get(action=Action.RETRIED)
    assert (record.actor_name, record.object_id) == ("command line", str(failed_job.pk))
    assert record.reason == "It is back."
    assert record.after == {"status": "Pending"}


def test_disconnecting_is_recorded_and_revokes_outside_the_transaction(
    superuser, make_connection, sandbox
):
    connection = make_connection("twitter")
    operate(superuser, connection, "revoke")

    record = AuditRecord.objects.get(action=Action.DISCONNECTED)
    assert (record.before, record.after) == ({"status": "active"}, {"status": "revoked"})
    assert SocialConnection.objects.get().access_token is None
    assert sandbox.calls("revoke")


def test_user_and_role_changes_are_recorded_with_their_reason(superuser):
    add = {
        "username": "olga",
        "usable_password": "true",
        "password1": "a long password",
        "password2": "a long password",
        "reason": "She is new here.",
    }
    superuser.post("/admin/auth/user/add/", add)
    olga = User.objects.get(username="olga")
    page, ops = f"/admin/auth/user/{olga.pk}/change/", Group.objects.get(name="ops")
    change = {
        "username": "olga",
        "is_active": "on",
        "is_staff": "on",
        "groups": [ops.pk],
        "date_joined_0": "2027-01-01",
        "date_joined_1": "00:00:00",
    }
    assert superuser.post(page, change).status_code == 200  # no reason
    assert superuser.post(page, {**change, "reason": "On call."}).status_code == 302
    superuser.post(f"/admin/auth/group/{ops.pk}/change/", {"name": "ops", "reason": "Less."})
    superuser.post(
        f"/admin/auth/user/{olga.pk}/password/",
        {
            "usable_password": "true",
            "password1": "another long password",
            "password2": "another long password",
            "set-password": "1",
        },
    )
    superuser.post(f"/admin/auth/user/{olga.pk}/delete/", {"post": "yes"})

    created, changed, role, password, deleted = AuditRecord.objects.filter(
        object_kind__in=("auth.User", "auth.Group")
    ).exclude(action=Action.SIGNED_IN).order_by("id")  # fmt: skip
    assert (created.action, created.reason) == (Action.CREATED, "She is new here.")
    assert (changed.action, changed.reason) == (Action.CHANGED, "On call.")
    assert (changed.before["groups"], changed.after["groups"]) == ([], ["ops"])
    assert (role.action, role.reason, role.after["permissions"]) == (Action.CHANGED, "Less.", [])
    assert password.action == Action.PASSWORD_CHANGED
    assert (deleted.action, deleted.object_id) == (Action.DELETED, str(olga.pk))
    assert "password" not in str([each.after for each in (created, changed)])


def test_records_are_kept_when_their_user_is_deleted(make_staff, failed_job):
    operate(make_staff(is_superuser=True), failed_job, "retry")
    boss = make_staff(is_superuser=True)
    person = User.objects.get(username="staff0")
    data = {"action": "delete_selected", "_selected_action": [person.pk], "post": "yes"}
    boss.post("/admin/auth/user/", data)

    assert not User.objects.filter(pk=person.pk).exists()
    record = AuditRecord.objects.get(action=Action.RETRIED)
    assert (record.actor_id, record.actor_name) == (str(person.pk), "staff0")
    assert AuditRecord.objects.filter(action=Action.DELETED, object_id=person.pk).exists()


def test_model_refuses_changes(record):
    record.reason = "another"
    for change in (
        record.save,
        record.delete,
        lambda: AuditRecord.objects.update(reason="another"),
        lambda: AuditRecord.objects.all().delete(),
        lambda: AuditRecord.objects.bulk_update([record], ["reason"]),
        lambda: AuditRecord(pk=record.pk, action="x").save(force_update=True),
    ):
        with pytest.raises((AppendOnlyError, DatabaseError)), transaction.atomic():
            change()
    assert AuditRecord.objects.get().reason == REASON


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE socialpublishing_auditrecord SET reason = 'another'",
        "DELETE FROM socialpublishing_auditrecord",
        "REPLACE INTO socialpublishing_auditrecord"
        " (id, at, actor_id, actor_name, action, object_kind, object_id, reason, before, after)"
        " SELECT id, at, actor_id, actor_name, action, object_kind, object_id, 'x', before, after"
        " FROM socialpublishing_auditrecord",
        "TRUNCATE socialpublishing_auditrecord",
    ],
)
def test_database_refuses_changes(record, statement):
    kind = {"REPLACE": "sqlite", "TRUNCATE": "postgresql"}.get(statement.split()[0])
    if kind and kind != connection.vendor:
        pytest.skip(f"a statement of {kind}")
    with (
        pytest.raises(DatabaseError, match="cannot be changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditRecord.objects.get().reason == REASON


def test_console_shows_records_and_refuses_changes(superuser, record):
    page = "/admin/socialpublishing/auditrecord/"
    html = superuser.get(f"{page}?action=retried&q=olga").content.decode()
    assert REASON in html
    assert REASON not in superuser.get(f"{page}?action=cancelled").content.decode()
    assert REASON not in superuser.get(f"{page}?q=mara").content.decode()

    for path in ("add/", f"{record.pk}/change/", f"{record.pk}/delete/"):
        assert superuser.post(f"{page}{path}", {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"}
    superuser.post(page, data)
    assert AuditRecord.objects.filter(pk=record.pk).exists()


def test_no_page_of_the_console_lacks_a_record_of_what_it_changes():
    """A page of another kind than these would change rows without a record."""
    from config.console.staff_admin import AuditedAdmin
    from connections.admin_base import ReadOnlyAdmin

    for page in admin.site._registry.values():
        assert isinstance(page, AuditedAdmin | ReadOnlyAdmin), page
