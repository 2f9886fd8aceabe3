"""Security headers of the console, which needs others than the API."""

from __future__ import annotations

from csp.constants import UNSAFE_EVAL
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase


class ConsolePolicyMiddleware(CSPMiddleware):
    """Sends the security headers of settings.py, less strict for the console only."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if _is_console(request):
            # With `no-referrer` browsers post forms with `Origin: null`. Every form would fail the
            # CSRF check, and nobody could sign in.
            response.headers.setdefault("Referrer-Policy", "same-origin")
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if _is_console(request):
            # unfold's Alpine.js compiles expressions from its templates.
            parts.update = {"script-src": [UNSAFE_EVAL]}
        return parts


def _is_console(request: HttpRequest) -> bool:
    return request.resolver_match is not None and "admin" in request.resolver_match.app_names
