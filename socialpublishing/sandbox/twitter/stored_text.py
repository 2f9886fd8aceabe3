"""How X stores the text of a post: links through t.co, escaped HTML, and the entities in it.

https://docs.x.com/x-api/fundamentals/data-dictionary
"""

import re
import secrets
import string
from typing import Any
from urllib.parse import urlsplit

from socialpublishing.sandbox.state import Media
from socialpublishing.sandbox.twitter.media import media_key
from socialpublishing.sandbox.twitter.text import MAX_TEXT, find_urls, weighted_length

SHORTENERS = frozenset({"bit.ly", "buff.ly", "ow.ly", "tinyurl.com"})  # links that redirect
SLUG_LETTERS = string.ascii_letters + string.digits

_TAG = re.compile(
    r"(?<![\w&/])(?:#(?P<hashtags>\w*[^\W\d_]\w*)|@(?P<mentions>\w{1,15})\b"
    r"|\$(?P<cashtags>[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?)\b)"
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def stored_text(text: str, media: tuple[Media, ...], url: str) -> dict[str, Any]:
    """The text and the entities that X stores. The full text of a long post is in `note`."""
    if weighted_length(text) <= MAX_TEXT:
        stored, entities = _transform(text)
        note = None
    else:
        full_text, full_entities = _transform(text)
        note = {"text": full_text, "entities": full_entities}
        # A letter weighs at most two, so half of the limit always fits. Where X cuts is unknown.
        stored, entities = _transform(text[: MAX_TEXT // 2])
        stored += "…"
    if media:
        link = _short_link()
        start = len(stored) + bool(stored)
        stored = f"{stored} {link}".strip()
        entities.setdefault("urls", []).extend(
            {
                "start": start,
                "end": start + len(link),
                "url": link,
                "expanded_url": f"{url}/photo/1",
                "display_url": link.replace("https://t.co", "pic.x.com"),
                "media_key": media_key(item),
            }
            for item in media
        )
    return {"text": stored, "entities": entities, "note": note}


def _transform(text: str) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """Replace links by t.co links and escape HTML. The entities have positions in the result."""
    entities: dict[str, list[dict[str, Any]]] = {}
    stored, end = "", 0
    for start, stop in [*find_urls(text), (len(text), len(text))]:
        plain = text[end:start].translate(_ESCAPES)
        for match in _TAG.finditer(plain):
            kind = str(match.lastgroup)
            entities.setdefault(kind, []).append(
                {
                    "start": len(stored) + match.start(),
                    "end": len(stored) + match.end(),
                    "username" if kind == "mentions" else "tag": match[kind],
                }
            )
        stored += plain
        if start < stop:
            entity = _url_entity(text[start:stop], len(stored))
            entities.setdefault("urls", []).append(entity)
            stored += entity["url"]
        end = stop
    return stored, entities


def _url_entity(url: str, start: int) -> dict[str, Any]:
    link = _short_link()
    expanded = url if "://" in url else f"http://{url}"
    display = re.sub(r"^https?://(www\.)?", "", url)
    return {
        "start": start,
        "end": start + len(link),
        "url": link,
        "expanded_url": expanded,
        "unwound_url": _unwound(expanded),
        "display_url": display if len(display) <= 27 else f"{display[:26]}…",
    }


def _unwound(url: str) -> str:
    """The address after all redirects."""
    parts = urlsplit(url)
    if parts.hostname in SHORTENERS:
        return f"https://www.example.com/articles{parts.path}?from={parts.hostname}"
    return url


def _short_link() -> str:
    return "https://t.co/" + "".join(secrets.choice(SLUG_LETTERS) for _ in range(10))
