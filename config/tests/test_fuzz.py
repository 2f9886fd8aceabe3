"""Generated requests, valid and invalid: every response is as the OpenAPI document describes it.

In half of them real ids of the caller replace the generated ones, so that not all end with 404.
Chains of requests follow: what one returns, the next ones use, in any order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from config.auth.dev_tokens import sign_dev_token
from conftest import consent, plain_post
from connections.models import SocialConnection
from publishing.models import PublishJob

CHECKS = [
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
]


pytestmark = pytest.mark.django_db

# Requests with each limit of the document, always the same ones: about 10,000. `./run night fuzz`
# makes all on both databases; `./run test` makes them on the stricter one, without those of
# endpoints that take the same post as "schedule", and random requests on the other.
SAME_POST = ["/api/v1/publishing/publish", "/api/v1/publishing/validate"]
WITHOUT_LIMITS = {"coverage": {"enabled": False}}
IN_TEST = (
    {
        "phases": {"fuzzing": {"enabled": False}},
        "operations": [{"include-path": SAME_POST, "phases": WITHOUT_LIMITS}],
    }
    if connection.vendor == "postgresql"
    else {"phases": WITHOUT_LIMITS}
)
generated = schemathesis.openapi.from_wsgi(
    "/api/schema",
    get_wsgi_application(),
    config=schemathesis.Config.from_dict(
        IN_TEST if settings.get_current_profile_name() == "test" else {}
    ),
)


@pytest.fixture
def existing_jobs(make_connection: Any, api: Any) -> Iterator[None]:
    for _ in range(2):
        api.publish(make_connection("pinterest"), "An existing post")
    # Otherwise each request would close the database connection and end the test's transaction.
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    yield
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


@generated.parametrize()
@settings(suppress_health_check=list(HealthCheck))
def test_response_is_as_described(case: Any, existing_jobs: None) -> None:
    use_real_ids(case)
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
    response = case.call(headers={"Authorization": f"Bearer {token}"})
    case.validate_response(response, checks=CHECKS)


def use_real_ids(case: Any) -> None:
    job = PublishJob.objects.order_by("created_at").last()
    if job is None or len(str(case.path_parameters) + str(case.body)) % 2:
        return
    real = {
        "job_id": str(job.pk),
        "connection_id": str(job.connection_id),
        "destination_id": str(job.destination_id),
        "platform": job.platform,
    }
    for container in (case.path_parameters, case.query, case.body):
        if isinstance(container, dict):
            container.update({name: real[name] for name in real.keys() & container.keys()})


# --- Chains --------------------------------------------------------------------------------------

CHAIN_LENGTH = 40
JOB, CONNECTION = "/api/v1/publishing/jobs/{job_id}", "/api/v1/connections/{connection_id}"


class Chain:
    """The requests of one caller. Each response is checked against the OpenAPI document."""

    def __init__(self) -> None:
        token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
        self.headers = {"Authorization": f"Bearer {token}"}
        self.jobs: list[str] = []

    def call(self, method: str, path: str, **parts: Any) -> Any:
        case = generated[path][method].Case(**parts)
        response = case.call(headers=self.headers)
        case.validate_response(response, checks=CHECKS)
        return response

    def of_job(self, method: str, path: str, number: int, **parts: Any) -> None:
        if self.jobs:
            ids = {"job_id": self.jobs[number % len(self.jobs)]}
            self.call(method, f"{JOB}{path}", path_parameters=ids, **parts)

    def of_connection(self, method: str, path: str, number: int, **parts: Any) -> None:
        if connection := self.connection(number):
            ids = {"connection_id": str(connection.pk)}
            self.call(method, f"{CONNECTION}{path}", path_parameters=ids, **parts)

    @staticmethod
    def connection(number: int) -> SocialConnection | None:
        """Disconnected ones too."""
        connections = SocialConnection.objects.filter(user_id="alice").order_by("pk")
        return connections[number % len(connections)] if connections else None

    # --- Steps: each has a number that chooses among what there is ---

    def connect(self, number: int) -> None:
        platform = ("twitter", "pinterest")[number % 2]
        place = {"path_parameters": {"platform": platform}, "query": {"redirect": "false"}}
        started = self.call("GET", "/api/v1/connections/connect/{platform}", **place)
        query = consent(started.json()["authorization_url"], ("allow", "deny")[number % 3 // 2])
        names = dict(parse_qsl(query.partition("?")[2]))
        place = {"path_parameters": {"platform": platform}, "query": names}
        done = self.call("GET", "/api/v1/connections/connect/{platform}/callback", **place)
        if done.status_code == 200:
            body = {name: done.json()[name] for name in ("attempt_id", "completion_code")}
            for _ in range(1 + number % 2):
                self.call("POST", "/api/v1/connections/confirm", body=body)

    def publish(self, number: int) -> None:
        kind = ("publish", "schedule", "validate")[number % 3]
        if connection := self.connection(number):
            body = plain_post(connection, f"A post {number}")
            if kind == "schedule":
                body["schedule_time"] = f"{dt.datetime.now(dt.UTC) + dt.timedelta(hours=1):%FT%TZ}"
            response = self.call("POST", f"/api/v1/publishing/{kind}", body=body)
            if response.status_code == 202:
                self.jobs.append(response.json()["job_id"])

    def read_job(self, number: int) -> None:
        self.of_job("GET", ("", "/status", "/events", "/metrics")[number % 4], number)

    def change_job(self, number: int) -> None:
        body = ({"text_content": "Another text"}, {"late_grace_seconds": 60}, {})[number % 3]
        self.of_job("PATCH", "", number, body=body)

    def end_job(self, number: int) -> None:
        body = {"outcome": "not_published", "reason": "looked"}
        path = ("/cancel", "/retry", "/resolve")[number % 3]
        self.of_job("POST", path, number, **({"body": body} if path == "/resolve" else {}))

    def read_connection(self, number: int) -> None:
        self.of_connection("GET", ("", "/posting-options", "/destinations")[number % 3], number)

    def change_connection(self, number: int) -> None:
        match number % 4:
            case 0:
                self.of_connection("DELETE", "", number)
            case 1:
                self.of_connection("PATCH", "", number, body={"timezone": "Europe/Berlin"})
            case _:
                self.of_connection("POST", "/refresh", number)

    def read_lists(self, number: int) -> None:
        path = ("/api/v1/publishing/jobs", "/api/v1/connections", "/api/v1/platforms")[number % 3]
        query = {"query": {"limit": number % 9 + 1}} if "jobs" in path else {}
        self.call("GET", path, **query)


STEPS = (
    *(Chain.publish, Chain.publish, Chain.read_job, Chain.read_job, Chain.change_job),
    *(Chain.end_job, Chain.read_connection, Chain.change_connection, Chain.read_lists),
)


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 99)), min_size=CHAIN_LENGTH))
@settings(
    suppress_health_check=list(HealthCheck), max_examples=max(20, settings().max_examples // 4)
)
def test_chain_of_requests_is_as_described(existing_jobs: None, steps: list[Any]) -> None:
    """At least 800 requests; with those of single requests more than 1,700."""
    chain = Chain()
    chain.connect(steps[0][1])
    for step, number in steps:
        step(chain, number)
