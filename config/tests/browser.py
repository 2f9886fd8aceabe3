"""A browser for tests: Playwright with the machine's own Chromium.

Without Playwright (`./run browser`) or Chromium the tests are skipped; with `CI` set they fail.
"""

import os
import shutil

import pytest
from django.contrib.auth.models import User

try:
    from playwright import sync_api as playwright
except ImportError:
    playwright = None

CHROMIUM = shutil.which("chromium")

WINDOWS = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
SCHEMES = {"desk": "light", "phone": "dark"}


def mostly_on(window):
    """For tests that `./run test` makes in one window, and `./run night` in the other."""
    [other] = WINDOWS.keys() - {window}
    windows = [window, pytest.param(other, marks=pytest.mark.night)]
    return pytest.mark.parametrize("window", windows, indirect=True)


@pytest.fixture(scope="session")
def requirements():
    """Skip the tests if the browser is missing; in CI fail, so that they are never left out."""
    missing = [
        *(["Playwright (`./run browser` installs it)"] if playwright is None else []),
        *(["the program `chromium`"] if CHROMIUM is None else []),
    ]
    if missing:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"The browser tests need {' and '.join(missing)}.")


@pytest.fixture(scope="module")
def chromium(requirements, django_db_setup):
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as started:
        # Playwright runs an event loop in this thread, in which Django refuses to use the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def service(chromium, transactional_db, live_server, sandbox, settings):
    """The address of the service."""
    settings.SERVICE_BASE_URL = live_server.url
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    return live_server.url


@pytest.fixture(params=WINDOWS)
def window(request, chromium, service, sandbox):
    """A browser page: light on a desk, dark on a phone. Its errors fail the test."""
    errors = []
    context = chromium.new_context(
        viewport=WINDOWS[request.param],
        color_scheme=SCHEMES[request.param],
        # What moves is neither compared nor waited for.
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: _check_message(errors, str(error)))
    page.on("response", lambda response: _check_response(errors, response, (service, sandbox.url)))
    page.on(
        "console",
        lambda message: (
            message.type in {"error", "warning"} and _check_message(errors, message.text)
        ),
    )
    yield page
    context.close()
    assert errors == []


def _check_message(errors, message):
    # What a page was loading when it was left is cancelled.
    if "cancelled" not in message:
        errors.append(message)


def _check_response(errors, response, ours):
    if response.status >= 400 or not response.url.startswith((*ours, "data:", "blob:")):
        errors.append(f"{response.status} {response.url}")


def fits(page):
    """Is the page no wider than the window?"""
    return page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


@pytest.fixture
def console(window, service):
    """The ops console, signed in as a superuser."""
    User.objects.create_superuser("mara", password="a long pass phrase")
    window.goto(f"{service}/admin/")
    window.get_by_label("Username").fill("mara")
    window.get_by_label("Password").fill("a long pass phrase")
    window.get_by_role("button", name="Log in").click()
    window.wait_for_url(f"{service}/admin/")
    return window
