import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.errors import MediaError
from socialpublishing.media.formats import check_declared, read_header, sniff


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\0" * 9


def gif(frames, *, colours=False, loops=False):
    header = b"GIF89a" + struct.pack("<HH", 10, 5)
    table = b"\x80\0\0" + b"\0" * 6 if colours else b"\0\0\0"
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0" if loops else b""
    frame = b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c" + b"\0" * 8 + b"\0" + b"\x02\x02ab\0"
    return header + table + loop + frame * frames + b";"


def webp(chunk, rest):
    return b"RIFF\0\0\0\0WEBP" + chunk + b"\0\0\0\0" + rest


FILES = {
    "image/png": png(10, 5),
    "image/gif": gif(1),
    "image/webp": webp(b"VP8X", b"\0\0\0\0\x09\0\0\x04\0\0"),
    "image/jpeg": b"\xff\xd8\xff\xe1\0\x04ab\xff\xff\xc2\0\x11\x08\0\x05\0\x0a" + b"\0" * 20,
}


@pytest.mark.parametrize(("mime_type", "data"), FILES.items())
def test_header_tells_type_and_dimensions(mime_type, data):
    header = read_header(sniff(data), data, is_whole=True)
    assert sniff(data) == mime_type
    assert (header.width, header.height, header.is_animated) == (10, 5, False)


def test_all_kinds_of_webp_are_read():
    lossless = webp(b"VP8L", b"\x2f" + struct.pack("<I", 9 | 4 << 14))
    lossy = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 10, 5))
    for data in (lossless, lossy):
        header = read_header("image/webp", data, is_whole=True)
        assert (header.width, header.height) == (10, 5)
    moving = webp(b"VP8X", b"\x02\0\0\0\x09\0\0\x04\0\0")
    assert read_header("image/webp", moving, is_whole=True).is_animated


@pytest.mark.parametrize(
    ("data", "is_animated"),
    [
        (gif(1), False),
        (gif(1, loops=True), False),
        (gif(2), True),
        (gif(2, colours=True), True),
        (gif(9, loops=True)[:45], True),  # a beginning that announces a loop
        (gif(9)[:20], False),
    ],
)
def test_animated_gif_is_told(data, is_animated):
    assert read_header("image/gif", data, is_whole=False).is_animated is is_animated


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
    ],
    ids=lambda data: ascii(data[:12]),
)
def test_m09_m16_m19_what_no_platform_takes_is_refused(data):
    with pytest.raises(MediaError) as caught:
        sniff(data)
    assert caught.value.code == "asset_type_mismatch"


@pytest.mark.parametrize(
    "declared",
    ["", "application/octet-stream", "image/jpeg", "IMAGE/JPG; q=1", "image", "image/*"],
)
def test_m10_declaration_agrees_with_a_jpeg(declared):
    check_declared(declared, "image/jpeg")


@pytest.mark.parametrize("declared", ["image/png", "video", "video/mp4", "text/html", "images"])
def test_declaration_disagrees_with_a_jpeg(declared):
    with pytest.raises(MediaError) as caught:
        check_declared(declared, "image/jpeg")
    assert caught.value.code == "asset_type_mismatch"


@pytest.mark.parametrize("size", [(60_000, 60_000), (20_001, 1), (10_000, 5_001)])
def test_m12_picture_beyond_all_use_is_refused_by_its_header(size):
    with pytest.raises(MediaError) as caught:
        read_header("image/png", png(*size), is_whole=False)
    assert caught.value.code == "asset_too_large"


@pytest.mark.parametrize(
    "data", [png(0, 5), b"\xff\xd8\xff\xe0\0\x01ab", b"\xff\xd8\xff", FILES["image/jpeg"][:12]]
)
def test_m15_damaged_picture_is_refused(data):
    with pytest.raises(MediaError) as caught:
        read_header(sniff(data), data, is_whole=True)
    assert caught.value.code == "asset_type_mismatch"


def test_beginning_that_ends_before_the_dimensions_is_no_fault():
    assert read_header("image/jpeg", FILES["image/jpeg"][:12], is_whole=False) is None


@given(
    st.sampled_from(
        [*(data[:14] for data in FILES.values()), b"\0\0\0\x20ftypmp42", b"\x1aE\xdf\xa3"]
    ),
    st.binary(max_size=200),
    st.booleans(),
)
def test_hostile_bytes_raise_nothing_but_media_error(start, rest, is_whole):
    with suppress(MediaError):
        read_header(sniff(start + rest), start + rest, is_whole=is_whole)
