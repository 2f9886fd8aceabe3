"""The endpoints of batches and of validation, which takes one target or many."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from publishing.accepting import possible_duplicates
from publishing.batch_serializers import (
    BatchRequestSerializer,
    BatchResponseSerializer,
    ManyVerdictsSerializer,
    ValidateRequestSerializer,
    VerdictSerializer,
)
from publishing.batch_state import batch_as_data, jobs_of
from publishing.batches import accept_batch, cancel_batch
from publishing.errors import BatchNotFoundError
from publishing.headers import ACCEPTED_HEADERS, accepted, key_of
from publishing.models import PublishBatch
from publishing.validating import validate_post, validate_targets
from publishing.views import TAG, actor_of, draft_of
from socialpublishing.callers import user_id


class BatchViewSet(viewsets.ViewSet):
    # It reads the files of the posts while the caller waits.
    reads_media = ("create",)

    @extend_schema(
        operation_id="publish_to_many_batches_post",
        tags=[TAG],
        summary="Publish to many accounts",
        description="All posts are accepted, or none. Then each goes out by itself.",
        parameters=ACCEPTED_HEADERS,
        request=BatchRequestSerializer,
        responses={202: BatchResponseSerializer},
    )
    def create(self, request: Request) -> Response:
        serializer = BatchRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = key_of(request, "batches")
        own = _own(serializer.validated_data)
        done = accept_batch(
            [draft_of({**target, **own}) for target in serializer.validated_data["targets"]],
            user_id=user_id(request),
            external_reference=own["external_reference"] or "",
            metadata=own["metadata"],
            key=key,
        )
        location = reverse("publish-batch", kwargs={"batch_id": done.batch.pk})
        if done.first_response is not None:
            return accepted(done.first_response, location=location, is_replay=True)
        duplicates = [] if key.value else possible_duplicates(done.jobs)
        data = batch_as_data(done.batch, done.jobs)
        return accepted(data, location=location, duplicates=duplicates)

    @extend_schema(
        operation_id="get_batch_batches__batch_id__get",
        tags=[TAG],
        summary="A batch with its jobs",
        responses=BatchResponseSerializer,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        return _response(self._batch())

    @extend_schema(
        operation_id="cancel_batch_batches__batch_id__cancel_post",
        tags=[TAG],
        summary="Cancel the posts of a batch that are not published yet",
        description="Posts that are being published, or have ended, stay as they are: see the "
        "status of each job.",
        request=None,
        responses=BatchResponseSerializer,
    )
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        batch = self._batch()
        cancel_batch(batch, actor=actor_of(request))
        batch.refresh_from_db()
        return _response(batch)

    def _batch(self) -> PublishBatch:
        own = PublishBatch.objects.filter(user_id=user_id(self.request))
        batch = own.filter(pk=self.kwargs["batch_id"]).first()
        if batch is None:
            raise BatchNotFoundError
        return batch


class ValidationViewSet(viewsets.ViewSet):
    reads_media = ("validate",)
    costly = ("validate",)

    @extend_schema(
        operation_id="validate_content_validate_post",
        tags=[TAG],
        summary="Would the platforms accept this post?",
        description="Returns all violations at once. Nothing is stored, and nothing is sent. With "
        "`targets` it takes the body of a batch, and each has a verdict of its own, also where its "
        "connection is unknown.",
        request=PolymorphicProxySerializer(
            component_name="ValidationRequest",
            serializers=[ValidateRequestSerializer, BatchRequestSerializer],
            resource_type_field_name=None,
        ),
        responses={
            200: PolymorphicProxySerializer(
                component_name="Validation",
                serializers=[VerdictSerializer, ManyVerdictsSerializer],
                resource_type_field_name=None,
            )
        },
    )
    def validate(self, request: Request) -> Response:
        if "targets" in request.data:
            many = BatchRequestSerializer(data=request.data)
            many.is_valid(raise_exception=True)
            drafts = [draft_of(target) for target in many.validated_data["targets"]]
            return Response(validate_targets(drafts, user_id=user_id(request)))
        one = ValidateRequestSerializer(data=request.data)
        one.is_valid(raise_exception=True)
        return Response(validate_post(draft_of(one.validated_data), user_id=user_id(request)))


def _own(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values.get(name) for name in ("external_reference", "metadata")}


def _response(batch: PublishBatch) -> Response:
    return Response(batch_as_data(batch, jobs_of(batch)))
