import hashlib

import pytest

from socialpublishing.sandbox.blobs import MAX_IN_MEMORY, Blob, directory, joined
from socialpublishing.sandbox.state import Media


def files():
    return set(directory().iterdir())


@pytest.mark.parametrize("size", [0, 1, MAX_IN_MEMORY, MAX_IN_MEMORY + 1, 3_000_000])
def test_blob_returns_the_bytes_that_were_written(size):
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    blob = Blob()
    for start in range(0, size, 50_000):
        blob.write(data[start : start + 50_000])

    assert blob.size == size
    assert blob.sha256 == hashlib.sha256(data).hexdigest()
    assert blob.read() == data == Blob.of(data).read() == b"".join(blob.pieces())
    assert blob.head(10) == data[:10]


def test_large_blob_has_a_file_that_is_deleted_with_it():
    before = files()
    little, much = Blob.of(bytes(MAX_IN_MEMORY)), Blob.of(bytes(MAX_IN_MEMORY + 1))
    assert len(files() - before) == 1
    assert much.size > little.size
    del much
    assert files() == before


def test_each_reader_has_its_own_position():
    blob = Blob.of(b"0123456789" * 10_000)
    with blob.open() as one, blob.open() as other:
        one.seek(5)
        assert (one.read(2), other.read(2)) == (b"56", b"01")


def test_parts_are_joined_in_the_given_order():
    parts = [Blob.of(bytes([n]) * 40_000) for n in range(4)]
    whole = joined(reversed(parts))
    assert whole.read() == b"".join(part.read() for part in reversed(parts))
    assert joined([]).size == 0


def test_reset_deletes_all_files(server, x, sample):
    before = files()
    x.upload(sample("harbour.jpg"))
    media = Media(platform="twitter", id="1", account_id=x.id, created_at=0)
    media.parts[0] = Blob.of(bytes(100_000))
    server.state.media["twitter", "1"] = media
    del media
    assert len(files() - before) == 2

    server.state.reset()

    assert files() <= before


def test_equal_files_are_stored_once(server, x, sample):
    before = files()
    ids = [x.upload(sample("harbour.jpg"))["id"] for _ in range(3)]
    assert len(files() - before) == 1
    del server.state.media["twitter", ids[0]]
    [digest] = server.state.blobs.keys()
    assert server.state.blobs[digest].read() == sample("harbour.jpg")
    for media_id in ids[1:]:
        del server.state.media["twitter", media_id]
    assert list(server.state.blobs) == []
