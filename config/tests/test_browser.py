"""Consent pages, the sandbox's feed, the ops console and the API docs in a real browser."""

import base64
import datetime as dt
import time

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import User
from django.utils import timezone

from config.auth.dev_tokens import sign_dev_token
from config.tests.browser import WINDOWS, fits, mostly_on, playwright
from conftest import statuses
from connections.models import SocialConnection

pytestmark = pytest.mark.any_database


@mostly_on("phone")
def test_staff_set_up_a_second_factor_and_sign_in_with_it(window, service, settings):
    settings.CONSOLE_REQUIRE_SECOND_FACTOR = True
    User.objects.create_superuser("mara", password="a long pass phrase")

    def sign_in():
        window.goto(f"{service}/admin/insights/connectioninsights/")
        window.get_by_label("Username").fill("mara")
        window.get_by_label("Password").fill("a long pass phrase")
        window.get_by_role("button", name="Log in").click()
        window.wait_for_url("**/admin/second-factor/**")
        assert fits(window)

    sign_in()
    picture = window.get_by_alt_text("QR code for an authenticator app")
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 100
    key = base64.b32decode(window.locator("#key").inner_text().replace(" ", ""))
    window.get_by_label("Code").fill(_code(key, 0))
    window.get_by_role("button", name="Confirm").click()
    assert window.locator("#recovery-codes li").count() == 10
    assert fits(window)
    window.get_by_role("link", name="Continue").click()
    window.wait_for_url(f"{service}/admin/insights/connectioninsights/")

    window.context.clear_cookies()
    sign_in()
    assert window.locator("#key").count() == 0
    window.get_by_label("Code").fill(_code(key, 30))  # no code works twice
    window.get_by_role("button", name="Confirm").click()
    window.wait_for_url(f"{service}/admin/insights/connectioninsights/")


def _code(key, seconds_ahead):
    return TOTP(key, 6, SHA1(), 30).generate(int(time.time()) + seconds_ahead).decode()


@mostly_on("phone")
def test_person_connects_an_account_on_the_consent_page_and_sees_the_post(
    window, api, sandbox, worker, platform
):
    started = api.get(f"connections/connect/{platform}?redirect=false").json()
    window.goto(started["authorization_url"])
    assert fits(window)
    window.get_by_role("button", name="Authorize app").click()
    window.get_by_role("heading", name="One more step").wait_for()
    assert fits(window)
    window.get_by_label("Completion code").click()
    code = window.evaluate("getSelection().toString()")  # the whole code by one click
    confirm = {"attempt_id": started["attempt_id"], "completion_code": code}
    assert api.post("connections/confirm", confirm).status_code == 200
    sandbox.call("POST", "settings", **_instant(sandbox))
    accepted = api.publish(SocialConnection.objects.get(), "Seen in a browser")
    assert accepted.status_code == 202, accepted.json()
    worker.work_ahead()

    window.goto(f"{sandbox.url}/feed")

    assert window.get_by_text("Seen in a browser").is_visible()
    assert fits(window)
    for medium in window.locator("article img, article video").all():
        medium.scroll_into_view_if_needed()
        medium.evaluate(
            "medium => medium.decode ? medium.decode() : medium.readyState || new Promise("
            "done => medium.addEventListener('loadedmetadata', done))"
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_after_the_consent_is_readable(window, api, sandbox, scheme):
    window.emulate_media(color_scheme=scheme)
    started = api.get("connections/connect/twitter?redirect=false").json()
    window.goto(started["authorization_url"])
    window.get_by_role("button", name="Authorize app").click()
    window.get_by_role("heading", name="One more step").wait_for()

    picture = window.locator("img")
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0
    parts = window.locator("h1, h2, p, code")
    assert min(parts.evaluate_all(CONTRAST)) >= 4.5
    assert fits(window)


# The contrast of each element's text with what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """elements => elements.map(element => {
    const light = color => color.match(/\\d+/g).slice(0, 3).map(Number)
        .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
    const background = each => getComputedStyle(each).backgroundColor
    let behind = element
    while (background(behind) === 'rgba(0, 0, 0, 0)') behind = behind.parentElement
    const [a, b] = [getComputedStyle(element).color, background(behind)].map(light)
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
})"""


def _instant(sandbox):
    switches = sandbox.call("GET", "settings")
    return {name: 0 for name in switches if name.endswith("processing_seconds")}


@mostly_on("phone")
def test_operator_finds_a_failed_job_and_retries_it(
    console, service, api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    sandbox.fault("status", 403, method="POST", path="^/2/tweets$")
    api.publish(connection, "Once refused")
    worker.work()
    [status] = statuses()

    console.goto(f"{service}/admin/publishing/publishjob/")
    assert console.get_by_text(status, exact=True).first.is_visible()
    console.locator("#result_list tbody a").first.click()
    console.get_by_text("Publishing on X.").first.wait_for()
    if console.viewport_size == WINDOWS["phone"]:
        console.get_by_text("more_horiz").click()
    console.get_by_role("link", name="Retry").click()
    console.get_by_label("Reason").fill("The owner asked for it.")
    console.get_by_role("button", name="Retry").click()
    console.get_by_text("The owner asked for it.").first.wait_for()
    worker.work()

    assert statuses() == {"Published": 1}
    assert [post["text"] for post in sandbox.posts()] == ["Once refused"]


@mostly_on("desk")
def test_best_times_of_an_account_are_drawn(console, service, api, make_connection, sandbox):
    connection = make_connection("twitter")
    monday = (timezone.now() - dt.timedelta(days=150)).replace(hour=9, minute=0)
    posts = [
        {"created_at": (monday + dt.timedelta(days=n, hours=n % 24)).isoformat(), "text": "Bread"}
        for n in range(120)
    ]
    account = {"platform": "twitter", "account_id": connection.external_user_id}
    sandbox.call("POST", "history", **account, posts=posts)
    data = api.get(f"insights/twitter/best-times?connection_id={connection.pk}").json()

    console.goto(f"{service}/admin/insights/connectioninsights/{connection.pk}/change/")

    hours = console.locator("table td[title]")
    assert hours.count() == 7 * 24
    marked = hours.evaluate_all(
        "cells => cells.filter(cell => getComputedStyle(cell).outlineStyle == 'solid')"
        ".map(cell => cell.title.split(':')[0])"
    )
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    best = {
        f"{days[slot['day_of_week']]} {slot['hour_of_day']}" for slot in data["suggested_times"]
    }
    assert set(marked) == best
    console.get_by_text("Posts used for this estimate").first.click()
    assert console.get_by_text("Published", exact=True).first.is_visible()


def test_every_page_of_the_console_fits_the_window(
    console, service, api, make_connection, sandbox, worker
):
    connection = make_connection("facebook")
    api.publish(connection, "A long text. " * 50)
    worker.work()

    addresses = {link.get_attribute("href") for link in console.locator("a[href^='/admin/']").all()}
    assert len(addresses) > 5
    for address in sorted(addresses):
        # The add forms are Django's and unfold's.
        if not address.endswith(("/logout/", "/add/")):
            console.goto(f"{service}{address}")
            assert fits(console), address


@mostly_on("desk")
def test_api_page_shows_the_operations(window, service):
    window.goto(f"{service}/api/docs")

    window.get_by_role("heading", name="Social Publishing Service").wait_for()
    window.goto(f"{service}/api/docs#tag/content-publishing/POST/api/v1/publishing/publish")
    window.get_by_text("Fresh bread at seven").first.wait_for()
    assert fits(window)
    # Its summary is the longest one.
    window.goto(f"{service}/api/docs#tag/events/GET/api/v1/events")
    window.get_by_role("heading", name="oldest first").first.wait_for()
    assert fits(window)


@pytest.mark.parametrize("window", ["desk"], indirect=True)
def test_api_page_keeps_the_token_for_its_tab_and_sends_requests(window, service):
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
    window.set_default_timeout(30_000)  # the page is large

    def send(operation, path):
        """Send the request that the page shows; return the response."""
        window.goto(f"{service}/api/docs#tag/{operation}")
        window.get_by_role("button", name=f"(get {path})").first.click()
        with window.expect_response(lambda response: "/api/v1/" in response.url) as sent:
            window.get_by_role("button", name="Send get request").click()
        window.keyboard.press("Escape")
        return sent.value

    window.goto(f"{service}/api/docs")
    window.get_by_placeholder("Token").first.fill(token)
    window.wait_for_function("() => JSON.stringify(sessionStorage).includes('eyJ')")
    window.reload()

    playwright.expect(window.get_by_placeholder("Token").first).to_have_value(token)
    with window.context.expect_page() as opened:
        window.evaluate("open(location.href, '_blank', 'noopener')")
    token_of_another = opened.value.get_by_placeholder("Token").first
    playwright.expect(token_of_another).to_have_value("", timeout=30_000)
    opened.value.close()

    assert send("platforms/GET/api/v1/platforms", "/api/v1/platforms").status == 200

    connect = "/api/v1/connections/connect/{platform}"
    started = send(f"social-connections/GET{connect}", connect)
    assert started.url.endswith("/connect/twitter?redirect=false")
    assert started.json()["authorization_url"]
