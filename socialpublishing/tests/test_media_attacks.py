"""Every attack of corpora/media_attacks.md has a test: here, or in the file of its subject."""

import logging
import re
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from socialpublishing.errors import MediaError
from socialpublishing.media import download, probe
from socialpublishing.tests.file_server import FileServer, Sparse, whole
from socialpublishing.tests.sample_videos import FTYP, box, long_box, moov

HERE = Path(__file__).parent
MB = 1_000_000
JPEG_END = b"\xff\xc0\0\x11\x08\0\x02\0\x03" + bytes(20) + b"\xff\xd9"
# Attacks that do not apply to this package.
ELSEWHERE = {
    "M13": "no code of ours decodes a picture, so its data is never decompressed",
    "M21": "the engine stores no file between its steps, so uploads compare the size",
}


@pytest.fixture
def server(settings):
    server = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    yield server
    server.close()


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def test_every_attack_has_a_test():
    listed = re.findall(r"^\| (M\d\d) ", (HERE / "corpora/media_attacks.md").read_text(), re.M)
    tests = "".join(path.read_text() for path in HERE.glob("test_media*.py"))
    missing = {
        name
        for name in listed
        if not re.search(rf'_{name.lower()}_|"{name} ', tests) and name not in ELSEWHERE
    }
    assert len(listed) == 25
    assert missing == set()


def test_m11_picture_with_markup_inside_stays_a_picture(server):
    chunk = b"<script>alert(1)</script>"
    text = struct.pack(">I", len(chunk)) + b"tEXt" + chunk + bytes(4)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 3, 2) + b"\x08\2\0\0\0"
    server.file = whole(head + bytes(4) + text + bytes(4) + b"IEND\xaeB`\x82")
    assert probe(server.url, declared_type="", max_bytes=MB).mime_type == "image/png"
    with pytest.raises(MediaError):
        probe(server.url, declared_type="text/html", max_bytes=MB)


def test_m20_camera_metadata_is_kept_and_never_logged(server, caplog):
    gps = b"Exif\0\0GPSLatitude 52.520008 GPSLongitude 13.404954"
    notes = [segment(0xE1, gps), *[segment(0xE2, bytes(65_000))] * 80]  # 5 MB
    picture = b"\xff\xd8" + b"".join(notes) + JPEG_END
    server.file = whole(picture)
    caplog.set_level(logging.DEBUG)

    facts = probe(server.url, declared_type="image/jpeg", max_bytes=10 * MB)
    fetched = download(server.url, max_bytes=10 * MB)

    assert (facts.width, facts.height) == (fetched.width, fetched.height) == (3, 2)
    assert fetched.data == picture
    assert "52.52" not in caplog.text


def test_m22_expired_signature_is_asset_unreachable(server):
    server.refusal = lambda handler: 403
    with pytest.raises(MediaError) as caught:
        download(f"{server.url}?sig=secret", max_bytes=MB)
    assert caught.value.code == "asset_unreachable"
    assert "secret" not in str(caught.value)


def test_m23_corpus_contains_chains_of_redirects():
    assert (HERE / "corpora/ssrf_redirects.txt").read_text().count("\tDENY\t") > 15


def test_m25_file_name_of_the_server_is_ignored(server):
    for name in ("../../x", "\\..\\x", "a" * 5000):
        server.headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        server.file = whole(b"\xff\xd8" + JPEG_END)
        assert download(server.url, max_bytes=MB).width == 3


def test_hostile_files_use_little_memory(server):
    """At most 64 MB above the memory of an idle process."""
    files = [
        FTYP + moov(tracks=10_000),
        FTYP + moov(samples=2**31 - 1),
        FTYP + box(b"free") * 100_000,
        Sparse(size=1000 * MB, places={0: FTYP + long_box(b"moov", 7 * MB)}),
        b"\xff\xd8" + segment(0xFE, bytes(65_000)) * 120,
        b"II*\0\x08\0\0\0\xff\xff" + bytes(700_000),
    ]
    # tracemalloc counts all of it: no C library reads the bytes in this process.
    tracemalloc.start()
    try:
        for server.has_ranges in (True, False):
            probe_all(server, files)
            tracemalloc.reset_peak()
            at_rest, _ = tracemalloc.get_traced_memory()
            probe_all(server, files * 2)
            afterwards, peak = tracemalloc.get_traced_memory()
            assert peak - at_rest < 64 * MB
            assert afterwards - at_rest < MB
    finally:
        tracemalloc.stop()


def probe_all(server, files):
    for file in files:
        server.file = whole(file) if isinstance(file, bytes) else file
        with suppress(MediaError):
            probe(server.url, declared_type="", max_bytes=2000 * MB)
