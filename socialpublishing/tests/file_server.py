"""A file server on loopback for tests. It counts requests and sent bytes."""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Sparse:
    """A file of `size` bytes: zeros, except for the data at `places`. It is not held in memory."""

    size: int
    places: Mapping[int, bytes] = field(default_factory=dict)

    def read(self, start, length):
        length = max(min(length, self.size - start), 0)
        data = bytearray(length)
        for at, piece in self.places.items():
            first, last = max(at, start), min(at + len(piece), start + length)
            if first < last:
                data[first - start : last - start] = piece[first - at : last - at]
        return bytes(data)


def whole(data):
    return Sparse(size=len(data), places={0: data})


class FileServer:
    """Serves the same file at every path.

    Without `has_ranges` it ignores the Range header. Without `has_lengths` it sends no lengths:
    with `is_chunked` in chunks, with `has_ranges` as a range of a file of unknown size. With
    `is_redirecting` it redirects to another path first, with `delay_s` each response waits.
    `file` may be changed at any time; `then` replaces it after the first response.
    """

    def __init__(self):
        self.file = whole(b"")
        self.then = None
        self.has_ranges = True
        self.has_lengths = True
        self.is_chunked = False
        self.is_redirecting = False
        self.delay_s = 0.0
        self.headers = {}  # additional response headers
        self.requests = []  # path and Range header of each
        self.bytes_sent = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.respond(self)

            def log_message(self, *args):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.url = f"{self.origin}/file"
        # Polls for shutdown every 10 ms: the default of 500 ms would slow down each test.
        threading.Thread(target=self._http.serve_forever, args=[0.01], daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def refusal(self, handler):
        """A status to send instead of the file, or None."""

    def respond(self, handler):
        self.requests.append((handler.path, handler.headers.get("Range")))
        handler.close_connection = True
        if status := self.refusal(handler):
            handler.send_error(status)
            return
        time.sleep(self.delay_s)
        if self.is_redirecting and not handler.path.startswith("/moved"):
            handler.send_response(302)
            handler.send_header("Location", f"/moved{handler.path}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        self.send_file(handler)

    def send_file(self, handler):
        file, self.file = self.file, self.then or self.file
        first, last = 0, file.size - 1
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        if match and self.has_ranges:
            first, last = int(match[1]), min(int(match[2] or last), last)
            if first > last:
                handler.send_error(416)
                return
            handler.send_response(206)
            size = file.size if self.has_lengths else "*"
            handler.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        else:
            handler.send_response(200)
        if self.has_lengths:
            handler.send_header("Content-Length", str(last - first + 1))
        elif self.is_chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        self.send_body(handler, file, first, last)

    def send_body(self, handler, file, first, last):
        is_chunked = self.is_chunked and not self.has_lengths
        at = first
        while at <= last:
            piece = file.read(at, min(PIECE_BYTES, last + 1 - at))
            try:
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            except OSError:
                return
            self.bytes_sent += len(piece)
            at += len(piece)
        if is_chunked:
            handler.wfile.write(b"0\r\n\r\n")
