"""Errors as HTTP responses."""

from __future__ import annotations

import pytest
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from socialpublishing.codes import CODES
from socialpublishing.errors import (
    MalformedResponseError,
    MediaBusyError,
    NoResponseError,
    PlatformApiError,
    PlatformUnreachableError,
    SocialPublishingBaseError,
)


def response_to(error):
    class Failing(APIView):
        authentication_classes = ()
        permission_classes = ()

        def get(self, request):
            raise error

    return Failing.as_view()(APIRequestFactory().get("/"))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MalformedResponseError("no id in the response"), 502, "no_answer"),
        (NoResponseError(), 502, "no_answer"),
        (PlatformUnreachableError(), 502, "platform_unreachable"),
        (PlatformApiError(), 502, "platform_error"),
        (MediaBusyError(), 503, "media_busy"),
        (SocialPublishingBaseError(), 500, "internal_error"),
        (KeyError("id"), 500, "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_failure_of_the_platform_or_of_us_has_its_status_and_a_fixed_sentence(error, status, code):
    response = response_to(error)
    assert response.status_code == status
    assert response.data == {"code": code, "detail": CODES[code].as_response}
