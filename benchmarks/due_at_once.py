"""Thousands of posts that are due in the same second, through all of the service.

    python -m benchmarks.due_at_once [--posts 2000] [--accounts 200] [--sqlite]

Each is a photo on a Facebook Page: two calls, which the sandbox answers after 250 ms. Told are, for
the same machine in the same run:

- how fast they go out, and the same calls by a plain pool of as many threads with `requests`, which
  has no database, remembers nothing and repeats whatever it likes;
- how late they are, and how late another user's only post is that was due in the same second;
- how many posts the sandbox has of each job: one.
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
    """The thread's own session, whose lines stay open."""
    if not hasattr(own, "session"):
        own.session = requests.Session()
    session: requests.Session = own.session
    return session


def many(act: Callable[[Any], Any], over: Iterable[Any], *, threads: int) -> float:
    """Do them side by side; how many seconds it took."""
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
        # The consent page proposes the newest account.
        return {**page, "connection": caller.connect("facebook")["id"]}

    # --- The same calls, by nobody who cares -----------------------------------------------------

    def pool(self, threads: int) -> float:
        """Posts a second."""
        picture = http().get(f"{self.service.sandbox_url}/samples/{PICTURE}").content
        base = f"{self.service.sandbox_url}/facebook/v25.0"

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
        """Hand all over to the service; how many a second it took."""
        token = {
            user: sign_dev_token(user, lifetime=dt.timedelta(hours=12)) for user in ("alice", "bob")
        }

        def hand_over(what: tuple[str, str, str]) -> None:
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
        # Last of all, so that whoever takes them in order takes it last.
        wanted.append(("bob", self.others["connection"], OTHERS_TEXT))
        return len(wanted) / many(hand_over, wanted, threads=CALLERS)

    def lateness(self, due: dt.datetime) -> dict[str, float]:
        """Seconds from `due` until the platform had each post, by its text."""
        found = self.control("posts?platform=facebook")
        ours = [post for post in found if not post["text"].startswith("Plain")]
        counts = Counter(post["text"] for post in ours)
        if len(counts) != self.posts + 1 or set(counts.values()) != {1}:
            raise SystemExit(f"{len(counts)} of {self.posts + 1} are out, {counts.most_common(3)}")
        return {
            post["text"]: (dt.datetime.fromisoformat(post["created_at"]) - due).total_seconds()
            for post in ours
        }

    def count_out(self) -> int:
        found = self.control("posts?platform=facebook")
        return sum(not post["text"].startswith("Plain") for post in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=2000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--sqlite", action="store_true", help="instead of PostgreSQL")
    asked = parser.parse_args()
    threads = settings.PUBLISH_PROCESSES * settings.PUBLISH_THREADS
    with database(is_sqlite=asked.sqlite) as url:
        service = Service(url)
        service.environment["MEDIA_ALLOWED_ORIGINS"] = service.sandbox_url
        try:
            service.start_all()
            bench = Bench(service, posts=asked.posts, accounts=asked.accounts)
            plain = bench.pool(threads)
            print(f"plain pool of {threads} threads: {plain:.0f} posts/s", flush=True)
            service.start_worker()
            due = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=30 + asked.posts / 100)
            print(f"accepted: {bench.schedule(due):.0f} posts/s", flush=True)
            if dt.datetime.now(tz=dt.UTC) > due:
                raise SystemExit("They were due before all were accepted.")
            # Seldom, as asking takes the sandbox's time.
            wait(lambda: bench.count_out() > asked.posts, every_s=5)
            late = bench.lateness(due)
            others = late.pop(OTHERS_TEXT)
            ordered = sorted(late.values())
            rate = asked.posts / ordered[-1]
            print(f"service: {rate:.0f} posts/s, {rate / plain:.2f} times the pool's")
            print(
                f"late: first {ordered[0]:.2f} s, half {ordered[len(ordered) // 2]:.1f} s, "
                f"last {ordered[-1]:.1f} s; another user's only one {others:.2f} s"
            )
        finally:
            service.stop()


if __name__ == "__main__":
    main()
