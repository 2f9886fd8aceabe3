"""LinkedIn's little text: the sandbox reads what we write, and we read what it returns."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socialpublishing.platforms.linkedin import LinkedIn
from socialpublishing.platforms.linkedin.little_text import read, write
from socialpublishing.posts import Post
from socialpublishing.sandbox.linkedin import little_text as sandbox

# At least as many as the profile of the run has: a few hundred in `./run test`.
MANY = max(400, 10 * settings().max_examples)

ESCAPED_LINK = r"https://e.com/a\_b\(c\)?d=1\#part"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain, with. signs!", "plain, with. signs!"),
        ("(a) [b] {c} <d>", r"\(a\) \[b\] \{c\} \<d\>"),
        (r"a\b|c*d_e~f@g", r"a\\b\|c\*d\_e\~f\@g"),
        ("#rye bread", r"{hashtag|\#|rye} bread"),
        ("\uff03rye bread", "{hashtag|\uff03|rye} bread"),
        ("#slow_rye", r"{hashtag|\#|slow\_rye}"),
        ("no#tag and # alone", r"no\#tag and \# alone"),
        ("@[A B](urn:li:organization:1) (x)", r"@[A B](urn:li:organization:1) \(x\)"),
        ("@[Acme (UK) Ltd](urn:li:organization:1)", r"@[Acme \(UK\) Ltd](urn:li:organization:1)"),
        ("@[Acme [UK]](urn:li:organization:1)", r"@[Acme \[UK\]](urn:li:organization:1)"),
        ("@[#1 in *Rye*](urn:li:organization:1)", r"@[\#1 in \*Rye\*](urn:li:organization:1)"),
        ("@[A](urn:li:person:a_B-9)", r"@[A](urn:li:person:a\_B-9)"),
        ("@[A](urn:li:share:1)", r"\@\[A\]\(urn:li:share:1\)"),
        ("@[x] @[A](urn:li:organization:1)", r"\@\[x\] @[A](urn:li:organization:1)"),
        ("https://e.com/a_b(c)?d=1#part", ESCAPED_LINK),
        ("https://e.com/?#rye", r"https://e.com/?\#rye"),
        ("e.com/?#rye www.e.com?#rye", r"e.com/?\#rye www.e.com?\#rye"),
        ("https://e.com/@[A](urn:li:share:1)", r"https://e.com/\@\[A\]\(urn:li:share:1\)"),
        ("See https://e.com #rye", r"See https://e.com {hashtag|\#|rye}"),
    ],
)
def test_text_is_escaped_but_hashtags_and_mentions_stay_links(text, written):
    assert write(text) == written
    assert read(written) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://e.com/a_b(c)?d=1#part", "https://e.com/a_b(c)?d=1#part"),
        ("(https://e.com/a_b).", r"\(https://e.com/a_b\)."),
        ("(https://e.com/a_(b)).", r"\(https://e.com/a_(b)\)."),
        ("_https://e.com/a*_", r"\_https://e.com/a*_"),
        ("a_b", r"a\_b"),
    ],
)
def test_addresses_are_left_alone_if_a_setting_is_off(settings, text, written):
    settings.LINKEDIN_ESCAPE_ADDRESSES = False
    assert write(text) == written
    assert read(written) == text


PIECES = st.sampled_from(
    [
        "https://e.com/a_(b)?#c",
        "www.e.com/#d",
        "@[Acme (UK) [x]](urn:li:organization:1)",
        "@[A_\\](urn:li:person:a_b)",
        "{hashtag|\\#|x}",
        "#rye",
        "\uff03größe",
        "#हिन्दी",
        "\\#",
        "👩\u200d👩",
    ]
)
SIGNS = st.text(alphabet="ab #_\\|{}@[]()<>*~\n/.:?éß\uff03", max_size=20)
TEXTS = st.lists(PIECES | SIGNS | st.text(max_size=20), max_size=8).map("".join)


@pytest.mark.behaviour(
    "LinkedIn cuts a text at a reserved character without a backslash; ours never has one, in "
    "mentions and addresses neither, and what its API returns is read back unchanged"
)
@settings(max_examples=MANY)
@given(TEXTS)
def test_any_text_is_read_back_as_it_was_written(text):
    written = write(text)
    shown, stored = sandbox.read(written)
    assert read(written) == text
    assert read(stored) == text
    if "urn:li:" not in text:
        assert shown == text


@settings(max_examples=MANY)
@given(TEXTS)
def test_any_text_with_plain_addresses_is_read_back_as_it_was_written(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.LINKEDIN_ESCAPE_ADDRESSES", False)
        assert read(write(text)) == text


@given(st.text(alphabet="@[]()ab:.#", max_size=2000))
def test_writing_takes_linear_time(text):
    write(text * 20)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("x" * 3000, None),
        ("x" * 2924 + " #rye" * 5, 3009),
        ("(" * 1501, 3002),
        ("x" * 3001, 3001),
    ],
)
def test_text_is_counted_as_it_is_sent(text, counted):
    found = LinkedIn.violations(Post(text=text), {})
    assert [(each.rule, each.actual) for each in found] == (
        [("text_length", counted)] if counted else []
    )
