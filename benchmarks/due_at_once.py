"""Thousands of posts that are due in the same second, through the complete service.

    python -m benchmarks.due_at_once [--posts 2000] [--accounts 200] [--sqlite]

Each is a photo on a Facebook Page: two requests, to which the sandbox responds after 250 ms. It
prints, for the same machine in the same run:

- the posts a second, and those of a plain pool of as many threads that send the same requests, with
  no database and no protection against duplicates;
- how late the posts are, and how late the only post of another user is, due in the same second.

It fails unless the sandbox has one post for each job.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any

import requests
from django.conf import settings

from benchmarks.service import Service, database, wait
from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller

CALL_S = 0.25
CALLERS = 8
TIMEOUT_S = 120
PICTURE = "harbour.jpg"
OTHERS_TEXT = "The only one of another user"

own = local()


def http() -> requests.Session:
    """The thread's own session, which keeps its connections open."""
    if not hasattr(own, "session"):
        own.session = requests.Session()
    session: requests.Session = own.session
    return session


def many(act: Callable[[Any], Any], over: Iterable[Any], *, threads: int) -> float:
    """Call `act` for each of `over`, in parallel; return the seconds that it took."""
    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(act, over))
    return time.monotonic() - started


class Bench:
    def __init__(self, service: Service, *, posts: int, accounts: int) -> None:
        self.service = service
        self.posts = posts
        self.accounts = [self._new_account("alice", f"baker{n}") for n in range(accounts)]
        self.others = self._new_account("bob", "bob")
        every = {"platform": "facebook", "method": "POST", "path": "/(photos|feed)$"}
        self.control("faults", action="delay", value=CALL_S, times=1_000_000, **every)

    def control(self, path: str, /, **body: Any) -> Any:
        url = f"{self.service.sandbox_url}/control/{path}"
        response = http().request("POST" if body else "GET", url, json=body or None)
        response.raise_for_status()
        return response.json()

    def _new_account(self, user: str, name: str) -> dict[str, Any]:
        """A Page and the user's connection to it."""
        made = self.control("accounts", platform="facebook", username=name)
        [page] = made["pages"]
        token = sign_dev_token(user, lifetime=dt.timedelta(hours=12))
        caller = Caller(service=self.service.url, sandbox=self.service.sandbox_url, token=token)
        # The consent page preselects the newest account.
        return {**page, "connection": caller.connect("facebook")["id"]}

    # --- The same requests by a plain pool -------------------------------------------------------

    def pool(self, threads: int) -> float:
        """Posts a second."""
        picture = http().get(f"{self.service.sandbox_url}/samples/{PICTURE}").content
        base = f"{self.service.sandbox_url}/facebook/v27.0"

        def post(number: int) -> None:
            page = self.accounts[number % len(self.accounts)]
            data = {"access_token": page["access_token"]}
            photo = http().post(
                f"{base}/{page['id']}/photos",
                data={**data, "published": "false"},
                files={"source": ("photo", picture, "image/jpeg")},
            )
            shown = json.dumps([{"media_fbid": photo.json()["id"]}])
            form = {**data, "message": f"Plain {number}", "attached_media": shown}
            http().post(f"{base}/{page['id']}/feed", data=form).raise_for_status()

        return self.posts / many(post, range(self.posts), threads=threads)

    # --- Through the service ---------------------------------------------------------------------

    def schedule(self, due: dt.datetime) -> float:
        """Submit all posts to the service; return how many it accepted a second."""
        token = {
            user: sign_dev_token(user, lifetime=dt.timedelta(hours=12)) for user in ("alice", "bob")
        }

        def submit(what: tuple[str, str, str]) -> None:
            user, connection, text = what
            asset = {
                "url": f"{self.service.sandbox_url}/samples/{PICTURE}",
                "asset_type": "image",
                "mime_type": "image/jpeg",
            }
            body = {
                "connection_id": connection,
                "text_content": text,
                "assets": [asset],
                "schedule_time": due.isoformat(),
            }
            response = http().post(
                f"{self.service.url}/api/v1/publishing/schedule",
                json=body,
                headers={"Authorization": f"Bearer {token[user]}"},
                timeout=TIMEOUT_S,
            )
            if response.status_code != 202:
                raise SystemExit(response.text)

        wanted = [
            ("alice", self.accounts[number % len(self.accounts)]["connection"], f"Due {number}")
            for number in range(self.posts)
        ]
        # The last one: a service that publishes in order publishes it last.
        wanted.append(("bob", self.others["connection"], OTHERS_TEXT))
        return len(wanted) / many(submit, wanted, threads=CALLERS)

    def lateness(self, due: dt.datetime) -> dict[str, float]:
        """Seconds from `due` until each post was created, by its text."""
        found = self.control("posts?platform=facebook")
        ours = [post for post in found if not post["text"].startswith("Plain")]
        counts = Counter(post["text"] for post in ours)
        if len(counts) != self.posts + 1 or set(counts.values()) != {1}:
            raise SystemExit(
                f"{len(counts)} of {self.posts + 1} are published, {counts.most_common(3)}"
            )
        return {
            post["text"]: (dt.datetime.fromisoformat(post["created_at"]) - due).total_seconds()
            for post in ours
        }

    def count_published(self) -> int:
        found = self.control("posts?platform=facebook")
        return sum(not post["text"].startswith("Plain") for post in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=2000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--sqlite", action="store_true", help="instead of PostgreSQL")
    options = parser.parse_args()
    threads = settings.PUBLISH_PROCESSES * settings.PUBLISH_THREADS
    with database(is_sqlite=options.sqlite) as url:
        service = Service(url)
        service.environment["MEDIA_ALLOWED_ORIGINS"] = service.sandbox_url
        try:
            service.start_all()
            bench = Bench(service, posts=options.posts, accounts=options.accounts)
            plain = bench.pool(threads)
            print(f"plain pool of {threads} threads: {plain:.0f} posts/s", flush=True)
            service.start_worker()
            due = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=30 + options.posts / 100)
            print(f"accepted: {bench.schedule(due):.0f} posts/s", flush=True)
            if dt.datetime.now(tz=dt.UTC) > due:
                raise SystemExit("They were due before all were accepted.")
            # Seldom, because each request costs the sandbox time.
            wait(lambda: bench.count_published() > options.posts, every_s=5)
            late = bench.lateness(due)
            others = late.pop(OTHERS_TEXT)
            ordered = sorted(late.values())
            rate = options.posts / ordered[-1]
            print(f"service: {rate:.0f} posts/s, {rate / plain:.2f} times the pool's")
            print(
                f"late: first {ordered[0]:.2f} s, half {ordered[len(ordered) // 2]:.1f} s, "
                f"last {ordered[-1]:.1f} s; another user's only post {others:.2f} s"
            )
        finally:
            service.stop()


if __name__ == "__main__":
    main()
