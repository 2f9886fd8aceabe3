"""A receiver of webhooks on loopback, as a user of the service would write one."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook


class Receiver:
    """Records what arrives. `respond` may be changed at any time.

    It is a status, "hang" or "close"; a status may have a Location.
    """

    def __init__(self):
        self.respond = 204
        self.location = ""
        self.hang_s = 20.0
        self.delay_s = 0.0
        self.requests = []  # path, headers, body
        # With the secret, each event is verified when it arrives: a signature is valid for minutes.
        self.secret = ""
        self.verified = Counter()  # by id
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.receive(self)

            def do_GET(self):
                receiver.receive(self)

            def log_message(self, *args):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.url = f"{self.origin}/events"
        threading.Thread(target=self._http.serve_forever, args=[0.01], daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def receive(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        respond = self.respond
        headers = dict(handler.headers.items())
        self.requests.append((handler.path, headers, body.decode()))
        if self.secret:
            self.verified[Webhook(self.secret).verify(body, headers)["id"]] += 1
        time.sleep(self.delay_s)
        if respond == "hang":
            time.sleep(self.hang_s)
        elif respond != "close":
            handler.send_response(respond)
            if self.location:
                handler.send_header("Location", self.location)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

    def events(self, secret):
        """Each event that arrived, verified with `secret`."""
        return [Webhook(secret).verify(body, headers) for _, headers, body in list(self.requests)]

    def types(self):
        return [json.loads(body)["type"] for _, _, body in list(self.requests)]

    def counts(self, secret):
        return Counter(event["id"] for event in self.events(secret))
