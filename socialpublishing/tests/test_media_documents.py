"""Documents are recognised by their required parts, and only if a document is declared."""

import io
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.errors import MediaError
from socialpublishing.media import documents, probe, remote_file
from socialpublishing.tests.file_server import FileServer, Sparse, whole

PDF = "application/pdf"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
FIRST_ENTRIES = ["[Content_Types].xml", "_rels/.rels"]


def archive(*names, filler=0):
    """A ZIP with these entries and `filler` bytes before the last one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for number, name in enumerate(names, start=1):
            if filler and number == len(names):
                out.writestr("media/picture.png", bytes(filler))
            out.writestr(name, b"<xml/>")
    return file.getvalue()


def ole(*names, sector=0, shift=9):
    """An older Office file with its directory in `sector`."""
    head = documents.OLE + bytes(22) + struct.pack("<H", shift) + bytes(16)
    head += struct.pack("<I", sector)
    directory = b""
    for name in ("Root Entry", *names):
        text = name.encode("utf-16-le")
        directory += text.ljust(64, b"\0") + struct.pack("<H", len(text) + 2) + bytes(62)
    return head.ljust((sector + 1) << shift, b"\0") + directory


FILES = {
    "pdf": (PDF, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
    "docx": (DOCX, archive(*FIRST_ENTRIES, "word/document.xml")),
    "docx of LibreOffice": (
        DOCX,
        archive("_rels/.rels", "docProps/app.xml", "word/document.xml", "[Content_Types].xml"),
    ),
    "docx with its text at the end": (
        DOCX,
        archive(*FIRST_ENTRIES, "word/document.xml", filler=200_000),
    ),
    "docx with its package entries at the end": (
        DOCX,
        archive("word/document.xml", *FIRST_ENTRIES, filler=90_000),
    ),
    "pptx": (PPTX, archive(*FIRST_ENTRIES, "docProps/thumbnail.jpeg", "ppt/presentation.xml")),
    "doc": (DOC, ole("1Table", "WordDocument")),
    "doc with its directory at the end": (DOC, ole("Data", "1Table", "WordDocument", sector=500)),
    "doc with large sectors": (DOC, ole("WordDocument", sector=3, shift=12)),
    "ppt": (PPT, ole("Current User", "PowerPoint Document", "\x05SummaryInformation")),
}
NOT_DOCUMENTS = {
    "xlsx": archive(*FIRST_ENTRIES, "xl/workbook.xml"),
    "zip": archive("a.txt", "b.txt"),
    "zip with the main entry only": archive("word/document.xml"),
    "jar": archive("META-INF/MANIFEST.MF", "A.class"),
    "epub": archive("mimetype", "META-INF/container.xml"),
    "xls": ole("Workbook"),
    "msi": ole("Binary.bannrbmp"),
    "empty": b"",
    "incomplete header": b"PK\x03\x04",
    "html": b"<!doctype html>",
    "text": b"see %PDF-1.7",
    "ole with a directory beyond the end": documents.OLE
    + bytes(22)
    + b"\x09\0"
    + bytes(16)
    + b"\xff" * 4
    + bytes(500),
    "ole with absurd sectors": ole("WordDocument").replace(b"\x09\0", b"\xff\xff", 1),
    "directory with a wrong position": b"PK\x03\x04"
    + bytes(100)
    + b"PK\x05\x06"
    + bytes(8)
    + struct.pack("<IIH", 1000, 2**32 - 1, 0),
    "directory of 4 GB": b"PK\x03\x04"
    + bytes(100)
    + b"PK\x05\x06"
    + bytes(8)
    + struct.pack("<IIH", 2**32 - 1, 0, 0),
}


def sniff(data, declared="document"):
    return documents.sniff(declared, lambda start, n: data[start : start + n], len(data))


@pytest.fixture
def server(settings):
    server = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [server.origin]
    yield server
    server.close()


def probe_data(server, data, declared):
    server.file = whole(data)
    return probe(server.url, declared_type=declared, max_bytes=10**9)


@pytest.mark.parametrize(("mime_type", "data"), FILES.values(), ids=FILES)
def test_document_is_recognised_by_its_bytes(mime_type, data, server):
    for declared in (mime_type, f"{mime_type.upper()}; version=1", "document", "document/*"):
        facts = probe_data(server, data, declared)
        assert (facts.mime_type, facts.size_bytes) == (mime_type, len(data))
        assert facts.width is facts.duration_s is None


@pytest.mark.parametrize("data", NOT_DOCUMENTS.values(), ids=NOT_DOCUMENTS)
def test_other_file_declared_as_a_document_is_refused(data, server):
    for declared in ("document", PDF, DOCX, DOC):
        with pytest.raises(MediaError) as caught:
            probe_data(server, data, declared)
        assert caught.value.code == "asset_type_mismatch"


@pytest.mark.parametrize(("mime_type", "data"), FILES.values(), ids=FILES)
@pytest.mark.parametrize("declared", ["", "application/octet-stream", "image", "image/png", "*/*"])
def test_m09_document_with_another_declaration_is_refused(mime_type, data, declared, server):
    with pytest.raises(MediaError) as caught:
        probe_data(server, data, declared)
    assert caught.value.code == "asset_type_mismatch"


@pytest.mark.parametrize("declared", sorted({PDF, DOC, DOCX, PPT, PPTX} - {PPT}))
def test_document_of_another_type_than_declared_is_refused(declared, server):
    with pytest.raises(MediaError) as caught:
        probe_data(server, FILES["ppt"][1], declared)
    assert caught.value.code == "asset_type_mismatch"


def test_picture_declared_as_a_document_is_refused(server):
    with pytest.raises(MediaError):
        probe_data(server, b"\xff\xd8\xff\xe0" + bytes(100), "document")


def test_m11_picture_with_an_archive_appended_stays_a_picture(server):
    jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\0\x02\0\x03" + bytes(20) + b"\xff\xd9"
    both = jpeg + archive(*FIRST_ENTRIES, "word/document.xml")
    assert probe_data(server, both, "").mime_type == "image/jpeg"
    with pytest.raises(MediaError):
        probe_data(server, both, DOCX)


def test_directory_at_the_end_of_a_large_archive_takes_two_requests(server):
    data = FILES["docx with its text at the end"][1]
    tail = data[-1000:]
    size = 500_000_000
    # The directory moves with the end of the file, so its position must be updated.
    start = data.rindex(b"PK\x05\x06") + 16
    at = struct.unpack_from("<I", data, start)[0] + size - len(data)
    moved = bytearray(tail)
    struct.pack_into("<I", moved, start - len(data) + 1000, at)
    server.file = Sparse(size=size, places={0: data[:100], size - 1000: bytes(moved)})

    facts = probe(server.url, declared_type="document", max_bytes=10**9)

    assert facts.mime_type == DOCX
    assert len(server.requests) == 2
    assert server.bytes_sent < 200_000


def test_documents_are_recognised_without_ranges(server):
    server.has_ranges = False
    for mime_type, data in FILES.values():
        assert probe_data(server, data, "document").mime_type == mime_type


@given(
    st.sampled_from(
        [b"PK\x03\x04", documents.OLE, b"%PDF-", *(d[:600] for _, d in FILES.values())]
    ),
    st.binary(max_size=600),
    st.sampled_from([b"", b"PK\x05\x06" + bytes(18), b"PK\x01\x02" + b"\xff" * 60]),
)
def test_hostile_bytes_raise_nothing_but_media_error(start, rest, end):
    with suppress(MediaError):
        sniff(start + rest + end)


def test_endless_directory_is_not_read_completely():
    entry = documents.DIRECTORY_ENTRY + bytes(42)
    directory = entry * 30_000
    end = documents.END_OF_DIRECTORY + bytes(8) + struct.pack("<IIH", len(directory), 4, 0)
    with pytest.raises(MediaError):
        sniff(b"PK\x03\x04" + directory + end)
    assert len(directory) < documents.MAX_DIRECTORY_BYTES < remote_file.READ_BUDGET_BYTES
