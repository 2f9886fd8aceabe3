"""Our own deadlines, and a busy machine: no file is called broken for them."""

import signal
import socket
import threading
import time
from contextlib import ExitStack, nullcontext
from functools import partial

import pytest

from socialpublishing import media
from socialpublishing.errors import MediaError, UploadAddressRefusedError
from socialpublishing.media import Network, download, probe, videos
from socialpublishing.platforms.uploads import check_upload_address
from socialpublishing.tests.file_server import FileServer, whole
from socialpublishing.tests.sample_videos import FTYP, moov

FILM = FTYP + moov()
MB = 1_000_000


@pytest.fixture
def server(settings):
    server = FileServer()
    server.file = whole(FILM)
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    yield server
    server.close()


@pytest.fixture
def replace_demuxer(monkeypatch, tmp_path):
    """Another program reads the header of a video."""

    def replace(program):
        path = tmp_path / "demuxer.py"
        path.write_text(program)
        monkeypatch.setattr(videos, "DEMUXER", path)

    return replace


def film_refused(server):
    with pytest.raises(MediaError) as caught:
        probe(server.url, declared_type="video/mp4", max_bytes=MB)
    return caught.value


@pytest.mark.parametrize("seconds", [0.3, 0.001])
def test_busy_machine_is_no_fault_of_the_film(seconds, server, replace_demuxer, monkeypatch):
    monkeypatch.setattr(videos, "DEMUXER_S", seconds)
    replace_demuxer("import time\ntime.sleep(20)")
    assert film_refused(server).code == "media_busy"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, "media_busy"),
        (signal.SIGINT, "media_busy"),
        (signal.SIGHUP, "media_busy"),
        (signal.SIGKILL, "media_busy"),
        (signal.SIGXCPU, "asset_type_mismatch"),
        (signal.SIGSEGV, "asset_type_mismatch"),
        (signal.SIGABRT, "asset_type_mismatch"),
    ],
)
def test_signal_that_others_send_is_no_fault_of_the_film(number, code, server, replace_demuxer):
    is_kill = number == signal.SIGKILL
    default = "" if is_kill else f"signal.signal({number:d}, signal.SIG_DFL)"
    replace_demuxer(f"import os, signal\n{default}\nos.kill(os.getpid(), {number:d})")
    assert film_refused(server).code == code


def test_header_that_takes_too_much_processor_time_is_refused(server, replace_demuxer, monkeypatch):
    monkeypatch.setattr(videos, "DEMUXER_S", 60)
    monkeypatch.setattr(media, "PROBE_S", 60)
    replace_demuxer(
        f"import runpy\nrunpy.run_path({str(videos.DEMUXER)!r})['confine']()\nwhile True: pass"
    )
    assert film_refused(server).code == "asset_type_mismatch"


def test_all_places_for_reading_headers_taken_is_no_fault_of_the_film(server, monkeypatch):
    monkeypatch.setattr(videos, "DEMUXER_S", 0.1)
    with ExitStack() as stack:
        for _ in range(videos.MAX_DEMUXERS):
            stack.enter_context(videos._demuxers)
        assert film_refused(server).code == "media_busy"


# --- A server that is too slow -------------------------------------------------------------------


def slow_stages():
    """Servers on loopback that stop at some point of the response."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    part = b"HTTP/1.1 206 X\r\nContent-Range: bytes 0-899/900\r\nContent-Length: 900\r\n\r\n"
    return {
        "nothing": b"",
        "status": b"HTTP/1.1 2",
        "headers": b"HTTP/1.1 200 OK\r\nContent-Le",
        "no body": head,
        "half a body": head + FILM[:400],
        "part": part + FILM[:400],
        "chunk size": chunked + b"10",
        "chunk": chunked + b"400\r\n" + FILM[:100],
        "between chunks": chunked + b"64\r\n" + FILM[:100] + b"\r\n",
        "last chunk": chunked + b"64\r\n" + FILM[:100] + b"\r\n0\r\n",
    }


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        pytest.param(call, sent, id=f"{call}: {stage}")
        for call in ("probe", "download")
        for stage, sent in slow_stages().items()
        if (call, stage) != ("download", "part")  # a download requests no part
    ],
)
def test_server_that_stops_did_not_respond_in_time(sent, call, settings, monkeypatch):
    monkeypatch.setattr(media, "PROBE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def accept():
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return
                held[-1].sendall(sent)

        threading.Thread(target=accept, daemon=True).start()
        settings.MEDIA_ALLOWED_ORIGINS = [f"http://127.0.0.1:{listener.getsockname()[1]}"]
        url = f"{settings.MEDIA_ALLOWED_ORIGINS[0]}/film.mp4"
        network = Network(max_transfer_s=0.3)
        read = download if call == "download" else partial(probe, declared_type="video/mp4")
        with pytest.raises(MediaError) as caught:
            read(url, max_bytes=MB, network=network)
        listener.shutdown(socket.SHUT_RDWR)
    for each in held:
        each.close()
    assert caught.value.code == "asset_unreachable"
    assert "in time" in str(caught.value)


def test_name_that_is_not_resolved_in_time():
    network = Network(resolve=lambda host, port: time.sleep(1) or [], resolve_s=0.05)
    with pytest.raises(MediaError, match="in time") as caught:
        download("https://media-ok.example/a.jpg", max_bytes=MB, network=network)
    assert caught.value.code == "asset_unreachable"


def test_connection_that_is_not_accepted_in_time():
    def connect(ip_address, port, timeout_s):
        raise TimeoutError

    network = Network(resolve=lambda host, port: ["93.184.215.14"], connect=connect)
    with pytest.raises(MediaError, match="in time"):
        download("https://media-ok.example/a.jpg", max_bytes=MB, network=network)


# --- Odd addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "port", ["0443", "00443", "0", "", "+443", "-1", "4_43", "44x", "443443", " 443", "443:443"]
)
def test_odd_port_is_refused_in_words(port):
    with pytest.raises(MediaError) as caught:
        download(f"https://media-ok.example:{port}/a.jpg", max_bytes=MB)
    assert caught.value.code == "asset_address_refused"
    assert "port" in str(caught.value)


@pytest.mark.parametrize("port", ["1", "80", "8443", "65535", "65536", "99999"])
def test_other_port_is_refused_in_words(port):
    with pytest.raises(MediaError, match="on port 443") as caught:
        download(f"https://media-ok.example:{port}/a.jpg", max_bytes=MB)
    assert caught.value.code == "asset_address_refused"


@pytest.mark.parametrize("length", [1, 2, 3])
def test_circle_of_redirects_is_refused_in_words(length, server):
    def respond(handler):
        server.requests.append(handler.path)
        handler.close_connection = True
        handler.send_response(302)
        at = int(handler.path.rpartition("/")[2] or 0)
        handler.send_header("Location", f"/circle/{(at + 1) % length}")
        handler.end_headers()

    server.respond = respond
    with pytest.raises(MediaError, match="in a circle") as caught:
        download(f"{server.origin}/circle/0", max_bytes=MB)
    assert caught.value.code == "asset_unreachable"
    assert len(server.requests) == length


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("https://eu.upload.example/a", True),
        ("https://eu.upload.example:443/a", True),
        ("https://EU.upload.example/a", True),
        ("https://eu.upload.example:0443/a", False),
        ("https://eu.upload.example:8443/a", False),
        ("https://eu.upload.example:/a", False),
        ("https://user@eu.upload.example/a", False),
        ("https://upload.example@evil.example/a", False),
        ("https://evil.example\\@eu.upload.example/a", False),
        ("https://evilupload.example/a", False),
        ("http://eu.upload.example/a", False),
    ],
)
def test_upload_address_has_the_name_of_the_platform_and_no_odd_port(address, is_own, settings):
    settings.SANDBOX_URL = ""
    refused = pytest.raises(UploadAddressRefusedError)
    with nullcontext() if is_own else refused:
        check_upload_address(
            address, api="https://api.example", upload_hosts=[".upload.example"], platform="x"
        )
