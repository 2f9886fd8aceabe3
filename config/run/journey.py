"""What a caller of the service does from the first token to the last post, and what came of it.

It knows the service and the sandbox by their HTTP alone, as callers do.
"""

import datetime as dt
import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests

PATIENCE_S = 60
TIMEOUT_S = 35  # longer than a request with `Prefer: wait` may take
SETTLED = ("Published", "Failed", "ContentRejected", "Cancelled", "Unconfirmed")


class JourneyError(Exception):
    """The service did not answer as promised."""


@dataclass(frozen=True, kw_only=True)
class PlannedPost:
    """One post that the caller wants."""

    platform: str
    text: str
    file: str = ""  # the name of a sample that the sandbox serves
    options: tuple[tuple[str, Any], ...] = ()
    in_seconds: int | None = None  # None: now

    def __str__(self) -> str:
        when = "now" if self.in_seconds is None else f"in {self.in_seconds} s"
        shown = f" + {self.kind}" if self.file else ""
        return f"{self.platform}, {when}: {self.text!r}{shown}"

    @property
    def mime_type(self) -> str:
        return {"png": "image/png", "mp4": "video/mp4"}.get(self.file[-3:], "image/jpeg")

    @property
    def kind(self) -> str:
        return self.mime_type.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the sandbox has of a wish."""

    wish: PlannedPost
    times: int
    has_right_file: bool

    @property
    def is_right(self) -> bool:
        return self.times == 1 and self.has_right_file


class Caller:
    """One user of the service, with a browser."""

    def __init__(self, *, service: str, sandbox: str, token: str) -> None:
        self.api = f"{service}/api/v1"
        self.sandbox = sandbox
        self.token = token
        self.browser = requests.Session()  # keeps the cookie that ties a connect to its browser

    def connect(self, platform: str) -> dict[str, Any]:
        """Connect an account as a person does: over the consent page of the platform."""
        away = self.call("GET", f"/connections/connect/{platform}", expect=307)
        consent = self.browser.get(away.headers["Location"], timeout=TIMEOUT_S)
        form = Form.of(consent)
        back = self.browser.post(
            urljoin(consent.url, form.action), data={**form.fields, "allow": "1"}, timeout=TIMEOUT_S
        )
        return dict(checked(back, 200).json())

    def publish(self, wish: PlannedPost, connection: str) -> str:
        """Hand `wish` over and return the id of its job."""
        body: dict[str, Any] = {"connection_id": connection, "text_content": wish.text}
        if wish.file:
            asset = {
                "url": self.sample_url(wish.file),
                "asset_type": wish.kind,
                "mime_type": wish.mime_type,
            }
            if wish.kind == "image":
                asset["alt_text"] = "A sample picture of the sandbox"
            body["assets"] = [asset]
        if wish.options:
            body["platform_specific_options"] = dict(wish.options)
        if wish.in_seconds is None:
            response = self.call("POST", "/publishing/publish", json=body, expect=202)
        else:
            due = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=wish.in_seconds)
            body["schedule_time"] = due.isoformat()
            response = self.call("POST", "/publishing/schedule", json=body, expect=202)
        return str(response.json()["job_id"])

    def wait_for(self, job: str) -> dict[str, Any]:
        """The job as it ended, or as it stands when patience has run out."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            state: dict[str, Any] = self.call("GET", f"/publishing/jobs/{job}/status").json()
            if state["status"] in SETTLED or time.monotonic() > deadline:
                return state
            time.sleep(0.2)

    def story(self, job: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/publishing/jobs/{job}/events").json())

    def look(self, wishes: Sequence[PlannedPost]) -> list[Seen]:
        """What the platforms have of `wishes`. Raises JourneyError if they have anything else."""
        posts = checked(self.browser.get(f"{self.sandbox}/control/posts", timeout=TIMEOUT_S)).json()
        unwished = Counter(post["text"] for post in posts) - Counter(
            {wish.text: len(posts) for wish in wishes}
        )
        if unwished:
            raise JourneyError(f"The sandbox has posts that nobody asked for: {list(unwished)}")
        return [self.look_for(wish, posts) for wish in wishes]

    def look_for(self, wish: PlannedPost, posts: list[dict[str, Any]]) -> Seen:
        found = [p for p in posts if (p["platform"], p["text"]) == (wish.platform, wish.text)]
        wanted = [hashlib.sha256(self.sample(wish.file)).hexdigest()] if wish.file else []
        media = [[medium["sha256"] for medium in post["media"]] for post in found]
        return Seen(
            wish=wish,
            times=len(found),
            has_right_file=all(sums == wanted for sums in media),
        )

    def sample_url(self, name: str) -> str:
        return f"{self.sandbox}/samples/{name}"

    def sample(self, name: str) -> bytes:
        return checked(self.browser.get(self.sample_url(name), timeout=TIMEOUT_S)).content

    def call(
        self, method: str, path: str, *, json: object = None, expect: int = 200
    ) -> requests.Response:
        response = self.browser.request(
            method,
            self.api + path,
            json=json,
            headers={"Authorization": f"Bearer {self.token}"},
            allow_redirects=False,
            timeout=TIMEOUT_S,
        )
        return checked(response, expect)


def checked(response: requests.Response, expect: int = 200) -> requests.Response:
    if response.status_code != expect:
        asked = f"{response.request.method} {str(response.url).partition('?')[0]}"
        raise JourneyError(
            f"{asked} answered {response.status_code}, not {expect}: {response.text[:500]}"
        )
    return response


@dataclass
class Form(HTMLParser):
    """The form of a page as a browser would send it, but for the button that is pressed."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, page: requests.Response) -> "Form":
        form = cls()
        form.feed(checked(page).text)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        kind = facts.get("type", "text")
        if tag == "form":
            self.action = facts.get("action", "")
        elif tag == "input" and (kind == "hidden" or "checked" in facts):
            self.fields[facts["name"]] = facts.get("value", "" if kind == "hidden" else "on")


def data(events: Sequence[dict[str, Any]]) -> str:
    """A job's story as lines for a person: when, from where to where, who, why, how long."""
    return "\n".join(f"    {line}" for line in map(event_line, events))


def event_line(event: dict[str, Any]) -> str:
    at = dt.datetime.fromisoformat(event["at"]).astimezone()
    before, after = event.get("from_status") or "", event.get("to_status") or ""
    arrow = f"{before} → {after}" if before and before != after else after
    took = event.get("duration_ms")
    words = [
        event.get("actor"),
        event.get("step"),
        event.get("code"),
        event.get("note"),
        f"({took} ms)" if took is not None else "",
    ]
    return f"{at:%H:%M:%S.%f}"[:12] + f"  {arrow:<24} " + "  ".join(str(w) for w in words if w)
