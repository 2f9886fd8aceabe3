"""How X counts a text, by the configuration and the conformance files of its own library.

https://github.com/twitter/twitter-text, https://docs.x.com/fundamentals/counting-characters.
Written for the sandbox alone: tests compare it with how the service counts.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import emoji
import regex  # type: ignore[import-untyped]  # Unicode properties, which `re` lacks

_published = json.loads(Path(__file__).with_name("twitter_text.json").read_text("utf-8"))
_CONFIG = _published["config"]
SCALE = _CONFIG["scale"]
MAX_TEXT = _CONFIG["maxWeightedTweetLength"]
TLDS = frozenset(" ".join(_published["tlds"]).split())
LONGEST_TLD = max(map(len, TLDS))

MAX_LABEL = 63
MAX_URL = 4096
MAX_TCO_SLUG = 40


def weighted_length(text: str) -> int:
    """The length as X counts it: 280 are allowed, or more to subscribers."""
    text = unicodedata.normalize("NFC", text)
    weight, end = 0, 0
    for start, stop in [*find_urls(text), (len(text), len(text))]:
        weight += _plain_weight(text[end:start])
        weight += _CONFIG["transformedURLLength"] * SCALE if stop > start else 0
        end = stop
    return int(weight // SCALE)


def count_cashtags(text: str) -> int:
    urls = find_urls(text)
    return sum(
        not any(start <= match.start() < stop for start, stop in urls)
        for match in CASHTAG.finditer(text)
    )


# --- Characters and emoji ------------------------------------------------------------------------

STYLE = "\ufe0f"
# One emoji and what may follow its first character. What Unicode does not list is shortened.
EMOJI = regex.compile(
    r"""
    [0-9\#*] \uFE0F? \u20E3
    | \p{Regional_Indicator}{2}
    | \U0001F3F4 [\U000E0020-\U000E007E]+ \U000E007F
    | \p{Emoji} \uFE0F? \p{Emoji_Modifier}?
      (?: \u200D \p{Emoji} \uFE0F? \p{Emoji_Modifier}? \uFE0F? )*
    """,
    regex.VERBOSE,
)
# In twitter-text's list, but not in Unicode's.
SKIER, LEVITATING = "\u26f7", "\U0001f574"


def _plain_weight(text: str) -> int:
    """In hundredths, of a text without links."""
    weight, at = 0, 0
    while at < len(text):
        length = _emoji_length(text, at)
        weight += _CONFIG["defaultWeight"] if length else _character_weight(text[at])
        at += length or 1
    return weight


def _character_weight(character: str) -> int:
    for span in _CONFIG["ranges"]:
        if span["start"] <= ord(character) <= span["end"]:
            return int(span["weight"])
    return int(_CONFIG["defaultWeight"])


def _emoji_length(text: str, at: int) -> int:
    """The length of the longest emoji at this place; 0 if there is none of several characters."""
    match = EMOJI.match(text, at)
    if match is None:
        return 0
    lengths = range(len(match[0]), 1, -1)
    return next((length for length in lengths if _is_emoji(match[0][:length])), 0)


def _is_emoji(sequence: str) -> bool:
    if emoji.is_emoji(sequence):
        return True
    first, rest = sequence[0], sequence[1:]
    if first == LEVITATING and rest[1:] in ("\u200d\u2640\ufe0f", "\u200d\u2642\ufe0f"):
        return rest[0] == STYLE or _is_skin_tone(rest[0])
    rest = rest.removeprefix(STYLE)
    if not rest or (first == SKIER and _is_skin_tone(rest)):
        return emoji.is_emoji(first)
    return _is_skin_tone(rest) and emoji.is_emoji(first + rest)


def _is_skin_tone(text: str) -> bool:
    return "\U0001f3fb" <= text <= "\U0001f3ff"


# --- Links ---------------------------------------------------------------------------------------

_ACCENTED = (
    "\xc0-\xd6\xd8-\xf6\xf8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272"
    "\u0289\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_SPACE = "\t-\r \x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
INVALID = "\ufffe\ufeff\uffff"
_DIRECTION = "\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069"
_PUNCTUATION = r"!'#%&()*+,\\\-./:;<=>?@\[\]^_{|}~$"

# Of a host: everything but punctuation and spaces, and these three.
HOST_RUN = re.compile(rf"(?:[^{_PUNCTUATION}{_SPACE}{INVALID}{_DIRECTION}]|[._-])+", re.IGNORECASE)
NO_URL_AFTER = re.compile(rf"[A-Za-z0-9@\uff20$#\uff03{INVALID}]")
LATIN_RUN = re.compile(rf"[a-z0-9{_ACCENTED}.-]+", re.IGNORECASE)
PUNYCODE = re.compile(r"xn--[0-9a-z-]+", re.IGNORECASE)
PORT = re.compile(r":[0-9]+")
_PATH_END = rf"a-z0-9=_#/+\-\u0400-\u04ff{_ACCENTED}"
_PATH_CHAR = rf"{_PATH_END}!*';:,.$%\[\]\u2013~@|&"
_IN_PATH = rf"[{_PATH_CHAR}]"
_BRACKETS = rf"\((?:{_IN_PATH}+|{_IN_PATH}*\({_IN_PATH}+\){_IN_PATH}*)\)"
PATH = re.compile(
    rf"/(?:(?:{_IN_PATH}|{_BRACKETS})*[{_PATH_END}]|{_BRACKETS})*",
    re.IGNORECASE,
)
QUERY = re.compile(r"\?[a-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]+", re.IGNORECASE)
NOT_AT_QUERY_END = "!?*'@();:+$%[].,~|"
TCO = re.compile(r"https?://t\.co/([a-z0-9]+)", re.IGNORECASE)
SCHEME = re.compile(r"(?<![A-Za-z0-9@\uff20$#\uff03])https?://\Z", re.IGNORECASE)
CASHTAG = re.compile(
    rf"(?:(?<![^{_SPACE}]))\$[a-z]{{1,6}}(?:[._][a-z]{{1,2}})?(?=$|\s|[{_PUNCTUATION}])",
    re.IGNORECASE,
)


def find_urls(text: str) -> list[tuple[int, int]]:
    """The links: (start, end) of each, in order."""
    found: list[tuple[int, int]] = []
    end = 0
    for run in HOST_RUN.finditer(text):
        if run.end() > end and "." in run[0]:
            spans, end = _urls_of_run(text, run.start(), run.end(), end)
            found += spans
    return found


def _urls_of_run(
    text: str, run_start: int, run_end: int, after: int
) -> tuple[list[tuple[int, int]], int]:
    """The links whose host lies in this run of characters, and how far the text is read."""
    found: list[tuple[int, int]] = []
    scheme = SCHEME.search(text, max(run_start - 9, 0), run_start)
    start = max(run_start, after)
    while start < run_end:
        has_scheme = scheme is not None and start == run_start and scheme.start() >= after
        url_start = scheme.start() if scheme and has_scheme else start
        may_start = url_start == 0 or (
            (url_start > after or after == 0) and not NO_URL_AFTER.match(text[url_start - 1])
        )
        host_end = _host_end(text, start, run_end) if may_start else 0
        if not host_end:
            start += 1
            continue
        url_end, has_path = _url_end(text, host_end)
        found += _spans(text, url_start, start, host_end, url_end, has_path, has_scheme)
        after = start = url_end
    return found, after


def _host_end(text: str, start: int, run_end: int) -> int:
    """The end of the longest host that starts here; 0 if there is none."""
    end, at = 0, start
    while True:
        dot = text.find(".", at, run_end)
        label = text[at:dot]
        if dot < 0 or not label or label[0] in "-_" or label[-1] in "-_":
            return end
        if "_" not in label:
            end = _tld_end(text, dot + 1, run_end) or end
        at = dot + 1


def _tld_end(text: str, start: int, limit: int) -> int:
    """The end of the top-level domain that starts here; 0 if there is none."""
    for length in range(min(LONGEST_TLD, limit - start), 0, -1):
        end = start + length
        if text[start:end].lower() in TLDS and not re.match(r"[0-9a-zA-Z@+-]", text[end : end + 1]):
            return end
    match = PUNYCODE.match(text, start, limit)
    return match.end() if match else 0


def _url_end(text: str, at: int) -> tuple[int, bool]:
    """The end of the link whose host ends at `at`, and whether it has a path."""
    if port := PORT.match(text, at):
        at = port.end()
    if path := PATH.match(text, at):
        at = path.end()
    if query := QUERY.match(text, at):
        kept = query[0].rstrip(NOT_AT_QUERY_END)
        at += len(kept) if kept else 0
    return at, path is not None


def _spans(
    text: str, start: int, host: int, host_end: int, end: int, has_path: bool, has_scheme: bool
) -> list[tuple[int, int]]:
    if not _is_valid(text[host:host_end], end - start + (0 if has_scheme else len("https://"))):
        return []
    if has_scheme:
        if tco := TCO.match(text, start, end):
            if len(tco[1]) > MAX_TCO_SLUG:
                return []
            end = _query_end(text, tco.end(), end)
        return [(start, end)]
    if start and text[start - 1] in "-_./":
        return []
    spans = list(_latin_hosts(text, host, host_end))
    if spans and has_path:
        spans[-1] = (spans[-1][0], end)
    return spans


def _query_end(text: str, at: int, end: int) -> int:
    query = QUERY.match(text, at, end)
    return at + len(query[0].rstrip(NOT_AT_QUERY_END)) if query else at


def _latin_hosts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """In scripts without spaces a "host" may be a sentence that contains Latin hosts."""
    at = start
    while run := LATIN_RUN.search(text, at, end):
        at = run.start()
        host_end = _latin_host_end(text, at, end)
        if host_end:
            yield at, host_end
        at = host_end or at + 1


def _latin_host_end(text: str, start: int, end: int) -> int:
    found, at = 0, start
    while (dot := text.find(".", at, end)) > at and LATIN_RUN.fullmatch(text, at, dot):
        found = _tld_end(text, dot + 1, end) or found
        at = dot + 1
    return found


def _is_valid(host: str, length: int) -> bool:
    """Whether labels and the whole link are short enough, in the ASCII form of DNS."""
    if host[:4] == "xn--" and not host.isascii():
        return False
    for label in host.split("."):
        encoded = label if label.isascii() else "xn--" + label.encode("punycode").decode()
        if len(encoded) > MAX_LABEL:
            return False
        length += len(encoded) - len(label)
    return length <= MAX_URL
