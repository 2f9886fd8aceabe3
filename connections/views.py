"""Endpoints for connecting accounts and managing connections."""

from __future__ import annotations

import secrets
import uuid
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import exceptions, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from connections import boards, confirming, connecting, destinations, disconnecting, tokens
from connections.models import SESSION_LIFETIME, Destination, SocialConnection
from connections.posting_options import posting_options
from connections.return_to import allowed_return_to
from connections.serializers import (
    ChangeConnectionSerializer,
    ChooseDestinationSerializer,
    ConfirmRequestSerializer,
    CreateDestinationSerializer,
    CreateSectionSerializer,
    DestinationSerializer,
    InitiateOAuthResponseSerializer,
    PendingConnectionSerializer,
    PostingOptionsQuerySerializer,
    PostingOptionsSerializer,
    SectionSerializer,
    SocialConnectionResponseSerializer,
    posting_options_as_data,
)
from connections.targets import DestinationNotFoundError
from socialpublishing.callers import user_id
from socialpublishing.platforms.boards import NewBoard, Privacy
from socialpublishing.serializers import StatusResponseSerializer, StrictSerializer

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
        return _private(response)

    @extend_schema(
        operation_id="confirm_connection_confirm_post",
        tags=[TAG],
        summary="Finish a connect that was started with redirect=false",
        request=ConfirmRequestSerializer,
        responses=SocialConnectionResponseSerializer,
    )
    def confirm(self, request: Request) -> Response:
        body = validated(ConfirmRequestSerializer, request)
        connection = confirming.confirm_connect(user_id=user_id(request), **body)
        return Response(SocialConnectionResponseSerializer(connection).data)


class CallbackViewSet(viewsets.ViewSet):
    """Where a platform sends the browser back to. The request has no bearer token."""

    authentication_classes = ()
    permission_classes = ()
    asks_platform = ("finish",)
    http_method_names = ["get"]  # a HEAD request of a link scanner must not use up the session

    @extend_schema(
        operation_id="handle_oauth_callback_connect__platform__callback_get",
        tags=[TAG],
        summary="Handle the platform's callback",
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
        finished = connecting.finish_connect(
            platform=platform,
            query={name: values for name, values in request.query_params.lists()},
            browser_id=request.COOKIES.get(cookie_name(), ""),
        )
        if finished.return_to and allowed_return_to(finished.return_to, settings.OAUTH_RETURN_TO):
            response = HttpResponseRedirect(_with_query(finished.return_to, _outcome(finished)))
            response.status_code = 303
            return _private(response)
        if finished.error is not None:
            raise finished.error
        if finished.connection is None:
            pending = PendingConnectionSerializer(_pending(finished))
            return _private(Response(pending.data))
        return _private(Response(SocialConnectionResponseSerializer(finished.connection).data))


class ConnectionViewSet(viewsets.GenericViewSet[SocialConnection]):
    serializer_class = SocialConnectionResponseSerializer
    lookup_url_kwarg = "connection_id"
    # These send requests to the platform while the caller waits: its errors can be the response.
    asks_platform = (
        "refresh",
        "posting_options",
        "create_destination",
        "sections",
        "create_section",
    )

    def get_queryset(self) -> Any:
        return SocialConnection.objects.of(user_id(self.request))

    def get_object(self) -> SocialConnection:
        return SocialConnection.objects.one_of(user_id(self.request), self.kwargs["connection_id"])

    @extend_schema(
        operation_id="list_connections_get",
        tags=[TAG],
        summary="The caller's connections",
        responses=SocialConnectionResponseSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        return Response(self.get_serializer(self.get_queryset(), many=True).data)

    @extend_schema(
        operation_id="get_connection__connection_id__get", tags=[TAG], summary="One connection"
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="change_connection__connection_id__patch",
        tags=[TAG],
        summary="Set the time zone of the account's audience",
        description="`GET /insights/{platform}/best-times` returns its hours in it.",
        request=ChangeConnectionSerializer,
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        connection = self.get_object()
        body = validated(ChangeConnectionSerializer, request)
        destinations.choose_timezone(connection, body["timezone"])
        return Response(self.get_serializer(connection).data)

    @extend_schema(
        operation_id="disconnect_account__connection_id__delete",
        tags=[TAG],
        summary="Disconnect an account",
        responses={200: StatusResponseSerializer},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        ended = disconnecting.disconnect(self.get_object())
        return Response({"status": "disconnected", "message": ended.message})

    @extend_schema(
        operation_id="refresh_connection__connection_id__refresh_post",
        tags=[TAG],
        summary="Refresh the token and the list of destinations",
        request=None,
    )
    def refresh(self, request: Request, **kwargs: Any) -> Response:
        connection = self.get_object()
        tokens.refresh(connection)
        return Response(self.get_serializer(connection).data)

    @extend_schema(
        operation_id="list_destinations__connection_id__destinations_get",
        tags=[TAG],
        summary="Where the connection can post",
        responses=DestinationSerializer(many=True),
    )
    def destinations(self, request: Request, **kwargs: Any) -> Response:
        return Response(DestinationSerializer(self.get_object().destinations.all(), many=True).data)

    @extend_schema(
        operation_id="get_posting_options__connection_id__posting_options_get",
        tags=[TAG],
        summary="What the account may choose for a post now",
        description="Read from the platform, at most a minute old: whether the account can post, "
        "the values of its options, its destinations and limits. For a form that is drawn now.",
        parameters=[
            OpenApiParameter(
                "destination_id", uuid.UUID, description="By default the default destination."
            )
        ],
        responses=PostingOptionsSerializer,
    )
    def posting_options(self, request: Request, **kwargs: Any) -> Response:
        connection = self.get_object()
        query = PostingOptionsQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        options, read_at = posting_options(connection, query.validated_data.get("destination_id"))
        body = posting_options_as_data(options, read_at)
        return Response(PostingOptionsSerializer(body).data)

    @extend_schema(
        operation_id="choose_default_destination__connection_id__destinations_default_put",
        tags=[TAG],
        summary="Choose the destination of posts that name none",
        request=ChooseDestinationSerializer,
        responses=DestinationSerializer,
    )
    def choose_default(self, request: Request, **kwargs: Any) -> Response:
        connection = self.get_object()
        body = validated(ChooseDestinationSerializer, request)
        chosen = destinations.choose_default(connection, body["destination_id"])
        return Response(DestinationSerializer(chosen).data)

    @extend_schema(
        operation_id="forget_default_destination__connection_id__destinations_default_delete",
        tags=[TAG],
        summary="Have no default destination",
        description="Posts that name no destination then go to the account itself. If it takes no "
        "posts, each post has to name a destination.",
        responses={204: None},
    )
    def choose_none(self, request: Request, **kwargs: Any) -> Response:
        destinations.choose_none(self.get_object())
        return Response(status=204)

    @extend_schema(
        operation_id="create_destination__connection_id__destinations_post",
        tags=[TAG],
        summary="Create a board to post to",
        description="For platforms that have boards (Pinterest); for others the response is 400 "
        "`boards_not_supported`.",
        request=CreateDestinationSerializer,
        responses={201: DestinationSerializer},
    )
    def create_destination(self, request: Request, **kwargs: Any) -> Response:
        connection = self.get_object()
        body = validated(CreateDestinationSerializer, request)
        if "privacy" in body:
            body["privacy"] = Privacy(body["privacy"])
        created = boards.create_board(connection, NewBoard(**body))
        return Response(DestinationSerializer(created).data, status=201)

    @extend_schema(
        operation_id="list_sections__connection_id__destinations__destination_id__sections_get",
        tags=[TAG],
        summary="The sections of a board",
        responses=SectionSerializer(many=True),
    )
    def sections(self, request: Request, **kwargs: Any) -> Response:
        found = boards.sections(self.get_destination())
        return Response(SectionSerializer(found, many=True).data)

    @extend_schema(
        operation_id="create_section__connection_id__destinations__destination_id__sections_post",
        tags=[TAG],
        summary="Create a section of a board",
        request=CreateSectionSerializer,
        responses={201: SectionSerializer},
    )
    def create_section(self, request: Request, **kwargs: Any) -> Response:
        destination = self.get_destination()
        body = validated(CreateSectionSerializer, request)
        created = boards.create_section(destination, body["name"])
        return Response(SectionSerializer(created).data, status=201)

    def get_destination(self) -> Destination:
        found = self.get_object().destinations.filter(pk=self.kwargs["destination_id"]).first()
        if found is None:
            raise DestinationNotFoundError
        return found


def validated(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The body of `request`. Raises ValidationError."""
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    checked: dict[str, Any] = body.validated_data
    return checked


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


def _private(response: HttpResponse) -> HttpResponse:
    """Keep codes and states out of caches and out of the Referer of the next page."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["Content-Security-Policy"] = "default-src 'none'"
    return response
