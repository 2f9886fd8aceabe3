"""Endpoints of connected accounts."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
)
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from connections import boards, destinations, disconnecting, tokens
from connections.models import Destination, SocialConnection
from connections.posting_options import posting_options
from connections.serializers import (
    ChangeConnectionSerializer,
    ChooseDestinationSerializer,
    CreateDestinationSerializer,
    CreateSectionSerializer,
    DestinationSerializer,
    PostingOptionsQuerySerializer,
    PostingOptionsSerializer,
    SectionSerializer,
    SocialConnectionResponseSerializer,
    posting_options_as_data,
)
from connections.targets import DestinationNotFoundError
from socialpublishing.callers import user_id
from socialpublishing.platforms.boards import NewBoard, Privacy
from socialpublishing.serializers import StatusResponseSerializer, validated, validated_query

TAG = "Social Connections"


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
        query = validated_query(PostingOptionsQuerySerializer, request)
        options, read_at = posting_options(connection, query.get("destination_id"))
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
