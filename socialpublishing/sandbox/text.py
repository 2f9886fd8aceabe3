"""How the sandbox reads texts, apart from X's own rules (twitter/text.py)."""

import re

import regex  # type: ignore[import-untyped]  # Unicode properties, which `re` lacks

# An address up to the next space, without the punctuation of the sentence around it.
LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\"'.,;:!?)\]}]", re.IGNORECASE)
HASHTAG = regex.compile(r"(?<![\w\p{M}&/])[#\uff03]([\p{L}\p{M}\p{N}_\u200c\u200d]+)")
LETTER = regex.compile(r"\p{L}")
VISIBLE = regex.compile(
    r"[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800\U0001D159]"
)


def find_links(text: str) -> list[tuple[int, int]]:
    """The addresses with a scheme: (start, end) of each, in order."""
    return [match.span() for match in LINK.finditer(text)]


def find_hashtags(text: str) -> list[str]:
    """The hashtags outside links, without the #. Each has at least one letter."""
    without_links = LINK.sub("/", text)
    return [tag for tag in HASHTAG.findall(without_links) if LETTER.search(tag)]


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_blank(text: str) -> bool:
    """Whether nothing of `text` can be seen."""
    return VISIBLE.search(text) is None
