"""Facebook: a film of a gibibyte, in the parts that Facebook asks for, with errors on the way."""

from __future__ import annotations

import hashlib
import struct

import pytest

from conftest import statuses
from publishing.models import PublishJob
from socialpublishing.sandbox.pages import HERE as SANDBOX
from socialpublishing.tests.file_server import FileServer, Sparse

MEBIBYTE = 1024 * 1024
SIZE = 1024 * MEBIBYTE
ERRORS = 20


def long_video(size: int) -> Sparse:
    """A real clip of a few seconds, made large by a box that players skip."""
    clip = (SANDBOX / "samples" / "clip.mp4").read_bytes()
    rest = struct.pack(">I4sQ", 1, b"free", size - len(clip))
    return Sparse(size=size, places={0: clip, len(clip): rest})


def number_of_parts(size: int) -> int:
    """The sandbox asks for parts of 1, 2, 3, 4, 5, 1, 2, … MiB."""
    parts = at = 0
    while at < size:
        at += (1 + parts % 5) * MEBIBYTE
        parts += 1
    return parts


@pytest.mark.night
@pytest.mark.behaviour(
    "Facebook names parts of any size and refuses some of them without a reason; a large film is "
    "posted once, and each refusal repeats one part."
)
def test_film_of_a_gibibyte_is_posted_once_despite_refused_parts(
    api, make_connection, sandbox, worker, settings
):
    source = FileServer()
    source.file = long_video(SIZE)
    settings.MEDIA_ALLOWED_ORIGINS = [sandbox.url, source.origin]
    spontaneous = {"facebook_spontaneous_offsets": ERRORS, "processing_seconds": 0}
    sandbox.call("POST", "settings", **spontaneous)
    film = {"url": f"{source.url}.mp4", "asset_type": "video", "mime_type": "video/mp4"}
    accepted = api.publish(make_connection("facebook"), "A long one", assets=[film])
    assert accepted.status_code == 202, accepted.json()
    probed = source.bytes_sent

    worker.work_ahead(3600)
    source.close()

    assert (statuses(), PublishJob.objects.get().attempts) == ({"Published": 1}, 0)
    [post] = sandbox.posts("facebook")
    digest = hashlib.sha256()
    for at in range(0, SIZE, MEBIBYTE):
        digest.update(source.file.read(at, MEBIBYTE))
    assert post["media"][0]["sha256"] == digest.hexdigest()
    requests = sandbox.calls("/videos", "POST")
    # The start, each part once, the refused parts, and the publish request.
    assert len(requests) == 1 + number_of_parts(SIZE) + ERRORS + 1
    assert sum(call["status"] == 400 for call in requests) == ERRORS
    assert source.bytes_sent - probed < SIZE + 2 * ERRORS * 5 * MEBIBYTE
