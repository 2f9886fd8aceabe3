"""A path names a file in the object store, which is requested with a signed URL."""

import hashlib
import hmac
import re
import socket
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from socialpublishing.errors import MediaError
from socialpublishing.media import download, open_stream, probe, public_address, store
from socialpublishing.tests.file_server import FileServer, Sparse, whole
from socialpublishing.tests.sample_videos import FTYP, long_box, moov

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PICTURE = b"\xff\xd8\xff\xc0\0\x11\x08\0\x02\0\x03" + bytes(20) + b"\xff\xd9"
MB = 1_000_000


def signature(method, path, query, host):
    """Signature Version 4 of a query, computed without the library that signs.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """

    def keyed(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    scope = query["X-Amz-Credential"].split("/", 1)[1]
    unsigned = sorted((k, v) for k, v in query.items() if k != "X-Amz-Signature")
    canonical_query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in unsigned)
    canonical = [method, path, canonical_query, f"host:{host}", "", "host", "UNSIGNED-PAYLOAD"]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = f"AWS4{SECRET_KEY}".encode()
    for word in scope.split("/"):
        key = keyed(key, word)
    to_sign = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, digest])
    return keyed(key, to_sign).hex()


class Store(FileServer):
    """The read side of S3: a wrong signature gets 403."""

    def refusal(self, handler):
        path, _, query = handler.path.partition("?")
        data = dict(parse_qsl(query))
        required = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"}
        if not required <= data.keys():
            return 403
        expected = signature("GET", path, data, handler.headers["Host"])
        return None if data["X-Amz-Signature"] == expected else 403


@pytest.fixture
def bucket(settings):
    bucket = Store()
    bucket.file = whole(PICTURE)
    settings.MEDIA_ALLOWED_ORIGINS = []
    settings.OBJECT_STORE_ENDPOINT = bucket.origin
    settings.OBJECT_STORE_BUCKET = "campaigns"
    settings.OBJECT_STORE_REGION = "eu-central-1"
    settings.OBJECT_STORE_ACCESS_KEY = ACCESS_KEY
    settings.OBJECT_STORE_SECRET_KEY = SECRET_KEY
    yield bucket
    bucket.close()


@pytest.mark.parametrize(
    ("path", "requested"),
    [
        ("summer/picture.jpg", "/campaigns/summer/picture.jpg"),
        ("/summer/picture.jpg", "/campaigns/summer/picture.jpg"),
        ("picture.jpg", "/campaigns/picture.jpg"),
        (
            "a b/gr\u00fcn+1?x=1#y&z%2e.jpg",
            "/campaigns/a%20b/gr%C3%BCn%2B1%3Fx%3D1%23y%26z%252e.jpg",
        ),
        ("x/..hidden/a...jpg", "/campaigns/x/..hidden/a...jpg"),
    ],
)
def test_path_is_fetched_with_a_valid_signature(path, requested, bucket):
    assert download(path, max_bytes=MB).data == PICTURE
    assert probe(path, declared_type="image/jpeg", max_bytes=MB).width == 3
    with open_stream(path, max_bytes=MB, start=3) as stream:
        assert b"".join(stream.chunks()) == PICTURE[3:]
    assert [seen.partition("?")[0] for seen, _ in bucket.requests] == [requested] * 3


def test_signature_is_valid_for_an_hour_and_names_our_region(bucket):
    query = dict(parse_qsl(urlsplit(public_address("a.jpg")).query))
    assert query["X-Amz-Expires"] == "3600"
    assert query["X-Amz-Credential"].startswith(f"{ACCESS_KEY}/")
    assert query["X-Amz-Credential"].endswith("/eu-central-1/s3/aws4_request")
    assert SECRET_KEY not in str(query)


def test_wrong_key_is_refused_by_the_store(bucket, settings):
    settings.OBJECT_STORE_SECRET_KEY = "another"
    with pytest.raises(MediaError) as caught:
        download("a.jpg", max_bytes=MB)
    assert caught.value.code == "asset_unreachable"
    assert "(a.jpg)" in str(caught.value)


def test_messages_name_the_path_without_the_signature(bucket):
    bucket.file = whole(b"<!doctype html>")
    with pytest.raises(MediaError) as caught:
        probe("summer/a.jpg", declared_type="", max_bytes=MB)
    assert "(summer/a.jpg)" in str(caught.value)
    assert not re.search(r"X-Amz|Signature|AKID|\?", str(caught.value))


def test_video_is_measured_in_the_store(bucket):
    last = moov()
    size = 1000 * MB
    pictures = long_box(b"mdat", size - len(last) - len(FTYP))
    bucket.file = Sparse(size=size, places={0: FTYP + pictures, size - len(last): last})

    facts = probe("film.mp4", declared_type="video/mp4", max_bytes=2 * size)

    assert (facts.width, facts.size_bytes) == (640, size)
    assert len(bucket.requests) == 2


@pytest.mark.parametrize(
    "path",
    [
        "../other/secret.jpg",
        "a/../../secret.jpg",
        "a/..",
        "./a.jpg",
        "a//b.jpg",
        "a/",
        "/",
        "a/./b.jpg",
        "a\\b.jpg",
        "..\\a.jpg",
        "a\n.jpg",
        "a\0.jpg",
        "a\x7f.jpg",
        "a\u202e.jpg",
        "a\ud800.jpg",
        "k" * 1025,
        "\u00fc" * 513,
    ],
    ids=ascii,
)
def test_unusual_path_is_refused(path, bucket):
    for call in (
        lambda: download(path, max_bytes=MB),
        lambda: probe(path, declared_type="", max_bytes=MB),
        lambda: public_address(path),
    ):
        with pytest.raises(MediaError) as caught:
            call()
        assert caught.value.code == "asset_address_refused"
    assert bucket.requests == []


@pytest.mark.parametrize("url", ["", "//127.0.0.1/a.jpg", "file:///etc/passwd", "a:b/c.jpg"])
def test_url_that_is_not_a_path_is_checked_as_an_address(url, bucket):
    with pytest.raises(MediaError) as caught:
        download(url, max_bytes=MB)
    assert caught.value.code == "asset_address_refused"


@pytest.mark.parametrize("missing", ["ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY"])
def test_incomplete_configuration_counts_as_none(missing, bucket, settings):
    setattr(settings, f"OBJECT_STORE_{missing}", "")
    assert not store.is_configured()
    with pytest.raises(MediaError) as caught:
        public_address("a.jpg")
    assert caught.value.code == "object_store_not_configured"


def test_only_the_origin_of_the_store_is_trusted(bucket, settings):
    settings.OBJECT_STORE_ENDPOINT = f"{bucket.origin}/storage/s3"
    assert download("a.jpg", max_bytes=MB).data == PICTURE
    assert bucket.requests[0][0].startswith("/storage/s3/campaigns/a.jpg?")

    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(MediaError) as caught:
        download(f"http://127.0.0.1:{other.getsockname()[1]}/a.jpg", max_bytes=MB)
    assert caught.value.code == "asset_address_refused"


def test_unsigned_url_of_the_store_is_refused_by_the_store(bucket):
    """Its origin is trusted, but its files are not public: a URL needs a signature."""
    with pytest.raises(MediaError) as caught:
        download(f"{bucket.origin}/campaigns/a.jpg", max_bytes=MB)
    assert caught.value.code == "asset_unreachable"


def test_url_for_a_platform_is_unchanged(bucket):
    url = "https://media-ok.example/m/a.jpg?sig=a%2Fb"
    assert public_address(url) == url


def test_keys_of_the_environment_are_ignored(bucket, monkeypatch):
    store._client.cache_clear()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "other")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "other")
    assert download("a.jpg", max_bytes=MB).data == PICTURE


# --- The prefix of a user ------------------------------------------------------------------------

PREFIX = "tenants/{user_id}/"


@pytest.mark.parametrize(
    ("prefix", "path", "key"),
    [
        (PREFIX, "a.jpg", "/tenants/alice/a.jpg"),
        (PREFIX, "summer/a.jpg", "/tenants/alice/summer/a.jpg"),
        (PREFIX, "tenants/alice/a.jpg", "/tenants/alice/a.jpg"),
        (PREFIX, "/tenants/alice/a.jpg", "/tenants/alice/a.jpg"),
        (PREFIX, "100%.jpg", "/tenants/alice/100%.jpg"),
        ("/tenants/{user_id}", "a.jpg", "/tenants/alice/a.jpg"),
        ("{user_id}", "bob/a.jpg", "/alice/bob/a.jpg"),
        ("{user_id}", "alicea.jpg", "/alice/alicea.jpg"),
        ("u-{user_id}-files/{user_id}", "a.jpg", "/u-alice-files/alice/a.jpg"),
        ("shared", "a.jpg", "/shared/a.jpg"),
        ("", "anything/a.jpg", "anything/a.jpg"),
        (PREFIX, "https://files.example.com/a.jpg", "https://files.example.com/a.jpg"),
    ],
)
def test_path_is_found_below_the_prefix_of_the_user(prefix, path, key, settings):
    settings.OBJECT_STORE_PREFIX = prefix
    assert store.owned(path, "alice") == key
    assert store.owned(key, "alice") == key


@pytest.mark.parametrize(
    "path",
    [
        "tenants/bob/a.jpg",
        "/tenants/bob/a.jpg",
        "/tenants/alice2/a.jpg",
        "tenants/alice/../bob/a.jpg",
        "/a.jpg",
        "/",
        "../bob/a.jpg",
        "a/../../bob/a.jpg",
        "./a.jpg",
        "a//b.jpg",
        "a/",
        "..\\bob\\a.jpg",
        "a\0.jpg",
        "a\n.jpg",
        "%2e%2e/bob/a.jpg",
        "%2E%2e%2fbob/a.jpg",
        "..%2fbob%2fa.jpg",
        "%252e%252e/bob/a.jpg",
        "%25252e%25252e%25252fbob/a.jpg",
        "..%5cbob/a.jpg",
        "%00a.jpg",
        "%2fetc/passwd",
        "a%2f%2fb.jpg",
        "%c0%ae%c0%ae/bob/a.jpg",
        "\uff0e\uff0e/bob/a.jpg",
        "\u2025/bob/a.jpg",
        "..\uff0fbob/a.jpg",
        "a\u202e.jpg",
    ],
    ids=ascii,
)
def test_path_out_of_the_prefix_of_the_user_is_refused(path, bucket, settings):
    settings.OBJECT_STORE_PREFIX = PREFIX
    with pytest.raises(MediaError) as caught:
        store.owned(path, "alice")
    assert caught.value.code == "asset_address_refused"
    assert str(caught.value).startswith("The path of the file is not ")


def test_user_id_with_a_colon_is_no_scheme(bucket, settings):
    settings.OBJECT_STORE_PREFIX = "{user_id}"
    key = store.owned("a.jpg", "auth0:alice@example.com")
    assert download(key, max_bytes=MB).data == PICTURE
    assert bucket.requests[0][0].startswith("/campaigns/auth0%3Aalice%40example.com/a.jpg?")
