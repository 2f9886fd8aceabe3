"""Each alert fires in its state and in no other, and rules and dashboard name real metrics.

The series are those that a running service shows, before and after something went wrong. The rules
are evaluated over them by promtool (Debian's package prometheus); without it they are skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
import requests
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from config.run.journey import PlannedPost
from config.run.processes import free_port
from config.run.service import manage
from config.tests.conftest import separate_database
from config.tests.test_kill import Service, caller_of, responds, wait
from conftest import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

PATIENCE_S = 120
TOKEN = {"Authorization": "Bearer a-token-of-22-letters"}
RULES = settings.BASE_DIR / "deploy/prometheus/alerts.yml"
DASHBOARD = settings.BASE_DIR / "deploy/grafana/dashboard.json"
NAME = re.compile(r"\bsocialpublishing_\w+")
DOWN, AWAY = "SocialPublishingDown", "SocialPublishingDatabaseAway"
REQUESTS = "SocialPublishingRequestsFail"
PUBLISHED = 'socialpublishing_jobs_ended_10m{code="",platform="twitter",status="Published"}'
FAILED_CALLS = (
    'socialpublishing_platform_call_duration_seconds_count{platform="twitter",result="503"}'
)
# Minutes of each state.
WELL, ILL = 70, 20

GO_WRONG = """
import datetime as dt
from django.utils import timezone
from connections.models import SocialConnection
from publishing.models import PublishJob, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.events.models import Event
from socialpublishing.events.webhooks import Webhook, new_secret
from socialpublishing.platforms.pauses import PlatformPause
now = timezone.now()
past = now - dt.timedelta(minutes=30)
facts = dict(user_id="alice", platform="twitter", created_at=past, updated_at=now, text="x")
jobs = [
    PublishJob(account="twitter:1", status="Pending", next_attempt_at=past, **facts),
    PublishJob(account="twitter:2", status="Processing", next_attempt_at=past,
        lease_owner="a:1", **facts),
    PublishJob(account="twitter:3", status="Unconfirmed", who_acts="user", **facts),
    PublishJob(account="twitter:4", status="Pending", next_attempt_at=now + dt.timedelta(hours=1),
        waiting_for="operator", who_acts="operator", **facts),
]
jobs += [
    PublishJob(account="twitter:5", status="Failed", error_code="too_late", **facts)
    for _ in range(5)
]
PublishJob.objects.bulk_create(jobs)
SocialConnection.objects.update(status="needs_reauth")
WorkerSlot.objects.exclude(name=CLAIM_LOCK).update(heartbeat_at=now - dt.timedelta(minutes=5))
PlatformPause.objects.create(platform="pinterest", feature="all", code="platform_configuration",
    reason="", since=past, step="publish", probe_at=now, pause_s=30)
Webhook.objects.create(url="https://a.example/", secret=new_secret(), created_at=now,
    status="paused", paused_reason="gone")
Event.objects.create(at=past, type="job.failed", user_id="alice", sequence=9, data={})
"""
LOSE_TABLE = """
from django.db import connection
connection.cursor().execute("ALTER TABLE publishing_publishjob RENAME TO lost")
"""


class Watched:
    """The service, and what is scraped of it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.worker = f"http://127.0.0.1:{free_port()}"
        service.environment |= {
            "METRICS_TOKEN": TOKEN["Authorization"].removeprefix("Bearer "),
            "WORKER_METRICS_BIND": self.worker.removeprefix("http://"),
            "WEB_CONCURRENCY": "2",
        }

    def scrape(self, url: str) -> dict[str, float]:
        """By the series, as Prometheus writes it."""
        response = requests.get(f"{url}/metrics", headers=TOKEN, timeout=20)
        assert response.status_code == 200, response.text
        return {
            f"{sample.name}{{{labels_of(sample.labels)}}}": sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }

    def scrape_until(self, url: str, condition: Callable[[dict[str, float]], bool]):
        """The first scrape with it: each web process remembers what it read for some seconds."""
        scraped: dict[str, float] = {}

        def is_met() -> bool:
            scraped.clear()
            scraped.update(self.scrape(url))
            return condition(scraped)

        wait(is_met, PATIENCE_S)
        return scraped

    def run(self, script: str) -> None:
        subprocess.run(
            manage("shell", "-c", script), env=self.service.environment, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip


def labels_of(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))


@pytest.fixture(scope="module")
def scrapes(tmp_path_factory, sandbox_server, migrated_database):
    """Of a service that is well, then ill, then without its database: its series in each state."""
    sandbox = Sandbox(sandbox_server.url)
    sandbox.call("DELETE", "state")
    with separate_database(tmp_path_factory.mktemp("alerts"), migrated_database) as url:
        service = Service(url, sandbox)
        try:
            yield live(Watched(service), sandbox)
        finally:
            service.stop()


def live(watched: Watched, sandbox) -> dict[str, dict[str, float]]:
    service = watched.service
    service.start(*service.web)
    wait(lambda: responds(f"{service.url}/healthz"), PATIENCE_S)
    caller = caller_of("alice", service, sandbox)
    sandbox.account("twitter")
    connection = caller.connect("twitter")["id"]
    requests.post(f"{service.url}/api/v1/publishing/publish", b"x" * 300_000, timeout=20)
    worker = service.start_worker()
    wait(lambda: responds_with_token(watched.worker), PATIENCE_S)

    def publish(count: int, name: str) -> None:
        for number in range(count):
            caller.publish(PlannedPost(platform="twitter", text=f"{name} {number}"), connection)

    publish(2, "Well")
    wait(lambda: len(sandbox.posts()) == 2, PATIENCE_S)
    of_web = watched.scrape_until(service.url, lambda series: series.get(PUBLISHED) == 2)
    found = {"well": of_web | watched.scrape(watched.worker)}

    sandbox.fault("status", 503, platform="twitter", times=999)
    publish(12, "Ill")
    of_worker = watched.scrape_until(
        watched.worker, lambda series: series.get(FAILED_CALLS, 0) > 12
    )
    worker.kill()
    worker.wait()
    watched.run(GO_WRONG)
    of_web = watched.scrape_until(service.url, lambda series: "too_late" in str(series))
    found["ill"] = of_web | of_worker

    watched.run(LOSE_TABLE)
    for _ in range(6):
        requests.get(f"{service.url}/api/v1/publishing/jobs", headers={
            "Authorization": f"Bearer {caller.token}"}, timeout=20)  # fmt: skip
    found["away"] = watched.scrape_until(
        service.url, lambda series: series["socialpublishing_database_up{}"] == 0
    )
    return found


def responds_with_token(url: str) -> bool:
    try:
        assert requests.get(f"{url}/metrics", timeout=5).status_code == 401
        return requests.get(f"{url}/metrics", headers=TOKEN, timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def promtool():
    command = shutil.which("promtool")
    if command is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse("The rules of alerts need promtool (Debian: apt install prometheus).")
    return command


def values(before: float | None, after: float | None, *, grows: bool) -> str:
    """A series through both states, in promtool's notation: one value a minute."""
    if grows:
        step = (after or 0) - (before or 0)
        return f"{before or 0}x{WELL} {(before or 0) + step}+{step}x{ILL}"
    well = f"_x{WELL}" if before is None else f"{before}x{WELL}"
    return f"{well} " + (f"{after}x{ILL}" if after is not None else "stale")


def series_of(before: dict[str, float], after: dict[str, float]) -> list[dict[str, str]]:
    counted = re.compile(r"_(total|bucket|count|sum)\{")
    return [
        {
            "series": name,
            "values": values(before.get(name), after.get(name), grows=bool(counted.search(name))),
        }
        for name in sorted(before | after)
        if "_created{" not in name
    ]


def fired(minute: int, names: list[str]) -> dict[str, object]:
    return {
        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
    }


def test_each_alert_fires_in_its_state_and_in_no_other(scrapes, promtool, tmp_path):
    alerts = re.findall(r"alert: (\w+)", RULES.read_text())
    ill = [name for name in alerts if name not in {DOWN, AWAY, REQUESTS}]
    states = [
        (series_of(scrapes["well"], scrapes["ill"]), ill),
        ([each for each in series_of(scrapes["ill"], scrapes["away"])
          if "database_up" in each["series"] or "_http_" in each["series"]], [AWAY, REQUESTS]),
        ([{"series": "socialpublishing_database_up{}", "values": f"1x{WELL} stale"}], [DOWN]),
    ]  # fmt: skip
    tests = [
        {"interval": "1m", "input_series": series,
         "promql_expr_test": [fired(WELL + ILL - 2, sorted(names))]}
        for series, names in states
    ]  # fmt: skip
    tests[0]["promql_expr_test"].insert(0, fired(WELL - 5, []))  # well
    file = tmp_path / "test.json"
    file.write_text(json.dumps({
        "rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests,
    }))  # fmt: skip

    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert set(ill) | {DOWN, AWAY, REQUESTS} == set(alerts)


def dashboard_expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_each_metric_that_rules_and_dashboard_name_exists(scrapes):
    shown = {name.partition("{")[0] for series in scrapes.values() for name in series}
    for text in (RULES.read_text(), *dashboard_expressions()):
        assert set(NAME.findall(text)) <= shown
    families = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in shown}
    described = set(NAME.findall((settings.BASE_DIR / "docs/metrics.md").read_text()))
    assert families == described


def test_expressions_of_the_dashboard_are_valid(promtool, tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": each}
        for number, each in enumerate(dashboard_expressions())
    ]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_requests_are_counted_over_all_web_processes(scrapes):
    [published] = [
        value
        for name, value in scrapes["well"].items()
        if name.startswith("socialpublishing_http_requests_total")
        and 'route="api/v1/publishing/publish"' in name
    ]
    assert published == 2
    refused = 'socialpublishing_http_requests_refused_total{code="payload_too_large"}'
    assert scrapes["well"][refused] == 1
