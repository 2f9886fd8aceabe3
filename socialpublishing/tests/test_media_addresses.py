"""Addresses as people write them, in the form that is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.errors import AssetAddressRefusedError
from socialpublishing.media.addresses import as_ascii, parse_address

URLS = st.one_of(
    st.text(max_size=40),
    st.builds("https://{}.example/{}".format, st.text(max_size=12), st.text(max_size=30)),
)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://a.example/my file.jpg", "https://a.example/my%20file.jpg"),
        ("https://a.example/für/é.jpg?t=ü", "https://a.example/f%C3%BCr/%C3%A9.jpg?t=%C3%BC"),
        ("https://a.example/a%20b%C3%BC.jpg?s=%2F", "https://a.example/a%20b%C3%BC.jpg?s=%2F"),
        ("https://a.example/猫.png", "https://a.example/%E7%8C%AB.png"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://BU\u0308CHER.example/a", "https://xn--bcher-kva.example/a"),
        ("https://例え.テスト/a", "https://xn--r8jz45g.xn--zckzah/a"),
        ("https://straße.example/a", "https://xn--strae-oqa.example/a"),
        ("https://my_bucket.s3.amazonaws.com/a", "https://my_bucket.s3.amazonaws.com/a"),
    ],
)
@pytest.mark.behaviour(
    "Addresses are taken as people have them: spaces, letters of any script, names that are not "
    "ASCII, buckets with underscores"
)
def test_address_is_encoded_as_browsers_do(written, sent):
    assert as_ascii(written) == sent
    address = parse_address(written)
    assert f"https://{address.authority}{address.path}" == sent


@pytest.mark.parametrize(
    "url",
    [
        "https://bücher .example/a",
        "https://b\u0441her.example/a",  # a Cyrillic letter among Latin ones
        "https://ü@a.example/a",
        "https://ü.localhost/a",
        "https://ü.internal/a",
        "https://\uff11\uff12\uff17.0.0.1/a",
        "https://a.example/ü#part",
        "https://a.example/\u2028",
        "https://a.example/ü\\b",
        "http://bücher.example/a",
        "https://bücher.example:8443/a",
        "https://_a._b/a",
        "https://" + "ü" * 60 + ".example/a",
    ],
)
def test_address_with_two_meanings_is_refused(url):
    with pytest.raises(AssetAddressRefusedError):
        parse_address(url)


@pytest.mark.parametrize(
    ("sandbox_url", "is_named"), [("", False), ("http://127.0.0.1:8001", True)]
)
def test_only_in_sandbox_mode_the_setting_is_named(settings, sandbox_url, is_named):
    settings.SANDBOX_URL = sandbox_url

    with pytest.raises(AssetAddressRefusedError) as refused:
        parse_address("http://localhost:3000/a.jpg?b")

    assert ("MEDIA_ALLOWED_ORIGINS=http://localhost:3000" in str(refused.value)) == is_named


@given(URLS)
def test_encoding_twice_changes_nothing(url):
    try:
        once = as_ascii(url)
    except AssetAddressRefusedError:
        return
    assert as_ascii(once) == once


@given(URLS)
def test_what_passes_is_sent_in_printable_ascii(url):
    try:
        address = parse_address(url)
    except AssetAddressRefusedError:
        return
    assert all("!" <= char <= "~" for char in address.authority + address.path)
