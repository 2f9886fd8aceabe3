r"""Little text, the format of a post's commentary: one writer and one reader.

Reserved characters need a backslash, in the name and the URN of a mention too: LinkedIn cuts the
post at the first one without it, and reports no error.
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
and https://learn.microsoft.com/en-us/answers/questions/5741122, checked 2026-11-27.
"""

from __future__ import annotations

import re

from django.conf import settings

from socialpublishing.text import HASHTAG

RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
# An address ends at a space and at what no address contains. Without a scheme, it needs a path.
# Callers write a mention in LinkedIn's own form, but without backslashes; its name may contain
# pairs of brackets.
SPECIAL = re.compile(
    r"""
    (?P<address>
        (?: https?:// | (?<![\w@.-]) (?:[\w-]+\.)+ [^\W\d_]{2,} (?=[/?]) )
        [^\s\\|{}<>\[\]"]+
    )
    | @\[ (?P<name> (?: [^\[\]\n] | \[[^\[\]\n]*\] )+ ) \]
      \( (?P<urn> urn:li:(?:person|organization):[\w-]+ ) \)
    """,
    re.IGNORECASE | re.VERBOSE,
)
AFTER_ADDRESS = re.compile(r"""[.,;:!?'"*~]+\Z""")
WRITTEN = re.compile(
    r"\{hashtag\|\\?(?P<sign>[#\uFF03])\|(?P<tag>(?:\\.|[^|{}\\])+)\}"
    r"|\\(?P<char>[\\|{}@\[\]()<>#*_~])"
)


def write(text: str) -> str:
    """`text` as little text: hashtags and mentions become links, the rest is escaped."""
    pieces: list[str] = []
    end = 0
    for match in SPECIAL.finditer(text):
        pieces.append(_write_plain(text, end, match.start()))
        if match["name"]:
            pieces.append(f"@[{_escape(match['name'])}]({_escape(match['urn'])})")
        else:
            pieces.append(_write_address(match["address"]))
        end = match.end()
    return "".join([*pieces, _write_plain(text, end, len(text))])


def _write_plain(text: str, start: int, end: int) -> str:
    """As `write`, for a part of `text` without mentions and addresses."""
    pieces: list[str] = []
    for tag in HASHTAG.finditer(text, start, end):
        # The sign is # or its full-width form, which is not reserved.
        sign = _escape(tag[0][0])
        pieces += [_escape(text[start : tag.start()]), f"{{hashtag|{sign}|{_escape(tag['tag'])}}}"]
        start = tag.end()
    return "".join([*pieces, _escape(text[start:end])])


def _write_address(found: str) -> str:
    """An address; its `#` starts a fragment, no hashtag.

    The documentation wants reserved characters escaped everywhere. Some report that LinkedIn then
    shows the backslashes in addresses, so LINKEDIN_ESCAPE_ADDRESSES switches that off:
    https://github.com/apoorvdarshan/crossposter/releases/tag/v1.1.5, checked 2026-11-27.
    """
    if settings.LINKEDIN_ESCAPE_ADDRESSES:
        return _escape(found)
    address = AFTER_ADDRESS.sub("", found)
    while address.endswith(")") and address.count("(") < address.count(")"):
        address = AFTER_ADDRESS.sub("", address[:-1])
    return address + _escape(found[len(address) :])


def _escape(text: str) -> str:
    return RESERVED.sub(r"\\\g<0>", text)


def read(commentary: str) -> str:
    """The text that `commentary` was written from."""
    return WRITTEN.sub(_read_match, commentary)


def _read_match(match: re.Match[str]) -> str:
    return match["char"] or match["sign"] + read(match["tag"])
