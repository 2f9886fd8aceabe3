"""The type of a file and the dimensions of a picture, by a few of its bytes."""

import struct
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.errors import MediaError
from socialpublishing.media import pictures, remote_file
from socialpublishing.media.formats import check_declared, sniff
from socialpublishing.media.pictures import check_end
from socialpublishing.tests.sample_videos import box


def reader(data):
    return lambda start, length: data[start : start + length]


def read_header(mime_type, data):
    return pictures.read_header(mime_type, reader(data))


def refused(call, *args):
    """The code of the MediaError that `call` raises."""
    with pytest.raises(MediaError) as caught:
        call(*args)
    return caught.value.code


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\0" * 9


def bmp(width, height):
    return b"BM" + bytes(12) + struct.pack("<Iii", 40, width, height) + bytes(28)


def tiff(width, height, *, order="<", pixels=b"", kind=3):
    start = b"II*\0" if order == "<" else b"MM\0*"
    value = f"{order}{'H' if kind == 3 else 'I'}"
    entries = b"".join(
        struct.pack(f"{order}HHI4s", tag, kind, 1, struct.pack(value, side))
        for tag, side in ((256, width), (257, height))
    )
    at = struct.pack(f"{order}I", 8 + len(pixels))
    return start + at + pixels + struct.pack(f"{order}H", 2) + entries + bytes(4)


def heic(*sizes, brand=b"heic", padding=b""):
    sizes = [box(b"ispe", bytes(4), struct.pack(">II", *size)) for size in sizes]
    meta = box(b"meta", bytes(4), box(b"iprp", box(b"ipco", *sizes)))
    return box(b"ftyp", brand, bytes(4), b"mif1heic") + padding + meta


def gif(frames, *, colours=False, loops=False, screen=(10, 5), frame_size=(1, 1)):
    header = b"GIF89a" + struct.pack("<HH", *screen)
    table = b"\x80\0\0" + b"\0" * 6 if colours else b"\0\0\0"
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0" if loops else b""
    frame = b"\x21\xf9\x04\0\0\0\0\0" + struct.pack("<B4HB", 0x2C, 0, 0, *frame_size, 0)
    frame += b"\x02\x02ab\0"
    return header + table + loop + frame * frames + b";"


def webp(chunk, rest):
    return b"RIFF\0\0\0\0WEBP" + chunk + b"\0\0\0\0" + rest


FILES = {
    "image/png": png(10, 5),
    "image/gif": gif(1),
    "image/webp": webp(b"VP8X", b"\0\0\0\0\x09\0\0\x04\0\0"),
    "image/jpeg": b"\xff\xd8\xff\xe1\0\x04ab\xff\xff\xc2\0\x11\x08\0\x05\0\x0a" + b"\0" * 20,
    "image/bmp": bmp(10, 5),
    "image/tiff": tiff(10, 5),
    "image/heic": heic((10, 5)),
}


@pytest.mark.parametrize(("mime_type", "data"), FILES.items())
def test_type_and_dimensions_are_read_from_the_header(mime_type, data):
    header = read_header(sniff(data), data)
    assert sniff(data) == mime_type
    assert (header.width, header.height, header.is_animated) == (10, 5, False)


def test_all_variants_of_webp_are_read():
    lossless = webp(b"VP8L", b"\x2f" + struct.pack("<I", 9 | 4 << 14))
    lossy = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 10, 5))
    for data in (lossless, lossy):
        header = read_header("image/webp", data)
        assert (header.width, header.height) == (10, 5)
    moving = webp(b"VP8X", b"\x02\0\0\0\x09\0\0\x04\0\0")
    assert read_header("image/webp", moving).is_animated


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bmp(10, -5), id="bmp from top to bottom"),
        pytest.param(
            b"BM" + bytes(12) + struct.pack("<IHH", 12, 10, 5) + bytes(20), id="bmp, OS/2"
        ),
        pytest.param(tiff(10, 5, order=">"), id="tiff, big-endian"),
        pytest.param(tiff(10, 5, order=">", kind=4), id="tiff, LONG"),
        pytest.param(tiff(10, 5, pixels=bytes(1_000_000)), id="tiff, directory at the end"),
        pytest.param(heic((4, 4), (10, 5), (5, 5)), id="heic of tiles"),
        pytest.param(heic((10, 5), brand=b"mif1"), id="heic, general brand"),
        pytest.param(
            heic((10, 5), padding=box(b"free", bytes(100_000))),
            id="heic, header far from the start",
        ),
        pytest.param(
            b"\xff\xd8" + (b"\xff\xe2\xff\xff" + bytes(65533)) * 9 + FILES["image/jpeg"][2:],
            id="jpeg, header far from the start",
        ),
    ],
)
def test_variants_of_headers_are_read(data):
    header = read_header(sniff(data[: remote_file.BLOCK_BYTES]), data)
    assert (header.width, header.height) == (10, 5)


@pytest.mark.parametrize(
    ("data", "is_animated"),
    [
        (gif(1), False),
        (gif(1, loops=True), False),
        (gif(2), True),
        (gif(2, colours=True), True),
        (gif(9, loops=True)[:45], True),  # the beginning of a loop
        (gif(2)[:36], False),
        (gif(9)[:20], False),
    ],
)
def test_animated_gif_is_recognised(data, is_animated):
    assert read_header("image/gif", data).is_animated is is_animated


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg/>",
        b"%PDF-1.7\n",
        b"PK\x03\x04" + b"\0" * 30,
        b"\x7fELF" + b"\0" * 60,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"concat:http://127.0.0.1/a|file:///etc/passwd",
        b"<?xml version='1.0'?><MPD/>",
        b"ID3\x03" + b"\0" * 30,
        box(b"ftyp", b"avif", bytes(4)),
        box(b"ftyp", b"mif1", bytes(4), b"avif"),
        box(b"ftyp", b"M4A ", bytes(4), b"mp42"),
        b"\x1aE\xdf\xa3\x8bB\x82\x88matroska",
        b"RIFF\0\0\0\0AVI LIST",
    ],
    ids=lambda data: ascii(data[:12]),
)
def test_m09_m16_m19_type_that_no_platform_accepts_is_refused(data):
    with pytest.raises(MediaError) as caught:
        sniff(data)
    assert caught.value.code == "asset_type_mismatch"


@pytest.mark.parametrize(
    "declared",
    ["", "application/octet-stream", "image/jpeg", "IMAGE/JPG; q=1", "image", "image/*"],
)
def test_m10_matching_declaration_of_a_jpeg_is_accepted(declared):
    check_declared(declared, "image/jpeg")


@pytest.mark.parametrize("declared", ["image/png", "video", "video/mp4", "text/html", "images"])
def test_other_declaration_of_a_jpeg_is_refused(declared):
    with pytest.raises(MediaError) as caught:
        check_declared(declared, "image/jpeg")
    assert caught.value.code == "asset_type_mismatch"


@pytest.mark.parametrize("size", [(60_000, 60_000), (20_001, 1), (10_000, 5_001)])
@pytest.mark.parametrize(
    ("mime_type", "make"),
    [
        ("image/png", png),
        ("image/bmp", bmp),
        ("image/tiff", lambda *size: tiff(*size, kind=4)),
        ("image/heic", lambda *size: heic(size)),
    ],
)
def test_m12_picture_with_too_many_pixels_is_refused_by_its_header(mime_type, make, size):
    assert refused(read_header, mime_type, make(*size)) == "asset_too_large"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (gif(4000), "asset_too_large"),
        (gif(50_000), "asset_too_large"),
        (gif(5, screen=(9000, 5000)), None),
        (gif(7, screen=(9000, 5000)), "asset_too_large"),
        (gif(1, frame_size=(11, 5)), "asset_type_mismatch"),
        (gif(1, frame_size=(10, 6)), "asset_type_mismatch"),
        (gif(1, frame_size=(10, 5)), None),
    ],
    ids=["4,000", "50,000", "225 Mpx", "315 Mpx", "wide", "high", "fits"],
)
def test_m14_animation_with_too_many_pixels_is_refused(data, code):
    started = time.monotonic()
    if code:
        assert refused(read_header, "image/gif", data) == code
    else:
        assert read_header("image/gif", data)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "data",
    [
        png(0, 5),
        b"\x89PNG\r\n\x1a\n" + bytes(30),
        b"\xff\xd8\xff\xe0\0\x01ab",
        b"\xff\xd8\xff",
        FILES["image/jpeg"][:12],
        b"\xff\xd8\xff\xe0\0\x04abcdef",
        b"BM" + bytes(10),
        bmp(-10, 5),
        bmp(0, 5),
    ],
    ids=lambda data: ascii(data[:12]),
)
def test_m15_damaged_picture_is_refused(data):
    assert refused(read_header, sniff(data), data) == "asset_type_mismatch"


def test_m15_endless_comments_are_not_read_completely():
    lengths = []

    def read(start, length):
        lengths.append(length)
        comment = b"\xff\xfe\xff\xff" + bytes(65533)
        return (b"\xff\xd8" + comment * (length // len(comment) + 1))[start : start + length]

    started = time.monotonic()
    assert refused(pictures.read_header, "image/jpeg", read) == "asset_type_mismatch"
    assert sum(lengths) < remote_file.READ_BUDGET_BYTES
    assert time.monotonic() - started < 5


COMPLETE_JPEG = FILES["image/jpeg"] + bytes(1000) + b"\xff\xd9"


@pytest.mark.parametrize(
    ("mime_type", "data", "is_truncated"),
    [
        ("image/jpeg", COMPLETE_JPEG, False),
        ("image/jpeg", COMPLETE_JPEG + b"PK\x03\x04", False),  # cameras append data
        ("image/jpeg", COMPLETE_JPEG[:500], True),
        ("image/jpeg", b"\xff\xd8\xff\xe1\0\x04\xff\xd9" + COMPLETE_JPEG[2:500], True),
        ("image/png", png(10, 5) + b"IEND", False),
        ("image/png", png(10, 5), True),
        ("image/webp", b"RIFF\x16\0\0\0WEBPVP8X" + bytes(14), False),
        ("image/webp", b"RIFF\x17\0\0\0WEBPVP8X" + bytes(14), True),  # M17
        ("image/webp", b"RIFF\xff\xff\xff\xffWEBPVP8X" + bytes(14), True),
    ],
)
def test_m15_truncated_picture_is_refused(mime_type, data, is_truncated):
    if is_truncated:
        assert refused(check_end, mime_type, data, len(data)) == "asset_incomplete"
    else:
        check_end(mime_type, data, len(data))


def test_beginning_of_a_complete_picture_is_accepted():
    check_end("image/jpeg", COMPLETE_JPEG[:500], len(COMPLETE_JPEG))
    check_end("image/png", png(10, 5), 10_000)
    check_end("image/webp", b"RIFF\xff\xff\0\0WEBP", 0xFFFF + 8)


@pytest.mark.parametrize(
    "data",
    [
        b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 65535) + bytes(65535 * 12),
        b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 256, 3, 1, 5) + b"\x08\0\0\0",
        b"II*\0\x08\0\0\0\x01\0" + bytes(5),
        b"MM\0*\xff\xff\xff\xff",
        b"MM\0*\0\0\0\0",
        b"MM\0*",
        heic(),
        box(b"ftyp", b"heic", bytes(4)) + b"\0\0\0\1meta" + b"\xff" * 8,
        box(b"ftyp", b"heic", bytes(4)) + b"\0\0\0\0meta" * 1000,
        heic((10, 5))[:-4],
    ],
    ids=lambda data: ascii(data[:16]),
)
def test_m17_wrong_directories_are_refused_at_once(data):
    mime_type = "image/heic" if data[4:8] == b"ftyp" else "image/tiff"
    started = time.monotonic()
    assert refused(read_header, mime_type, data) == "asset_type_mismatch"
    assert time.monotonic() - started < 5


def test_m17_directory_that_points_to_itself_is_read_once():
    header = read_header("image/tiff", tiff(10, 5)[:-4] + struct.pack("<I", 8))
    assert (header.width, header.height) == (10, 5)


@pytest.mark.parametrize("name", [b"meta", b"iprp", b"ipco"])
def test_m17_nested_boxes_are_not_followed(name):
    nested = b""
    for _ in range(1000):
        nested = box(name, bytes(4), nested)
    data = box(b"ftyp", b"heic", bytes(4)) + nested
    assert refused(read_header, "image/heic", data) == "asset_type_mismatch"


@given(
    st.sampled_from(
        [*(data[:14] for data in FILES.values()), b"\0\0\0\x20ftypmp42", b"\x1aE\xdf\xa3"]
    ),
    st.binary(max_size=200),
)
def test_hostile_bytes_raise_nothing_but_media_error(start, rest):
    with suppress(MediaError):
        mime_type = sniff(start + rest)
        read_header(mime_type, start + rest)
        check_end(mime_type, start + rest, len(start + rest))
