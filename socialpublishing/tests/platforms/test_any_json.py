"""Readers of errors take any response: a platform documents little of what it sends."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.errors import PlatformApiError
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms import PLATFORMS

# The names and values that readers look for, beside others.
NAMES = (
    *("error", "errors", "code", "error_code", "error_subcode", "subcode", "message", "type"),
    *("error_description", "error_message", "error_user_msg", "error_data", "fbtrace_id"),
    *("title", "detail", "reason", "status", "serviceErrorCode", "errorDetails", "inputErrors"),
    *("description", "data", "log_id", "debug_info", "retriable", "is_transient", "parameters"),
    *("value", "resource_type", "client_id", "required_enrollment", "problem", "meta", "label"),
    *("period", "scope", "account_id", "documentation_url", "errorDetailType", "details"),
)
NUMBERS = (0, -1, 1, 2, 4, 9, 10, 33, 89, 100, 187, 190, 200, 226, 344, 368, 613, 2787, 1363037)
LETTERS = string.ascii_lowercase.replace("n", "") + " #/.:(){}<>\"'\\\u00e9\u200b"
TEXTS = st.one_of(
    st.sampled_from(["", "190", "invalid_grant", "spam_risk", "access_token_invalid", "ok"]),
    st.text(LETTERS, max_size=40),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.integers(),
    st.floats(),
    TEXTS,
)
BODIES = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
        # What most readers look at first.
        st.fixed_dictionaries({"error": inner}),
        st.fixed_dictionaries({"errors": st.lists(inner, max_size=2)}),
    ),
    max_leaves=12,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Retry-After",
            "Content-Type",
            "x-rate-limit-reset",
            "x-rate-limit-remaining",
            "x-user-limit-24hour-reset",
            "x-user-limit-24hour-remaining",
            "x-app-limit-24hour-reset",
            "X-App-Usage",
            "X-Business-Use-Case-Usage",
            "x-fb-trace-id",
            "x-li-uuid",
            "x-restli-id",
            "X-Pinterest-RID",
        ]
    ),
    st.one_of(
        TEXTS,
        st.integers().map(str),
        BODIES.map(json.dumps),
        st.sampled_from(["Fri, 27 Nov 2026 10:00:00 GMT", "soon", "\u00b2"]),
    ),
    max_size=3,
)


def readers() -> list[Any]:
    """Every reader of the register, of all logins."""
    classes = [each for one in PLATFORMS.values() for each in (one, *one.logins.values())]
    found = []
    for each in classes:
        name = f"{each.name}-{each.login}" if each.login else each.name
        found += [
            pytest.param(each.read_error, id=f"{name}-read_error"),
            pytest.param(each.app.read_token_error, id=f"{name}-read_token_error"),
        ]
    return found


def check(error: PlatformApiError) -> None:
    assert isinstance(error, PlatformApiError)
    assert error.code
    assert "None" not in str(error)
    assert isinstance(error.platform_code, str)
    assert isinstance(error.request_id, str)


@pytest.mark.parametrize("read", readers())
@given(status=st.integers(200, 599), body=BODIES, headers=HEADERS)
def test_any_response_is_read(read, status, body, headers):
    text = json.dumps(body)
    check(read(PlatformResponse(status_code=status, headers=headers, json=body, text=text)))


@pytest.mark.parametrize("read", readers())
@given(status=st.integers(400, 599), text=st.text(LETTERS, max_size=200))
def test_response_without_json_is_read(read, status, text):
    check(read(PlatformResponse(status_code=status, headers={}, json=None, text=text)))


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(each.app, id=f"{each.name}-{each.login}")
        for one in PLATFORMS.values()
        for each in (one, *one.logins.values())
    ],
)
@given(body=BODIES)
def test_any_token_response_is_read(app, body):
    error = app.token_refusal(body)
    if error is not None:
        check(error)
