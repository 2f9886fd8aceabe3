"""Endpoints for connecting accounts."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import exceptions, viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from connections import confirming, connecting
from connections.after_consent import AfterConsentRenderer
from connections.models import SESSION_LIFETIME
from connections.return_to import allowed_return_to
from connections.serializers import (
    ConfirmRequestSerializer,
    InitiateOAuthResponseSerializer,
    PendingConnectionSerializer,
    SocialConnectionResponseSerializer,
)
from socialpublishing.callers import user_id
from socialpublishing.serializers import validated

TAG = "Social Connections"


class ConnectViewSet(viewsets.ViewSet):
    """The two steps of connecting that have a signed-in user."""

    costly = ("start", "confirm")

    @extend_schema(
        operation_id="initiate_oauth_connection_connect__platform__get",
        tags=[TAG],
        summary="Start to connect an account",
        parameters=[
            OpenApiParameter("platform", str, OpenApiParameter.PATH),
            OpenApiParameter(
                "return_to", str, description="Where the browser goes afterwards (OAUTH_RETURN_TO)."
            ),
            OpenApiParameter(
                "login",
                str,
                description="The way to connect, where the platform has more than one (GET "
                "/api/v1/platforms): `facebook` for Instagram accounts behind Facebook Pages.",
            ),
            OpenApiParameter(
                "redirect",
                bool,
                description="false: without a browser. Returns the address to open; the connect "
                "has to be confirmed afterwards.",
            ),
        ],
        responses={
            307: OpenApiResponse(description="To the platform's consent page."),
            200: InitiateOAuthResponseSerializer,
        },
    )
    def start(self, request: Request, platform: str) -> HttpResponse:
        redirect = request.query_params.get("redirect", "true")
        if redirect not in {"true", "false"}:
            raise exceptions.ValidationError({"redirect": ["true or false."]})
        return_to = request.query_params.get("return_to", "")
        if "return_to" in request.query_params:
            return_to = allowed_return_to(return_to, settings.OAUTH_RETURN_TO)
            if not return_to:
                raise exceptions.ValidationError({"return_to": ["This address is not allowed."]})
        wanted = {
            "user_id": user_id(request),
            "platform": platform,
            "login": request.query_params.get("login", ""),
            "return_to": return_to,
        }
        if redirect == "false":
            started = connecting.start_connect(**wanted)
            return Response(InitiateOAuthResponseSerializer(started).data)
        # The same id for parallel sign-ins, so that two tabs do not lock each other out.
        browser_id = request.COOKIES.get(cookie_name(), "") or secrets.token_urlsafe(32)
        started = connecting.start_connect(**wanted, browser_id=browser_id)
        response = HttpResponseRedirect(started.authorization_url)
        response.status_code = 307
        response.set_cookie(
            cookie_name(),
            browser_id,
            max_age=SESSION_LIFETIME,
            secure=_is_secure(),
            httponly=True,
            samesite="Lax",
        )
        _keep_private(response)
        return response

    @extend_schema(
        operation_id="confirm_connection_confirm_post",
        tags=[TAG],
        summary="Finish a connect that was started with redirect=false",
        request=ConfirmRequestSerializer,
        responses=SocialConnectionResponseSerializer,
    )
    def confirm(self, request: Request) -> Response:
        body = validated(ConfirmRequestSerializer, request.data)
        connection = confirming.confirm_connect(user_id=user_id(request), **body)
        return Response(SocialConnectionResponseSerializer(connection).data)


class CallbackViewSet(viewsets.ViewSet):
    """Where a platform sends the browser back to. The request has no bearer token."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer, AfterConsentRenderer)
    asks_platform = ("finish",)
    http_method_names = ["get"]  # a HEAD request of a link scanner must not use up the session

    @extend_schema(
        operation_id="handle_oauth_callback_connect__platform__callback_get",
        tags=[TAG],
        summary="Handle the platform's callback",
        description="A browser, which accepts `text/html`, gets the same as a page for a person.",
        parameters=[
            OpenApiParameter("platform", str, OpenApiParameter.PATH),
            OpenApiParameter("code", str),
            OpenApiParameter("state", str),
            OpenApiParameter("error", str),
            OpenApiParameter("error_description", str),
        ],
        responses={
            200: OpenApiResponse(
                PolymorphicProxySerializer(
                    component_name="FinishedConnect",
                    serializers=[SocialConnectionResponseSerializer, PendingConnectionSerializer],
                    resource_type_field_name=None,
                ),
                description="The connection; or, if the connect was started with redirect=false, "
                "what is needed to confirm it.",
            ),
            303: OpenApiResponse(description="To `return_to`, with the outcome in its query."),
        },
    )
    def finish(self, request: Request, platform: str) -> HttpResponse:
        self.finished = finished = connecting.finish_connect(
            platform=platform,
            query={name: values for name, values in request.query_params.lists()},
            browser_id=request.COOKIES.get(cookie_name(), ""),
        )
        if finished.return_to and allowed_return_to(finished.return_to, settings.OAUTH_RETURN_TO):
            address = _with_query(finished.return_to, _outcome(finished))
            return HttpResponseRedirect(address, status=303)
        if finished.error is not None:
            raise finished.error
        if finished.connection is None:
            return Response(PendingConnectionSerializer(_pending(finished)).data)
        return Response(SocialConnectionResponseSerializer(finished.connection).data)

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        _keep_private(response)
        return response


def cookie_name() -> str:
    return "__Host-connect" if _is_secure() else "connect"


def _is_secure() -> bool:
    # Browsers store no Secure cookie over plain http, which system checks allow on loopback only.
    return str(settings.SERVICE_BASE_URL).startswith("https://")


def _pending(finished: connecting.Finished) -> dict[str, Any]:
    return {
        "status": "pending",
        "attempt_id": finished.attempt_id,
        "completion_code": finished.completion_code,
        "message": "Confirm with POST /api/v1/connections/confirm to make the connection active.",
    }


def _outcome(finished: connecting.Finished) -> dict[str, str]:
    if finished.error is not None:
        return {"status": "error", "code": finished.error.code}
    if finished.connection is not None:
        return {"status": "connected", "connection_id": str(finished.connection.pk)}
    return {
        "status": "pending",
        "attempt_id": str(finished.attempt_id),
        "completion_code": finished.completion_code,
    }


def _with_query(address: str, extra: dict[str, str]) -> str:
    parts = urlsplit(address)
    query = "&".join(filter(None, [parts.query, urlencode(extra)]))
    return urlunsplit(parts._replace(query=query))


def _keep_private(response: HttpResponseBase) -> None:
    """Keep codes and states out of caches and out of the Referer of the next page."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["Content-Security-Policy"] = "default-src 'none'"
