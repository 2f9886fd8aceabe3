"""The parts of the web process that need no socket."""

from __future__ import annotations

import asyncio
import threading

import pytest

from config.web import checks
from config.web.environ import environ_of
from config.web.pools import Pool, Pools
from config.web.refusals import RefusedError


def scope(target=b"/", *headers, client="203.0.113.9"):
    path, _, query = target.partition(b"?")
    return {
        "method": "GET",
        "raw_path": path,
        "query_string": query,
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": (client, 5000),
        "headers": headers,
    }


# --- The environ ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/a%20b", "/a b"),
        (b"/%C3%A9", "/\xc3\xa9"),
        (b"/%ff", "/\xff"),
        (b"http://127.0.0.1:8000/healthz", "/healthz"),
        (b"https://127.0.0.1", "/"),
    ],
)
def test_path_is_decoded_byte_by_byte(target, path):
    assert environ_of(scope(target), b"")["PATH_INFO"] == path


@pytest.mark.parametrize("target", [b"*", b"", b"example.com:443", b"ftp://a/b"])
def test_target_that_is_no_path_is_refused(target):
    with pytest.raises(RefusedError):
        environ_of(scope(target), b"")


def test_header_with_an_underscore_is_dropped():
    found = environ_of(scope(b"/", (b"x_forwarded_proto", b"https"), (b"x-a_b", b"1")), b"")

    assert [name for name in found if name.startswith("HTTP_")] == []


def test_header_that_comes_twice_is_joined():
    found = environ_of(
        scope(b"/", (b"accept", b"a"), (b"accept", b"b"), (b"cookie", b"a=1"), (b"cookie", b"b=2")),
        b"",
    )

    assert found["HTTP_ACCEPT"] == "a,b"
    assert found["HTTP_COOKIE"] == "a=1; b=2"


@pytest.mark.parametrize(
    ("trusted", "client", "forwarded_for", "address", "scheme"),
    [
        # Without a setting, a proxy of this machine reports the scheme only.
        ([], "127.0.0.1", "198.51.100.1", "127.0.0.1", "https"),
        ([], "::1", "198.51.100.1", "::1", "https"),
        ([], "203.0.113.9", "198.51.100.1", "203.0.113.9", "http"),
        # Another than the trusted one reports nothing.
        (["10.0.0.1"], "127.0.0.1", "198.51.100.1", "127.0.0.1", "http"),
        (["10.0.0.1"], "203.0.113.9", "198.51.100.1", "203.0.113.9", "http"),
        # The last address that is no proxy's: the client writes those before it.
        (["10.0.0.1"], "10.0.0.1", "198.51.100.1", "198.51.100.1", "https"),
        (["10.0.0.1"], "10.0.0.1", "9.9.9.9, 198.51.100.1", "198.51.100.1", "https"),
        (["10.0.0.0/8"], "10.0.0.1", "9.9.9.9,198.51.100.1 ,10.0.0.2", "198.51.100.1", "https"),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3", "https"),
        (["10.0.0.1"], "10.0.0.1", "", "10.0.0.1", "https"),
        (["10.0.0.1"], "10.0.0.1", "unknown", "10.0.0.1", "https"),
        (["10.0.0.0/8"], "10.0.0.1", "<script>, 10.0.0.2", "10.0.0.2", "https"),
        (["2001:db8::/32"], "2001:db8::1", "2001:db9::7", "2001:db9::7", "https"),
    ],
)
def test_proxy_is_believed_only_if_it_is_trusted(
    settings, trusted, client, forwarded_for, address, scheme
):
    settings.TRUSTED_PROXIES = trusted
    headers = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", forwarded_for.encode())]

    found = environ_of(scope(b"/", *headers, client=client), b"")

    assert (found["REMOTE_ADDR"], found["wsgi.url_scheme"]) == (address, scheme)


# --- Threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/healthz", "quick"),
        ("GET", "/api/v1/publishing/jobs", "quick"),
        ("GET", "/nothing", "quick"),
        ("POST", "/api/v1/publishing/publish", "media"),
        ("POST", "/api/v1/publishing/publish/", "media"),
        ("POST", "/api/v1/publishing/validate", "media"),
        ("PATCH", "/api/v1/publishing/jobs/6f9619ff-8b86-d011-b42d-00c04fc964ff", "media"),
        ("GET", "/api/v1/publishing/jobs/6f9619ff-8b86-d011-b42d-00c04fc964ff", "quick"),
        (
            "POST",
            "/api/v1/connections/6f9619ff-8b86-d011-b42d-00c04fc964ff/refresh",
            "platform",
        ),
        ("GET", "/api/v1/connections/connect/twitter/callback", "platform"),
        ("POST", "/api/v1/insights/twitter/hashtags", "platform"),
        ("GET", "/media/anything", "stream"),
    ],
)
def test_requests_that_wait_for_others_have_threads_of_their_own(method, path, name):
    pools = Pools()

    assert pools.of(method, path) is getattr(pools, name)


def test_caller_with_a_full_share_waits_while_another_gets_a_thread():
    pool = Pool("test", 4, code="media_busy", share=0.5, wait_s=0.05)

    async def run():
        async with pool.place("alice"), pool.place("alice"):
            with pytest.raises(RefusedError) as refused:
                async with pool.place("alice"):
                    pass
            async with pool.place("bob"):
                return refused.value.code

    assert asyncio.run(run()) == "media_busy"


def test_thread_is_given_to_who_waits():
    pool = Pool("test", 1, code="busy", wait_s=10)
    release = threading.Event()

    async def act(order, number, wait):
        async with pool.place("alice"):
            await pool.run(wait)
            order.append(number)

    async def run():
        order = []
        first = asyncio.create_task(act(order, 1, release.wait))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(act(order, 2, lambda: None))
        await asyncio.sleep(0.01)
        release.set()
        await asyncio.gather(first, second)
        return order

    assert asyncio.run(run()) == [1, 2]


# --- Settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "is_good"),
    [
        ("THROTTLE_USER", "0", True),
        ("THROTTLE_USER_COSTLY", "10/s", True),
        ("THROTTLE_REFRESH", "1/d", True),
        ("THROTTLE_ADDRESS", "", False),
        ("THROTTLE_USER", "-1/m", False),
        ("THROTTLE_USER", "0/m", False),
        ("THROTTLE_USER", "10/minute", False),
        ("THROTTLE_USER", "\u0661/m", False),
        ("TRUSTED_PROXIES", ["10.0.0.0/8", "::1"], True),
        ("TRUSTED_PROXIES", ["*"], False),
        ("TRUSTED_PROXIES", ["0.0.0.0/0"], False),
        ("TRUSTED_PROXIES", ["::/0"], False),
        ("TRUSTED_PROXIES", ["proxy.example.com"], False),
    ],
)
def test_settings_of_the_web_process_are_checked(settings, name, value, is_good):
    settings.TRUSTED_PROXIES = []
    setattr(settings, name, value)

    found = checks.check_web()

    assert [name in error.msg for error in found] == ([] if is_good else [True])
