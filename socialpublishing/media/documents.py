"""Recognizes documents: PDF, and the files of Word and PowerPoint.

No document is parsed; only names in its directory are read. A ZIP archive is a document if it has
the required entries (ECMA-376 part 2, the Open Packaging
Conventions), an older Office file if its directory has the right streams ([MS-CFB] section 2.6).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from socialpublishing.media.formats import check_declared, normalized, recognised, refusal
from socialpublishing.media.remote_file import BLOCK_BYTES, Read

OFFICE = "application/vnd.openxmlformats-officedocument"
MAIN_ENTRIES = {
    "word/document.xml": f"{OFFICE}.wordprocessingml.document",
    "ppt/presentation.xml": f"{OFFICE}.presentationml.presentation",
}
PACKAGE_ENTRY = "_rels/.rels"
MAIN_STREAMS = {
    "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
MIME_TYPES = frozenset({"application/pdf", *MAIN_ENTRIES.values(), *MAIN_STREAMS.values()})
ASSET_TYPE = "document"

PDF = b"%PDF-"
# Signatures of ZIP: https://pkware.cachefly.net/webdocs/APPNOTE/APPNOTE-6.3.9.TXT.
ZIP = b"PK\x03\x04"  # a local file header: section 4.3.7
DIRECTORY_ENTRY = b"PK\x01\x02"  # section 4.3.12
END_OF_DIRECTORY = b"PK\x05\x06"  # section 4.3.16
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # [MS-CFB] section 2.2
MAX_ENTRIES = 10_000
MAX_DIRECTORY_BYTES = 2 * 1024 * 1024
OLE_DIRECTORY_BYTES = 4096  # 32 entries; the main stream is among the first


def is_declared(declared: str) -> bool:
    """Whether the caller declares the file as a document."""
    return normalized(declared) in {*MIME_TYPES, ASSET_TYPE, f"{ASSET_TYPE}/*"}


def begins_as(mime_type: str, head: bytes) -> bool:
    """Whether `head` can be the beginning of a document of this type."""
    if mime_type in MAIN_ENTRIES.values():
        return head.startswith(ZIP)
    return head.startswith(PDF if mime_type == "application/pdf" else OLE)


def sniff(declared: str, read: Read, size_bytes: int | None) -> str:
    """The MIME type of a document. Raises MediaError if the file is none or not as declared."""
    head = read(0, BLOCK_BYTES)
    found = None
    if head.startswith(PDF):
        found = "application/pdf"
    elif head.startswith(ZIP):
        found = _package_type(_names_in_head(head)) or _package_type(
            _listed_names(read, size_bytes)
        )
    elif head.startswith(OLE):
        found = next(filter(None, map(MAIN_STREAMS.get, _ole_names(head, read))), None)
    if found is None:
        raise refusal(recognised(head), "documents")
    check_declared(declared, found, ASSET_TYPE)
    return found


def _package_type(names: list[str]) -> str | None:
    if PACKAGE_ENTRY not in names:
        return None
    return next((MAIN_ENTRIES[name] for name in names if name in MAIN_ENTRIES), None)


def _names_in_head(head: bytes) -> list[str]:
    """The entries whose local headers (APPNOTE 4.3.7) are in `head`.

    Most programs write the main entry first.
    """
    names = []
    at = 0
    while at >= 0:
        names.append(_name(head, at + 30, head[at + 26 : at + 28]))
        at = head.find(ZIP, at + 4)
    return names


def _listed_names(read: Read, size_bytes: int | None) -> list[str]:
    """The entries of the directory at the archive's end (APPNOTE 4.3.12 and 4.3.16).

    Empty if it is not found.
    """
    if size_bytes is None:
        return []
    tail = read(max(size_bytes - BLOCK_BYTES, 0), BLOCK_BYTES)
    end = tail.rfind(END_OF_DIRECTORY)
    if end < 0 or len(tail) < end + 22:
        return []
    length, start = struct.unpack_from("<II", tail, end + 12)
    if length > MAX_DIRECTORY_BYTES:
        return []
    directory = read(start, length)
    names: list[str] = []
    at = 0
    while directory[at : at + 4] == DIRECTORY_ENTRY and len(directory) >= at + 46:
        lengths = struct.unpack_from("<HHH", directory, at + 28)  # of name, extra field, comment
        names.append(_name(directory, at + 46, directory[at + 28 : at + 30]))
        if len(names) > MAX_ENTRIES:
            break
        at += 46 + sum(lengths)
    return names


def _name(data: bytes, at: int, length: bytes) -> str:
    return data[at : at + int.from_bytes(length, "little")].decode("utf-8", "replace")


def _ole_names(head: bytes, read: Read) -> Iterator[str]:
    """The names of the first streams: header [MS-CFB] 2.2, directory entries 2.6.1."""
    if len(head) < 512:
        return
    (shift,) = struct.unpack_from("<H", head, 30)
    (sector,) = struct.unpack_from("<I", head, 48)
    if shift not in {9, 12}:  # sectors of 512 or 4096 bytes
        return
    directory = read((sector + 1) << shift, OLE_DIRECTORY_BYTES)
    for at in range(0, len(directory) - 127, 128):
        (length,) = struct.unpack_from("<H", directory, at + 64)  # in bytes, with the final zero
        yield directory[at : at + min(max(length - 2, 0), 62)].decode("utf-16-le", "replace")
