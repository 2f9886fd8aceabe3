"""Staff find out what is wrong and mend it, in a browser: on a desk, and on a phone at night."""

import base64
import time
import uuid

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.utils import timezone

from config.console.roles import restore
from config.tests.browser import WINDOWS, fits, playwright
from conftest import statuses
from connections import bulk
from publishing.models import PublishJob, Status
from socialpublishing.bulk import BulkOperation

pytestmark = pytest.mark.any_database

PASS = "a long pass phrase"


def sign_in(window, service, role):
    """As a new member of the staff, who sets the second factor up."""
    user = User.objects.create_user(role, password=PASS, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    window.goto(f"{service}/admin/")
    window.get_by_label("Username").fill(role)
    window.get_by_label("Password").fill(PASS)
    window.get_by_role("button", name="Log in").click()
    window.wait_for_url("**/admin/second-factor/**")
    key = base64.b32decode(window.locator("#key").inner_text().replace(" ", ""))
    code = TOTP(key, 6, SHA1(), 30).generate(int(time.time())).decode()
    window.get_by_label("Code").fill(code)
    window.get_by_role("button", name="Confirm").click()
    window.get_by_role("link", name="Continue").click()
    window.wait_for_url(f"{service}/admin/")
    return window


@pytest.fixture
def roles(transactional_db):
    """The flush after a test deletes those that the migrations made."""
    restore(apps=apps)


@pytest.fixture
def ops(window, service, settings, roles):
    settings.CONSOLE_REQUIRE_SECOND_FACTOR = True
    return sign_in(window, service, "ops")


def operate(page, button, **fields):
    """Press the button on a job's page, confirm it."""
    if page.viewport_size == WINDOWS["phone"]:
        page.get_by_text("more_horiz").click()
    page.get_by_role("link", name=button).click()
    for label, text in {"Reason": "It is mended.", **fields}.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name=button).click()
    page.get_by_text("It is mended.").first.wait_for()


def make_job(status, **columns):
    now = timezone.now()
    return PublishJob.objects.create(
        **{
            "user_id": "alice",
            "platform": "twitter",
            "account": f"twitter:{uuid.uuid4()}",
            "account_name": "Harbour Bakery",
            "status": status,
            "created_at": now,
            "updated_at": now,
            **columns,
        }
    )


def card(page, title):
    return page.get_by_role("region", name=title)


def test_staff_see_that_a_post_failed_read_why_and_retry_it(
    ops, service, api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    sandbox.fault("status", 403, method="POST", path="^/2/tweets$")
    api.publish(connection, "Once refused")
    worker.work()
    job = PublishJob.objects.get()

    ops.goto(f"{service}/admin/")
    assert fits(ops)
    card(ops, "Failed in 24 hours").get_by_role("link", name="Failed in 24 hours 1").click()
    ops.locator("#result_list tbody a").first.click()
    head = ops.get_by_role("region").filter(has_text=job.error_code).first
    assert job.error_message[:40] in head.inner_text()
    assert head.bounding_box()["y"] < ops.viewport_size["height"] / 2
    assert fits(ops)
    operate(ops, "Retry")
    worker.work()
    ops.reload()

    assert statuses() == {"Published": 1}
    assert ops.get_by_text("Published", exact=True).first.is_visible()
    assert [post["text"] for post in sandbox.posts()] == ["Once refused"]


@pytest.mark.parametrize("window", ["phone"], indirect=True)
def test_staff_resolve_a_post_whose_outcome_nobody_knows(ops, service):
    make_job(Status.UNCONFIRMED, error_code="outcome_unknown")

    ops.goto(f"{service}/admin/")
    card(ops, "Needs a person").get_by_role("link", name="1 unconfirmed").click()
    ops.locator("#result_list tbody a").first.click()
    ops.get_by_text("resolve it as published").wait_for()
    operate(ops, "Resolve: published", **{"Id of the post": "1860"})

    job = PublishJob.objects.get()
    assert (job.status, job.remote_id) == (Status.PUBLISHED, "1860")
    assert ops.get_by_text("Published", exact=True).first.is_visible()


@pytest.mark.parametrize("window", ["phone"], indirect=True)
def test_staff_pause_a_platform_and_resume_it(ops, service, api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    ops.goto(f"{service}/admin/")
    card(ops, "Paused platforms").get_by_role("link", name="Paused platforms").click()
    ops.get_by_role("link", name="Add platform pause").click()
    ops.get_by_label("Platform").select_option("twitter")
    ops.get_by_label("Reason").fill("The campaign is wrong.")
    ops.get_by_role("button", name="Pause a platform").click()
    ops.get_by_text("The campaign is wrong.").wait_for()
    api.publish(connection, "Wait")
    worker.work()
    assert statuses() == {"Pending": 1}

    ops.goto(f"{service}/admin/")
    card(ops, "Paused platforms").get_by_role("link", name="X, platform_paused").click()
    if ops.viewport_size == WINDOWS["phone"]:
        ops.get_by_text("more_horiz").click()
    ops.get_by_role("link", name="Resume").click()
    ops.get_by_label("Reason").fill("It is right now.")
    ops.get_by_role("button", name="Resume").click()
    ops.get_by_text("Resumed.").wait_for()
    worker.work()

    assert statuses() == {"Published": 1}


@pytest.mark.parametrize("window", ["desk"], indirect=True)
def test_viewers_see_everything_and_can_do_nothing(window, service, settings, roles):
    settings.CONSOLE_REQUIRE_SECOND_FACTOR = True
    job = make_job(Status.FAILED, error_code="too_late", error_message="Too late.")
    viewer = sign_in(window, service, "viewer")

    card(viewer, "Failed in 24 hours").get_by_role("link", name="too_late").click()
    viewer.locator("#result_list tbody a").first.click()

    viewer.get_by_text("Too late.").first.wait_for()
    assert viewer.get_by_role("link", name="Retry").count() == 0
    assert viewer.locator(f"a[href*='{job.pk}/retry']").count() == 0
    viewer.goto(f"{service}/admin/socialpublishing/platformpause/")
    assert viewer.get_by_role("link", name="Add platform pause").count() == 0


@pytest.mark.parametrize("window", ["desk"], indirect=True)
def test_start_page_refreshes_itself(console, service):
    console.clock.install()
    console.goto(f"{service}/admin/")
    link = card(console, "Failed in 24 hours").get_by_role("link", name="Failed in 24 hours 0")
    link.focus()
    make_job(Status.FAILED, error_code="too_late")

    console.clock.run_for(16_000)

    playwright.expect(card(console, "Failed in 24 hours")).to_contain_text("too_late")
    focused = console.evaluate("document.activeElement.textContent")
    assert "Failed in 24 hours" in focused


@pytest.mark.parametrize("window", ["desk"], indirect=True)
def test_whole_selection_is_worked_off_while_staff_watch(console, service):
    for _ in range(3):
        make_job(Status.FAILED, error_code="too_late")
    console.goto(f"{service}/admin/publishing/publishjob/?error_code=too_late")
    console.locator("#action-toggle").check()
    console.get_by_role("link", name="Select all that the filters find").click()
    console.locator("select[name=action]").select_option("retry")
    console.get_by_role("button", name="Run").click()
    console.get_by_label("Reason").fill("It works again.")
    console.get_by_role("button", name="Retry").click()
    console.get_by_role("heading", name="0 of 3").wait_for()

    bulk.run(str(BulkOperation.objects.get().pk))

    console.get_by_role("heading", name="3 of 3: done").wait_for()
    assert statuses() == {"Pending": 3}


def test_pages_are_accessible_in_light_and_dark(console, service, make_connection):
    connection = make_connection("twitter")
    failed = make_job(Status.FAILED, error_code="too_late", error_message="Too late.")
    make_job(Status.SCHEDULED, next_attempt_at=timezone.now())
    waiting = make_job(
        Status.PENDING, next_attempt_at=timezone.now(), waiting_for="owner", who_acts="owner",
        error_code="needs_reauth", error_message="Connect it again.", connection=connection,
    )  # fmt: skip
    make_job(Status.UNCONFIRMED)
    make_job(Status.PUBLISHED, published_at=timezone.now(), remote_id="1")
    jobs = "/admin/publishing/publishjob/"
    pages = (
        "/admin/",
        jobs,
        f"{jobs}{waiting.pk}/change/",
        f"{jobs}{failed.pk}/retry/",
        f"/admin/connections/socialconnection/{connection.pk}/change/",
        "/admin/socialpublishing/platformpause/add/",
        "/admin/socialpublishing/bulkoperation/",
    )
    findings = []
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for scheme in ("light", "dark"):
        console.emulate_media(color_scheme=scheme)
        for page in pages:
            console.goto(f"{service}{page}")
            found = axe.Axe().run(console).response["violations"]
            findings += [
                f"{page} {scheme}: {each['id']} {node['target']} {node['failureSummary'][:300]}"
                for each in found
                if each["impact"] in {"serious", "critical"}
                for node in each["nodes"]
            ]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("window", ["desk"], indirect=True)
def test_start_page_is_used_with_the_keyboard(console, service):
    make_job(Status.FAILED, error_code="too_late")
    console.goto(f"{service}/admin/")

    for _ in range(60):
        console.keyboard.press("Tab")
        if console.evaluate("document.activeElement.href || ''").endswith("attention=person"):
            break
    outline = console.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for _ in range(20):
        console.keyboard.press("Tab")
        if "error_code=too_late" in console.evaluate("document.activeElement.href || ''"):
            break
    console.keyboard.press("Enter")
    console.wait_for_url("**/publishjob/?error_code=too_late**")
