"""Little text, the format of a post's commentary.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

import re

RESERVED = frozenset("\\|{}@[]()<>#*_~")
TEXT = r"(?:\\.|[^\\|{}@\[\]()<>#*_~])+"
TEMPLATE = re.compile(rf"\{{hashtag\|\\?(?P<sign>[#\uFF03])\|(?P<word>{TEXT})\}}")
# Reserved characters inside a name or a URN need their backslash as everywhere.
MENTION = re.compile(rf"@\[(?P<name>{TEXT})\]\((?P<urn>urn:li:(?:person|organization):{TEXT})\)")
HASHTAG = re.compile(r"(?P<sign>#)(?P<word>\w+)")
# With `plain_addresses`: an address is taken as it is, with its reserved characters and
# backslashes, up to punctuation before a space.
ADDRESS = re.compile(
    r"https?://(?:(?![.,;:!?)]*(?:\s|\Z))(?:[^\s|{}<>\[\]\\]|\\(?=[\w#~*(])))+", re.IGNORECASE
)


def read(commentary: str, *, plain_addresses: bool = False) -> tuple[str, str]:
    """The text that readers see, and the commentary that the API returns.

    LinkedIn cuts both at the first reserved character without an escape, and reports no error.
    """
    visible: list[str] = []
    stored: list[str] = []
    at = 0
    while at < len(commentary):
        char = commentary[at]
        escaped = commentary[at + 1 : at + 2]
        if plain_addresses and (match := ADDRESS.match(commentary, at)):
            visible.append(match[0])
            stored.append(match[0])
            at = match.end()
        elif char == "\\" and escaped in RESERVED and escaped:
            visible.append(escaped)
            stored.append(char + escaped)
            at += 2
        elif match := TEMPLATE.match(commentary, at) or HASHTAG.match(commentary, at):
            word = _plain(match["word"])
            visible.append(f"{match['sign']}{word}")
            stored.append(_template(match["sign"], word))
            at = match.end()
        elif match := MENTION.match(commentary, at):
            visible.append(_plain(match["name"]))
            stored.append(match[0])
            at = match.end()
        elif char in RESERVED:
            break
        else:
            visible.append(char)
            stored.append(char)
            at += 1
    return "".join(visible), "".join(stored)


def to_little_text(text: str) -> str:
    """Plain `text` as the commentary that the API returns."""
    parts = re.split(r"(#\w+)", text)
    return "".join(
        _template("#", part[1:]) if part.startswith("#") and len(part) > 1 else _escaped(part)
        for part in parts
    )


def _template(sign: str, word: str) -> str:
    return f"{{hashtag|{_escaped(sign)}|{_escaped(word)}}}"


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in RESERVED else char for char in text)
