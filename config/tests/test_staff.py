"""Who may enter the console: passwords, lock-out, second factor, sessions, roles."""

from __future__ import annotations

import base64
import datetime as dt
import html
import json
import logging
import re
from io import StringIO
from urllib.parse import quote

import pytest
import time_machine
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory

from config.console import checks
from config.console.roles import ROLES
from config.console.second_factor import SecondFactor
from connections.operated_admin import OperatedAdmin
from socialpublishing.audit import Action, AuditRecord
from socialpublishing.crypto import key_ring

PASSWORD = "a long pass phrase"
CONSOLE, LOGIN, CODE = "/admin/", "/admin/login/", "/admin/second-factor/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    """Time that stands still: `shift()` moves it."""
    with time_machine.travel(dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _fast_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def mara():
    return User.objects.create_superuser("mara", password=PASSWORD)


@pytest.fixture
def demanded(settings):
    settings.CONSOLE_REQUIRE_SECOND_FACTOR = True


def sign_in(client=None, *, user="mara", password=PASSWORD, address="192.0.2.1", follow=False):
    client = client or Client(REMOTE_ADDR=address)
    data = {"username": user, "password": password}
    return client, client.post(LOGIN, data, follow=follow, REMOTE_ADDR=address)


def audited(*actions):
    return [record.action for record in AuditRecord.objects.order_by("id")] == list(actions)


# --- Lock-out ------------------------------------------------------------------------------------


def test_five_wrong_passwords_lock_the_right_one_out_until_the_lock_expires(mara, clock):
    for _ in range(5):
        _, response = sign_in(password="wrong")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "900"
    assert "Wait 15 minutes" in response.content.decode()

    clock.shift(14 * 60)
    assert sign_in()[1].status_code == 429  # and this attempt does not extend the lock
    clock.shift(2 * 60)
    assert sign_in()[1].status_code == 302


def test_lock_is_of_one_user_from_one_address(mara, clock):
    User.objects.create_superuser("olga", password=PASSWORD)
    for _ in range(6):
        sign_in(password="wrong")

    assert sign_in(address="192.0.2.2")[1].status_code == 302
    assert sign_in(user="olga")[1].status_code == 302


def test_many_users_from_one_address_lock_the_address(mara, clock):
    for number in range(20):
        sign_in(user=f"name{number}", password="wrong")

    assert sign_in()[1].status_code == 429
    assert sign_in(address="192.0.2.2")[1].status_code == 302


def test_addresses_of_one_ipv6_network_count_together(mara, clock):
    for number in range(6):
        sign_in(password="wrong", address=f"2001:db8::{number + 1}")

    assert sign_in(address="2001:db8::99")[1].status_code == 429
    assert sign_in(address="2001:db8:0:1::1")[1].status_code == 302


def test_sign_in_of_another_user_does_not_reset_the_failures(mara, clock):
    User.objects.create_superuser("olga", password=PASSWORD)
    for _ in range(4):
        sign_in(password="wrong")
    sign_in(user="olga")

    assert sign_in(password="wrong")[1].status_code == 429


def test_complete_sign_in_resets_the_own_failures(mara, clock):
    for _ in range(3):
        for _ in range(4):
            sign_in(password="wrong")
        assert sign_in()[1].status_code == 302


def test_responses_do_not_tell_whether_a_user_exists(mara, clock):
    User.objects.create_user("nobody", password=PASSWORD)  # exists, and is no staff

    def bodies(user, password):
        responses = [sign_in(user=user, password=password)[1] for _ in range(6)]
        return [
            (each.status_code, _without_tokens(each.content.decode().replace(user, "NAME")))
            for each in responses
        ]

    assert bodies("mara", "wrong") == bodies("missing", "wrong")


def _without_tokens(page):
    return re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*|csrf\S*', "", page)


def test_limits_are_settings(mara, clock, settings):
    settings.CONSOLE_USER_FAILURES = settings.AXES_FAILURE_LIMIT = 2

    assert sign_in(password="wrong")[1].status_code == 200
    assert sign_in(password="wrong")[1].status_code == 429


def test_failures_are_logged_without_what_was_typed(mara, clock, caplog):
    with caplog.at_level(logging.WARNING):
        sign_in(password="hunter2-secret")
        sign_in(user="my-password-in-the-wrong-field", password="hunter2-secret")

    records = [record for record in caplog.records if record.getMessage() == "sign-in failed"]
    assert [(each.staff, each.address) for each in records] == [
        ("mara", "192.0.2.1"),
        ("", "192.0.2.1"),
    ]
    logged = json.dumps([record.__dict__ for record in caplog.records], default=repr)
    assert "hunter2-secret" not in logged
    assert "wrong-field" not in logged


def test_lock_out_is_in_the_audit_once(mara, clock):
    for _ in range(8):
        sign_in(password="wrong")

    [record] = AuditRecord.objects.all()
    assert (record.action, record.actor_name, record.address) == (
        Action.LOCKED_OUT, "mara", "192.0.2.1",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["\0", "\ud800", "x" * 300, "", "mara\n", "ma\u202era"])
def test_hostile_names_are_refused_without_an_error(name):
    data = f"username={name}&password=x".encode("utf-8", "surrogatepass")
    response = Client().post(
        LOGIN, data, content_type="application/x-www-form-urlencoded", REMOTE_ADDR="192.0.2.1"
    )
    assert response.status_code == 200


# --- Second factor -------------------------------------------------------------------------------


def code(key, *, after_s=0):
    at = dt.datetime.now(dt.UTC).timestamp() + after_s
    return TOTP(base64.b32decode(key), 6, SHA1(), 30).generate(int(at)).decode()


def shown_key(page):
    [key] = re.findall(r'<code[^>]* id="key">([A-Z2-7 ]+)</code>', page.content.decode())
    return key.replace(" ", "")


def enrol(client):
    """Set up the second factor of a client that has given the password."""
    key = shown_key(client.get(CODE))
    page = client.post(CODE, {"code": code(key)})
    return key, re.findall(r"<li><code>([a-z2-7-]+)</code></li>", page.content.decode())


def test_first_sign_in_sets_up_the_second_factor_and_later_ones_ask_for_it(mara, demanded, clock):
    client, response = sign_in(follow=True)
    assert response.redirect_chain[-1][0].startswith(CODE)
    page = response.content.decode()
    assert 'src="data:image/svg+xml' in html.unescape(page)
    assert response.headers["Cache-Control"].count("no-store")

    key, recovery_codes = enrol(client)
    assert len(set(recovery_codes)) == 10
    assert client.get(CONSOLE).status_code == 200

    clock.shift(60)
    other, response = sign_in(follow=True)
    assert key not in response.content.decode()
    assert other.get(CONSOLE).status_code == 302
    response = other.post(f"{CODE}?next=/admin/auth/user/", {"code": code(key)})
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/auth/user/")
    assert other.get(CONSOLE).status_code == 200
    assert audited(Action.SECOND_FACTOR_ENROLLED, Action.SIGNED_IN, Action.SIGNED_IN)


@pytest.mark.any_database
def test_no_page_opens_without_the_second_factor(mara, demanded, settings):
    settings.CONSOLE_REQUIRE_SECOND_FACTOR = False
    client, _ = sign_in()
    assert client.get(CONSOLE).status_code == 200

    settings.CONSOLE_REQUIRE_SECOND_FACTOR = True  # the old session has none
    for model in admin.site._registry:
        name = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for page in (name, f"{name}add/", f"{name}1/change/", f"{name}1/delete/"):
            assert client.get(page).status_code == 302, page
            assert client.post(page, {"post": "yes"}).status_code == 302, page
    for page in ("", "search/?s=a", "jsi18n/", "password_change/", "autocomplete/", "r/1/1/"):
        assert client.get(f"{CONSOLE}{page}").status_code == 302, page


def test_a_code_works_once_and_wrong_codes_lock(mara, demanded, clock):
    client, _ = sign_in()
    key, _ = enrol(client)
    other, _ = sign_in()

    response = other.post(CODE, {"code": code(key)})  # the code that enrolled
    assert response.status_code == 200
    assert "is wrong, was used, or has expired" in response.content.decode()
    for _ in range(4):
        response = other.post(CODE, {"code": "000000"})
    assert response.status_code == 429
    clock.shift(60)
    assert other.post(CODE, {"code": code(key)}).status_code == 429
    assert sign_in()[1].status_code == 429
    assert other.get(CONSOLE).status_code == 302


def test_a_new_password_sign_in_does_not_forget_wrong_codes(mara, demanded, clock):
    client, _ = sign_in()
    enrol(client)
    for _ in range(4):
        other, _ = sign_in()
        other.post(CODE, {"code": "000000"})
    other, _ = sign_in()
    assert other.post(CODE, {"code": "000000"}).status_code == 429


def test_wrong_codes_from_many_addresses_wait(mara, demanded, clock):
    key, _ = enrol(sign_in()[0])
    for number in range(2, 6):
        other, _ = sign_in(address=f"192.0.2.{number}")
        other.post(CODE, {"code": "000000"}, REMOTE_ADDR=f"192.0.2.{number}")
    right = code(key, after_s=30)
    assert other.post(CODE, {"code": right}).status_code == 200  # is not compared
    clock.shift(31)
    assert other.post(CODE, {"code": code(key)}).status_code == 302


def test_recovery_code_works_once(mara, demanded, clock):
    _, recovery_codes = enrol(sign_in()[0])
    other, _ = sign_in()
    assert other.post(CODE, {"code": recovery_codes[3].upper()}).status_code == 302
    again, _ = sign_in()
    assert again.post(CODE, {"code": recovery_codes[3]}).status_code == 200
    assert again.post(CODE, {"code": recovery_codes[4]}).status_code == 302
    assert AuditRecord.objects.filter(action=Action.RECOVERY_CODE_USED).count() == 2


def test_key_that_another_session_saw_is_not_the_one_that_is_confirmed(mara, demanded, clock):
    thief, owner = sign_in()[0], sign_in()[0]
    stolen = shown_key(thief.get(CODE))
    key, _ = enrol(owner)

    assert key != stolen
    clock.shift(60)
    assert thief.post(CODE, {"code": code(stolen)}).status_code == 200
    assert thief.get(CONSOLE).status_code == 302


def test_database_has_no_key_and_no_recovery_code(mara, demanded, clock):
    client, _ = sign_in()
    key, recovery_codes = enrol(client)

    dump = _dump()
    raw = base64.b32decode(key)
    for secret in (key, raw.hex(), base64.b64encode(raw).decode(), *recovery_codes):
        assert secret not in dump
        assert secret.replace("-", "") not in dump
    assert key_ring().primary_id in dump


def _dump():
    rows = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            rows += cursor.fetchall()
    return repr(rows)


def test_reset_ends_open_sessions_and_lets_the_user_enrol_again(mara, demanded, clock):
    client, _ = sign_in()
    enrol(client)

    call_command("reset_second_factor", "mara", reason="The phone was lost.", stdout=StringIO())

    response = client.get(CONSOLE, follow=True)
    assert response.redirect_chain[-1][0].startswith(LOGIN)
    assert client.get(CODE).status_code == 302
    assert not client.session.get("_auth_user_id")
    clock.shift(60)
    enrol(sign_in()[0])
    record = AuditRecord.objects.get(action=Action.SECOND_FACTOR_RESET)
    assert (record.actor_name, record.reason) == ("command line", "The phone was lost.")
    assert SecondFactor.objects.count() == 1


def test_reset_for_an_unknown_user_is_refused():
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        call_command("reset_second_factor", "nobody")


def test_a_person_can_leave_the_code_page(mara, demanded):
    client, _ = sign_in()

    assert client.post(CODE, {"leave": "1"}).headers["Location"] == LOGIN
    assert client.get(CODE).status_code == 302


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "javascript:x"])
def test_code_page_redirects_to_our_pages_only(mara, demanded, clock, target):
    key, _ = enrol(sign_in()[0])
    clock.shift(60)
    other, _ = sign_in()

    response = other.post(f"{CODE}?next={target}", {"code": code(key)})

    assert response.headers["Location"] == CONSOLE


@pytest.mark.parametrize(
    "hostile",
    [
        "\0",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "x" * 500,
        "-1",
        "1e5",
        "",
        "\r\nSet-Cookie: a=b",
        "\u202e000000",
    ],
)
def test_hostile_codes_and_pages_are_refused_without_an_error(mara, demanded, clock, hostile):
    new, _ = sign_in()
    assert new.post(CODE, {"code": hostile}).status_code == 200
    key, _ = enrol(new)
    clock.shift(60)
    other, _ = sign_in()
    assert other.post(CODE, {"code": hostile}).status_code == 200
    response = other.post(f"{CODE}?next=/{quote(hostile)}", {"code": code(key)})
    assert response.status_code == 302
    assert "Set-Cookie" not in response.headers["Location"].split("\n")[1:]


def test_code_page_is_closed_to_strangers():
    assert Client().get(CODE).headers["Location"] == CONSOLE
    assert Client().post(CODE, {"code": "000000"}).status_code == 302


# --- Sessions ------------------------------------------------------------------------------------


def test_stored_session_keys_open_nothing(mara):
    client, _ = sign_in()
    cookie = client.cookies["session"].value
    assert cookie not in _dump()

    for stored in Session.objects.all():
        thief = Client()
        thief.cookies["session"] = stored.session_key
        assert thief.get(CONSOLE).status_code == 302


@pytest.mark.any_database
def test_session_ends_when_idle_and_a_fixed_time_after_the_sign_in(mara, clock):
    client, _ = sign_in()
    for _ in range(23):
        clock.shift(20 * 60)
        assert client.get(CONSOLE).status_code == 200
    clock.shift(21 * 60)
    assert client.get(CONSOLE).status_code == 302  # eight hours

    client, _ = sign_in()
    clock.shift(31 * 60)
    assert client.get(CONSOLE).status_code == 302  # half an hour idle


def test_changed_password_ends_all_other_sessions(mara):
    (client, _), (other, _) = sign_in(), sign_in()
    new = "another long pass phrase"

    client.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )

    assert client.get(CONSOLE).status_code == 200
    assert other.get(CONSOLE).status_code == 302
    assert AuditRecord.objects.filter(action=Action.PASSWORD_CHANGED, actor_name="mara").exists()


def test_sign_out_ends_the_session_on_the_server(mara):
    client, _ = sign_in()
    cookie = client.cookies["session"].value
    client.post("/admin/logout/")

    thief = Client()
    thief.cookies["session"] = cookie
    assert thief.get(CONSOLE).status_code == 302
    assert not Session.objects.exists()


# --- Roles ---------------------------------------------------------------------------------------

SEEN = {
    "publishing.PublishJob", "publishing.WorkerSlot", "socialpublishing.PlatformPause",
    "socialpublishing.AuditRecord", "connections.SocialConnection", "connections.Revocation",
    "insights.ConnectionInsights", "django_q.Schedule", "socialpublishing.Webhook",
    "socialpublishing.WebhookDelivery", "socialpublishing.BulkOperation",
}  # fmt: skip
STAFF_PAGES = {"auth.User", "auth.Group"}
ACTIONS = {
    "publishing.PublishJob": {"retry", "cancel", "resolve_published", "resolve_not_published"},
    "connections.SocialConnection": {"refresh", "revoke"},
    "insights.ConnectionInsights": {"refresh_insights"},
    "socialpublishing.Webhook": {"pause", "activate", "rotate_secret", "delete"},
    "socialpublishing.WebhookDelivery": {"redeliver"},
    "socialpublishing.PlatformPause": {"resume"},
    "socialpublishing.BulkOperation": {"go_on"},
}


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("role", "pages", "actions", "added"),
    [
        ("viewer", SEEN, {}, set()),
        ("ops", SEEN, ACTIONS, {"socialpublishing.PlatformPause"}),
        (
            "admin",
            SEEN | STAFF_PAGES,
            ACTIONS,
            STAFF_PAGES | {"socialpublishing.Webhook", "socialpublishing.PlatformPause"},
        ),
    ],
)
def test_pages_and_actions_of_each_role(role, pages, actions, added):
    user = User.objects.create_user("olga", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client, _ = sign_in(user="olga")
    request = RequestFactory().get(CONSOLE)
    request.user = user

    opened, operated, changed = set(), {}, set()
    for model, page in admin.site._registry.items():
        label = model._meta.label
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        status = client.get(address).status_code
        assert status in {200, 403}
        if status == 200:
            opened.add(label)
        if client.get(f"{address}add/").status_code == 200:
            changed.add(label)
        if isinstance(page, OperatedAdmin) and page.has_operate_permission(request):
            operated[label] = {*page.actions, *page.actions_detail}

    assert opened == pages
    assert operated == actions
    assert changed == added


def test_roles_are_restored_after_a_migration():
    Group.objects.get(name="viewer").permissions.set([])
    Group.objects.get(name="ops").delete()

    call_command("migrate", verbosity=0)

    counts = {group.name: group.permissions.count() for group in Group.objects.all()}
    assert counts == {name: len(permissions) for name, permissions in ROLES.items()}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_make_ops_user_makes_a_user_who_can_sign_in(role):
    out = StringIO()
    call_command("make_ops_user", "olga", role=role, stdout=out)
    [password] = re.findall(r"shown only now\): (\S+)", out.getvalue())

    client, response = sign_in(user="olga", password=password)

    assert response.status_code == 302
    assert client.get(CONSOLE).status_code == 200
    assert [group.name for group in User.objects.get().groups.all()] == [role]
    assert AuditRecord.objects.filter(action=Action.CREATED, actor_name="command line").exists()


def test_make_ops_user_refuses_a_taken_name_and_a_bad_one(mara):
    for name in ("mara", "two words", ""):
        with pytest.raises(CommandError):
            call_command("make_ops_user", name, stdout=StringIO())
    assert User.objects.count() == 1


# --- Settings ------------------------------------------------------------------------------------


def test_second_factor_off_outside_sandbox_mode_is_warned_about(settings, demanded):
    settings.SANDBOX_URL = ""
    assert checks.check_console() == []
    settings.CONSOLE_REQUIRE_SECOND_FACTOR = False
    assert [each.id for each in checks.check_console()] == ["socialpublishing.W051"]
