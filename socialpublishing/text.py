"""How platforms count text: X's weighted length, links, hashtags, mentions and cashtags.

The rules are those of twitter-text 3, X's own library, in a new implementation: its regular
expressions take minutes for a hostile text of a few thousand characters, these take linear time.
https://github.com/twitter/twitter-text (Apache License 2.0), read 2026-11-24.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import emoji
import regex  # type: ignore[import-untyped]  # Unicode properties, which `re` lacks

URL_WEIGHT = 23  # for any length: X replaces every link by a short one
MAX_URL_LENGTH = 4096
MAX_LABEL_LENGTH = 63
MAX_TCO_SLUG_LENGTH = 40


def weighted_length(text: str) -> int:
    """The length of `text` as X counts it, after NFC. An ordinary account may use 280.

    A link counts 23, an emoji with all its parts 2, a character of the alphabets up to Georgian
    (U+10FF) and of common punctuation 1, any other 2.
    """
    text = _nfc(text)
    urls = find_urls(text)
    starts, ends = [start for start, _ in urls], [end for _, end in urls]
    between = [text[end:start] for end, start in zip([0, *ends], [*starts, None], strict=True)]
    # One character of weight 1 replaces each link, so that the texts around it form no emoji.
    counted = EMOJI_RUN.sub(_flatten_emoji, "x".join(between))
    return len(counted) + len(HEAVY.findall(counted)) + len(urls) * (URL_WEIGHT - len("x"))


def find_urls(text: str) -> list[tuple[int, int]]:
    """The links that X recognises in `text`: (start, end) of each, in order, without overlaps.

    Without a scheme, a link is a host of Latin letters under a top-level domain that X knows.
    """
    found: list[tuple[int, int]] = []
    for match in URL.finditer(text):
        if not match["host"] or not _has_valid_lengths(match):
            continue
        start, end = match.span("url")
        if match["scheme"]:
            if tco := TCO_URL.match(text, start, end):
                if len(tco["slug"]) > MAX_TCO_SLUG_LENGTH:
                    continue
                end = tco.end()
            found.append((start, end))
        elif match["before"] not in {"-", "_", ".", "/"}:
            # In scripts without spaces this "host" may be a sentence that contains Latin hosts.
            spans = [m.span() for m in LATIN_HOST.finditer(text, *match.span("host")) if m["host"]]
            if spans and match["path"]:
                spans[-1] = (spans[-1][0], end)
            found += spans
    return found


def count_cashtags(text: str) -> int:
    """How many cashtags, such as $TSLA, X recognises in `text`. It accepts one per post."""
    return len(CASHTAG.findall(mask_links(text))) if "$" in text else 0


def utf16_length(text: str) -> int:
    """The length of `text` as JavaScript and Java count it: two for each character above U+FFFF."""
    return len(text) + sum(char > "\uffff" for char in text)


def find_hashtags(text: str) -> list[str]:
    """The hashtags of `text`, in order, without the #. Each has at least one letter.

    What follows a # in a link is no hashtag.
    """
    if "#" not in text and "\uff03" not in text:
        return []
    return [match["tag"] for match in HASHTAG.finditer(mask_links(text))]


def hashtag_of(words: str) -> str:
    """`words` as one hashtag, without the #; empty if that is not possible."""
    tag = NOT_IN_TAG.sub("", words)
    return tag if find_hashtags(f"#{tag}") == [tag] else ""


def count_hashtags(text: str) -> int:
    return len(find_hashtags(text))


def count_mentions(text: str) -> int:
    """How many accounts `text` mentions, such as @name. Email addresses and links mention none."""
    if "@" not in text and "\uff20" not in text:
        return 0
    return len(MENTION.findall(mask_links(text)))


def mask_links(text: str) -> str:
    """`text` with a slash for each character of its links: other characters keep their places.

    A slash belongs to no tag, and none starts directly after it.
    """
    pieces: list[str] = []
    end = 0
    for start, stop in [*find_urls(text), (len(text), len(text))]:
        pieces.append(ADDRESS.sub(lambda match: "/" * len(match[0]), text[end:start]))
        pieces.append("/" * (stop - start))
        end = stop
    return "".join(pieces)


def is_blank(text: str) -> bool:
    """Whether `text` has no visible character: only spaces, controls and invisible ones."""
    return VISIBLE.search(text) is None


# --- Characters ----------------------------------------------------------------------------------

# All but the ranges with weight 1 in twitter-text's config v3. These characters have weight 2.
HEAVY = re.compile(r"[^\u0000-\u10FF\u2000-\u200D\u2010-\u201F\u2032-\u2037]")

# The Braille blank and the musical null notehead are symbols by category, but invisible.
VISIBLE = regex.compile(
    r"[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u2800\U0001D159]"
)

# A base character with at most 30 combining marks, Unicode's "stream-safe" bound (UAX 15): sorting
# them takes quadratic time. A cut can change the result only after more marks than that.
NFC_PIECE = regex.compile(r"\P{M}++\p{M}{0,30}+|\p{M}{1,30}+")


def _nfc(text: str) -> str:
    if unicodedata.is_normalized("NFC", text):
        return text
    return "".join(unicodedata.normalize("NFC", piece) for piece in NFC_PIECE.findall(text))


# --- Emoji ---------------------------------------------------------------------------------------

EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"
SKIN_TONES = [chr(code) for code in range(0x1F3FB, 0x1F400)]


def _emoji_sequences() -> Iterator[str]:
    """The emoji of several code points: Unicode's, and what twitter-text counts as one besides.

    twitter-text allows the emoji style after any emoji and before a skin tone; it has skin tones
    of the skier, and women and men who levitate.
    """
    yield from emoji.EMOJI_DATA
    skier, levitating = "\N{SKIER}", "\N{MAN IN BUSINESS SUIT LEVITATING}"
    yield from (skier + tone for tone in SKIN_TONES)
    for character in filter(lambda each: len(each) == 1, emoji.EMOJI_DATA):
        yield character + EMOJI_STYLE
        if character == skier or character + SKIN_TONES[0] in emoji.EMOJI_DATA:
            yield from (character + EMOJI_STYLE + tone for tone in SKIN_TONES)
    for style, sign in itertools.product([EMOJI_STYLE, *SKIN_TONES], "\u2640\u2642"):
        yield f"{levitating}{style}\N{ZERO WIDTH JOINER}{sign}{EMOJI_STYLE}"


# An emoji of one code point has weight 2 already. Only longer sequences need a search.
EMOJI_SEQUENCES = frozenset(sequence for sequence in _emoji_sequences() if len(sequence) > 1)
EMOJI_LENGTHS: dict[str, list[int]] = defaultdict(list)  # by first character, longest first
for _first, _length in sorted({(s[0], -len(s)) for s in EMOJI_SEQUENCES}):
    EMOJI_LENGTHS[_first].append(-_length)


def _character_class(characters: Iterable[str]) -> str:
    """As ranges: `re` compares a character with each part of a class in turn."""
    codes = set(map(ord, characters))
    starts = sorted(code for code in codes if code - 1 not in codes)
    ends = sorted(code for code in codes if code + 1 not in codes)
    ranges = zip(starts, ends, strict=True)
    return "".join(f"\\U{start:08x}-\\U{end:08x}" for start, end in ranges)


EMOJI_RUN = re.compile(
    f"[{_character_class(EMOJI_LENGTHS)}]"
    f"[{_character_class({char for sequence in EMOJI_SEQUENCES for char in sequence})}]++"
)


def _flatten_emoji(run: re.Match[str]) -> str:
    """The run with one character of weight 2 in place of each emoji sequence."""
    text = run[0]
    flat = []
    at = 0
    while at < len(text):
        for length in EMOJI_LENGTHS.get(text[at], ()):
            if text[at : at + length] in EMOJI_SEQUENCES:
                flat.append("\N{WHITE SMILING FACE}")
                at += length
                break
        else:
            flat.append(text[at])
            at += 1
    return "".join(flat)


# --- Links ---------------------------------------------------------------------------------------

# Character sets and grammar are twitter-text's (js/src/regexp). Two things keep the time linear:
# inner repetitions are possessive, and a match consumes text that is no link completely, so that no
# search starts again at each of its characters.

PUNCTUATION = r"!'#%&()*+,\\./:;<=>?@\[\]\^{|}~$"  # and "-" and "_", which a label may contain
SPACES = r"\t-\r \x85\xA0\u1680\u180E\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
DIRECTIONS = r"\u202A-\u202E\u061C\u200E\u200F\u2066-\u2069"
INVALID = r"\uFFFE\uFEFF\uFFFF"
LATIN_ACCENTS = (
    r"\xC0-\xD6\xD8-\xF6\xF8-\u024F\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0268\u026F\u0272"
    r"\u0289\u028B\u02BB\u0300-\u036F\u1E00-\u1EFF"
)
NOT_IN_LABEL = PUNCTUATION + SPACES + DIRECTIONS + INVALID
LETTER = rf"[^{NOT_IN_LABEL}_-]"


Tree = dict[str, "Tree"]


def _any_tld() -> str:
    """A pattern for all top-level domains, as a tree of letters: a plain list would be slow.

    It contains both cases of each letter, because case-insensitive matching would follow every
    branch of the tree.
    """
    lines = Path(__file__).with_name("text_tlds.txt").read_text("utf-8").splitlines()
    tree: Tree = {}
    for name in (name for line in lines if not line.startswith("#") for name in line.split()):
        branch = tree
        for letter in name:
            branch = branch.setdefault(letter, {})
        branch[""] = {}
    return rf"(?-i:{_branches(tree)}(?![0-9a-zA-Z@+-])|[xX][nN]--[0-9a-zA-Z-]+)"


def _branches(tree: Tree) -> str:
    branches = []
    for letter in sorted(
        tree, reverse=True
    ):  # "" (the end of a name) comes last: longest name first
        cases = "".join(sorted({letter.lower(), letter.upper()}))
        branches.append(rf"[{cases}]{_branches(tree[letter])}" if letter else "")
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


TLD = _any_tld()
PATH_END = rf"a-z0-9=_#/+\-\u0400-\u04FF{LATIN_ACCENTS}"
PATH_CHAR = rf"[!*';:,.$%\[\]\u2013~@|&{PATH_END}]"
PARENTHESES = rf"\((?:{PATH_CHAR}++|{PATH_CHAR}*+\({PATH_CHAR}++\){PATH_CHAR}*+)\)"
QUERY = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]*[a-z0-9_&=#/-]"

BEFORE = rf"[^A-Za-z0-9@\uFF20$#\uFF03{INVALID}]"

URL = re.compile(
    rf"""
    (?: (?P<before> {BEFORE} ) | \A )
    (?P<url>
        (?P<scheme> https?:// )?
        (?P<host>
            (?: {LETTER} [^{NOT_IN_LABEL}]*+ (?<![_-]) \. )*
            {LETTER} [^{NOT_IN_LABEL}_]*+ (?<!-) \.
            {TLD}
        )
        (?: :[0-9]+ )?
        (?P<path> / (?: (?: {PATH_CHAR} | {PARENTHESES} )*[{PATH_END}] | {PARENTHESES} )*+ )?
        (?: {QUERY} )?
    )
    | (?: {BEFORE} | \A ) (?![._-]) (?: (?: [^{NOT_IN_LABEL}] | \. ) (?! https?:// ) )++  # no link
    """,
    re.IGNORECASE | re.VERBOSE,
)
LATIN = rf"a-z0-9{LATIN_ACCENTS}-"
LATIN_HOST = re.compile(
    rf"(?P<host>(?:[{LATIN}]++\.)+{TLD})|[{LATIN}][{LATIN}.]*+",  # a host, or text that is none
    re.IGNORECASE,
)
# A link under a top-level domain that X does not know, such as one of a local network.
ADDRESS = re.compile(r"(?<![A-Za-z0-9@$#])https?://[!-~]+", re.IGNORECASE)
TCO_URL = re.compile(rf"https?://t\.co/(?P<slug>[a-z0-9]+)(?:{QUERY})?", re.IGNORECASE)
CASHTAG = re.compile(
    rf"(?:^|(?<=[{SPACES}]))\$[a-z]{{1,6}}(?:[._][a-z]{{1,2}})?(?=$|\s|[{PUNCTUATION}_-])",
    re.IGNORECASE,
)

# The rules that all platforms share. Each has exceptions of its own, and its response decides.
# Combining marks and joiners belong to words: without them tags in Hindi or Thai would be cut.
TAG_CHARACTER = r"[\p{L}\p{M}\p{N}_\u200C\u200D]"
HASHTAG = regex.compile(
    rf"(?<![\w\p{{M}}&/#\uFF03])[#\uFF03](?P<tag>{TAG_CHARACTER}*+(?<=\p{{L}}{TAG_CHARACTER}*))"
)
NOT_IN_TAG = regex.compile(rf"[^{TAG_CHARACTER[1:]}")
MENTION = re.compile(r"(?<![\w@/.+-])[@\uFF20]\w[\w.]*")


def _has_valid_lengths(match: re.Match[str]) -> bool:
    """Whether the host's labels and the whole URL are short enough, in the ASCII form of DNS."""
    # The usual case. A character takes at most seven in ASCII, and the shortest host with a wrong
    # prefix is xn--é.de.
    is_short = match["host"].isascii() or len(match["host"]) < len("xn--é.de")
    if is_short and len(match["url"]) <= MAX_LABEL_LENGTH:
        return True
    length = len(match["url"]) - len(match["host"]) + (0 if match["scheme"] else len("https://"))
    for label in re.split(r"[.\u3002\uFF0E\uFF61]", match["host"]):  # all four are dots to IDNA
        # Encoding takes quadratic time and never makes a label shorter.
        if len(label) > MAX_LABEL_LENGTH:
            return False
        if label.isascii():
            encoded = label
        elif label.lower().startswith("xn--"):
            return False
        else:
            encoded = "xn--" + label.encode("punycode").decode("ascii")
        if len(encoded) > MAX_LABEL_LENGTH:
            return False
        length += len(encoded) + len(".")
    return length - len(".") <= MAX_URL_LENGTH
