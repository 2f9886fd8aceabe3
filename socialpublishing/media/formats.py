"""The type of a file, by its bytes. Nothing here decodes a file."""

from __future__ import annotations

from collections.abc import Collection

import filetype

from socialpublishing.errors import AssetTypeMismatchError
from socialpublishing.file_types import help_for, help_for_picture, text_type, words_for
from socialpublishing.media import boxes

# What at least one platform accepts. SVG, HTML, archives and playlists are never accepted: they can
# name other files or contain a script. documents.py recognises documents.
ACCEPTED = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/bmp",
        "image/tiff",
        "image/heic",
        "video/mp4",
        "video/quicktime",
        "video/webm",
    }
)
ALIASES = {
    "image/jpg": "image/jpeg",
    # An animated PNG is a PNG: platforms show its first picture.
    "image/apng": "image/png",
    "image/vnd.mozilla.apng": "image/png",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/heif": "image/heic",
    "video/mov": "video/quicktime",
    "video/x-m4v": "video/mp4",
}
ANY_TYPE = frozenset({"", "*/*", "application/octet-stream", "binary/octet-stream"})

# Major brands of ISO media files (https://mp4ra.org/registered-types/brands) that are no MP4 video.
# All other brands count as video/mp4.
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
BRANDS = {
    b"qt  ": "video/quicktime",
    **dict.fromkeys(HEIC_BRANDS, "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
    **dict.fromkeys((b"jp2 ", b"jpx ", b"jpm "), "image/jp2"),
    b"crx ": "image/x-canon-cr3",
}
# Older QuickTime files start with one of these boxes, without a brand.
UNBRANDED = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


def sniff(data: bytes) -> str:
    """The MIME type of a file by its first bytes. Raises MediaError if no platform accepts it."""
    mime_type = recognised(data)
    if mime_type not in ACCEPTED:
        raise refusal(mime_type, "pictures and videos")
    return str(mime_type)


def recognised(data: bytes) -> str | None:
    """The MIME type of any file that we know, accepted or not."""
    found = _sniff_boxed(data) or filetype.guess_mime(data) or text_type(data)
    return ALIASES.get(found, found) if found else None


def refusal(mime_type: str | None, wanted: str) -> AssetTypeMismatchError:
    """The error for a file that is none of the `wanted`, with what it is and what helps."""
    sentence = f"The file is none of the {wanted} that platforms accept"
    if mime_type is None:
        return AssetTypeMismatchError(f"{sentence}.")
    help_ = f"Declare it as {mime_type}." if mime_type in ACCEPTED else help_for(mime_type)
    return AssetTypeMismatchError(f"{sentence}: it is {words_for(mime_type)}. {help_}")


def picture_type(data: bytes, allowed: Collection[str]) -> str:
    """The MIME type of a picture by its first bytes. Raises MediaError for one not `allowed`."""
    mime_type = recognised(data)
    if mime_type in allowed:
        return str(mime_type)
    what = words_for(mime_type) if mime_type else "of no type that we know"
    help_ = help_for_picture(mime_type or "")
    raise AssetTypeMismatchError(
        f"The file is {what}, allowed are {', '.join(sorted(allowed))}. {help_}"
    )


def _sniff_boxed(data: bytes) -> str | None:
    kind, brand = data[4:8], data[8:12]
    if kind in UNBRANDED and boxes.read_head(data, rest=len(data)):
        return "video/quicktime"
    if kind != b"ftyp" or len(brand) < 4:
        return None
    if brand in {b"mif1", b"msf1"}:  # any picture; the compatible brands name the format
        length = int.from_bytes(data[:4], "big")
        compatible = {data[at : at + 4] for at in range(16, min(length, 256), 4)}
        return "image/heic" if compatible & HEIC_BRANDS else "image/avif"
    return BRANDS.get(brand, "video/mp4")


def check_declared(declared: str, mime_type: str, family: str = "") -> None:
    """Raise MediaError if a type was declared and `mime_type` does not match it.

    `family` is "document" for documents, whose MIME types have no family of their own.
    """
    declared = normalized(declared)
    family = family or mime_type.partition("/")[0]
    if declared not in ANY_TYPE and declared not in {mime_type, family, f"{family}/*"}:
        raise AssetTypeMismatchError(
            f"The file is declared as {declared[:40]}, but it is {words_for(mime_type)}. "
            f"Convert it, or declare it as {mime_type}."
        )


def normalized(declared: str) -> str:
    """A declared type without parameters and aliases, in lower case."""
    declared = declared.partition(";")[0].strip().lower()
    return ALIASES.get(declared, declared)
