"""Facts from the header of a video, wherever it is, and limits for hostile headers."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from socialpublishing.errors import MediaError
from socialpublishing.media import probe, remote_file, videos
from socialpublishing.tests.file_server import FileServer, Sparse, whole
from socialpublishing.tests.sample_videos import (
    FTYP,
    QUARTER_TURN,
    box,
    long_box,
    make_video,
    moov,
    split_boxes,
)

SAMPLES = Path(__file__).parents[1] / "sandbox/samples"
GB = 1_000_000_000
MB = 1_000_000


@pytest.fixture
def server(settings):
    server = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    yield server
    server.close()


def probe_file(server, file, declared="video/mp4"):
    server.file = whole(file) if isinstance(file, bytes) else file
    return probe(server.url, declared_type=declared, max_bytes=4 * GB)


def refused(server, file, declared="video/mp4"):
    """The code of the refusal of `file`. It must come in time and within the request limit."""
    started = time.monotonic()
    with pytest.raises(MediaError) as caught:
        probe_file(server, file, declared)
    assert time.monotonic() - started < 10
    assert len(server.requests) <= remote_file.MAX_REQUESTS
    return caught.value.code


def with_header_last(data):
    boxes = split_boxes(data)
    return boxes[b"ftyp"] + boxes[b"mdat"] + boxes[b"moov"]


# --- Facts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "width", "height", "duration_s"),
    [("clip.mp4", 1280, 720, 5.0), ("reel.mp4", 720, 1280, 6.0)],
)
def test_video_is_measured_by_its_first_block(name, width, height, duration_s, server):
    facts = probe_file(server, (SAMPLES / name).read_bytes())

    assert (facts.width, facts.height, facts.duration_s) == (width, height, duration_s)
    assert (facts.frame_rate, facts.video_codec, facts.audio_codec) == (30.0, "h264", "aac")
    assert server.requests == [("/file", "bytes=0-65535")]


@pytest.mark.parametrize(
    ("container", "video", "audio", "mime_type", "facts"),
    [
        ("mp4", "libx264", None, "video/mp4", (1.0, 25.0, "h264", None)),
        ("mp4", "mpeg4", "aac", "video/mp4", (1.0, 25.0, "mpeg4", "aac")),
        ("mov", "libx265", "aac", "video/quicktime", (1.0, 25.0, "hevc", "aac")),
        ("webm", "libvpx-vp9", "libopus", "video/webm", (1.008, 25.0, "vp9", "opus")),
        ("webm", "libvpx", None, "video/webm", (1.0, 25.0, "vp8", None)),
    ],
)
def test_facts_of_all_video_types(container, video, audio, mime_type, facts, server):
    found = probe_file(server, make_video(container, video, audio=audio), mime_type)
    assert (found.mime_type, found.width, found.height) == (mime_type, 64, 36)
    data = (found.duration_s, found.frame_rate, found.video_codec, found.audio_codec)
    assert data == facts


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("webm", "libvpx", {"live": "1"}),
    ],
    ids=["fragmented", "live"],
)
def test_duration_that_is_not_in_the_header_is_unknown(container, codec, options, server):
    found = probe_file(server, make_video(container, codec, options=options), "video")
    assert (found.width, found.height, found.duration_s) == (64, 36, None)


def test_dimensions_respect_the_rotation(server):
    found = probe_file(server, FTYP + moov(matrix=QUARTER_TURN))
    assert (found.width, found.height) == (360, 640)

    clip = bytearray((SAMPLES / "clip.mp4").read_bytes())
    matrix = clip.index(b"tkhd") + 4 + 40  # in version 0 of the box
    clip[matrix : matrix + 20] = b"".join(
        number.to_bytes(4, "big", signed=True) for number in QUARTER_TURN[:5]
    )
    found = probe_file(server, bytes(clip))
    assert (found.width, found.height) == (720, 1280)


def test_quicktime_without_a_brand_is_recognised(server):
    boxes = split_boxes(make_video("mov", "libx264"))
    found = probe_file(server, box(b"wide") + boxes[b"moov"] + boxes[b"mdat"], "video/quicktime")
    assert (found.width, found.height) == (64, 36)


# --- Position of the header ----------------------------------------------------------------------


def gigabyte_with_header_last(**header):
    last = moov(**header)
    end = GB - len(last)
    pictures = long_box(b"mdat", end - len(FTYP))
    return Sparse(size=GB, places={0: FTYP + pictures, end: last})


def test_m18_header_at_the_end_of_a_gigabyte(server):
    facts = probe_file(server, gigabyte_with_header_last())
    assert (facts.size_bytes, facts.width, facts.duration_s) == (GB, 640, 4.95)
    assert len(server.requests) == 2
    assert server.bytes_sent < MB


def test_server_without_ranges_is_read_from_the_beginning(server):
    server.has_ranges = False
    clip = with_header_last((SAMPLES / "clip.mp4").read_bytes())
    facts = probe_file(server, clip)
    assert (facts.width, facts.size_bytes) == (1280, len(clip))

    server.has_lengths = False
    assert probe_file(server, clip).size_bytes == len(clip)


def test_distant_header_without_ranges_is_refused_early(server):
    server.has_ranges = False
    assert refused(server, gigabyte_with_header_last()) == "asset_type_mismatch"
    assert len(server.requests) == 1
    assert server.bytes_sent < 16 * MB  # including socket buffers

    facts = probe_file(server, Sparse(size=GB, places={0: FTYP + moov()}))
    assert (facts.size_bytes, facts.width) == (GB, 640)


def test_file_that_changes_between_two_requests_is_refused(server):
    server.then = Sparse(size=GB + 1)
    assert refused(server, gigabyte_with_header_last()) == "asset_changed"


def test_header_larger_than_we_read_is_refused(server):
    file = Sparse(size=GB, places={0: FTYP + long_box(b"moov", 9 * MB)})
    assert refused(server, file) == "asset_type_mismatch"
    assert server.bytes_sent < MB


# --- M18: hostile boxes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rest",
    [
        long_box(b"mdat", 2**63),
        long_box(b"moov", 2**63),
        long_box(b"mdat", 2**64 - 1),
        long_box(b"mdat", 0) + moov(),
        long_box(b"mdat", 15) + moov(),
        b"\0\0\0\0mdat" + moov(),  # to the end of the file, with the header inside
        b"\0\0\0\0moov",
        b"\0\0\0\1mdat",
        b"\0\0\0\7mdat" + moov(),
        b"\0\0\0\x08free" * 200_000,
        b"\0\0\x08\0ftyp" * 2,
        moov()[:-10],
        b"",
        b"\xff" * 100,
        box(b"moov"),
        box(b"moov", b"\0\0\0\1trak"),
        box(b"moov", box(b"moov", box(b"moov", box(b"moov")))),
    ],
    ids=lambda rest: ascii(rest[:20]),
)
def test_m18_boxes_with_wrong_lengths_are_refused(rest, server):
    assert refused(server, FTYP + rest) == "asset_type_mismatch"
    assert server.bytes_sent <= remote_file.READ_BUDGET_BYTES


def test_long_chain_of_boxes_is_refused(server):
    step = 10 * MB
    places = {0: FTYP + long_box(b"free", step - len(FTYP))}
    places |= {at: long_box(b"free", step) for at in range(step, GB, step)}
    assert refused(server, Sparse(size=GB, places=places)) == "asset_type_mismatch"
    assert server.bytes_sent < 2 * MB


@pytest.mark.parametrize("duration", [2**63, 2**64 - 1, 2**63 - 1, 2**40])
def test_m18_impossible_duration_is_unknown(duration, server):
    with suppress(MediaError):
        assert probe_file(server, FTYP + moov(duration=duration)).duration_s in {None, 4.95}


CLAIMS = {
    "10,000 tracks": moov(tracks=10_000),
    "2^31 samples": moov(samples=2**31 - 1),
    "4 million samples": moov(samples=2**22),
}


@pytest.mark.parametrize("header", CLAIMS.values(), ids=CLAIMS)
def test_m18_huge_claims_take_little_time(header, server):
    started = time.monotonic()
    with suppress(MediaError):
        probe_file(server, FTYP + header)
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("header", CLAIMS.values(), ids=CLAIMS)
def test_m18_huge_claims_take_little_memory(header):
    program = f"""
import contextlib, re, runpy, sys
reader = runpy.run_path({str(videos.DEMUXER)!r})
header, status = sys.stdin.buffer.read(), open("/proc/self/status")
reader["confine"]()
with contextlib.suppress(Exception):
    reader["facts"]("mov", header)
print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])
"""
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, input=FTYP + header, capture_output=True, check=True)
    assert int(done.stdout) < 200 * 1024  # KiB at most, of which 40 MB are code


def test_audio_without_video_is_refused(server):
    server.file = whole(FTYP + moov(handler=b"soun"))
    with pytest.raises(MediaError, match="sound and no picture") as caught:
        probe(server.url, declared_type="video/mp4", max_bytes=10**6)
    assert caught.value.code == "asset_type_mismatch"


@examples(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_headers_raise_nothing_but_media_error(data):
    header = bytearray(FTYP + moov())
    for _ in range(data.draw(st.integers(1, 8))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))

    def read(start, length):
        return bytes(header[start : start + length])

    with suppress(MediaError):
        videos.measure("video/mp4", read, len(header), deadline=time.monotonic() + 5)


# --- M19: no other file is opened ----------------------------------------------------------------


@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
        b"concat:http://127.0.0.1/a|file:///etc/passwd",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
        b"[playlist]\nFile1=http://127.0.0.1/a\n",
    ],
    ids=lambda data: ascii(data[:10]),
)
def test_m19_playlist_called_mp4_is_refused(playlist, server):
    for file in (playlist, FTYP + playlist, b"\x1aE\xdf\xa3\x87B\x82\x84webm" + playlist):
        assert refused(server, file, "video") == "asset_type_mismatch"
    assert {path for path, _ in server.requests} == {"/file"}


def test_m19_demuxer_process_can_open_nothing(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    program = f"""
import runpy, socket
confine = runpy.run_path({str(videos.DEMUXER)!r})["confine"]
open({str(secret)!r}).close()
confine()
for call in (lambda: open({str(secret)!r}), lambda: socket.socket()):
    try:
        call()
    except OSError:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True)
    assert done.stdout == "refused\nrefused\n", done.stderr


def test_demuxer_process_has_neither_our_environment_nor_our_directory(
    server, monkeypatch, tmp_path
):
    (tmp_path / "av.py").write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert probe_file(server, FTYP + moov()).width == 640


def test_measuring_after_the_deadline_is_refused(server):
    with pytest.raises(MediaError):
        videos.measure(
            "video/mp4",
            lambda start, length: (FTYP + moov())[start : start + length],
            None,
            deadline=time.monotonic(),
        )
