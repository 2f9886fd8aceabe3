import pytest

from socialpublishing.sandbox.pages import HERE
from socialpublishing.sandbox.pictures import read_picture

SAMPLES = HERE / "samples"


@pytest.mark.parametrize(
    ("name", "mime_type", "size"),
    [
        ("bakery.jpg", "image/jpeg", (1080, 1350)),
        ("balloons.webp", "image/webp", (1100, 733)),
        ("city.png", "image/png", (960, 640)),
        ("waves.gif", "image/gif", (320, 200)),
    ],
)
def test_type_and_size_are_read_from_the_header(name, mime_type, size):
    picture = read_picture((SAMPLES / name).read_bytes())
    assert picture.mime_type == mime_type
    assert (picture.width, picture.height) == size
    assert picture.is_animated is (mime_type == "image/gif")


def test_bitmap_can_have_its_rows_in_either_order():
    head = b"BM" + bytes(16)
    for height in (480, -480):
        data = head + (640).to_bytes(4, "little") + height.to_bytes(4, "little", signed=True)
        picture = read_picture(data + bytes(40))
        assert (picture.width, picture.height) == (640, 480)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
    ],
)
def test_other_files_are_no_pictures(data):
    assert read_picture(data) is None


@pytest.mark.parametrize("name", ["bakery.jpg", "balloons.webp", "city.png", "waves.gif"])
def test_truncated_picture_never_raises(name):
    data = (SAMPLES / name).read_bytes()
    for length in range(300):
        read_picture(data[:length])


def test_gif_with_one_frame_is_not_animated():
    data = (SAMPLES / "waves.gif").read_bytes()
    assert not read_picture(data[: data.index(b"\x00\x21\xf9\x04") + 1]).is_animated
