r"""Little text: how LinkedIn wants the commentary of a post written.

A reserved character without a backslash ends the post, without a word: only what stands before it
is published.
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

from __future__ import annotations

import re

from socialpublishing.text import HASHTAG

RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
# A mention is written by the caller in LinkedIn's own form, and stays as it is.
MENTION = re.compile(r"@\[[^\[\]\\]+\]\(urn:li:(?:person|organization):[\w-]+\)")
TEMPLATE = re.compile(r"\{hashtag\|\\#\|((?:\\.|[^|{}\\])+)\}")
ESCAPED = re.compile(r"\\([\\|{}@\[\]()<>#*_~])")


def write(text: str) -> str:
    """`text` as little text: hashtags and mentions stay alive, all else is what it is."""
    pieces: list[str] = []
    end = 0
    for mention in MENTION.finditer(text):
        pieces += [_write_plain(text[end : mention.start()]), mention[0]]
        end = mention.end()
    return "".join([*pieces, _write_plain(text[end:])])


def _write_plain(text: str) -> str:
    pieces: list[str] = []
    end = 0
    for tag in HASHTAG.finditer(text):
        pieces += [_escape(text[end : tag.start()]), rf"{{hashtag|\#|{_escape(tag['tag'])}}}"]
        end = tag.end()
    return "".join([*pieces, _escape(text[end:])])


def _escape(text: str) -> str:
    return RESERVED.sub(r"\\\g<0>", text)


def read(commentary: str) -> str:
    """What readers see of `commentary`, mentions left as they are written."""
    return ESCAPED.sub(r"\1", TEMPLATE.sub(r"#\1", commentary))
