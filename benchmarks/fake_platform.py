"""A platform that takes 250 ms for each request and costs almost no CPU: it creates posts on X.

    python -m benchmarks.fake_platform PORT

`GET /stats` returns how many requests were responded to, when the first one came and when the last
response was sent; `POST /reset` forgets them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

CALL_S = 0.25


class Stats:
    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = 0.0


class Connection(asyncio.Protocol):
    stats = Stats()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, separator, body = self.data.partition(b"\r\n\r\n")
        if not separator or len(body) < length_of(head):
            return
        self.data = b""
        if head.startswith(b"GET /stats"):
            self.respond(json.dumps(vars(self.stats)).encode())
        elif head.startswith(b"POST /reset"):
            Connection.stats = Stats()
            self.respond(b"{}")
        else:
            self.stats.first = self.stats.first or time.time()
            asyncio.get_running_loop().call_later(CALL_S, self.create)

    def create(self) -> None:
        self.stats.count += 1
        self.stats.last = time.time()
        self.respond(b'{"data":{"id":"%d","text":""}}' % self.stats.count)

    def respond(self, body: bytes) -> None:
        head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: "
        self.transport.write(b"%s%d\r\n\r\n%s" % (head, len(body), body))


def length_of(head: bytes) -> int:
    text = head.lower().partition(b"content-length:")[2]
    return int(text.split(b"\r\n")[0] or 0)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
