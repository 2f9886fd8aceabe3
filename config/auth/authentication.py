"""The caller of a request, for DRF and for OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from config.auth.errors import InvalidToken, TokenRefusedError
from config.auth.tokens import verified_user_id

logger = structlog.get_logger(__name__)

OPAQUE_TOKENS = "An access token of the authentication service, a JWT or opaque."
CHALLENGE = 'Bearer realm="social-publishing"'


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The user who makes a request. The database has no row for it: the id is the issuer's."""

    user_id: str
    is_authenticated: ClassVar = True

    @property
    def pk(self) -> str:
        return self.user_id


class BearerAuthentication(BaseAuthentication):
    """Accepts `Authorization: Bearer <token>`, and a token from nowhere else."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """The caller, or None if the request has no token.

        Raises InvalidToken, and AuthUnavailable if the token cannot be verified right now.
        """
        if not _has_token(request):
            return None
        try:
            user_id = verified_user_id(request.META["HTTP_AUTHORIZATION"])
        except TokenRefusedError as reason:
            logger.info("token refused", reason=str(reason))
            raise InvalidToken from None
        structlog.contextvars.bind_contextvars(user_id=user_id)
        return Caller(user_id=user_id), None

    def authenticate_header(self, request: Request) -> str:
        return f'{CHALLENGE}, error="invalid_token"' if _has_token(request) else CHALLENGE


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        if settings.AUTH_INTROSPECTION_URL:
            return {"type": "http", "scheme": "bearer", "description": OPAQUE_TOKENS}
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def _has_token(request: Request) -> bool:
    """Whether there is a bearer token, valid or not. False for another scheme or `Bearer` alone."""
    words = request.META.get("HTTP_AUTHORIZATION", "").split(maxsplit=1)
    return len(words) == 2 and words[0].lower() == "bearer"
