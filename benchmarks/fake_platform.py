"""A platform that takes 250 ms for each request and costs almost no CPU: it creates posts on X.

    python -m benchmarks.fake_platform PORT

`GET /photo.jpg` returns a photo of 44 KB at once, as the source of posts with a photo. `GET /stats`
returns how many requests were responded to, when the first one came and when the last response was
sent; `GET /arrivals` when the first request for each text came.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from pathlib import Path

CALL_S = 0.25
PHOTO = "socialpublishing/sandbox/samples/bakery.jpg"


class Stats:
    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = 0.0


class Connection(asyncio.Protocol):
    stats = Stats()
    arrivals: dict[str, float] = {}
    # No id twice, even if another platform served the same database before.
    ids = itertools.count(time.time_ns())
    photo = (Path(__file__).parent.parent / PHOTO).read_bytes()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.data = bytearray()

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        head = bytes(self.data[: max(end, 0)])
        if end < 0 or len(self.data) < end + 4 + length_of(head):
            return
        body = bytes(self.data[end + 4 :])
        self.data.clear()
        if head.startswith(b"GET /photo.jpg"):
            self.respond(self.photo, status=b"200 OK", kind=b"image/jpeg")
        elif head.startswith(b"GET /stats"):
            self.respond(json.dumps(vars(self.stats)).encode())
        elif head.startswith(b"GET /arrivals"):
            self.respond(json.dumps(self.arrivals).encode())
        else:
            self.note_arrival(body)
            asyncio.get_running_loop().call_later(CALL_S, self.create)

    def note_arrival(self, body: bytes) -> None:
        now = time.time()
        self.stats.first = self.stats.first or now
        if body.startswith(b"{"):  # a post, no upload
            self.arrivals.setdefault(json.loads(body)["text"], now)

    def create(self) -> None:
        self.stats.count += 1
        self.stats.last = time.time()
        self.respond(b'{"data":{"id":"%d","text":""}}' % next(self.ids))

    def respond(
        self, body: bytes, *, status: bytes = b"201 Created", kind: bytes = b"application/json"
    ) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % (status, kind, len(body)) + body)


def length_of(head: bytes) -> int:
    text = head.lower().partition(b"content-length:")[2]
    return int(text.split(b"\r\n")[0] or 0)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
