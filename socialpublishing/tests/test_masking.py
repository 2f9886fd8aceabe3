"""Platforms' messages: readable, and without the secrets that we have sent."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from requests_mock import ANY

from socialpublishing.crypto import Secret
from socialpublishing.errors import PlatformApiError
from socialpublishing.http import Http
from socialpublishing.masking import MAX_MESSAGE, masked, sent_secrets
from socialpublishing.platforms import PLATFORMS

CANARY = "Zk3" + secrets.token_urlsafe(27)
KEPT = [
    "com.linkedin.restli.server.RestLiServiceException: field /content/media is invalid",
    "com.linkedin.publishing.validation.ThirdPartyMultiImageShareValidationException",
    "See https://developers.facebook.com/docs/marketing-api/error-reference/some-long-page",
    "See https://developer.x.com/en/docs/x-api/rate-limits#v2-limits-of-2026-11-27-and-later",
    "https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling?view=1",
    "urn:li:digitalmediaAsset:C4D22AQFhKvSxCmVq2w, urn:li:organization:1234567890123456",
    "request id 3f7fb0c2-b45f-444e-ae89-653ca759e1cf, trace AbC1dEf2GhI",
    "The parameter instagram_business_content_publish_and_manage_insights_permission is missing",
    "Unsupported request - method type: get",
    "(#100) PagesManageInstagramContentPublishingPermissionException2 at v24",
]
PLACES = {
    "token": {"headers": {"Authorization": f"Bearer {CANARY}"}},
    "client secret": {"data": {"client_secret": CANARY, "client_id": "our-client-id"}},
    "secret of basic": {
        "headers": {
            "Authorization": "Basic "
            + base64.b64encode(f"our-client-id:{CANARY}".encode()).decode()
        }
    },
    "code": {"data": {"grant_type": "authorization_code", "code": CANARY}},
    "verifier": {"data": {"code_verifier": CANARY}},
    "refresh token": {"data": {"refresh_token": CANARY}},
    "proof": {"params": {"appsecret_proof": CANARY}},
    "token in JSON": {"json": {"access_token": CANARY}},
    "signed upload address": {"url": f"https://upload.example/1?sig={CANARY}&n=1"},
}
FORMS = {
    "as it is": CANARY,
    "within a word": f"token={CANARY}&",
    "upper case": CANARY.upper(),
    "cut": CANARY[:20],
    "end": CANARY[-20:],
    "hexadecimal": CANARY.encode().hex(),
    "HEXADECIMAL": CANARY.encode().hex().upper(),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64, shifted by 1": base64.b64encode(f"x{CANARY}y".encode()).decode(),
    "base64, shifted by 2": base64.b64encode(f"xx{CANARY}yy".encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(CANARY.encode()).decode(),
}


@pytest.mark.parametrize("message", KEPT)
def test_names_and_addresses_stay_readable(message):
    assert masked(message, [CANARY, "sandbox-secret"]) == message


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_secret_that_was_sent_is_masked(place, form):
    message = masked(f"The value {form} is wrong for our-client-id", sent_secrets(**place))

    assert "***" in message
    assert all(part not in message for part in (form, CANARY[:12], CANARY[-12:]))
    assert message.startswith("The value ")
    assert message.endswith(" is wrong for our-client-id")


@pytest.mark.parametrize(
    "secret", ["act.abc!4321.va", "a/b+c=d e&f%g", "p@ss|word#1", "äöü-ß-token"]
)
def test_secret_with_any_characters_is_masked(secret):
    for form in (secret, quote(secret, safe="")):
        assert masked(f"bad <{form}>", [secret]) == "bad <***>"


@pytest.mark.parametrize(
    "token",
    [
        "EAAGm0PX4ZCpsBAKZBZCqj9Xn3w8dQ1rT5yUiOp2LkJh6GfDs",
        "mWFfLumjCxjHPfAscsVQ_mdzGNipC-USmAcjMfKiNIcJfbGwA3uFIkKR8GpHAigk",  # with two digits
    ],
)
def test_unknown_random_text_is_masked(token):
    assert masked(f"new token {token}", []) == "new token ***"


def test_message_is_short_and_on_one_line():
    message = masked("a\r\nb\0" + "word " * 100_000, [CANARY])
    assert message.startswith("a b word")
    assert len(message) == MAX_MESSAGE


def test_secret_at_the_end_of_what_is_read_is_masked():
    for length in range(380, 402):
        assert CANARY[:12] not in masked("x " * (length // 2) + CANARY, [CANARY])


def test_short_values_are_no_secrets():
    assert masked("a code is needed", sent_secrets(data={"code": "a", "token": ""})) == (
        "a code is needed"
    )


@pytest.mark.parametrize("headers", [{"Authorization": "Basic %%%"}, {"Authorization": ""}])
def test_unusual_headers_are_read(headers):
    assert masked("words", sent_secrets(headers=headers)) == "words"


class RefusedError(PlatformApiError):
    pass


def test_error_of_a_request_has_no_secret_of_it(requests_mock):
    requests_mock.post("https://api.example/x", status_code=400, json={})
    http = Http(
        platform="x",
        base_url="https://api.example",
        read_error=lambda response: RefusedError(
            f"{CANARY} for com.example.SomeVeryLongClassName",
            platform_code=f"{base64.b64encode(CANARY.encode()).decode()[:20]} 17",
            request_id=f"trace-{CANARY[4:]}",
        ),
        token=Secret(CANARY),
    )
    with pytest.raises(RefusedError) as caught:
        http.post("/x", json={"text": "Hello"})
    assert str(caught.value) == "*** for com.example.SomeVeryLongClassName"
    assert (caught.value.platform_code, caught.value.request_id) == ("*** 17", "***")


def test_refusal_of_a_token_endpoint_has_no_secret(platform, settings, requests_mock):
    """Also where it comes with a status of success."""
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    app = PLATFORMS[platform].app
    words = f"wrong {CANARY} and sandbox-secret"
    body = {
        "error": "invalid_request",
        "error_description": words,
        "message": words,
        "error_message": words,
    }
    for status in (200, 400):
        requests_mock.register_uri("POST", ANY, status_code=status, json=body)
        with pytest.raises(PlatformApiError) as caught:
            app.call_token_endpoint({"grant_type": "authorization_code", "code": CANARY})
        assert CANARY not in str(caught.value)
        assert "sandbox-secret" not in str(caught.value)


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=8),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_no_secret_of_any_kind_is_left(secret, before, after):
    assume(secret not in "***" * 20)
    assert secret not in masked(f"{before}{secret}{after}", [secret])
