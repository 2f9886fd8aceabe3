"""Little text, the way in which a post's commentary is written.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

import re

RESERVED = frozenset("\\|{}@[]()<>#*_~")
TEMPLATE = re.compile(r"\{hashtag\|\\#\|(?P<word>(?:\\.|[^|{}\\])+)\}")
MENTION = re.compile(r"@\[(?P<name>[^\]]+)\]\((?P<urn>urn:li:(?:person|organization):[\w-]+)\)")
HASHTAG = re.compile(r"#(?P<word>\w+)")


def read(commentary: str) -> tuple[str, str]:
    """What readers see of `commentary`, and the form in which the API gives it back.

    It ends, without a word, at the first reserved character that stands there unescaped.
    """
    seen: list[str] = []
    kept: list[str] = []
    at = 0
    while at < len(commentary):
        char = commentary[at]
        escaped = commentary[at + 1 : at + 2]
        if char == "\\" and escaped in RESERVED and escaped:
            seen.append(escaped)
            kept.append(char + escaped)
            at += 2
        elif match := TEMPLATE.match(commentary, at) or HASHTAG.match(commentary, at):
            word = re.sub(r"\\(.)", r"\1", match["word"])
            seen.append(f"#{word}")
            kept.append(rf"{{hashtag|\#|{_escaped(word)}}}")
            at = match.end()
        elif match := MENTION.match(commentary, at):
            seen.append(match["name"])
            kept.append(match[0])
            at = match.end()
        elif char in RESERVED:
            break
        else:
            seen.append(char)
            kept.append(char)
            at += 1
    return "".join(seen), "".join(kept)


def written(text: str) -> str:
    """Plain `text` as the API gives it back."""
    parts = re.split(r"(#\w+)", text)
    return "".join(
        rf"{{hashtag|\#|{_escaped(part[1:])}}}"
        if part.startswith("#") and len(part) > 1
        else _escaped(part)
        for part in parts
    )


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in RESERVED else char for char in text)
