"""How late posts go out at a steady load, through the complete service (PostgreSQL).

    python -m benchmarks.precision [--rate 10] [--seconds 120] [--accounts 50]

Each post is accepted by the API ten seconds before it is due, while others go out. Its lateness is
measured at the platform (`benchmarks/fake_platform.py`): from the due time until the first request
for it arrives. All clocks are those of this machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import time

import requests

from benchmarks.drain import Bench, new_accounts
from benchmarks.report import Goal, verdict
from benchmarks.service import responds, temporary_postgres, wait
from config.auth.dev_tokens import sign_dev_token
from config.run.environment import first_free
from config.run.service import web_command

AHEAD_S = 10
DAY = dt.timedelta(days=1)


def submit_steadily(api: str, options: argparse.Namespace) -> dict[str, float]:
    """When each post is due, in seconds of the Unix epoch, by its text."""
    accounts = new_accounts(options.accounts)
    tokens = {each.user_id: sign_dev_token(each.user_id, lifetime=DAY) for each in accounts}
    due: dict[str, float] = {}
    start = time.time()
    for number in range(options.rate * options.seconds):
        submit_at = start + number / options.rate
        time.sleep(max(0.0, submit_at - time.time()))
        account, text = accounts[number % len(accounts)], f"Post {number}"
        due[text] = submit_at + AHEAD_S
        body = {
            "connection_id": str(account.pk),
            "text_content": text,
            "schedule_time": dt.datetime.fromtimestamp(due[text], dt.UTC).isoformat(),
        }
        headers = {"Authorization": f"Bearer {tokens[account.user_id]}"}
        response = requests.post(
            f"{api}/publishing/schedule", json=body, headers=headers, timeout=30
        )
        if response.status_code != 202:
            raise SystemExit(response.text)
    return due


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=int, default=10, help="posts a second")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--accounts", type=int, default=50)
    options = parser.parse_args()
    posts = options.rate * options.seconds
    bench, port = Bench(posts), first_free(18100)
    with (
        temporary_postgres() as url,
        bench.service(url),
        bench.running(*web_command("127.0.0.1", port)),
    ):
        wait(lambda: responds(f"http://127.0.0.1:{port}/healthz"))
        due = submit_steadily(f"http://127.0.0.1:{port}/api/v1", options)
        wait(lambda: bench.stats()["count"] >= posts, every_s=1)
        arrivals = bench.arrivals()
    late = [1000 * (arrivals[text] - at) for text, at in due.items()]
    percentiles = statistics.quantiles(late, n=100)
    print(
        f"{posts} posts, {options.rate} a second: p50 {percentiles[49]:.0f} ms, "
        f"p99 {percentiles[98]:.0f} ms, worst {max(late):.0f} ms"
    )
    print(verdict(Goal(what="p99 after due", figure=percentiles[98], at_most=50, unit="ms")))


if __name__ == "__main__":
    main()
