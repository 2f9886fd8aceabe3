import hashlib
import http.client
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from socialpublishing.sandbox.http import MAX_BODY_BYTES, MAX_PAYLOAD_BYTES
from socialpublishing.sandbox.server import SandboxServer


def exchange(server, *lines):
    """Send raw lines. Returns all bytes until the server closes the connection."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_connection_stays_open_for_the_next_request(server):
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    for path in ("/feed", "/twitter/2/users/me", "/no/such/page"):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert not response.will_close


def test_response_without_a_body_is_sent_at_once(site):
    response = site.call("HEAD", "/feed", timeout=2)
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) > 0
    assert site.delete("/control/faults", timeout=2).status_code == 204


def test_body_over_the_limit_is_refused_unread(server):
    response = exchange(
        server,
        "POST /twitter/2/tweets HTTP/1.1",
        "Host: x",
        f"Content-Length: {MAX_BODY_BYTES + 1}",
    )
    assert response.startswith(b"HTTP/1.1 413")


def test_body_too_large_for_memory_is_refused_and_the_connection_stays_usable(x, site):
    body = bytes(MAX_PAYLOAD_BYTES + 1)
    for client, path in ((x, "/2/tweets"), (site, "/control/clock"), (site, "/no/such/page")):
        assert 400 <= client.post(path, data=body, timeout=30).status_code < 500
        assert client.get("/2/users/me" if client is x else "/feed").ok


def test_interrupted_upload_is_refused(server, page, control):
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        head = (
            f"POST /facebook/{page.id}/photos?access_token={page.token} HTTP/1.1\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n"
        )
        part = '--x\r\nContent-Disposition: form-data; name="source"; filename="a.png"\r\n\r\nPNG'
        connection.sendall(f"{head}{part}".encode())
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(65536)
    assert control.posts() == []


@pytest.mark.parametrize("length", ["-1", "ten", "²"])
def test_invalid_content_length_is_refused(server, length):
    response = exchange(server, "POST /control/clock HTTP/1.1", f"Content-Length: {length}")
    assert response.startswith(b"HTTP/1.1 400")


def test_chunked_body_is_refused(server):
    response = exchange(server, "POST /control/clock HTTP/1.1", "Transfer-Encoding: chunked")
    assert response.startswith(b"HTTP/1.1 411")


def test_hundreds_of_clients_at_once_all_get_a_response(server):
    responses = []

    def send_request():
        responses.append(requests.get(f"{server.url}/twitter/2/users/me", timeout=30).status_code)

    threads = [threading.Thread(target=send_request) for _ in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert responses == [401] * 300


def test_stopped_server_closes_open_connections():
    session = requests.Session()
    with SandboxServer() as server:
        assert session.get(f"{server.url}/feed", timeout=10).ok
    with pytest.raises(requests.ConnectionError):
        session.get(f"{server.url}/feed", timeout=10)


def test_two_servers_share_no_state(control):
    control.account(username="only_here")
    with SandboxServer() as other:
        names = [account.username for account in other.state.accounts("twitter")]
    assert names == ["sandbox_x"]


def test_ids_are_unique_and_increasing(server):
    ids = [int(server.state.new_id(0)) for _ in range(2000)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/feed/nowhere"),
        ("GET", "/media/../../settings.py"),
        ("GET", "/samples/..%2f..%2fserver.py"),
        ("GET", "/samples/%00"),
        ("GET", "/media/0"),
        ("GET", "/avatars/twitter/1.svg"),
        ("GET", "/twitter/2/nothing"),
        ("GET", "/twitter/someone/status/1"),
        ("GET", "/facebook/1/posts/2"),
    ],
)
def test_unknown_path_gets_404(server, method, path):
    assert exchange(server, f"{method} {path} HTTP/1.0").startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "NONSENSE"])
@pytest.mark.parametrize("path", ["/feed", "/control/posts", "/twitter/2/users/me", "/facebook/me"])
def test_wrong_method_is_a_client_error(site, method, path):
    assert 400 <= site.call(method, path).status_code < 500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"text": "\\ud800"}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"1e999",
    ],
)
@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"]
)
def test_invalid_body_is_a_client_error(x, page, control, body, kind):
    headers = {"Content-Type": kind}
    for client, path in (
        (x, "/2/tweets"),
        (x, "/2/media/upload"),
        (x, "/2/media/upload/initialize"),
        (x, "/2/media/metadata"),
        (x, "/2/oauth2/token"),
        (page, f"/{page.id}/feed"),
        (page, f"/{page.id}/photos"),
        (page, "/oauth/access_token"),
        (control, "/accounts"),
        (control, "/faults"),
    ):
        response = client.post(path, data=body, headers=headers)
        assert 400 <= response.status_code < 500, (path, response.text)
        assert response.json()


def test_too_many_query_fields_are_a_client_error(x, page):
    query = "&".join(f"a{n}=1" for n in range(1001))
    assert x.get(f"/2/tweets?{query}").status_code == 400
    assert page.post(f"/{page.id}/feed?{query}").status_code == 400
    assert (
        page.post(f"/{page.id}/feed", data=dict.fromkeys(query.split("&"), "")).status_code == 400
    )


def test_settings_of_the_service_do_not_affect_the_sandbox(x, site, settings, sample):
    settings.MIDDLEWARE = ["no.such.Middleware"]
    settings.ALLOWED_HOSTS = []
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    assert x.upload(sample("city.png"))["size"] > 1000
    assert site.get("/feed").status_code == 200


def test_links_have_the_host_of_the_request(server):
    head = ["GET /facebook/me?fields=picture HTTP/1.1", "Connection: close"]
    response = exchange(server, "GET / HTTP/1.1", "Connection: close", "Host: sandbox:8001")
    assert b"http://sandbox:8001/twitter" in response
    response = exchange(server, "GET / HTTP/1.1", "Connection: close", 'Host: "><script>')
    assert b"<script>" not in response
    assert exchange(server, *head, "Host: x").startswith(b"HTTP/1.1 400")


def test_expect_100_continue_gets_a_response_at_once(server, x, sample):
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(
            b"POST /twitter/2/tweets HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        started = time.monotonic()
        assert connection.recv(1024).startswith(b"HTTP/1.1 100")
        assert time.monotonic() - started < 4
        connection.sendall(b"{}")
        assert b"401" in connection.recv(65536)


@pytest.mark.parametrize("head", [0, 65_400, 65_536, 200_000])
def test_binary_part_without_a_filename_is_a_file(make_x, control, sample, head):
    """JavaScript clients send such parts. `head` bytes precede the part's header."""
    x, data = make_x(), sample("clip.mp4")
    upload = x.post(
        "/2/media/upload/initialize",
        json={
            "media_type": "video/mp4",
            "media_category": "tweet_video",
            "total_bytes": len(data),
        },
    ).json()["data"]
    body = (
        b'--limit\r\nContent-Disposition: form-data; name="padding"\r\n\r\n'
        + b"x" * head
        + b'\r\n--limit\r\nContent-Disposition: form-data; name="segment_index"\r\n\r\n0'
        + b'\r\n--limit\r\nContent-Disposition: form-data; name="media"\r\n'
        + b"Content-Type: application/octet-stream\r\n\r\n"
        + data
        + b"\r\n--limit--\r\n"
    )
    response = x.session.post(
        f"{x.url}/2/media/upload/{upload['id']}/append",
        data=body,
        headers={"Content-Type": "multipart/form-data; boundary=limit"},
        timeout=10,
    )
    assert response.status_code == 200, response.text
    assert x.post(f"/2/media/upload/{upload['id']}/finalize").status_code == 200
    media = {"media_ids": [upload["id"]]}
    control.settings(processing_seconds=0)
    control.advance(60)
    x.tweet("A film", media=media)
    [post] = control.posts()
    assert post["media"][0]["sha256"] == hashlib.sha256(data).hexdigest()
