"""Types of files by the words that people know, and what helps where one is not accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FileType:
    """`words` fit into "The file is …"."""

    words: str
    # What the author can do where nothing accepts it.
    help: str


def _picture(name: str) -> FileType:
    return FileType(words=f"{name} picture", help="Convert it to JPEG.")


def _video(name: str) -> FileType:
    return FileType(words=f"{name} video", help="Convert it to MP4 (H.264).")


def _document(name: str) -> FileType:
    return FileType(words=name, help='Declare it as "document", for a platform that takes them.')


FILE_TYPES: Mapping[str, FileType] = {
    "image/jpeg": _picture("a JPEG"),
    "image/png": _picture("a PNG"),
    "image/gif": _picture("a GIF"),
    "image/webp": _picture("a WebP"),
    "image/bmp": _picture("a BMP"),
    "image/tiff": _picture("a TIFF"),
    "image/heic": _picture("a HEIC"),
    "image/avif": _picture("an AVIF"),
    "image/jp2": _picture("a JPEG 2000"),
    "image/jxl": _picture("a JPEG XL"),
    "image/x-canon-cr2": _picture("a raw camera"),
    "image/x-canon-cr3": _picture("a raw camera"),
    "image/vnd.adobe.photoshop": _picture("a Photoshop"),
    "image/svg+xml": FileType(words="an SVG drawing", help="Export it as PNG or JPEG."),
    "video/mp4": _video("an MP4"),
    "video/quicktime": _video("a QuickTime"),
    "video/webm": _video("a WebM"),
    "video/x-matroska": _video("a Matroska (MKV)"),
    "video/x-msvideo": _video("an AVI"),
    "video/x-ms-wmv": _video("a Windows Media"),
    "video/x-flv": _video("a Flash"),
    "video/mpeg": _video("an MPEG"),
    "application/vnd.apple.mpegurl": FileType(
        words="a playlist (HLS), not a video", help="Give the address of the video file itself."
    ),
    "application/dash+xml": FileType(
        words="a playlist (DASH), not a video", help="Give the address of the video file itself."
    ),
    "text/html": FileType(
        words="an HTML page",
        help="Give the address of the file itself: the links that file services share often show "
        "a page around it.",
    ),
    "application/xml": FileType(
        words="an XML text, often the error of an object store",
        help="Open the address in a browser and see what it shows.",
    ),
    "application/json": FileType(
        words="a JSON text, often an error",
        help="Open the address in a browser and see what it shows.",
    ),
    "application/pdf": _document("a PDF document"),
    "application/msword": _document("an old Office file"),
    "application/zip": FileType(
        words="a ZIP archive or an Office file",
        help='Unpack it; declare a document as "document".',
    ),
}
# Texts that a server sends instead of the file.
NO_FILES = frozenset({"text/html", "application/xml", "application/json"})
SOUND = FileType(words="a sound file", help="Make it a video: MP4 with a picture.")
OFFICE = _document("an Office file")
# By the first characters of a text, without a byte order mark and white space.
TEXTS = (
    (r"<!doctype html|<html|<head|<body|<script|<meta", "text/html"),
    (r"<svg|<\?xml[^>]*>\s*(<!doctype svg[^>]*>\s*)?<svg|<!doctype svg", "image/svg+xml"),
    (r"(<\?xml[^>]*>\s*)?<mpd\b", "application/dash+xml"),
    (r"<\?xml|<error>", "application/xml"),
    (r"#extm3u", "application/vnd.apple.mpegurl"),
    (r"[{\[]", "application/json"),
)


def text_type(head: bytes) -> str | None:
    """The type of a text by its beginning, None for anything that is none of ours."""
    start = head[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().decode("utf-8", "replace").lower()
    return next((mime_type for pattern, mime_type in TEXTS if re.match(pattern, start)), None)


def words_for(mime_type: str) -> str:
    """Such as "a HEIC picture"; the MIME type itself where there are no better words."""
    known = _known(mime_type)
    return known.words if known else f"a file of the type {mime_type}"


def help_for(mime_type: str) -> str:
    """What the author can do where this type is not accepted."""
    known = _known(mime_type)
    return known.help if known else "Convert it."


def help_for_picture(mime_type: str) -> str:
    """What the author can do where a picture of another type is expected."""
    is_picture = mime_type.startswith("image/")
    if is_picture or mime_type in NO_FILES:
        return help_for(mime_type)
    return "Give the address of a picture."


def _known(mime_type: str) -> FileType | None:
    if mime_type.startswith("audio/"):
        return SOUND
    if "officedocument" in mime_type or "opendocument" in mime_type:
        return OFFICE
    return FILE_TYPES.get(mime_type)
