"""Reading media from hostile addresses and hostile servers. Every socket connects to loopback."""

import datetime as dt
import ipaddress
import re
import socket
import ssl
import string
import struct
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from socialpublishing.errors import MediaError
from socialpublishing.media import INTERNET, Network, download, open_stream, probe

CORPORA = Path(__file__).parent / "corpora"
URL = "https://media-ok.example/m/a.jpg"
NAMES = [
    "media-ok.example",
    "*.media-ok.example",
    "media-ok6.example",
    "xn--bcher-kva.example",
    "r-rebind.example",
]
MB = 1_000_000

PNG = (
    b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I4sII", 13, b"IHDR", 3, 2)
    + b"\x08\x02\0\0\0"
    + b"\0" * 9
    + b"IEND\xaeB`\x82"
)
JPEG = (
    b"\xff\xd8\xff\xe0\0\x10JFIF"
    + b"\0" * 10
    + b"\xff\xc0\0\x11\x08\0\x02\0\x03"
    + b"\0" * 20
    + b"\xff\xd9"
)


# --- A stub network ------------------------------------------------------------------------------


def corpus(name):
    lines = (CORPORA / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def unescaped(text):
    simple = {"\\": "\\", "t": "\t", "r": "\r", "n": "\n"}
    pattern = r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\\trn]))"
    return re.sub(pattern, lambda m: simple[m[3]] if m[3] else chr(int(m[1] or m[2], 16)), text)


def responses_of(cell):
    if cell == "(none)":
        return []
    if many := re.fullmatch(r"\((\d+) x (\S+)\)", cell):
        return [many[2]] * int(many[1])
    return cell.split(", ")


DNS = {name: cell for name, cell in corpus("ssrf_dns.txt")}
PUBLIC = {"93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"}


class ClaimedSocket(socket.socket):
    """A socket to the stub server that reports the requested address as its peer."""

    claimed = ("", 0)

    def getpeername(self):
        return self.claimed


class StubNetwork:
    """Resolves names by the corpus. Every connection goes to the stub server."""

    def __init__(self, server_address, trust):
        self.server_address = server_address
        self.trust = trust
        self.resolved = []
        self.connected = []

    def resolve(self, host, port):
        self.resolved.append(host)
        cell = DNS.get(host, "(nxdomain)")
        if cell == "(nxdomain)":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        if cell == "(hang 30)":
            time.sleep(30)
        cells = cell.split(" | ")
        return responses_of(cells[min(self.resolved.count(host), len(cells)) - 1])

    def connect(self, address, port, timeout_s):
        self.connected.append((address, port))
        sock = ClaimedSocket()
        sock.claimed = (address, port)
        sock.settimeout(timeout_s)
        sock.connect(self.server_address)
        return sock

    def network(self, **timeouts):
        context = ssl.create_default_context(cadata=self.trust)
        return Network(
            resolve=self.resolve,
            connect=self.connect,
            tls=lambda: context,
            **{"resolve_s": 0.3, "headers_s": 1, "max_transfer_s": 2} | timeouts,
        )


def make_certificate(names, *, issuer=None, expired=False):
    """(PEM of key and certificate, key, certificate), signed by `issuer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[2].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=-1 if expired else 1))
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    return pem, key, certificate


class Server:
    """Sends one of `responses` per connection: bytes, or a function of the socket."""

    def __init__(self, context=None):
        self.context = context
        self.responses = []
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[sock], daemon=True).start()

    def serve(self, sock):
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                if not (data := sock.recv(4096)):
                    return
                request += data
            self.requests.append(request.decode("ascii"))
            response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
            response(sock) if callable(response) else sock.sendall(response)
        except OSError:
            pass
        finally:
            sock.close()


def response(body=b"", *headers, status=200, length=True):
    lines = [f"HTTP/1.1 {status} X", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def repeating(start, data, *, every_s=0.0, times=10**9):
    def play(sock):
        sock.sendall(start)
        for _ in range(times):
            sock.sendall(data)
            time.sleep(every_s)

    return play


@pytest.fixture(scope="session")
def authority():
    return make_certificate(["authority.example"])


@pytest.fixture(scope="session")
def make_context(authority, tmp_path_factory):
    def make(names=NAMES, **kwargs):
        path = tmp_path_factory.mktemp("tls") / "server.pem"
        path.write_bytes(make_certificate(names, **{"issuer": authority} | kwargs)[0])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    return make


@pytest.fixture(scope="session")
def context(make_context):
    return make_context()


@pytest.fixture
def server(context):
    server = Server(context)
    yield server
    server.listener.close()


@pytest.fixture
def stub(server, authority):
    trust = authority[2].public_bytes(serialization.Encoding.PEM).decode()
    return StubNetwork(server.address, trust)


@pytest.fixture(autouse=True)
def no_trusted_origins(settings):
    settings.MEDIA_ALLOWED_ORIGINS = []


def refused(call, *args, **kwargs):
    """The code of the MediaError that `call` raises."""
    with pytest.raises(MediaError) as caught:
        call(*args, **kwargs)
    return caught.value.code


# --- Addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "stage", "url"),
    [pytest.param(row[1], row[2], unescaped(row[3]), id=row[0]) for row in corpus("ssrf_urls.txt")],
)
def test_address_of_the_corpus_is_fetched_or_refused(verdict, stage, url, server, stub):
    server.responses = [response(PNG)]
    if verdict == "ALLOW":
        facts = probe(url, declared_type="image/png", max_bytes=MB, network=stub.network())
        assert facts.mime_type == "image/png"
        assert len(stub.resolved) == len(stub.connected) == 1
        path = quote(url.partition("//")[2].partition("/")[2], safe=string.punctuation)
        assert server.requests[0].startswith(f"GET /{path} HTTP/1.1\r\n")
    else:
        for call in (probe, download):
            kwargs = {"declared_type": "", "max_bytes": MB, "network": stub.network()}
            assert refused(call, url, **kwargs).startswith(("asset_", "object_store_"))
        assert stub.connected == []
        assert len(stub.resolved) == (0 if stage == "parse" else 2)


def redirect_response(hop):
    status, _, rest = hop.partition(" ")
    locations = re.findall(r"\[([^]]*)\]", rest)
    if status == "200":
        return response(b"<html>" if "html" in rest else PNG, *re.findall(r"Refresh: \S+", rest))
    long = [re.sub(r"<(\d+) x (.)>", lambda m: m[2] * int(m[1]), place) for place in locations]
    headers = [f"Location: {place}" for place in long if place]
    return response(b"", *headers, "Set-Cookie: a=b", status=int(status))


@pytest.mark.parametrize(
    ("name", "verdict", "hops"), [row[:3] for row in corpus("ssrf_redirects.txt")]
)
def test_redirects_of_the_corpus_are_followed_or_refused(name, verdict, hops, server, stub):
    server.responses = [redirect_response(hop) for hop in hops.split(" ; ")]
    if name != "R07":  # following one redirect too many would succeed
        server.responses.append(response(PNG))
    if verdict == "ALLOW":
        assert download(URL, max_bytes=MB, network=stub.network()).data == PNG
    else:
        code = refused(download, URL, max_bytes=MB, network=stub.network())
        assert code in {"asset_unreachable", "asset_address_refused", "asset_type_mismatch"}
    assert len(stub.connected) <= 4
    assert {address for address, _ in stub.connected} <= PUBLIC
    assert not any("cookie" in request.lower() for request in server.requests)
    if name == "R22":
        assert server.requests[-1].startswith("GET /m/b.jpg?sig=a%2Fb%3D HTTP/1.1")


# --- The same over the API: what a post names is checked when it is accepted ---------------------


@pytest.fixture
def internet(stub, monkeypatch):
    """The stub network in place of the real one, for all that this process requests."""
    context, look_up = ssl.create_default_context(cadata=stub.trust), socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host == "127.0.0.1":  # the sandbox
            return look_up(host, port, *args, **kwargs)
        return [(0, 0, 0, "", (address, port)) for address in stub.resolve(host, port)]

    def create_connection(address, timeout, *args, **kwargs):
        return stub.connect(*address, timeout)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", create_connection)
    monkeypatch.setattr(ssl, "create_default_context", lambda *args, **kwargs: context)
    INTERNET.tls.cache_clear()
    yield stub
    INTERNET.tls.cache_clear()


@pytest.fixture
def publish(api, make_connection, internet):
    """Posts a picture at a URL. The response has a code if it was refused."""
    connection = make_connection("twitter")

    def publish(url):
        assets = [{"url": url, "asset_type": "image", "mime_type": "image/png"}]
        return api.publish(connection, "A picture", assets=assets)

    return publish


def assert_refused_at_accept(response):
    assert response.status_code == 400, response.content
    assert response.json()["code"].startswith(("asset_", "object_store_", "invalid_")), (
        response.content
    )


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("verdict", "stage", "url"),
    [
        pytest.param(
            row[1],
            row[2],
            unescaped(row[3]),
            id=row[0],
            marks=pytest.mark.night if "r-slow" in row[3] else [],
        )
        for row in corpus("ssrf_urls.txt")
    ],
)
def test_address_of_the_corpus_in_a_post(verdict, stage, url, server, publish, internet):
    server.responses = [response(PNG)]

    accepted = publish(url)

    if verdict == "ALLOW":
        assert accepted.status_code == 202, accepted.content
    else:
        assert_refused_at_accept(accepted)
        assert internet.connected == []
        assert bool(internet.resolved) == (stage == "resolve")


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("name", "verdict", "hops"), [row[:3] for row in corpus("ssrf_redirects.txt")]
)
def test_redirects_of_the_corpus_in_a_post(name, verdict, hops, server, publish, internet):
    server.responses = [redirect_response(hop) for hop in hops.split(" ; ")]
    if name != "R07":
        server.responses.append(response(PNG))

    accepted = publish(URL)

    if verdict == "ALLOW":
        assert accepted.status_code == 202, accepted.content
    else:
        assert_refused_at_accept(accepted)
    assert {address for address, _ in internet.connected} <= PUBLIC


PRIVATE = st.sampled_from(
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "100.100.100.200", "0.0.0.0"]
)


@st.composite
def unusual_spellings(draw):
    """A private IPv4 address in a spelling that some resolver or parser accepts."""
    number = int(ipaddress.ip_address(draw(PRIVATE)))
    parts = [number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255]
    keep = draw(st.integers(1, 4))
    tail = sum(part << 8 * (3 - i) for i, part in enumerate(parts) if i >= keep - 1)
    spell = st.sampled_from([str, hex, lambda n: f"0{n:o}", lambda n: f"0X{n:08X}"])
    host = ".".join(draw(spell)(part) for part in [*parts[: keep - 1], tail])
    return draw(
        st.sampled_from(
            [
                host,
                f"{host}.",
                f"[::ffff:{host}]",
                f"[64:ff9b::{number >> 16:x}:{number & 65535:x}]",
                host.replace(".", "%2e"),
                host.replace(".", "\u3002"),
                host.translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
            ]
        )
    )


@examples(max_examples=500, deadline=None)
@given(
    inside=unusual_spellings(),
    shape=st.sampled_from(
        [
            "https://{}/a",
            "https://{}:443/a",
            "http://{}/a",
            "//{}/a",
            "https:/\\{}/a",
            "https://media-ok.example@{}/a",
            "https://media-ok.example:443@{}/",
            "https://media-ok.example\\@{}/a",
            "https://media-ok.example#@{}/a",
            "https://media-ok.example?@{}/a",
            "https://\t{}/a",
            "https://{}\r\n/a",
            "https://{}%00.media-ok.example/a",
        ]
    ),
)
def test_no_spelling_of_a_private_address_is_resolved(inside, shape):
    stub = StubNetwork(None, None)
    network = Network(resolve=stub.resolve, connect=stub.connect)

    assert refused(probe, shape.format(inside), declared_type="", max_bytes=MB, network=network)
    assert stub.resolved == stub.connected == []


@given(st.text(max_size=40), st.sampled_from(["", "https://", "https://media-ok.example"]))
@examples(deadline=None)
def test_any_text_as_url_raises_nothing_but_media_errors(text, start):
    def fail(*args):
        raise OSError

    network = Network(resolve=fail, connect=fail)
    assert refused(probe, start + text, declared_type="", max_bytes=MB, network=network)


@pytest.mark.parametrize(
    "address",
    [
        *["192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1"],
        *["198.19.255.255", "198.51.100.1", "239.0.0.1", "255.255.255.255", "172.31.255.255"],
        *["100.127.255.255", "::1", "::ffff:8.8.8.8", "64:ff9b:1::1", "2001:2::1"],
        *["2001:10::1", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "4000::1"],
        *["fe80::1%eth0", "ff0e::1", "2600::5efe:a00:1", "2600::200:5efe:7f00:1", "nonsense"],
    ],
)
def test_one_private_address_of_a_name_refuses_the_name(address, stub, server):
    network = stub.network()
    network = replace(network, resolve=lambda host, port: ["93.184.215.14", address])
    assert refused(download, URL, max_bytes=MB, network=network) == "asset_address_refused"
    assert stub.connected == []


@pytest.mark.parametrize("names", [["media-ok.example"], ["*.other.example"], ["*.example"]])
def test_name_with_an_underscore_needs_its_certificate(names, make_context, authority):
    server = Server(make_context(names))
    server.responses = [response(PNG)]
    trust = authority[2].public_bytes(serialization.Encoding.PEM).decode()
    network = StubNetwork(server.address, trust).network()
    url = "https://my_bucket.media-ok.example/a.jpg"
    assert refused(download, url, max_bytes=MB, network=network) == "asset_unreachable"
    server.listener.close()


def test_socket_with_another_peer_is_not_used(stub, server):
    network = stub.network()

    def connect_elsewhere(address, port, timeout_s):
        return stub.connect("127.0.0.1", port, timeout_s)

    network = replace(network, connect=connect_elsewhere)
    assert refused(download, URL, max_bytes=MB, network=network) == "asset_unreachable"
    assert server.requests == []


def test_second_address_is_tried_when_the_first_refuses(stub, server):
    server.responses = [response(PNG)]
    good = stub.connect

    def connect(address, port, timeout_s):
        if address == "93.184.215.14":
            raise ConnectionRefusedError
        return good(address, port, timeout_s)

    network = replace(
        stub.network(),
        resolve=lambda host, port: ["93.184.215.14", "93.184.215.15"],
        connect=connect,
    )
    assert download(URL, max_bytes=MB, network=network).data == PNG


@pytest.mark.parametrize("path", ["pictures/a.jpg", "/pictures/a.jpg", "a.jpg"])
def test_path_needs_an_object_store(path, stub):
    code = refused(probe, path, declared_type="", max_bytes=MB, network=stub.network())
    assert code == "object_store_not_configured"


def test_message_names_the_address_without_its_secrets(stub):
    url = "https://user:secret@r-private.example/\n" + "p" * 300 + "?sig=secret"
    with pytest.raises(MediaError) as caught:
        download(url, max_bytes=MB, network=stub.network())
    message = str(caught.value)
    assert "https://r-private.example/" in message
    assert "secret" not in message
    assert "\n" not in message
    assert "p" * 101 not in message

    with pytest.raises(MediaError) as caught:
        download("https://r-private.example/a?sig=secret", max_bytes=MB, network=stub.network())
    assert "10.1.2.3" not in str(caught.value)
    assert "secret" not in str(caught.value)


# --- Trusted origins -----------------------------------------------------------------------------


@pytest.fixture
def store():
    server = Server()
    server.responses = [response(PNG)]
    yield server
    server.listener.close()


def test_trusted_origin_is_fetched_without_address_checks(store, settings):
    origin = f"http://127.0.0.1:{store.address[1]}"
    settings.MEDIA_ALLOWED_ORIGINS = [origin]

    fetched = download(f"{origin}/a.png?x=1", max_bytes=MB)

    assert fetched.data == PNG
    assert "GET /a.png?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" in store.requests[0]


@pytest.mark.parametrize(
    "trusted",
    ["http://127.0.0.1", "https://127.0.0.1:{}", "http://localhost:{}", "http://127.0.0.1:{}/x"],
)
def test_only_the_exact_origin_is_trusted(trusted, store, settings):
    port = store.address[1]
    settings.MEDIA_ALLOWED_ORIGINS = [trusted.format(port)]
    assert refused(download, f"http://127.0.0.1:{port}/a", max_bytes=MB) == "asset_address_refused"
    assert store.requests == []


def test_trusted_origin_without_a_port_has_the_default_port(settings, stub):
    settings.MEDIA_ALLOWED_ORIGINS = ["https://r-private.example", "http://store:80"]
    for url in ("https://r-private.example:443/a", "http://store/a"):
        refused(download, url, max_bytes=MB, network=stub.network())
    assert stub.resolved == ["r-private.example", "store"]
    assert stub.connected == [("10.1.2.3", 443)]


def test_redirect_out_of_a_trusted_origin_is_checked(store, settings):
    origin = f"http://127.0.0.1:{store.address[1]}"
    settings.MEDIA_ALLOWED_ORIGINS = [origin]
    store.responses = [response(b"", "Location: http://169.254.169.254/", status=302)]
    assert refused(download, f"{origin}/a", max_bytes=MB) == "asset_address_refused"


# --- Hostile servers -----------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    "M01 length of 10 TB": ("asset_too_large", HEAD + b"Content-Length: 10000000000000\r\n\r\nx"),
    "M02 endless": ("asset_too_large", repeating(HEAD + b"\r\n", b"x" * 65536)),
    "M02 endless, chunked": (
        "asset_too_large",
        repeating(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"
        ),
    ),
    "M03 more than stated": ("asset_incomplete", HEAD + b"Content-Length: 20\r\n\r\n" + PNG),
    "M03 less than stated": ("asset_incomplete", HEAD + b"Content-Length: 2000\r\n\r\n" + PNG),
    "M03 chunks cut": (
        "asset_incomplete",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + PNG[:16] + b"\r\n20\r\nxx",
    ),
    "two lengths": ("asset_incomplete", response(PNG, f"Content-Length: {len(PNG)}")),
    "length that is no number": ("asset_incomplete", HEAD + b"Content-Length: -1\r\n\r\n"),
    "M04 slow body": (
        "asset_unreachable",
        repeating(HEAD + b"Content-Length: 9000\r\n\r\n", b"x", every_s=0.1),
    ),
    "M05 slow header": ("asset_unreachable", repeating(HEAD, b"A", every_s=0.1)),
    "M05 slow header lines": ("asset_unreachable", repeating(HEAD, b"A: b\r\n", every_s=0.1)),
    "M05 10,000 headers": ("asset_unreachable", HEAD + b"A: b\r\n" * 10_000 + b"\r\n"),
    "M05 header of 1 MB": ("asset_unreachable", HEAD + b"A: " + b"b" * MB + b"\r\n\r\n"),
    "endless 100 Continue": (
        "asset_unreachable",
        repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    ),
    "endless trailers": (
        "asset_incomplete",
        repeating(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 1000),
    ),
    "M06 gzip": ("asset_type_mismatch", response(PNG, "Content-Encoding: gzip")),
    "M06 br": ("asset_type_mismatch", response(PNG, "Content-Encoding: br")),
    "M06 two": ("asset_type_mismatch", response(PNG, "Content-Encoding: deflate, gzip")),
    "M06 transfer": ("asset_type_mismatch", response(PNG, "Transfer-Encoding: gzip, chunked")),
    "M08 login page": (
        "asset_type_mismatch",
        response(b"<!doctype html>", "Content-Type: image/png"),
    ),
    "not HTTP": ("asset_unreachable", b"SSH-2.0-OpenSSH\r\n"),
    "nothing": ("asset_unreachable", b""),
    "404": ("asset_unreachable", response(PNG, status=404)),
    "401": ("asset_unreachable", response(PNG, "WWW-Authenticate: Basic", status=401)),
    "206 without a range": (
        "asset_unreachable",
        response(PNG, "Content-Range: bytes 0-1/2", status=206),
    ),
    "204": ("asset_unreachable", response(status=204)),
}


@pytest.mark.parametrize(("code", "play"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_server_is_refused_in_time(code, play, server, stub):
    server.responses = [play]
    started = time.monotonic()
    assert refused(download, URL, max_bytes=MB, network=stub.network()) == code
    assert time.monotonic() - started < 4


def test_m02_body_is_read_up_to_the_limit_only(server, stub):
    sent = Counter()

    def play(sock):
        sock.sendall(HEAD + b"\r\n")
        while True:
            sent["bytes"] += sock.send(b"x" * 65536)

    server.responses = [play]
    assert refused(download, URL, max_bytes=MB, network=stub.network()) == "asset_too_large"
    # Socket buffers take some more bytes.
    assert sent["bytes"] < 12 * MB


@pytest.mark.parametrize(
    "kwargs",
    [
        {"names": ["elsewhere.example"]},
        {"expired": True},
        {"issuer": None},
    ],
    ids=["M07 other name", "M07 expired", "M07 self-signed"],
)
def test_bad_certificate_is_refused(kwargs, make_context, stub):
    server = Server(make_context(**kwargs))
    server.responses = [response(PNG)]
    stub.server_address = server.address
    assert refused(download, URL, max_bytes=MB, network=stub.network()) == "asset_unreachable"
    assert server.requests == []


def test_certificate_must_match_the_name_in_the_url(make_context, stub):
    server = Server(make_context(["media-ok6.example"]))
    server.responses = [response(PNG)]
    stub.server_address = server.address
    url = "https://media-ok6.example/a"
    assert download(url, max_bytes=MB, network=stub.network()).data == PNG
    assert "Host: media-ok6.example\r\n" in server.requests[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_m07_old_tls_is_refused(make_context, stub):
    context = make_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    server = Server(context)
    stub.server_address = server.address
    assert refused(download, URL, max_bytes=MB, network=stub.network()) == "asset_unreachable"


def test_silent_handshake_ends_at_the_deadline(stub):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        stub.server_address = mute.getsockname()
        network = stub.network(max_transfer_s=0.3)
        assert refused(download, URL, max_bytes=MB, network=network) == "asset_unreachable"


def test_m24_one_slow_host_gets_at_most_four_connections(server, stub):
    server.responses = [repeating(HEAD, b"A: b\r\n", every_s=0.05)]
    network = stub.network(max_transfer_s=2)
    codes = []

    def run():
        codes.append(refused(download, URL, max_bytes=MB, network=network))

    threads = [threading.Thread(target=run) for _ in range(30)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert len(stub.connected) == 4
    for thread in threads:
        thread.join()
    # A read that could not start has its own code: the file is not at fault.
    assert set(codes) == {"asset_unreachable", "media_busy"}

    server.responses = [response(PNG)]
    assert download(URL, max_bytes=MB, network=network).data == PNG


def test_proxies_of_the_environment_are_ignored(server, stub, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.responses = [response(PNG)]
    assert download(URL, max_bytes=MB, network=stub.network()).data == PNG


# --- Results -------------------------------------------------------------------------------------


def test_probe_reads_the_beginning_and_reports_the_size(server, stub):
    head = PNG + b"\0" * (65536 - len(PNG))
    server.responses = [response(head, "Content-Range: bytes 0-65535/900000", status=206)]

    facts = probe(URL, declared_type="image/png", max_bytes=MB, network=stub.network())

    assert (facts.size_bytes, facts.width, facts.height) == (900_000, 3, 2)
    assert "Range: bytes=0-65535\r\n" in server.requests[0]
    assert "Accept-Encoding: identity\r\n" in server.requests[0]


def test_probe_works_with_a_server_without_ranges(server, stub):
    server.responses = [repeating(HEAD + b"Content-Length: 900000\r\n\r\n" + PNG, b"\0" * 4096)]
    facts = probe(URL, declared_type="", max_bytes=MB, network=stub.network())
    assert facts.size_bytes == 900_000


def test_probe_works_with_a_server_without_lengths(server, stub):
    server.responses = [response(PNG, length=False)]
    facts = probe(URL, declared_type="", max_bytes=MB, network=stub.network())
    assert facts.size_bytes == len(PNG)


@pytest.mark.parametrize(
    ("content_range", "code"),
    [
        ("bytes 0-65535/2000000", "asset_too_large"),
        ("bytes 9-65535/90000", "asset_incomplete"),
        ("bytes 0-99999/900000", "asset_incomplete"),
        ("bytes 0-999/1000", "asset_incomplete"),
        ("bytes 0-998/1000", "asset_incomplete"),
        ("nonsense", "asset_incomplete"),
    ],
)
def test_probe_refuses_a_wrong_range(content_range, code, server, stub):
    server.responses = [response(PNG, f"Content-Range: {content_range}", status=206)]
    assert refused(probe, URL, declared_type="", max_bytes=MB, network=stub.network()) == code


def test_download_returns_bytes_and_hash(server, stub):
    body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (JPEG[:9], JPEG[9:])) + b"0\r\n\r\n"
    server.responses = [HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body]

    fetched = download(URL, max_bytes=MB, declared_type="image/jpg", network=stub.network())

    assert (fetched.data, fetched.size_bytes, fetched.mime_type) == (JPEG, len(JPEG), "image/jpeg")
    assert (fetched.width, fetched.height) == (3, 2)
    assert len(fetched.sha256) == 64


def test_stream_has_chunks(server, stub):
    server.responses = [response(b"x" * 300_000)]
    with open_stream(URL, max_bytes=MB, network=stub.network()) as stream:
        assert stream.size_bytes == 300_000
        assert sum(map(len, stream.chunks())) == 300_000


def test_server_that_keeps_the_connection_open_does_not_delay_us(server, stub):
    is_read = threading.Event()

    def keep_open(sock):
        sock.sendall(response(PNG))
        if not is_read.wait(10):
            sock.sendall(b"We waited for this.")

    server.responses = [keep_open]
    assert download(URL, max_bytes=MB, network=stub.network()).data == PNG
    is_read.set()


@pytest.mark.parametrize("sent", [b"", response(PNG)], ids=["before its response", "after it"])
def test_server_that_sends_nothing_occupies_no_transfer(sent, server, stub, settings, monkeypatch):
    settings.MEDIA_READS = 1
    monkeypatch.setattr("socialpublishing.media.stream.EXTRA_BYTES_WAIT_S", 20)
    is_silent, is_over = threading.Event(), threading.Event()

    def stay_silent(sock):
        sock.sendall(sent)
        is_silent.set()
        sock.sendall(response(PNG)[len(sent) :] if is_over.wait(8) else b"The other waited.")

    server.responses = [stay_silent, response(PNG)]
    with ThreadPoolExecutor() as pool:
        silent = pool.submit(download, URL, max_bytes=MB, network=stub.network())
        is_silent.wait(20)
        assert download(URL, max_bytes=MB, network=stub.network()).data == PNG
        is_over.set()
        assert silent.result().data == PNG
