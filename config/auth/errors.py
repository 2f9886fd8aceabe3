"""What can fail while a token is verified."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed

RETRY_AFTER_S = 5


class InvalidToken(AuthenticationFailed):
    default_code = "invalid_token"
    default_detail = "The access token is not valid."


class AuthUnavailable(APIException):
    """There is no key to verify a token with: none is configured, or no key set is available."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "auth_unavailable"
    default_detail = "Access tokens cannot be checked right now."
    wait = RETRY_AFTER_S  # DRF sends it as Retry-After


class TokenRefusedError(Exception):
    """A token does not pass verification. The message is a short code for the log."""
