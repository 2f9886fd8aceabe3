import io

import pytest

from socialpublishing.sandbox.pages import HERE
from socialpublishing.sandbox.state import Media
from socialpublishing.sandbox.videos import VideoFacts, read_video

SAMPLES = HERE / "samples"
QUARTER_TURN = b"".join(
    number.to_bytes(4, "big", signed=True) for number in (0, 65536, 0, -65536, 0, 0)
)


@pytest.mark.parametrize(
    ("name", "width", "height", "duration_s"),
    [("clip.mp4", 1280, 720, 5.0), ("reel.mp4", 720, 1280, 6.0)],
)
def test_video_is_read_from_a_path_or_a_file(name, width, height, duration_s):
    path = SAMPLES / name
    assert (
        read_video(path)
        == read_video(str(path))
        == read_video(io.BytesIO(path.read_bytes()))
        == VideoFacts(
            width=width,
            height=height,
            duration_s=duration_s,
            frame_rate=30.0,
            video_codec="h264",
            audio_codec="aac",
        )
    )


@pytest.mark.parametrize("name", ["clip.mp4", "reel.mp4"])
def test_sample_videos_meet_the_limits_of_every_platform(name):
    """The strictest platform needs the index first, no edit lists, and 800 KB at most."""
    data = (SAMPLES / name).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat") < len(data) < 800_000
    assert b"elst" not in data


def test_rotated_video_has_its_displayed_size():
    data = bytearray((SAMPLES / "clip.mp4").read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # in version 0 of the box
    data[matrix : matrix + len(QUARTER_TURN)] = QUARTER_TURN
    facts = read_video(io.BytesIO(data))
    assert (facts.width, facts.height) == (720, 1280)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 10_000, b"ftyp" * 1000, b"\x00\x00\x00\x18ftypmp42" + bytes(50), b"<html>"],
)
def test_invalid_bytes_are_no_video(data):
    assert read_video(io.BytesIO(data)) is None


@pytest.mark.parametrize("name", ["document.pdf", "harbour.jpg", "city.png", "balloons.webp"])
def test_pictures_and_documents_are_no_videos(name):
    assert read_video(SAMPLES / name) is None


def test_missing_file_is_no_video():
    assert read_video("/nowhere/video.mp4") is None


def test_truncated_video_never_raises():
    data = (SAMPLES / "clip.mp4").read_bytes()
    for length in [*range(0, 7000, 250), 20_000, 200_000]:
        read_video(io.BytesIO(data[:length]))


@pytest.mark.parametrize(
    ("name", "kind", "mime_type", "pixels"),
    [
        ("harbour.jpg", "image", "image/jpeg", (1200, 800)),
        ("waves.gif", "gif", "image/gif", (320, 200)),
        ("reel.mp4", "video", "video/mp4", (720, 1280)),
        ("document.pdf", "document", "application/pdf", (0, 0)),
    ],
)
def test_type_of_media_is_detected_from_its_bytes(server, name, kind, mime_type, pixels):
    media = Media(platform="twitter", id="1", account_id="1", created_at=0)
    server.state.add_media(media, (SAMPLES / name).read_bytes())
    assert (media.kind, media.mime_type) == (kind, mime_type)
    assert (media.width, media.height) == pixels
    assert server.state.media["twitter", "1"] is media


def test_broken_video_has_no_size(server):
    media = Media(platform="twitter", id="1", account_id="1", created_at=0)
    server.state.add_media(media, (SAMPLES / "clip.mp4").read_bytes()[:3000])
    assert (media.kind, media.video_facts, media.width) == ("video", None, 0)
