"""`./run pictures`: make the pictures of README and docs, of a service with some trouble."""

from __future__ import annotations

import datetime as dt
import io
import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import requests

from config.run import ROOT, VAR
from config.run.demo import OPERATOR, PLANNED_POSTS, PLATFORMS, USER, output_of
from config.run.environment import Place, place_of_demo
from config.run.journey import Caller, PlannedPost
from config.run.processes import Children
from config.run.service import start

FOLDER = ROOT / "docs/images"
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# The X account is refused once, and Pinterest is paused.
REFUSED = PlannedPost(platform="twitter", text="Open on Sunday, too.")
HELD = PlannedPost(platform="pinterest", text="Autumn in the hills", file="mountains.jpg")


def pictures() -> int:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("The pictures need Playwright: ./run browser installs it.")
        return 1
    chromium = shutil.which("chromium")
    if chromium is None:
        print("The pictures need the program `chromium`.")
        return 1
    with Children() as children:
        place = place_of_demo(VAR)
        folder = VAR / f"demo-{place.port}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        start(children, place, logs=folder)
        failed, connection = publish(place)
        words = output_of(place, "make_ops_user", OPERATOR)
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            take(browser, place, words, failed, connection)
            browser.close()
    return 0


def publish(place: Place) -> tuple[str, str]:
    """Posts that are public, one that fails, and one that has to wait.

    Returns the job of the one that fails, and the connection of an account with older posts.
    """
    token = output_of(place, "dev_token", USER)
    caller = Caller(service=place.url, sandbox=place.sandbox_url, token=token)
    connections = {platform: caller.connect(platform)["id"] for platform in PLATFORMS}
    write_history(caller, connections["twitter"])
    jobs = [caller.publish(post, connections[post.platform]) for post in PLANNED_POSTS]
    for job in jobs:
        caller.wait_for(job)
    fault = {"action": "status", "value": 403, "method": "POST", "path": "^/2/tweets$"}
    requests.post(f"{place.sandbox_url}/control/faults", json=fault, timeout=10).raise_for_status()
    failed = caller.publish(REFUSED, connections["twitter"])
    caller.wait_for(failed)
    output_of(place, "pause_platform", "pinterest", "--reason", "The pictures are being checked.")
    caller.publish(HELD, connections["pinterest"])
    return failed, connections["twitter"]


def write_history(caller: Caller, connection: str) -> None:
    """Five months of posts, from which the best hours are estimated."""
    account = caller.call("GET", f"/connections/{connection}").json()["external_user_id"]
    first = (dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=150)).replace(hour=9, minute=0)
    posts = [
        {
            "created_at": (first + dt.timedelta(days=number, hours=number % 24)).isoformat(),
            "text": f"Bread of day {number}",
        }
        for number in range(140)
    ]
    history = {"platform": "twitter", "account_id": account, "posts": posts}
    address = f"{caller.sandbox}/control/history"
    requests.post(address, json=history, timeout=10).raise_for_status()
    caller.call("GET", f"/insights/twitter/best-times?connection_id={connection}")


def take(browser: Any, place: Place, words: str, failed: str, connection: str) -> None:
    jobs = f"{place.url}/admin/publishing/publishjob/"
    desk = signed_in(browser, place, words, viewport=DESK, color_scheme="light")
    save(desk, f"{place.url}/admin/", "console-start.png")
    save(desk, jobs, "console-jobs.png")
    save(desk, f"{jobs}{failed}/change/", "console-job.png")
    insights = f"{place.url}/admin/insights/connectioninsights/{connection}/change/"
    save(desk, insights, "console-insights.png", until=lambda page: page.locator(
        "table").first.evaluate("table => table.scrollIntoView({block: 'center'})"))  # fmt: skip
    save(desk, f"{place.sandbox_url}/feed/instagram", "feed.png")
    save(desk, f"{place.url}/api/docs", "api.png", until=lambda page: page.get_by_role(
        "heading", name="Social Publishing Service").wait_for())  # fmt: skip
    phone = signed_in(browser, place, words, viewport=PHONE, color_scheme="dark")
    save(phone, f"{jobs}{failed}/change/", "console-phone.png")


def signed_in(browser: Any, place: Place, words: str, **facts: Any) -> Any:
    """A page of the console, in the browser of an operator."""
    page = browser.new_context(reduced_motion="reduce", **facts).new_page()
    page.goto(f"{place.url}/admin/")
    page.get_by_label("Username").fill(OPERATOR)
    page.get_by_label("Password").fill(password_in(words))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{place.url}/admin/")
    return page


def password_in(words: str) -> str:
    """The one that make_ops_user printed."""
    [found] = re.findall(r"Password \(shown only now\): (\S+)", words)
    return str(found)


def save(page: Any, address: str, name: str, *, until: Callable[[Any], None] | None = None) -> None:
    page.goto(address, wait_until="networkidle")
    if until:
        until(page)
    file = Path(FOLDER / name)
    file.write_bytes(smaller(page.screenshot()))
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB", flush=True)


def smaller(png: bytes) -> bytes:
    """The picture with a palette of 256 colours: less than half of the bytes."""
    opened: Any = av.open(io.BytesIO(png))
    with opened as container:
        frame = next(container.decode(video=0))
    frame.pts = 0
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1)
    )
    split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=single")
    use, sink = graph.add("paletteuse", "dither=none:new=1"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    result: Any = graph.pull()
    codec: Any = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = result.width, result.height, "pal8"
    codec.time_base = Fraction(1)
    codec.options = {"compression_level": "9", "pred": "mixed"}
    return b"".join(bytes(each) for each in [*codec.encode(result), *codec.encode(None)])
