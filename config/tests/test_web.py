"""The web process, started as in production, over real sockets."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller
from config.run.processes import free_port
from config.run.service import web_command
from config.tests.conftest import separate_database
from socialpublishing.sandbox.server import SandboxServer

PUBLISH = "/api/v1/publishing/publish"


class Web:
    def __init__(self, database_url: str, sandbox_url: str, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "SANDBOX_URL": sandbox_url,
            "SERVICE_BASE_URL": self.url,
            "WEB_CONCURRENCY": "1",
            **settings,
        }
        self.sandbox_url = sandbox_url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            web_command("127.0.0.1", self.port), env=self.environment, process_group=0
        )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/healthz", timeout=5).ok:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def open(self, data: bytes = b"") -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        sock.sendall(data)
        return sock

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=30, **kwargs)


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    """The address of a media server that takes two seconds, and then breaks off."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:

        def serve() -> None:
            while not done.is_set():
                sock, _ = server.accept()
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n\xff\xd8\xff")
                threading.Timer(2, sock.close).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        done.set()


@pytest.fixture(scope="module")
def web(
    tmp_path_factory: pytest.TempPathFactory,
    sandbox_server: SandboxServer,
    source: str,
    migrated_database: str,
) -> Iterator[Web]:
    origins = f"{sandbox_server.url},{source}"
    with separate_database(tmp_path_factory.mktemp("web"), migrated_database) as url:
        web = Web(url, sandbox_server.url, MEDIA_ALLOWED_ORIGINS=origins)
        web.start()
        yield web
        web.stop()


def token_of(user: str) -> dict[str, str]:
    token = sign_dev_token(user, lifetime=dt.timedelta(hours=1))
    return {"Authorization": f"Bearer {token}"}


def read_response(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """A response that ends with its connection."""
    data = b""
    while more := sock.recv(65536):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def slow_post(path: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: 200000\r\n\r\n".encode()


# --- Slow clients and slow sources ---------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        slow_post("/admin/login/"),
        slow_post(PUBLISH),
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"GET / HTTP/1.1\r\nHost: 127.0",
        b"",
    ],
)
def test_requests_that_have_not_arrived_hold_no_thread(web: Web, data: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(150):  # more than all threads
            stack.enter_context(web.open(data))

        assert web.get("/healthz").status_code == 200
        assert web.get("/api/v1/connections/", headers=token_of("bob")).status_code == 200


def test_clients_that_do_not_read_hold_no_thread(web: Web) -> None:
    path = "/static/api/scalar.js"
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(40):  # more than the threads of quick requests
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", web.port))
            sock.sendall(request * 5)  # more than the kernel keeps for the client
        time.sleep(1)

        assert web.get("/api/v1/connections/", headers=token_of("bob")).status_code == 200


def test_slow_sources_of_one_user_are_not_felt_by_another(web: Web, source: str) -> None:
    alice = token_of("alice")
    caller = Caller(
        service=web.url, sandbox=web.sandbox_url, token=alice["Authorization"].split()[1]
    )
    body = {
        "connection_id": caller.connect("twitter")["id"],
        "text_content": "A picture",
        "assets": [{"url": f"{source}/a.jpg", "asset_type": "image", "mime_type": "image/jpeg"}],
    }

    def validate(_: int) -> requests.Response:
        return requests.post(
            f"{web.url}/api/v1/publishing/validate", json=body, headers=alice, timeout=60
        )

    with ThreadPoolExecutor(40) as pool:
        responses = pool.map(validate, range(40))
        for _ in range(10):
            assert web.get("/api/v1/connections/", headers=token_of("bob")).status_code == 200
            time.sleep(0.1)
        assert {response.status_code for response in responses} <= {200, 503}


@pytest.mark.night
@pytest.mark.parametrize("data", [slow_post(PUBLISH), b"GET / HTTP/1.1\r\nHost: 127.0"])
def test_request_that_does_not_arrive_in_time_is_refused(web: Web, data: bytes) -> None:
    with web.open(data) as sock:
        sock.settimeout(0.5)
        started = time.monotonic()
        response = b""
        while not response:
            sock.sendall(b"1")
            with contextlib.suppress(TimeoutError):
                response = sock.recv(1000)
            assert time.monotonic() - started < 20

    assert response.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "request_timeout"' in response


@pytest.mark.night
def test_client_that_does_not_read_is_cut_off(web: Web) -> None:
    path = "/static/api/scalar.js"
    requests_at_once = 20  # more than the kernel keeps for the client
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", web.port))
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * requests_at_once)
        time.sleep(30)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(65536):
                received += len(data)

    assert received < requests_at_once * 4_500_000


@pytest.mark.night
def test_oldest_waiting_connection_makes_room_for_a_new_one(web: Web) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(web.open()) for _ in range(2100)]

        assert web.get("/healthz").status_code == 200
        idle[0].settimeout(1)  # sooner than an idle connection is closed
        with contextlib.suppress(ConnectionResetError):
            assert idle[0].recv(1) == b""


# --- What is refused below Django ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"HELLO\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            400,
            "bad_request",
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431, "headers_too_large"),
        (
            f"POST {PUBLISH} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n".encode(),
            413,
            "payload_too_large",
        ),
        (
            f"POST {PUBLISH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + b"41000\r\n"
            + b"a" * 0x41000
            + b"\r\n0\r\n\r\n",
            413,
            "payload_too_large",
        ),
        (b"GET /api/v1/platforms HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400, "invalid_request"),
        (b"GET /api/v1/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404, "not_found"),
        (b"BREW /api/v1/platforms HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 401, "not_authenticated"),
    ],
)
def test_refusals_below_django_are_json_too(web: Web, data: bytes, status: int, code: str) -> None:
    if code in ("invalid_request", "not_found", "not_authenticated"):  # Django's own
        data = data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    with web.open(data) as sock:
        responded, headers, body = read_response(sock)

    assert responded == status
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    content = json.loads(body)
    assert content["code"] == code
    assert content["detail"]


def test_caller_that_is_still_sending_reads_the_refusal(web: Web) -> None:
    response = requests.post(f"{web.url}{PUBLISH}", data=b"a" * 1_000_000, timeout=30)

    assert response.status_code == 413
    assert response.json()["code"] == "payload_too_large"


# --- Requests in other forms ---------------------------------------------------------------------


def test_chunked_body_is_read_like_another(web: Web) -> None:
    response = requests.post(
        f"{web.url}{PUBLISH}",
        data=iter([b'{"connection_', b'id": []}']),
        headers={**token_of("alice"), "Content-Type": "application/json"},
        timeout=30,
    )

    assert response.status_code == 400
    assert "connection_id" in response.json()["detail"]


def test_target_may_be_a_whole_address(web: Web) -> None:
    data = f"GET {web.url}/healthz?a=b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with web.open(data.encode()) as sock:
        assert read_response(sock)[0] == 200


def test_caller_that_expects_100_gets_it_before_it_sends_the_body(web: Web) -> None:
    head = (
        f"POST {PUBLISH} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    )
    with web.open(head.encode()) as sock:
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"{}")
        assert read_response(sock)[0] == 401


# --- Start and stop ------------------------------------------------------------------------------


@pytest.fixture
def two_processes(web: Web) -> Iterator[Web]:
    other = Web(
        web.environment["DATABASE_URL"],
        web.sandbox_url,
        WEB_CONCURRENCY="2",
        MEDIA_ALLOWED_ORIGINS=web.environment["MEDIA_ALLOWED_ORIGINS"],
    )
    other.start()
    yield other
    other.stop()


def test_request_in_progress_is_finished_before_the_stop(two_processes: Web, source: str) -> None:
    web = two_processes
    alice = token_of("alice")
    caller = Caller(
        service=web.url, sandbox=web.sandbox_url, token=alice["Authorization"].split()[1]
    )
    body = {
        "connection_id": caller.connect("twitter")["id"],
        "assets": [{"url": f"{source}/a.jpg", "asset_type": "image", "mime_type": "image/jpeg"}],
    }
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(
            requests.post,
            f"{web.url}/api/v1/publishing/validate",
            json=body,
            headers=alice,
            timeout=60,
        )
        time.sleep(1)  # it waits for the source
        code = web.stop()

    assert response.result().status_code == 200
    assert code in (0, -signal.SIGTERM)


def test_killed_supervisor_leaves_no_process_behind(two_processes: Web) -> None:
    assert two_processes.process is not None
    two_processes.process.kill()
    two_processes.process.wait()

    deadline = time.monotonic() + 20
    while True:
        try:
            two_processes.open().close()
        except ConnectionRefusedError:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_web_does_not_start_with_settings_that_cannot_be_meant() -> None:
    web = Web("sqlite:///:memory:", "http://127.0.0.1:9", THROTTLE_USER="many")
    done = subprocess.run(
        web_command("127.0.0.1", web.port),
        env=web.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "THROTTLE_USER" in done.stderr
