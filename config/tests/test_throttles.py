"""Limits of requests for users and addresses."""

from __future__ import annotations

import itertools
import threading
import uuid

import pytest
from django.core.cache import caches
from django.test import Client

from config.web import throttles
from config.web.throttles import Rate, count

LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture(autouse=True)
def _limits(settings):
    """Each test uses one limit; it counts from zero, in one process, in an hour's window."""
    settings.WEB_CONCURRENCY = 1
    caches["throttles_of_process"].clear()
    yield
    caches["throttles_of_process"].clear()


def limits_of(response):
    return tuple(int(response.headers[name]) for name in LIMITS)


def test_user_over_the_limit_is_throttled_and_another_is_not(make_api, settings):
    settings.THROTTLE_USER = "2/h"
    alice, bob = make_api("alice"), make_api("bob")

    responses = [alice.get("connections/") for _ in range(3)]

    assert [response.status_code for response in responses] == [200, 200, 429]
    assert [limits_of(response)[:2] for response in responses] == [(2, 1), (2, 0), (2, 0)]
    refused = responses[2]
    assert refused.json()["code"] == "throttled"
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert 0 < limits_of(refused)[2] <= 3600
    assert refused.json()["retry_after"] == limits_of(refused)[2]
    assert bob.get("connections/").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "connections/connect/twitter?redirect=false"),
        ("post", "connections/confirm"),
        ("post", f"connections/{uuid.uuid4()}/refresh"),
        ("get", f"connections/{uuid.uuid4()}/posting-options"),
        ("post", f"connections/{uuid.uuid4()}/destinations"),
        ("post", "publishing/validate"),
        ("get", "insights/twitter/best-times"),
        ("post", "insights/twitter/hashtags"),
    ],
)
def test_costly_requests_have_a_tighter_limit(api, settings, method, path):
    settings.THROTTLE_USER_COSTLY = "1/h"

    first, second = (getattr(api, method)(path, *[{}] * (method == "post")) for _ in range(2))

    assert first.status_code != 429
    assert second.status_code == 429
    assert second.json()["code"] == "throttled"
    assert api.get("publishing/jobs").status_code == 200


def test_refreshes_of_one_connection_are_limited(api, settings):
    settings.THROTTLE_REFRESH = "2/h"
    first, second = uuid.uuid4(), uuid.uuid4()

    found = [api.post(f"connections/{first}/refresh").status_code for _ in range(3)]

    assert found == [404, 404, 429]
    assert api.post(f"connections/{second}/refresh").status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}])
def test_address_without_a_valid_token_is_throttled(db, api, settings, headers):
    settings.THROTTLE_ADDRESS = "3/h"
    client = Client(headers=headers)

    found = [client.get("/api/v1/connections/") for _ in range(4)]

    assert [response.status_code for response in found] == [401, 401, 401, 429]
    assert found[3].json()["code"] == "throttled"
    assert "Retry-After" in found[3].headers
    # Callers with a token, and browsers that come back from a platform, are not concerned.
    assert api.get("connections/").status_code == 200
    callback = client.get("/api/v1/connections/connect/twitter/callback?code=a&state=b")
    assert callback.json()["code"] == "invalid_state"


def test_callbacks_from_one_address_are_limited(db, settings):
    settings.THROTTLE_ADDRESS = "1/h"
    path = "/api/v1/connections/connect/twitter/callback?code=a&state=b"

    found = [Client(REMOTE_ADDR="203.0.113.9").get(path).status_code for _ in range(2)]

    assert found == [400, 429]
    assert Client(REMOTE_ADDR="203.0.113.10").get(path).status_code == 400


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:3::4", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.8", False),
    ],
)
def test_network_of_an_ipv6_client_counts_as_one(db, settings, first, second, is_same):
    settings.THROTTLE_ADDRESS = "1/h"

    Client(REMOTE_ADDR=first).get("/api/v1/connections/")
    response = Client(REMOTE_ADDR=second).get("/api/v1/connections/")

    assert (response.status_code == 429) is is_same


def test_forwarded_address_does_not_help_a_client(db, settings):
    settings.THROTTLE_ADDRESS = "1/h"

    found = [
        Client(headers={"X-Forwarded-For": f"198.51.100.{number}"}).get("/api/v1/connections/")
        for number in range(2)
    ]

    assert [response.status_code for response in found] == [401, 429]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz/worker"])
def test_health_probes_have_no_limit(db, settings, path):
    settings.THROTTLE_ADDRESS = settings.THROTTLE_USER = "1/h"

    found = [Client().get(path) for _ in range(3)]

    assert {response.status_code for response in found} <= {200, 503}
    assert not any("RateLimit-Limit" in response.headers for response in found)


def test_responses_have_no_limit_headers_when_throttles_are_off(api):
    assert "RateLimit-Limit" not in api.get("connections/").headers


def test_each_process_counts_its_share(settings):
    settings.WEB_CONCURRENCY = 4

    usage = count("x", "alice", Rate(limit=10, window_s=60))

    assert (usage.limit, usage.remaining) == (3, 2)


def test_count_starts_again_in_the_next_window(monkeypatch):
    rate = Rate(limit=1, window_s=60)
    now = itertools.count(1_000_000, 61)
    monkeypatch.setattr(throttles.time, "time", lambda: next(now))

    assert [count("x", "alice", rate).is_exceeded for _ in range(3)] == [False] * 3


def test_redis_that_is_away_limits_in_memory(settings, caplog):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CACHES = {
        **settings.CACHES,
        "throttles": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": settings.REDIS_URL,
        },
    }

    found = [count("x", "alice", Rate(limit=1, window_s=3600)).is_exceeded for _ in range(2)]

    assert found == [False, True]
    assert "Redis is unavailable" in caplog.text


def test_parallel_requests_are_all_counted():
    rate = Rate(limit=1000, window_s=86400)
    threads = [
        threading.Thread(target=lambda: [count("x", "alice", rate) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count("x", "alice", rate).used == 401
