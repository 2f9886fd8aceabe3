r"""Little text, the format of a post's commentary.

Reserved characters need a backslash: LinkedIn cuts the post at the first one without it, and
reports no error.
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

from __future__ import annotations

import re

from socialpublishing.text import HASHTAG

RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
# Callers write a mention in LinkedIn's own form; it is kept as it is.
MENTION = re.compile(r"@\[[^\[\]\\]+\]\(urn:li:(?:person|organization):[\w-]+\)")
HASHTAG_TEMPLATE = re.compile(r"\{hashtag\|\\#\|((?:\\.|[^|{}\\])+)\}")
ESCAPED = re.compile(r"\\([\\|{}@\[\]()<>#*_~])")


def write(text: str) -> str:
    """`text` as little text: hashtags and mentions become links, the rest is escaped."""
    pieces: list[str] = []
    end = 0
    for mention in MENTION.finditer(text):
        pieces += [_write_plain(text[end : mention.start()]), mention[0]]
        end = mention.end()
    return "".join([*pieces, _write_plain(text[end:])])


def _write_plain(text: str) -> str:
    """As `write`, for a text without mentions."""
    pieces: list[str] = []
    end = 0
    for tag in HASHTAG.finditer(text):
        pieces += [_escape(text[end : tag.start()]), rf"{{hashtag|\#|{_escape(tag['tag'])}}}"]
        end = tag.end()
    return "".join([*pieces, _escape(text[end:])])


def _escape(text: str) -> str:
    return RESERVED.sub(r"\\\g<0>", text)


def read(commentary: str) -> str:
    """The text that `commentary` was written from."""
    return ESCAPED.sub(r"\1", HASHTAG_TEMPLATE.sub(r"#\1", commentary))
