import io

import pytest

from socialpublishing.sandbox.movies import Movie, read_movie
from socialpublishing.sandbox.pages import HERE
from socialpublishing.sandbox.state import Media

SAMPLES = HERE / "samples"
QUARTER_TURN = b"".join(
    number.to_bytes(4, "big", signed=True) for number in (0, 65536, 0, -65536, 0, 0)
)


@pytest.mark.parametrize(
    ("name", "width", "height", "duration_s"),
    [("clip.mp4", 1280, 720, 5.0), ("reel.mp4", 720, 1280, 6.0)],
)
def test_film_is_read_from_a_path_or_a_file(name, width, height, duration_s):
    film = SAMPLES / name
    assert (
        read_movie(film)
        == read_movie(str(film))
        == read_movie(io.BytesIO(film.read_bytes()))
        == Movie(
            width=width,
            height=height,
            duration_s=duration_s,
            frame_rate=30.0,
            video_codec="h264",
            audio_codec="aac",
        )
    )


@pytest.mark.parametrize("name", ["clip.mp4", "reel.mp4"])
def test_sample_films_suit_every_platform(name):
    """The strictest wants the index in front of the pictures, no edit lists and 800 KB at most."""
    data = (SAMPLES / name).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat") < len(data) < 800_000
    assert b"elst" not in data


def test_film_that_was_taken_upright_is_as_its_viewer_sees_it():
    data = bytearray((SAMPLES / "clip.mp4").read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # in version 0 of the box
    data[matrix : matrix + len(QUARTER_TURN)] = QUARTER_TURN
    film = read_movie(io.BytesIO(data))
    assert (film.width, film.height) == (720, 1280)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 10_000, b"ftyp" * 1000, b"\x00\x00\x00\x18ftypmp42" + bytes(50), b"<html>"],
)
def test_rubbish_is_none(data):
    assert read_movie(io.BytesIO(data)) is None


@pytest.mark.parametrize("name", ["document.pdf", "harbour.jpg", "city.png", "balloons.webp"])
def test_what_does_not_move_is_none(name):
    assert read_movie(SAMPLES / name) is None


def test_no_file_is_none():
    assert read_movie("/nowhere/film.mp4") is None


def test_cut_film_never_raises():
    data = (SAMPLES / "clip.mp4").read_bytes()
    for length in [*range(0, 7000, 250), 20_000, 200_000]:
        read_movie(io.BytesIO(data[:length]))


@pytest.mark.parametrize(
    ("name", "kind", "mime_type", "pixels"),
    [
        ("harbour.jpg", "image", "image/jpeg", (1200, 800)),
        ("waves.gif", "gif", "image/gif", (320, 200)),
        ("reel.mp4", "video", "video/mp4", (720, 1280)),
        ("document.pdf", "document", "application/pdf", (0, 0)),
    ],
)
def test_kept_file_is_what_its_bytes_say(server, name, kind, mime_type, pixels):
    media = Media(platform="twitter", id="1", account_id="1", created_at=0)
    server.state.add_media(media, (SAMPLES / name).read_bytes())
    assert (media.kind, media.mime_type) == (kind, mime_type)
    assert (media.width, media.height) == pixels
    assert server.state.media["twitter", "1"] is media


def test_broken_film_is_a_video_without_a_picture(server):
    media = Media(platform="twitter", id="1", account_id="1", created_at=0)
    server.state.add_media(media, (SAMPLES / "clip.mp4").read_bytes()[:3000])
    assert (media.kind, media.movie, media.width) == ("video", None, 0)
