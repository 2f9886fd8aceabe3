import pytest


@pytest.fixture
def video(sample):
    return sample("clip.mp4")


@pytest.fixture(params=["sample", "upload"])
def address(request, x, control, sample):
    """The path of a sample picture, and of an uploaded one."""
    if request.param == "sample":
        return "/samples/harbour.jpg"
    x.tweet(media={"media_ids": [x.upload(sample("harbour.jpg"))["id"]]})
    return f"/media/{control.posts()[0]['media'][0]['sha256']}"


@pytest.mark.parametrize(
    ("range_header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=74000-", 74_000, 74_543),
        ("bytes=74000-99999999", 74_000, 74_543),
        ("bytes=-500", 74_044, 74_543),
        ("bytes=-99999999", 0, 74_543),
    ],
)
def test_range_of_a_file_is_sent(site, address, sample, range_header, first, last):
    response = site.get(address, headers={"Range": range_header})
    assert response.status_code == 206
    assert response.content == sample("harbour.jpg")[first : last + 1]
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/74544"
    assert response.headers["Content-Length"] == str(last + 1 - first)


@pytest.mark.parametrize(
    "range_header", ["bytes=5-3", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "x"]
)
def test_invalid_range_gets_the_complete_file(site, address, sample, range_header):
    response = site.get(address, headers={"Range": range_header})
    assert (response.status_code, response.content) == (200, sample("harbour.jpg"))
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("range_header", ["bytes=74544-", "bytes=99999999-99999999", "bytes=-0"])
def test_range_beyond_the_end_is_refused(site, address, range_header):
    response = site.get(address, headers={"Range": range_header})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */74544"


def test_head_returns_the_length_without_the_body(site, address):
    response = site.call("HEAD", address)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == "74544"


def test_matching_etag_gets_304(site, address):
    etag = site.get(address).headers["ETag"]
    assert site.get(address, headers={"If-None-Match": etag}).status_code == 304
    assert site.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_range_of_a_changed_file_gets_the_complete_file(site, address):
    etag = site.get(address).headers["ETag"]
    for known, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=0-9", "If-Range": known}
        assert site.get(address, headers=headers).status_code == status


def test_connection_stays_open_after_a_range(site, video):
    for start in range(0, len(video), 100_000):
        headers = {"Range": f"bytes={start}-{start + 99_999}"}
        response = site.get("/samples/clip.mp4", headers=headers)
        assert response.content == video[start : start + 100_000]
        assert "close" not in response.headers.get("Connection", "")
