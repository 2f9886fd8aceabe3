"""Pictures as they are shown: turned by their metadata, one or several in a file."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.errors import MediaError
from socialpublishing.media import check_unchanged, download, pictures, probe
from socialpublishing.media.remote_file import COUNTED_BYTES
from socialpublishing.tests.file_server import FileServer, Sparse, whole
from socialpublishing.tests.sample_videos import box

MB = 1_000_000
HTML = b"\n<!DOCTYPE html><html><title>Sign in</title></html>"


@pytest.fixture
def server(settings):
    server = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    yield server
    server.close()


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def exif(orientation: int, order: str = "<") -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return start + struct.pack(f"{order}IH", 8, 1) + value + bytes(4)


def jpeg(*segments: bytes, width: int = 30, height: int = 20) -> bytes:
    frame = segment(0xC0, struct.pack(">BHH", 8, height, width) + bytes(10))
    return b"\xff\xd8" + b"".join(segments) + frame + bytes(30) + b"\xff\xd9"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), name) + data + bytes(4)


def png(*chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">II", 30, 20) + b"\x08\2\0\0\0")
    parts = [head, *chunks, chunk(b"IDAT", bytes(9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def webp(orientation: int | None) -> bytes:
    flags = 0 if orientation is None else 8
    size = bytes([flags, 0, 0, 0, 29, 0, 0, 19, 0, 0])
    rest = b"VP8X\x0a\0\0\0" + size + b"VP8 \x05\0\0\0abcde\0"
    if orientation is not None:
        data = exif(orientation)
        rest += b"EXIF" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(rest) + 4) + b"WEBP" + rest


def mpo(*, width: int, kind: int = 0) -> bytes:
    """A JPEG of 30 x 20 with another one after it, `width` wide and 20 high."""
    second = jpeg(width=width)

    def first(offset: int) -> bytes:
        rows = struct.pack("<IIIHH", 0x030000, 0, 0, 0, 0)
        rows += struct.pack("<IIIHH", kind, len(second), offset, 0, 0)
        entry = struct.pack("<HHII", 0xB002, 7, len(rows), 8 + 2 + 12 + 4)
        return jpeg(
            segment(0xE2, b"MPF\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4) + rows)
        )

    start = len(first(0))
    return first(start - 10) + second  # the index begins at byte 10


def size_of(mime_type: str, data: bytes) -> tuple[int, int]:
    header = pictures.read_header(mime_type, lambda start, length: data[start : start + length])
    return header.width, header.height


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
@pytest.mark.behaviour("A picture is judged as it is shown, after the turn that its Exif data say")
def test_picture_is_measured_as_shown(orientation):
    shown = (20, 30) if orientation in {5, 6, 7, 8} else (30, 20)
    for order in "<>":
        tiff = exif(orientation, order)
        assert size_of("image/jpeg", jpeg(segment(0xE1, b"Exif\0\0" + tiff))) == shown
        assert size_of("image/png", png(chunk(b"eXIf", tiff))) == shown
    assert size_of("image/webp", webp(orientation)) == shown


@pytest.mark.parametrize("tiff", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_damaged_metadata_turn_nothing(tiff):
    assert size_of("image/jpeg", jpeg(segment(0xE1, b"Exif\0\0" + tiff))) == (30, 20)
    assert size_of("image/png", png(chunk(b"eXIf", tiff))) == (30, 20)
    assert size_of("image/webp", webp(None)) == (30, 20)


@given(
    st.sampled_from([b"Exif\0\0II*\0", b"Exif\0\0MM\0*", b"MPF\0II*\0"]), st.binary(max_size=120)
)
def test_hostile_metadata_raise_nothing_but_media_errors(start, rest):
    data = start + rest
    for name in (b"eXIf", b"EXIF"):
        size_of("image/png", png(chunk(name, data)))
    for marker in (0xE1, 0xE2):
        picture = jpeg(segment(marker, data))
        with suppress(MediaError):
            assert sorted(size_of("image/jpeg", picture + picture)) == [20, 30]


@pytest.mark.parametrize(
    ("data", "is_mpo"),
    [
        pytest.param(mpo(width=30), True, id="two pictures of one size"),
        pytest.param(mpo(width=15), False, id="a preview or gain map of a phone"),
        pytest.param(mpo(width=15, kind=0x020002), True, id="the view of the other eye"),
        pytest.param(jpeg(segment(0xE2, b"MPF\0damaged")), True, id="damaged index"),
        pytest.param(jpeg(segment(0xE2, b"ICC_PROFILE\0")), False, id="colour profile"),
    ],
)
def test_several_pictures_in_one_jpeg_are_recognised(data, is_mpo, server):
    server.file = whole(data)
    facts = probe(server.url, declared_type="image/jpeg", max_bytes=MB)
    assert (facts.mime_type, facts.is_mpo) == ("image/jpeg", is_mpo)
    assert (facts.width, facts.height) == (30, 20)


@pytest.mark.behaviour("An animated PNG is a PNG")
@pytest.mark.parametrize("declared", ["image/png", "image/apng", "image", ""])
def test_animated_png_is_a_png(declared, server):
    server.file = whole(png(chunk(b"acTL", struct.pack(">II", 2, 0))))
    facts = probe(server.url, declared_type=declared, max_bytes=MB)
    assert (facts.mime_type, facts.width) == ("image/png", 30)


@pytest.mark.parametrize(
    ("data", "declared", "words"),
    [
        (HTML, "image/jpeg", ["an HTML page", "address of the file itself"]),
        (HTML, "video/mp4", ["an HTML page"]),
        (HTML, "application/pdf", ["an HTML page"]),
        (b"<?xml version='1.0'?>\n<svg>", "image/png", ["an SVG drawing", "PNG or JPEG"]),
        (b"<?xml version='1.0'?><Error>", "image/png", ["an XML text"]),
        (b'{"error": "gone"}', "image/png", ["a JSON text"]),
        (b"#EXTM3U\n", "video/mp4", ["a playlist", "video file itself"]),
        (b"%PDF-1.7\n", "image/png", ["a PDF document", '"document"']),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "image/jpeg", ["an AVIF picture", "Convert it to JPEG"]),
        (box(b"ftyp", b"heic", bytes(4)), "image/jpeg", ["a HEIC picture", "Convert it"]),
        (b"ID3\x03" + bytes(30), "video/mp4", ["a sound file"]),
        (b"RIFF\0\0\0\0AVI LIST", "video/mp4", ["an AVI video", "MP4"]),
        (b"\x1aE\xdf\xa3\x8bB\x82\x88matroska", "video/mp4", ["Matroska", "MP4"]),
        (jpeg(), "image/png", ["a JPEG picture", "declare it as image/jpeg"]),
        (jpeg(), "application/pdf", ["a JPEG picture", "Declare it as image/jpeg"]),
        (b"\x7fELF" + bytes(60), "image/png", ["none of the pictures"]),
    ],
)
@pytest.mark.behaviour("The refusal of a file names what it is and what helps")
def test_refusal_names_what_the_file_is(data, declared, words, server):
    server.file = whole(data)
    with pytest.raises(MediaError) as caught:
        probe(server.url, declared_type=declared, max_bytes=MB)
    assert caught.value.code == "asset_type_mismatch"
    assert all(each in str(caught.value) for each in words), str(caught.value)


def test_redirect_is_a_fact(server):
    server.file = whole(jpeg())
    assert not probe(server.url, declared_type="", max_bytes=MB).is_redirected
    server.is_redirecting = True
    assert probe(server.url, declared_type="", max_bytes=MB).is_redirected


LENGTHLESS = pytest.mark.parametrize(
    ("has_ranges", "is_chunked"),
    [(False, True), (False, False), (True, False)],
    ids=["chunked", "until it closes", "ranges of an unknown size"],
)


@LENGTHLESS
def test_size_is_counted_where_the_server_reports_none(has_ranges, is_chunked, server):
    data = jpeg() + bytes(200_000)
    server.file = whole(data)
    server.has_lengths, server.has_ranges, server.is_chunked = False, has_ranges, is_chunked
    assert probe(server.url, declared_type="", max_bytes=MB).size_bytes == len(data)
    with pytest.raises(MediaError) as caught:
        probe(server.url, declared_type="", max_bytes=100_000)
    assert caught.value.code == "asset_too_large"


@LENGTHLESS
def test_file_without_a_size_is_not_counted_for_ever(has_ranges, is_chunked, server):
    server.file = Sparse(size=10**9, places={0: jpeg()})
    server.has_lengths, server.has_ranges, server.is_chunked = False, has_ranges, is_chunked
    with pytest.raises(MediaError) as caught:
        probe(server.url, declared_type="", max_bytes=10**9)
    assert caught.value.code == "asset_size_unknown"
    assert "Content-Length" in str(caught.value)
    assert server.bytes_sent < 2 * COUNTED_BYTES


@pytest.mark.parametrize(
    ("data", "is_changed"), [(jpeg(), False), (jpeg() + b"\0", True), (png(), True), (HTML, True)]
)
@pytest.mark.behaviour("A file of another size or type than at acceptance has changed")
def test_file_of_another_size_or_type_has_changed(data, is_changed, server):
    server.headers = {"ETag": '"other"'}  # never a reason of its own
    server.file = whole(data)
    expected = {"declared_type": "image/jpeg", "expected_bytes": len(jpeg())}
    calls = (
        lambda: check_unchanged(server.url, **expected),
        lambda: download(server.url, max_bytes=MB, **expected),
    )
    for call in calls:
        if not is_changed:
            call()
            continue
        with pytest.raises(MediaError) as caught:
            call()
        assert caught.value.code == "asset_changed"
