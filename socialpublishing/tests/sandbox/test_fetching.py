import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from socialpublishing.sandbox.fetching import FetchFailed, fetch

AGENT = "platform/1.0"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def file_server():
    """A file server that sends `response` and stores a request's headers in `received_headers`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.received_headers = self.headers
            status, headers, pieces = self.server.response
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client may close the connection early
                for piece in pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.url = f"http://127.0.0.1:{server.server_port}/file"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def reason_of(url, **how):
    with pytest.raises(FetchFailed) as caught:
        fetch(url, **{"max_bytes": 1000, "agent": AGENT, **how})
    return caught.value.reason


def test_fetch_uses_the_platforms_user_agent(file_server):
    file_server.response = 200, {"Content-Type": "text/plain"}, [PNG]
    blob = fetch(file_server.url, max_bytes=1000, agent=AGENT)
    assert blob.read() == PNG
    assert file_server.received_headers["User-Agent"] == AGENT
    assert blob.mime_type == "image/png"


def test_undetected_type_is_that_of_the_server(file_server):
    file_server.response = 200, {"Content-Type": "Text/Plain; charset=utf-8"}, [b"hello"]
    assert fetch(file_server.url, max_bytes=5, agent=AGENT).mime_type == "text/plain"


def test_sample_is_fetched(site, sample):
    blob = fetch(f"{site.url}/samples/clip.mp4", max_bytes=10**6, agent=AGENT, kinds=("video/",))
    assert blob.read() == sample("clip.mp4")
    assert reason_of(f"{site.url}/samples/city.png", max_bytes=10**6, kinds=("video/",)) == (
        "bad_type"
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "not_found"), (403, "not_found"), (302, "not_found"), (503, "unreachable")],
)
def test_failed_response_has_a_reason(file_server, status, reason):
    file_server.response = status, {"Location": file_server.url}, [PNG]
    assert reason_of(file_server.url) == reason


def test_fetch_of_a_large_file_stops_early(file_server):
    file_server.response = 200, {"Content-Length": "1001"}, []
    assert reason_of(file_server.url) == "too_large"
    file_server.response = 200, {}, (bytes(100) for _ in range(10**9))
    assert reason_of(file_server.url) == "too_large"


def test_truncated_file_is_unreachable(file_server):
    file_server.response = 200, {"Content-Length": "500"}, [PNG]
    assert reason_of(file_server.url) == "unreachable"


def test_slow_server_is_unreachable_after_the_deadline(file_server):
    file_server.response = 200, {}, (time.sleep(0.05) or b"." for _ in range(400))
    started = time.monotonic()
    assert reason_of(file_server.url, deadline_s=0.3) == "unreachable"
    assert time.monotonic() - started < 10


def test_closed_port_is_unreachable():
    assert reason_of("http://127.0.0.1:9/a.jpg") == "unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nowhere",
        "http://[",
        "http://127.0.0.1:x/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.jpg",
        "https://example.com/a.jpg",
        "http://127.0.0.1.example.com/a.jpg",
        "http://localhost@example.com/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.jpg",
        "http://store.example/a.jpg",
        "https://store.example:9001/a.jpg",
    ],
)
def test_url_outside_the_allowed_origins_is_refused(settings, url):
    settings.MEDIA_ALLOWED_ORIGINS = ["https://store.example", "http://store.example:9000"]
    assert reason_of(url) == "refused"


@pytest.mark.parametrize(
    "url", ["https://store.invalid/a.jpg", "http://STORE.invalid:9000/a.jpg?signed=1"]
)
def test_url_of_an_allowed_origin_is_requested(settings, url):
    settings.MEDIA_ALLOWED_ORIGINS = ["https://store.invalid", "http://store.invalid:9000"]
    assert reason_of(url) == "unreachable"
