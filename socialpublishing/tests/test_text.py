import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.sandbox.text import find_hashtags as hashtags_of_sandbox
from socialpublishing.sandbox.twitter import text as of_sandbox
from socialpublishing.text import (
    count_cashtags,
    count_hashtags,
    count_mentions,
    find_hashtags,
    find_urls,
    is_blank,
    mask_links,
    weighted_length,
)

CORPORA = Path(__file__).parent / "corpora"
CONFORMANCE = json.loads((CORPORA / "twitter_text.json").read_text("utf-8"))
EMOJI_LINES = (CORPORA / "twitter_emoji.txt").read_text("utf-8").splitlines()
EMOJI = " ".join(line for line in EMOJI_LINES if not line.startswith("# ")).split()
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def cases(group):
    return [pytest.param(*case[1:], id=case[0]) for case in CONFORMANCE[group]]


@pytest.mark.parametrize(("text", "length"), cases("weighted_length"))
def test_text_has_the_weight_of_twitter_text(text, length):
    assert weighted_length(text) == of_sandbox.weighted_length(text) == length


@pytest.mark.parametrize(("text", "spans"), cases("urls"))
def test_links_are_those_of_twitter_text(text, spans):
    assert find_urls(text) == of_sandbox.find_urls(text) == [tuple(span) for span in spans]


@pytest.mark.parametrize(("text", "count"), cases("cashtags"))
def test_cashtags_are_those_of_twitter_text(text, count):
    assert count_cashtags(text) == of_sandbox.count_cashtags(text) == count


@pytest.mark.behaviour("X counts an emoji of several code points as two characters; so do we")
def test_emoji_of_several_code_points_count_as_with_twitter_text():
    assert len(EMOJI) > 1900
    assert [each for each in EMOJI if weighted_length(each) != 2] == []
    assert [each for each in EMOJI if of_sandbox.weighted_length(each) != 2] == []


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("e\u0301", 1),  # normalised to NFC first
        ("\u00a9", 1),  # without a selector it is text
        ("\u00a9\ufe0f", 2),  # with the selector it is an emoji
        ("123", 3),
        ("1\ufe0f\u20e3", 2),
        ("1\u20e3", 2),
        ("\u2b50\ufe0f" * 100, 200),  # the style of emoji is part of the emoji
        ("\U0001f600\ufe0f", 2),
        ("\u261d\ufe0f\U0001f3fb", 2),
        ("\u2b50\ufe0e", 4),  # the style of text makes it none
        (FAMILY + FAMILY, 4),
        ("\U0001fae8", 2),  # not in twitter-text's own list
        ("\U0001f600\u200d\U0001f600", 5),  # joined, but not an emoji of Unicode
        ("\U0001f1e9\U0001f1ea\U0001f1ef\U0001f1f5", 4),
        ("example.com", 23),
        ("see example.com/" + "x" * 500, 27),
        ("example.nothing", 15),
        ("me@example.com", 14),
    ],
)
def test_weight_of_a_text(text, length):
    assert weighted_length(text) == of_sandbox.weighted_length(text) == length


PLAIN = (
    *("hello", "Gr\xfc\xdfe", "\u65e5\u672c\u8a9e", "\u0440\u0443\u0441", "\u0e44\u0e17\u0e22"),
    *(
        "#tag",
        "@name",
        "$TSLA",
        "$A.B",
        "#\u65e5\u672c",
        "100%",
        "e.g.",
        "a@b.com",
        "(x)",
        "e\u0301",
    ),
    *(
        "\xa9",
        "\xae\ufe0f",
        "\u200d",
        "\ufe0e",
        "\u20e3",
        "1\ufe0f\u20e3",
        "\u2b50\ufe0f",
        "\U0001f1e9",
    ),
)
HOSTS = (
    *("example.com", "A.CO", "www.example.co.uk", "foo_bar.example.com", "b\xfccher.de"),
    *(
        "\u4f8b\u3048.jp",
        "\uc911\uad6d.\ud55c\uad6d",
        "xn--fsq.com",
        "localhost",
        "x.invalid",
        "1.2.3.4",
    ),
    *("t.co", "twitter.com\u4e2d", "\u65e5\u672c.com", "com.com", "a-b.net", "co.jp.example"),
)
PATHS = (
    *(
        "",
        "",
        "/",
        "/a/b",
        "/?q=1",
        "?q=1&b=2#x",
        "#frag",
        "/#a",
        "/(a)",
        "/(a(b)c)",
        "/((a",
        "/a.",
    ),
    *("/a,b", "/\xe9", "/\u65e5", "/@n/", "/,(b)", "?x.", ":8080/a", "/a;b=c'd", "/~u|v"),
)
BETWEEN = (
    "",
    " ",
    " ",
    "\n",
    ".",
    ",",
    "\u3002",
    "(",
    ")",
    "/",
    "#",
    "@",
    "$",
    "\u4e2d",
    "!",
    "\u200f",
)


def made_up_text(source):
    def piece():
        kind = source.random()
        if kind < 0.4:
            return source.choice(PLAIN) * source.randint(1, 3)
        if kind < 0.6:
            return source.choice(EMOJI)
        if kind < 0.65:
            return (
                "https://t.co/" + "a" * source.choice([3, 40, 41]) + source.choice(["/x", "?a=1"])
            )
        scheme = source.choice(["", "", "http://", "https://", "HTTP://", "ftp://"])
        return scheme + source.choice(HOSTS) + source.choice(PATHS)

    return "".join(piece() + source.choice(BETWEEN) for _ in range(source.randint(1, 12)))


def test_we_count_like_the_sandbox_which_counts_by_itself():
    source = random.Random(2026)
    texts = [made_up_text(source) for _ in range(7_000)]

    differing = [
        text
        for text in texts
        if weighted_length(text) != of_sandbox.weighted_length(text)
        or find_urls(text) != of_sandbox.find_urls(text)
        or count_cashtags(text) != of_sandbox.count_cashtags(text)
    ]

    assert differing == []


@pytest.mark.behaviour("What follows #, @ or $ in a link is neither hashtag, mention nor cashtag")
@pytest.mark.parametrize(
    "link",
    [
        "https://e.com/?#{}",
        "https://e.com/?q=@{}",
        "https://e.com/#{}",
        "e.com/?#{}",
        "http://localhost:8000/?#{}",
        "https://e.invalid/a?=@{0}&#{0}",
        "https://e.com/a,@{}",
        "https://e.com/?$TSLA{}",
    ],
)
def test_tags_are_not_found_in_links(link):
    text = " ".join(link.format(f"a{number}") for number in range(31))

    assert (count_hashtags(text), count_mentions(text), count_cashtags(text)) == (0, 0, 0)
    if "://" in link:
        assert hashtags_of_sandbox(text) == []
    beside = f"#one {text} #two @three $TSLA"
    assert find_hashtags(beside) == ["one", "two"]
    assert (count_mentions(beside), count_cashtags(beside)) == (1, 1)


@given(st.text(alphabet="ab.-_/:@#$(?)é中\u200d\U0001f468\ufe0f ", max_size=60))
def test_masking_links_keeps_all_other_characters_in_their_places(text):
    masked = mask_links(text)
    assert len(masked) == len(text)
    assert all(new in (old, "/") for old, new in zip(text, masked, strict=True))


@given(st.text(), st.text())
def test_weights_of_two_lines_add_up(one, other):
    assert weighted_length(f"{one}\n{other}") == weighted_length(one) + 1 + weighted_length(other)


@given(st.text())
def test_weight_is_at_most_two_per_character_outside_links(text):
    links = find_urls(text)
    assert weighted_length(text) <= 2 * len(text) + 23 * len(links)


@given(st.text(alphabet="ab.-_/:@#$(?)é中\u200d\U0001f468\ufe0f ", max_size=60))
def test_links_are_in_order_and_do_not_overlap(text):
    ends = [0] + [end for span in find_urls(text) for end in span]
    assert ends == sorted(ends)
    assert ends[-1] <= len(text)


def seconds_for(text):
    started = time.process_time()  # other processes do not count
    weighted_length(text)
    count_cashtags(text)
    count_hashtags(text)
    count_mentions(text)
    is_blank(text)
    return time.process_time() - started


@pytest.mark.parametrize(
    "unit",
    [
        "a.",
        "http://",
        "http://a.",
        "\u6545",
        "\u4e2d\u6587.com",
        "\u3042.a.",
        "@a",
        "$A ",
        "1",
        "1\ufe0f",
        "\U0001f468\u200d",
        FAMILY,
        "a.co/(",
        "a.co/!",
        "a.co?!",
        "a\u0323\u0300",
        "\u0323\u0300",
        "\u200b",
        "xn--a.",
        "https://a.co/?#a@b$c ",
        "https://a.invalid/#a@b$c ",
        "#a.co @a.co ",
    ],
    ids=ascii,
)
def test_hostile_text_takes_linear_time(unit):
    short, long = unit * (50_000 // len(unit)), unit * (100_000 // len(unit))

    assert min(seconds_for(long) for _ in range(3)) < 4 * min(seconds_for(short) for _ in range(3))


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "\n\n", "\u3000\xa0", "\u200b\u200b", "\ufeff", "\u2060\u00ad", "\u3164\uffa0"],
        *["\u2800", "\ufe0f", "\U000e0020", "\x00\x1b", "\u202e"],
    ],
    ids=ascii,
)
def test_text_without_visible_characters_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", [".", " a ", "\u200b\U0001f600", "\u0301", "\u05d0"], ids=ascii)
def test_text_with_a_visible_character_is_not_blank(text):
    assert not is_blank(text)
