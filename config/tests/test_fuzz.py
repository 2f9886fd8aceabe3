"""Generated requests, valid and invalid: every response is as the OpenAPI document describes it.

In half of them real ids of the caller replace the generated ones, so that not all end with 404.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from config.auth.dev_tokens import sign_dev_token
from publishing.models import PublishJob

CHECKS = [
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
]


generated = schemathesis.openapi.from_wsgi("/api/schema", get_wsgi_application())


@pytest.fixture
def existing_jobs(make_connection: Any, api: Any) -> Iterator[None]:
    for _ in range(2):
        connection = make_connection("pinterest")
        api.publish(connection, "An existing post")
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
