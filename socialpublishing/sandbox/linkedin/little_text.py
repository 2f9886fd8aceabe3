"""Little text, the format of a post's commentary.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

import re

RESERVED = frozenset("\\|{}@[]()<>#*_~")
TEMPLATE = re.compile(r"\{hashtag\|\\#\|(?P<word>(?:\\.|[^|{}\\])+)\}")
MENTION = re.compile(r"@\[(?P<name>[^\]]+)\]\((?P<urn>urn:li:(?:person|organization):[\w-]+)\)")
HASHTAG = re.compile(r"#(?P<word>\w+)")


def read(commentary: str) -> tuple[str, str]:
    """The text that readers see, and the commentary that the API returns.

    LinkedIn cuts both at the first reserved character without an escape, and reports no error.
    """
    visible: list[str] = []
    stored: list[str] = []
    at = 0
    while at < len(commentary):
        char = commentary[at]
        escaped = commentary[at + 1 : at + 2]
        if char == "\\" and escaped in RESERVED and escaped:
            visible.append(escaped)
            stored.append(char + escaped)
            at += 2
        elif match := TEMPLATE.match(commentary, at) or HASHTAG.match(commentary, at):
            word = re.sub(r"\\(.)", r"\1", match["word"])
            visible.append(f"#{word}")
            stored.append(rf"{{hashtag|\#|{_escaped(word)}}}")
            at = match.end()
        elif match := MENTION.match(commentary, at):
            visible.append(match["name"])
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
        rf"{{hashtag|\#|{_escaped(part[1:])}}}"
        if part.startswith("#") and len(part) > 1
        else _escaped(part)
        for part in parts
    )


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in RESERVED else char for char in text)
