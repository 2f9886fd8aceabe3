"""What a caller of the service does: connect accounts, publish, follow jobs, check the posts.

It uses only the HTTP APIs of the service and of the sandbox, as callers do.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Literal, cast
from urllib.parse import urljoin

import requests

from clients.python.social_publishing import Client, types

PATIENCE_S = 60
TIMEOUT_S = 35  # longer than a request with `Prefer: wait` may take
FINAL_STATUSES = ("Published", "Failed", "ContentRejected", "Cancelled", "Unconfirmed")


class JourneyError(Exception):
    """The service did not respond as documented."""


@dataclass(frozen=True, kw_only=True)
class PlannedPost:
    """A post that the caller wants to publish."""

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
    def kind(self) -> Literal["image", "video"]:
        return "video" if self.mime_type.startswith("video/") else "image"


@dataclass(frozen=True, kw_only=True)
class Found:
    """How often the sandbox has a planned post."""

    post: PlannedPost
    times: int
    has_correct_file: bool

    @property
    def is_correct(self) -> bool:
        return self.times == 1 and self.has_correct_file


class Caller:
    """One user of the service, with a browser."""

    def __init__(self, *, service: str, sandbox: str, token: str) -> None:
        self.api = f"{service}/api/v1"
        self.sandbox = sandbox
        self.token = token
        self.browser = requests.Session()  # keeps the cookie that ties a connection to its browser
        self.client = Client(service, token, timeout_s=TIMEOUT_S)

    def connect(self, platform: str) -> dict[str, Any]:
        """Connect an account as a person does, on the consent page of the platform."""
        redirect = self.call("GET", f"/connections/connect/{platform}", expect=307)
        consent = self.browser.get(redirect.headers["Location"], timeout=TIMEOUT_S)
        form = Form.of(consent)
        back = self.browser.post(
            urljoin(consent.url, form.action), data={**form.fields, "allow": "1"}, timeout=TIMEOUT_S
        )
        return dict(checked(back, 200).json())

    def publish(self, post: PlannedPost, connection: str) -> str:
        """Submit `post` and return the id of its job."""
        body: types.PublishRequest = {"connection_id": connection, "text_content": post.text}
        if post.file:
            asset: types.GeneratedAsset = {
                "url": self.sample_url(post.file),
                "asset_type": post.kind,
                "mime_type": post.mime_type,
            }
            if post.kind == "image":
                asset["alt_text"] = "A sample picture of the sandbox"
            body["assets"] = [asset]
        if post.options:
            body["platform_specific_options"] = cast(Any, dict(post.options))
        if post.in_seconds is None:
            return self.client.publish_content_now(body)["job_id"]
        due = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=post.in_seconds)
        return self.client.schedule_content({**body, "schedule_time": due.isoformat()})["job_id"]

    def wait_for(self, job: str) -> dict[str, Any]:
        """The job when its status is final, or after PATIENCE_S."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            state = self.client.get_publish_job_status(job)
            if state["status"] in FINAL_STATUSES or time.monotonic() > deadline:
                return dict(state)
            time.sleep(0.2)

    def history(self, job: str) -> list[types.JobEvent]:
        return self.client.list_job_events(job)

    def find(self, wanted: Sequence[PlannedPost]) -> list[Found]:
        """Search the sandbox for `wanted`. Raises JourneyError if it has any other post."""
        posts = checked(self.browser.get(f"{self.sandbox}/control/posts", timeout=TIMEOUT_S)).json()
        unwanted = {post["text"] for post in posts} - {post.text for post in wanted}
        if unwanted:
            raise JourneyError(f"The sandbox has posts that nobody requested: {list(unwanted)}")
        return [self.find_one(post, posts) for post in wanted]

    def find_one(self, wanted: PlannedPost, posts: list[dict[str, Any]]) -> Found:
        found = [p for p in posts if (p["platform"], p["text"]) == (wanted.platform, wanted.text)]
        checksums = [hashlib.sha256(self.sample(wanted.file)).hexdigest()] if wanted.file else []
        media = [[medium["sha256"] for medium in post["media"]] for post in found]
        return Found(
            post=wanted,
            times=len(found),
            has_correct_file=all(each == checksums for each in media),
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
        request = f"{response.request.method} {str(response.url).partition('?')[0]}"
        raise JourneyError(
            f"{request} responded {response.status_code}, not {expect}: {response.text[:500]}"
        )
    return response


@dataclass
class Form(HTMLParser):
    """The form of a page as a browser would send it, without the button that is pressed."""

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


def event_lines(events: Sequence[types.JobEvent]) -> str:
    """The history of a job for a person: when, which statuses, who, why, how long."""
    return "\n".join(f"    {line}" for line in map(event_line, events))


def event_line(event: types.JobEvent) -> str:
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
