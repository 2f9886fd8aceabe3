"""Endpoints for posts and their jobs."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, pagination, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from connections.callers import user_id
from publishing import services
from publishing.models import ENDED, Outcome, PublishJob, Status
from publishing.serializers import (
    ChangeJobSerializer,
    JobEventSerializer,
    PlatformSerializer,
    PublishJobDetailSerializer,
    PublishJobResponseSerializer,
    PublishRequestSerializer,
    ResolveSerializer,
    ScheduleRequestSerializer,
    ViolationsSerializer,
    platform_as_data,
)
from socialpublishing import database
from socialpublishing.platforms import PLATFORMS

TAG = "Content Publishing"
MAX_WAIT_S = 30
POLL_EVERY_S = 0.1
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotencyKeyError(exceptions.APIException):
    status_code = 400
    default_code = "idempotency_key_invalid"
    default_detail = "An Idempotency-Key has 1 to 255 visible ASCII characters, and comes once."


class JobPagination(pagination.CursorPagination):
    """The body stays a plain list; the next page is in the Link header (RFC 8288)."""

    page_size = 50
    max_page_size = 100
    page_size_query_param = "limit"
    ordering = ("-created_at", "-id")

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except exceptions.NotFound as error:
            # The list is there; it is the question that is wrong.
            raise exceptions.ValidationError({"cursor": ["This is not a valid cursor."]}) from error

    def get_paginated_response(self, data: Any) -> Response:
        links = [
            f'<{url}>; rel="{rel}"'
            for rel, url in (("next", self.get_next_link()), ("prev", self.get_previous_link()))
            if url
        ]
        return Response(data, headers={"Link": ", ".join(links)} if links else None)


# What the list can be narrowed by, and the question to the database.
JOB_FILTERS = {
    "platform": "platform",
    "status": "status",
    "connection_id": "connection_id",
    "from": "created_at__gte",
    "to": "created_at__lt",
}


class JobFilterSerializer(serializers.Serializer[Any]):
    platform = serializers.ChoiceField(choices=[], required=False)
    status = serializers.ChoiceField(choices=Status.values, required=False)
    connection_id = serializers.UUIDField(required=False)
    to = serializers.DateTimeField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, required=False)
    cursor = serializers.CharField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from"] = serializers.DateTimeField(required=False)
        # The register as it is now.
        platform: Any = self.fields["platform"]
        platform.choices = list(PLATFORMS)


IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    pattern=r"^[!-+\--~]{1,255}$",  # as IDEMPOTENCY_KEY, without the comma
    description="Repeating a request with the same key gives the first answer, and no second job.",
)
PREFER_HEADER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`wait=N` (RFC 7240): answer when the job has ended, or after N seconds (at most "
    "30).",
)


class PublishingViewSet(viewsets.ViewSet):
    @extend_schema(
        operation_id="publish_content_now_publish_post",
        tags=[TAG],
        summary="Publish now",
        parameters=[IDEMPOTENCY_HEADER, PREFER_HEADER],
        request=PublishRequestSerializer,
        responses={202: PublishJobResponseSerializer},
    )
    def publish(self, request: Request) -> Response:
        return _accept(request, PublishRequestSerializer(data=request.data), "publish")

    @extend_schema(
        operation_id="schedule_content_schedule_post",
        tags=[TAG],
        summary="Publish at a time",
        parameters=[IDEMPOTENCY_HEADER],
        request=ScheduleRequestSerializer,
        responses={202: PublishJobResponseSerializer},
    )
    def schedule(self, request: Request) -> Response:
        return _accept(request, ScheduleRequestSerializer(data=request.data), "schedule")

    @extend_schema(
        operation_id="validate_content_validate_post",
        tags=[TAG],
        summary="Would the platform take this post?",
        description="Answers every violation at once. Nothing is stored, and nothing is sent.",
        request=PublishRequestSerializer,
        responses={200: ViolationsSerializer},
    )
    def validate(self, request: Request) -> Response:
        given = PublishRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        found = services.check_post(_draft(given.validated_data), user_id=user_id(request))
        response = {"is_valid": not found, "violations": [vars(violation) for violation in found]}
        return Response(ViolationsSerializer(response).data)


class PublishJobViewSet(viewsets.GenericViewSet[PublishJob]):
    serializer_class = PublishJobResponseSerializer

    def get_queryset(self) -> Any:
        # By its own user_id, which outlives the connection.
        return PublishJob.objects.filter(user_id=user_id(self.request))

    def get_object(self) -> PublishJob:
        job: PublishJob | None = self.get_queryset().filter(pk=self.kwargs["job_id"]).first()
        if job is None:
            raise services.JobNotFoundError
        return job

    @extend_schema(
        operation_id="list_publish_jobs_jobs_get",
        tags=[TAG],
        summary="The caller's jobs, newest first",
        parameters=[
            OpenApiParameter("platform", str, enum=sorted(PLATFORMS)),
            OpenApiParameter("status", str, enum=Status.values),
            OpenApiParameter("connection_id", {"type": "string", "format": "uuid"}),
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="Accepted then or later."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="Accepted before."),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
            OpenApiParameter("cursor", str, description="From the Link header of the last page."),
        ],
        responses=PublishJobResponseSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        unknown = sorted(set(request.query_params) - set(JobFilterSerializer().fields))
        if unknown:
            raise exceptions.ValidationError(
                {name: ["There is no such filter."] for name in unknown}
            )
        given = JobFilterSerializer(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        wanted = {
            JOB_FILTERS[name]: value
            for name, value in given.validated_data.items()
            if name in JOB_FILTERS
        }
        pages = JobPagination()
        page: Any = pages.paginate_queryset(self.get_queryset().filter(**wanted), request)
        return pages.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="get_publish_job_status_jobs__job_id__status_get",
        tags=[TAG],
        summary="How a job stands",
    )
    def status(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="get_publish_job_jobs__job_id__get",
        tags=[TAG],
        summary="A job with what it publishes",
        responses=PublishJobDetailSerializer,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        return Response(PublishJobDetailSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="list_job_events_jobs__job_id__events_get",
        tags=[TAG],
        summary="The job's story, oldest first",
        responses=JobEventSerializer(many=True),
    )
    def events(self, request: Request, **kwargs: Any) -> Response:
        return Response(JobEventSerializer(self.get_object().events.all(), many=True).data)

    @extend_schema(
        operation_id="change_publish_job_jobs__job_id__patch",
        tags=[TAG],
        summary="Give a job another time or content before it begins",
        request=ChangeJobSerializer,
        responses=PublishJobDetailSerializer,
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        given = ChangeJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        changes = _draft_fields(given.validated_data)
        services.change_job(job, changes, actor=f"user {user_id(request)}")
        return Response(PublishJobDetailSerializer(job).data)

    @extend_schema(
        operation_id="resolve_publish_job_jobs__job_id__resolve_post",
        tags=[TAG],
        summary="Settle a job whose outcome nobody knows",
        description="By what somebody saw at the platform. A post said not to be there can be "
        "tried again, and is then published.",
        request=ResolveSerializer,
        responses=PublishJobDetailSerializer,
    )
    def resolve(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        given = ResolveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        outcome = Outcome(said.pop("outcome"))
        services.resolve_job(job, outcome, actor=f"user {user_id(request)}", **said)
        return Response(PublishJobDetailSerializer(job).data)

    @extend_schema(
        operation_id="cancel_publish_job_jobs__job_id__cancel_post",
        tags=[TAG],
        summary="Cancel a job before it is published",
        request=None,
    )
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        services.cancel_job(job, actor=f"user {user_id(request)}")
        return Response(self.get_serializer(job).data)

    @extend_schema(
        operation_id="retry_publish_job_jobs__job_id__retry_post",
        tags=[TAG],
        summary="Try a failed or rejected job again",
        request=None,
    )
    def retry(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        services.retry_job(job, actor=f"user {user_id(request)}")
        return Response(self.get_serializer(job).data)


class PlatformViewSet(viewsets.ViewSet):
    @extend_schema(
        operation_id="list_platforms_platforms_get",
        tags=["Platforms"],
        summary="What each platform takes",
        responses=PlatformSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        platforms = [platform_as_data(platform) for platform in PLATFORMS.values()]
        return Response(PlatformSerializer(platforms, many=True).data)


def _accept(
    request: Request, given: PublishRequestSerializer | ScheduleRequestSerializer, endpoint: str
) -> Response:
    given.is_valid(raise_exception=True)
    key = idempotency_key(request)
    draft = _draft(
        given.validated_data,
        idempotency_key=f"{endpoint}:{key}" if key else "",
        request_hash=_hash(request.data) if key else "",
    )
    accepted = services.accept_post(draft, user_id=user_id(request))
    job = accepted.job
    wait_s = _preferred_wait(request)
    if wait_s and endpoint == "publish" and not accepted.is_replay:
        _wait_for_end(job, wait_s)
    body = PublishJobResponseSerializer(as_accepted(job) if accepted.is_replay else job).data
    headers = {"Idempotency-Replayed": "true"} if accepted.is_replay else None
    return Response(body, status=202, headers=headers)


def _draft(said: Mapping[str, Any], **more: Any) -> services.Draft:
    return services.Draft(connection_id=said["connection_id"], **_draft_fields(said), **more)


def _draft_fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, in a draft's words; null is as good as nothing."""
    names = {
        "text_content": ("text", ""),
        "assets": ("assets", ()),
        "platform_specific_options": ("options", {}),
        "schedule_time": ("scheduled_at", None),
        "late_grace_seconds": ("late_grace_s", None),
    }
    return {
        field: empty if said[name] is None else said[name]
        for name, (field, empty) in names.items()
        if name in said
    }


def as_accepted(job: PublishJob) -> PublishJob:
    """The job as its first answer told it, whatever has become of it."""
    return PublishJob(
        id=job.pk,
        user_id=job.user_id,
        connection_id=job.connection_id,
        platform=job.platform,
        account_name=job.account_name,
        status=Status.SCHEDULED if job.scheduled_at else Status.PENDING,
        scheduled_at=job.scheduled_at,
        next_attempt_at=job.due_at,
        created_at=job.created_at,
        updated_at=job.created_at,
    )


def idempotency_key(request: Request) -> str:
    """The caller's key; empty if there is none. A pair of quotes around it is dropped."""
    if "Idempotency-Key" not in request.headers:
        return ""
    key = request.headers["Idempotency-Key"]
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    # Two headers arrive joined by a comma, and would be a key of nobody's.
    if not IDEMPOTENCY_KEY.fullmatch(key) or "," in key:
        raise IdempotencyKeyError
    return key


def _hash(body: Any) -> str:
    """By what the request says, not how: order and white space do not count."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _preferred_wait(request: Request) -> int:
    match = re.search(r"\bwait=(\d{1,3})\b", request.headers.get("Prefer", ""))
    return min(int(match[1]), MAX_WAIT_S) if match else 0


def _wait_for_end(job: PublishJob, seconds: int) -> None:
    give_up_at = time.monotonic() + seconds
    while job.status not in ENDED and time.monotonic() < give_up_at:
        database.release()
        time.sleep(POLL_EVERY_S)
        job.refresh_from_db()
