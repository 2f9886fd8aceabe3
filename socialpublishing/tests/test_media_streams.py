"""Streams: from any byte on, in parts, never held in memory."""

import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from socialpublishing.errors import MediaError
from socialpublishing.media import open_stream
from socialpublishing.tests.file_server import FileServer, Sparse, whole

MB = 1_000_000
DATA = bytes(range(256)) * 4000


@pytest.fixture
def server(settings):
    server = FileServer()
    server.file = whole(DATA)
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    yield server
    server.close()


class Receiver:
    """Accepts an upload and records its lengths and its first bytes."""

    def __init__(self):
        self.received = []  # Content-Length, Transfer-Encoding, number of bytes, first bytes
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                left, start = length, b""
                while left and (piece := self.rfile.read(min(left, 65536))):
                    left -= len(piece)
                    start = start or piece
                data = (length, self.headers["Transfer-Encoding"], length - left, start[:8])
                receiver.received.append(data)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self._http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/"
        threading.Thread(target=self._http.serve_forever, args=[0.01], daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def read(part):
    pieces = list(iter(part.read, b""))
    assert all(len(piece) <= 64 * 1024 for piece in pieces)
    return b"".join(pieces)


def opened(server, **kwargs):
    return open_stream(server.url, **{"max_bytes": len(DATA), **kwargs})


@pytest.mark.parametrize("has_ranges", [True, False], ids=["ranges", "no ranges"])
@pytest.mark.parametrize("has_lengths", [True, False], ids=["lengths", "no lengths"])
@pytest.mark.parametrize("start", [0, 1, 70_000, len(DATA) - 1])
def test_stream_starts_at_any_byte(start, has_lengths, has_ranges, server):
    server.has_ranges, server.has_lengths = has_ranges, has_lengths

    with opened(server, start=start, expected_bytes=len(DATA)) as stream:
        assert b"".join(stream.chunks()) == DATA[start:]

    assert server.requests == [("/file", f"bytes={start}-" if start else None)]


@pytest.mark.parametrize("has_ranges", [True, False])
def test_parts_are_consecutive(has_ranges, server):
    server.has_ranges = has_ranges
    with opened(server, start=100_000, expected_bytes=len(DATA)) as stream:
        first, second = stream.part(200_000), None
        assert len(first) == 200_000
        assert read(first) == DATA[100_000:300_000]
        second = stream.part(1)
        assert (second.read(), second.read(), second.read(5)) == (DATA[300_000:300_001], b"", b"")
        assert read(stream.part(len(DATA) - 300_001)) == DATA[300_001:]


def test_part_after_an_unread_part_starts_at_its_own_position(server):
    with opened(server) as stream:
        stream.part(100_000).read(10)
        stream.part(50)
        assert read(stream.part(100)) == DATA[100_050:100_150]


def test_requests_sends_a_part_with_its_length(server, receiver):
    with opened(server, start=8) as stream:
        for length in (300_000, 1, 70_000):
            requests.post(receiver.url, data=stream.part(length), timeout=5)

    assert receiver.received == [
        (300_000, None, 300_000, DATA[8:16]),
        (1, None, 1, DATA[300_008:300_009]),
        (70_000, None, 70_000, DATA[300_009:300_017]),
    ]


@pytest.mark.parametrize("has_lengths", [True, False])
def test_part_of_a_file_that_ends_early_is_an_error(has_lengths, server, receiver):
    server.has_lengths = has_lengths
    with pytest.raises(MediaError) as caught, opened(server) as stream:
        requests.post(receiver.url, data=stream.part(len(DATA) + 1), timeout=5)
    assert caught.value.code == "asset_incomplete"


@pytest.mark.parametrize("has_ranges", [True, False])
@pytest.mark.parametrize("size", [1, 5000, len(DATA) - 1, len(DATA) + 1, 10**9])
@pytest.mark.parametrize("start", [0, 70_000])
def test_file_of_another_size_has_changed(start, size, has_ranges, server):
    server.has_ranges = has_ranges
    server.file = Sparse(size=size)
    with (
        pytest.raises(MediaError) as caught,
        opened(server, start=start, expected_bytes=len(DATA)) as stream,
    ):
        stream.part(1).read()
    assert caught.value.code == "asset_changed"
    assert "changed since the post was accepted" in str(caught.value)


def test_changed_size_is_noticed_at_the_end_without_a_length(server):
    server.has_lengths = False
    server.file = whole(DATA[:-1])
    with (
        pytest.raises(MediaError) as caught,
        opened(server, expected_bytes=len(DATA)) as stream,
    ):
        list(stream.chunks())
    assert caught.value.code == "asset_changed"


def test_start_after_the_end_is_an_error(server):
    with pytest.raises(MediaError), opened(server, start=len(DATA)) as stream:
        stream.part(1).read()


def test_empty_file_is_an_empty_stream(server):
    server.file = whole(b"")
    with opened(server) as stream:
        assert list(stream.chunks()) == []


def test_large_file_is_never_held_in_memory(server, receiver):
    """Sends 200 MB of a 1 GB file with less than 3 MB of memory."""
    server.file = Sparse(size=1000 * MB)
    started = time.monotonic()
    tracemalloc.start()
    try:
        with open_stream(server.url, max_bytes=1000 * MB, start=500 * MB) as stream:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(4):
                requests.post(receiver.url, data=stream.part(50 * MB), timeout=60)
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Both servers run in this process, so their buffers are counted too.
    assert peak - before < 3 * MB
    assert [data[2] for data in receiver.received] == [50 * MB] * 4
    assert time.monotonic() - started < 60
