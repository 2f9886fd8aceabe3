"""`/media/{signed}`: the files that platforms pull from us, over HTTP."""

import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests
from django.core import signing
from django.core.exceptions import ImproperlyConfigured

from config.checks import check_object_store
from socialpublishing.media import owned, public
from socialpublishing.media.concurrency import pulls
from socialpublishing.media.public import pull_address, signed_address
from socialpublishing.posts import Media, MediaKind
from socialpublishing.tests.file_server import FileServer, Sparse, whole

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 1000 + b"\xff\xd9"
SIZE = len(JPEG)


@pytest.fixture
def source(settings, service_url):
    server = FileServer()
    server.file = whole(JPEG)
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    settings.SERVICE_BASE_URL = service_url
    yield server
    server.close()


def picture(url, **facts):
    facts = {"kind": MediaKind.IMAGE, "mime_type": "image/jpeg", "size_bytes": SIZE, **facts}
    return Media(url=url, **facts)


def pull(media, *, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(
        method, signed_address(media), headers=headers, allow_redirects=False, timeout=10
    )


def wait(condition, seconds=5):
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "timeout"
        time.sleep(0.01)


def active():
    return pulls._transfers.total()


@pytest.mark.behaviour(
    "Platforms that pull do not follow redirects and cannot reach private servers; they pull such "
    "files from our own address, which streams them"
)
@pytest.mark.parametrize("has_lengths", [True, False])
@pytest.mark.parametrize("has_ranges", [True, False])
def test_whole_file_is_streamed_with_its_type_and_length(source, has_ranges, has_lengths):
    source.has_ranges, source.has_lengths = has_ranges, has_lengths

    response = pull(picture(source.url))

    assert (response.status_code, response.content) == (200, JPEG)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Content-Length"] == str(SIZE)
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Disposition"] == "inline"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers
    wait(lambda: not active())


def test_head_gives_the_same_headers_and_does_not_ask_the_source(source):
    response = pull(picture(source.url), method="HEAD", Range="bytes=5-9")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Content-Length"] == str(SIZE)
    assert response.headers["Accept-Ranges"] == "bytes"
    assert source.requests == []


@pytest.mark.parametrize("has_ranges", [True, False])
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=7-1006", 7, 1006),
        ("bytes=100000-200000", 100_000, 200_000),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        (f"bytes=5-{SIZE + 100}", 5, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        (f"bytes=-{SIZE + 5}", 0, SIZE - 1),
    ],
)
def test_one_range_is_served(source, asked, first, last, has_ranges):
    source.has_ranges = has_ranges
    response = pull(picture(source.url), Range=asked)
    assert (response.status_code, response.content) == (206, JPEG[first : last + 1])
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert response.headers["Content-Length"] == str(last + 1 - first)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 1}", "bytes=-0"])
def test_range_beyond_the_end_is_refused(source, asked):
    response = pull(picture(source.url), Range=asked)
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{SIZE}"
    assert response.json()["code"] == "range_not_satisfiable"
    assert source.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1,5-6"},
        {"Range": "bytes=9-5"},
        {"Range": "bytes=-"},
        {"Range": "items=0-5"},
        {"Range": "bytes=" + "9" * 19 + "-"},
        {"Range": "bytes=0-5", "If_Range": '"etag"'},
    ],
)
def test_other_ranges_get_the_whole_file(source, headers):
    response = pull(picture(source.url), **headers)
    assert (response.status_code, response.content) == (200, JPEG)


def test_picture_of_unknown_size_is_streamed_without_length_and_ranges(source):
    source.has_lengths = source.has_ranges = False
    media = picture(source.url, size_bytes=None)
    response = pull(media, Range="bytes=3-")
    assert (response.status_code, response.content) == (200, JPEG)
    assert "Content-Length" not in response.headers
    assert response.headers["Accept-Ranges"] == "none"
    assert "Content-Length" not in pull(media, method="HEAD").headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_get_and_head(source, method):
    response = pull(picture(source.url), method=method)
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"
    assert response.headers["Allow"] == "GET, HEAD"


# --- Files that changed or cannot be read --------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [whole(JPEG[:-1]), whole(JPEG + b"x"), whole(b"\x89PNG\r\n\x1a\n".ljust(SIZE, b"x")),
     whole(b"<html>".ljust(SIZE, b"x")), whole(bytes(SIZE)), whole(b"")],
    ids=["shorter", "longer", "another type", "HTML", "zeros", "empty"],
)  # fmt: skip
def test_file_that_changed_is_refused(source, file):
    source.file = file
    response = pull(picture(source.url))
    assert response.status_code == 404
    assert response.json()["code"] in {"asset_changed", "asset_type_mismatch"}
    assert "127.0.0.1" not in response.text
    wait(lambda: not active())


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1])
def test_changed_file_of_a_server_without_lengths_is_cut_off(source, size):
    source.has_lengths = source.has_ranges = False
    source.file = Sparse(size=size, places={0: JPEG[: SIZE - 1]})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        pull(picture(source.url))
    wait(lambda: not active())


def test_errors_name_nothing_of_the_source(source):
    source.refusal = lambda handler: 403
    response = pull(picture(f"{source.origin}/secret-name?key=1"))
    assert (response.status_code, response.json()["code"]) == (502, "asset_unreachable")
    assert "secret-name" not in response.text
    assert "127.0.0.1" not in response.text
    assert "403" not in response.text


# --- Attacks -------------------------------------------------------------------------------------


def test_forged_and_expired_addresses_are_not_found(source, monkeypatch):
    address = signed_address(picture(source.url))
    parts = urlsplit(address)
    signed = parts.path.removeprefix("/media/")
    payload, at, mac = signed.split(".")
    others = signing.TimestampSigner(salt="another", sep=".").sign_object([source.url, "", 1])
    unsalted = signing.TimestampSigner(sep=".").sign_object([source.url, "image/jpeg", SIZE])
    forged = [
        "x", ".", "..", "a.b.c", payload, f"{payload}.{at}", f"{payload}.{at}.", others, unsalted,
        f"{payload}.{at}.{mac[:-1]}", f"{payload}.{at}.{mac}A", f"{payload}.{at}.{mac}=",
        f"{payload}.{at}A.{mac}", f"A{payload}.{at}.{mac}", f"{payload}=.{at}.{mac}",
        f".{payload}.{at}.{mac}", f"{signed}/", f"x/{signed}", f"{signed}%0a", f"{signed}%00",
        f"%2e%2e/{signed}", f"{signed}%c3%a9", "", "x" * 3000,
    ]  # fmt: skip
    for text in forged:
        # Not with `requests`, which normalises paths.
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("GET", f"/media/{text}")
        response = connection.getresponse()
        assert (response.status, json.load(response)["code"]) == (404, "not_found"), text

    assert requests.get(f"{address}?x=1", timeout=5).content == JPEG
    monkeypatch.setattr(public, "VALID_FOR_S", -1)
    assert requests.get(address, timeout=5).status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "file:///etc/passwd",
        "http://example.com/x",
        "https://user@example.com/x",
        "gopher://example.com/x",
        "",
        "//example.com/x",
        "../../etc/passwd",
    ],
)
def test_signature_does_not_replace_the_address_checks(source, url):
    """Even who knows our key reaches nothing that a caller of the API could not reach."""
    response = pull(picture(url))
    assert response.status_code == 404
    assert response.json()["code"] in {"asset_address_refused", "object_store_not_configured"}


@pytest.mark.parametrize(
    "mime_type",
    ["text/html", "image/svg+xml", "image/jpeg\r\nX-Injected: 1", "application/pdf", "", "a" * 999],
)
def test_type_is_one_of_those_that_we_probe(source, mime_type):
    for method in ("GET", "HEAD"):
        response = pull(picture(source.url, mime_type=mime_type), method=method)
        assert response.status_code == 404
        assert "X-Injected" not in response.headers
    assert source.requests == []


def test_redirect_of_the_source_to_a_private_address_is_refused(source):
    source.refusal = lambda handler: 302
    source.headers = {}

    def respond(handler):
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.2:1/x")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    source.respond = respond
    response = pull(picture(source.url))
    assert (response.status_code, response.json()["code"]) == (404, "asset_address_refused")


# --- Places --------------------------------------------------------------------------------------

FILM = Sparse(size=200_000_000, places={0: b"\0\0\0\x18ftypmp42"})


def film(source):
    source.file = FILM
    return Media(kind=MediaKind.VIDEO, url=source.url, mime_type="video/mp4", size_bytes=FILM.size)


def begin(address):
    """A client that reads no more than the first bytes."""
    parts = urlsplit(address)
    client = socket.create_connection((parts.hostname, parts.port), timeout=10)
    client.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    assert client.recv(100).startswith(b"HTTP/1.1 200")
    return client


def test_slow_clients_take_only_their_own_places(source, settings):
    settings.MEDIA_PULLS = 2
    address = signed_address(film(source))
    clients = [begin(address), begin(address)]
    wait(lambda: active() == 2)

    begun = time.monotonic()
    refused = requests.get(address, timeout=5)

    assert time.monotonic() - begun < 2
    assert refused.status_code == 503
    assert refused.json()["code"] == "media_busy"
    assert int(refused.headers["Retry-After"]) > 0
    # Our own reads have other places.
    with public.open_stream(source.url, max_bytes=FILM.size) as stream:
        assert next(stream.chunks())

    for client in clients:  # one disconnects, and its place is free again
        client.close()
    wait(lambda: active() == 0)
    assert requests.get(address, headers={"Range": "bytes=0-9"}, timeout=5).status_code == 206


def test_large_file_is_not_held_in_memory(source):
    with requests.get(signed_address(film(source)), stream=True, timeout=5) as response:
        received = sum(len(chunk) for chunk in response.iter_content(65536))
    assert received == FILM.size
    wait(lambda: not active())


def test_many_pulls_at_once(source, settings):
    settings.MEDIA_PULLS = 100
    address, bodies = signed_address(picture(source.url)), []
    threads = [
        threading.Thread(target=lambda: bodies.append(requests.get(address, timeout=10).content))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [JPEG] * 20


# --- Which address a platform gets ---------------------------------------------------------------


def is_ours(address, settings):
    return address.startswith(f"{settings.SERVICE_BASE_URL}/media/")


@pytest.mark.parametrize(
    ("origin", "trusted", "redirects", "expected"),
    [
        ("https://files.example.com", False, False, "own"),
        ("https://files.example.com", False, True, "ours"),
        ("https://files.example.com", False, None, "own"),
        ("https://files.example.com", True, False, "own"),
        ("https://files.example.com", True, True, "ours"),
        ("https://files.example.com:8443", True, False, "ours"),
        ("https://files.local", True, False, "ours"),
        ("https://10.0.0.1", True, False, "ours"),
        ("http://files.example.com", True, False, "ours"),
        ("http://127.0.0.1:9000", True, False, "ours"),
    ],
)
def test_platform_gets_the_address_that_it_can_fetch_from(
    settings, origin, trusted, redirects, expected
):
    settings.MEDIA_ALLOWED_ORIGINS = [origin] if trusted else []
    media = picture(f"{origin}/a.jpg?key=1", is_redirected=redirects)
    network = public.Network(resolve=lambda host, port: ["93.184.215.14"])
    address = pull_address(media, network=network)
    assert (expected == "ours") == is_ours(address, settings)
    assert expected == "ours" or address == media.url


@pytest.mark.parametrize(("addresses", "expected"), [(["10.1.2.3"], "ours"), ([], "own")])
def test_trusted_name_that_resolves_privately_is_pulled_from_us(settings, addresses, expected):
    settings.MEDIA_ALLOWED_ORIGINS = ["https://files.example.com"]
    media = picture("https://files.example.com/a.jpg", is_redirected=False)
    network = public.Network(resolve=lambda host, port: addresses)
    assert is_ours(pull_address(media, network=network), settings) == (expected == "ours")


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [("https://store.example.com", "own"), ("http://minio:9000", "ours")],
)
def test_path_in_the_object_store_stays_signed_by_the_store_if_that_is_public(
    settings, endpoint, expected
):
    settings.OBJECT_STORE_ENDPOINT, settings.OBJECT_STORE_BUCKET = endpoint, "bucket"
    settings.OBJECT_STORE_ACCESS_KEY, settings.OBJECT_STORE_SECRET_KEY = "a", "b"
    network = public.Network(resolve=lambda host, port: ["93.184.215.14"])
    address = pull_address(picture("posts/a.jpg"), network=network)
    assert is_ours(address, settings) == (expected == "ours")
    assert expected == "ours" or address.startswith(f"{endpoint}/bucket/posts/a.jpg?X-Amz-")
    # An address of ours holds the path, and no signature of the store.
    assert expected == "own" or len(address) < 200


def test_log_lines_hold_no_signed_address(settings):
    from config.logs import redacted

    address = signed_address(picture("https://files.example.com/a.jpg"))
    path = urlsplit(address).path
    assert redacted(path) == "/media/***"
    assert redacted("https://files.example.com/media/a-picture-with-a-long-name.v2.jpg").endswith(
        "/media/a-picture-with-a-long-name.v2.jpg"
    )


@pytest.mark.parametrize("prefix", ["../{user_id}", "a//{user_id}", "{tenant}/x", "a\\{user_id}"])
def test_prefix_that_is_no_path_is_an_error(prefix, settings):
    settings.OBJECT_STORE_PREFIX = prefix
    assert [each.id for each in check_object_store()] == ["socialpublishing.E055"]
    with pytest.raises(ImproperlyConfigured):
        owned("a.jpg", "alice")


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["socialpublishing.W056"]),
        ("shared/", ["socialpublishing.W056"]),
        ("tenants/{user_id}/", []),
    ],
)
def test_store_without_a_prefix_for_each_user_is_warned_about(prefix, expected, settings):
    settings.OBJECT_STORE_ENDPOINT, settings.OBJECT_STORE_BUCKET = "https://s3.example.com", "b"
    settings.OBJECT_STORE_ACCESS_KEY, settings.OBJECT_STORE_SECRET_KEY = "a", "b"
    settings.OBJECT_STORE_PREFIX = prefix
    assert [each.id for each in check_object_store()] == expected
    settings.OBJECT_STORE_ENDPOINT = settings.OBJECT_STORE_BUCKET = ""
    settings.OBJECT_STORE_ACCESS_KEY = settings.OBJECT_STORE_SECRET_KEY = ""
    assert check_object_store() == []
