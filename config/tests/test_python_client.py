"""The Python client is current, and does what its users rely on."""

import datetime as dt

import pytest
import requests

from clients.generator import PACKAGE, method_name, write_python_client
from clients.python.social_publishing import ApiError, Client
from config.auth.dev_tokens import sign_dev_token
from config.management.commands.openapi import present
from conftest import consent

URL = "http://service.test"


@pytest.fixture
def client(live_server, sandbox):
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
    with Client(live_server.url, token) as client:
        yield client


@pytest.fixture
def connection(client):
    """An account that the client connected, with the consent of its owner."""
    started = client.initiate_oauth_connection("twitter")
    callback = consent(started["authorization_url"])
    returned = requests.get(f"{client._base_url}/api/v1/{callback}", timeout=10).json()
    body = {name: returned[name] for name in ("attempt_id", "completion_code")}
    return client.confirm_connection(body)


def test_generated_files_are_current(tmp_path):
    """`./run manage openapi --client` writes them."""
    write_python_client(present(), tmp_path)

    for name in ("client.py", "types.py"):
        assert (tmp_path / name).read_text() == (PACKAGE / name).read_text(), name


def test_names_of_methods():
    def name(operation_id, path, method="get"):
        return method_name(operation_id, path, method)

    assert name("publish_content_now_publish_post", "/p/publish", "post") == "publish_content_now"
    assert name("list_connections_get", "/api/v1/connections") == "list_connections"
    assert name("get_job_jobs__job_id__status_get", "/p/jobs/{job_id}/status") == "get_job"


def test_client_walks_through_the_api(client, connection, worker):
    assert client.list_connections() == [connection]
    post = {"connection_id": connection["id"], "text_content": "Hello"}
    assert client.validate_content(post)["is_valid"]

    job = client.publish_content_now(post)
    worker.work()
    assert client.get_publish_job_status(job["job_id"])["status"] == "Published"
    assert client.list_job_events(job["job_id"])[-1]["to_status"] == "Published"

    due = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
    planned = client.schedule_content({**post, "schedule_time": due})
    changed = client.change_publish_job(planned["job_id"], {"text_content": "Goodbye"})
    assert changed["text_content"] == "Goodbye"
    assert client.cancel_publish_job(planned["job_id"])["status"] == "Cancelled"
    assert [each["job_id"] for each in client.iterate_publish_jobs(limit=1)] == [
        planned["job_id"], job["job_id"],
    ]  # fmt: skip


def test_error_response_is_raised(client, connection):
    with pytest.raises(ApiError) as raised:
        client.publish_content_now({"connection_id": connection["id"], "text_content": "a" * 300})

    error = raised.value
    assert (error.status, error.code) == (400, "content_rejected")
    assert error.violations[0]["rule"] == "text_length"
    assert "300" in str(error)


def test_lost_response_makes_no_second_job(requests_mock, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    call = requests_mock.post(
        f"{URL}/api/v1/publishing/publish",
        [{"exc": requests.ConnectionError}, {"json": {"job_id": "1"}, "status_code": 202}],
    )

    assert Client(URL, "token").publish_content_now({"connection_id": "1"})["job_id"] == "1"

    first, second = (each.headers["Idempotency-Key"] for each in call.request_history)
    assert first == second


def test_what_may_change_something_twice_is_not_repeated(requests_mock):
    call = requests_mock.post(f"{URL}/api/v1/publishing/jobs/1/retry", exc=requests.ConnectionError)

    with pytest.raises(requests.ConnectionError):
        Client(URL, "token").retry_publish_job("1")
    assert call.call_count == 1


@pytest.mark.parametrize(("retry_after", "calls"), [("1", 3), ("3600", 1), (None, 1)])
def test_client_comes_back_when_the_service_names_a_time(
    requests_mock, monkeypatch, retry_after, calls
):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    headers = {"Retry-After": retry_after} if retry_after else {}
    call = requests_mock.get(f"{URL}/api/v1/platforms", status_code=503, headers=headers)

    with pytest.raises(ApiError):
        Client(URL, "token").list_platforms()
    assert call.call_count == calls


def test_response_that_is_no_json_is_an_error_too(requests_mock):
    requests_mock.get(f"{URL}/api/v1/platforms", status_code=502, text="<html>Bad gateway</html>")

    with pytest.raises(ApiError, match="502"):
        Client(URL, "token").list_platforms()
