"""How a page describes itself, and what a hostile page cannot do."""

from __future__ import annotations

import time

import pytest

from socialpublishing.errors import MediaError
from socialpublishing.media.pages import HEAD_BYTES, PageFacts, parse_page, read_page
from socialpublishing.tests.file_server import FileServer, whole

PAGE = """<!DOCTYPE html><html><head><title>Plain title</title>
<meta content="Rye &amp; spelt: a &gt; b" property="og:title">
<META NAME=description CONTENT='From a "baker"'>
<meta property="og:image" content="/rye.jpg?a=1&amp;b=2"/>
<meta property="og:image" content="/second.jpg"/></head>"""


@pytest.fixture
def server(settings):
    server = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    yield server
    server.close()


def test_facts_are_read_from_open_graph_and_else_from_plain_html(server):
    server.file = whole(PAGE.encode())
    assert read_page(f"{server.url}#part") == PageFacts(
        title="Rye & spelt: a > b",
        description='From a "baker"',
        image=f"{server.origin}/rye.jpg?a=1&b=2",
    )
    assert server.requests[0][0] == "/file"


@pytest.mark.parametrize(
    ("page", "facts"),
    [
        ("", PageFacts()),
        ("<title> A \n title </title>", PageFacts(title="A title")),
        ('<meta property="og:title" content="">', PageFacts()),
        ('<meta property="og:title" content="a > b">', PageFacts(title="a > b")),
        ('<meta property="og:image" content="https://[x">', PageFacts()),
    ],
)
def test_page_without_some_facts_has_the_others(page, facts):
    assert parse_page(page, "https://e.com/") == facts


def test_declared_character_set_is_used(server):
    page = '<meta charset="iso-8859-1"><title>Größe</title>'
    server.file = whole(page.encode("latin-1"))
    assert read_page(server.url).title == "Größe"
    server.file = whole(b'<meta charset="nonsense"><title>A</title>')
    assert read_page(server.url).title == "A"


def test_only_the_beginning_of_a_large_page_is_read(server):
    server.file = whole(PAGE.encode() + b" " * (3 * HEAD_BYTES))
    server.has_ranges = False
    assert read_page(server.url).title == "Rye & spelt: a > b"


@pytest.mark.parametrize(
    "piece",
    ["<meta ", '<meta "', "<meta a='", '<meta a="x" ', "<title", "<title>", "<meta a=\"b='"],
)
def test_hostile_page_takes_little_time(piece):
    page = (piece * HEAD_BYTES)[:HEAD_BYTES]
    started = time.monotonic()
    parse_page(page, "https://e.com/")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "http://e.com/", "https://[x", "https://e"])
def test_page_passes_the_address_gate(url):
    with pytest.raises(MediaError):
        read_page(url)
