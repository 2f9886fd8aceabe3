"""Endpoints that platforms call. Their requests have no bearer token, and a form as body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import parse_qs

from django.http import UnreadablePostError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from connections.callbacks import deletion_request, handle_callback, state_address
from connections.models import PlatformCallback
from socialpublishing.serializers import StatusResponseSerializer, TextField, validated

TAG = "Social Connections"
# A signed request has some hundred characters.
MAX_BYTES = 16 * 1024
MAX_FIELDS = 10
PLATFORM = OpenApiParameter("platform", str, OpenApiParameter.PATH, enum=["facebook", "instagram"])


class CallbackTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"
    default_detail = f"The body is larger than {MAX_BYTES // 1024} KB."


class SmallFormParser(BaseParser):
    """The body of a small form. A field that is given twice becomes a list."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            body = stream.read(MAX_BYTES + 1)
            if len(body) > MAX_BYTES:
                raise CallbackTooLarge
            fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except (UnreadablePostError, ValueError) as error:
            raise ParseError("The body is not a form.", "invalid_request") from error
        return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


class SignedRequestSerializer(serializers.Serializer[Any]):
    signed_request = TextField(max_length=MAX_BYTES)


class DataDeletionSerializer(serializers.Serializer[Any]):
    """What the platform shows to the person: where to see the state, and the request's code."""

    url = serializers.URLField()
    confirmation_code = serializers.CharField()


class DataDeletionStateSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["received", "done"])
    received_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)


class PlatformCallbackViewSet(viewsets.ViewSet):
    authentication_classes = ()
    permission_classes = ()
    parser_classes = (SmallFormParser,)

    @extend_schema(
        operation_id="deauthorize_callbacks__platform__deauthorize_post",
        tags=[TAG],
        summary="The platform reports that a person has removed our app",
        description="Ends the person's connections. For the app's dashboard at Meta, as "
        "deauthorize callback.",
        parameters=[PLATFORM],
        request=SignedRequestSerializer,
        responses=StatusResponseSerializer,
    )
    def deauthorize(self, request: Request, platform: str) -> Response:
        _handle(request, platform, PlatformCallback.Kind.DEAUTHORIZE)
        return Response({"status": "disconnected", "message": None})

    @extend_schema(
        operation_id="delete_data_callbacks__platform__data_deletion_post",
        tags=[TAG],
        summary="The platform reports that a person wants their data deleted",
        description="Ends the person's connections and erases what came from their accounts. For "
        "the app's dashboard at Meta, as data deletion request URL.",
        parameters=[PLATFORM],
        request=SignedRequestSerializer,
        responses=DataDeletionSerializer,
    )
    def delete_data(self, request: Request, platform: str) -> Response:
        callback = _handle(request, platform, PlatformCallback.Kind.DATA_DELETION)
        body = {"url": state_address(callback), "confirmation_code": callback.confirmation_code}
        return Response(DataDeletionSerializer(body).data)

    @extend_schema(
        operation_id="get_data_deletion_callbacks__platform__data_deletion__code__get",
        tags=[TAG],
        summary="What became of a request to delete data",
        description="For the person, without signing in. It has no personal data.",
        parameters=[PLATFORM, OpenApiParameter("code", str, OpenApiParameter.PATH)],
        responses=DataDeletionStateSerializer,
    )
    def show_deletion(self, request: Request, platform: str, code: str) -> Response:
        return Response(DataDeletionStateSerializer(deletion_request(platform, code)).data)


def _handle(request: Request, platform: str, kind: str) -> PlatformCallback:
    body = validated(SignedRequestSerializer, request.data)
    return handle_callback(platform, kind, body["signed_request"])
