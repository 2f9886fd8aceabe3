"""The endpoints of posts, their jobs and the platforms."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from publishing import operations
from publishing.accepting import accept_post, keep_first_response, possible_duplicates
from publishing.checking import Draft
from publishing.errors import JobNotFoundError
from publishing.filters import JOB_LIST_PARAMETERS, JobListSerializer, filter_jobs
from publishing.headers import (
    ACCEPTED_HEADERS,
    PREFER_HEADER,
    accepted,
    key_of,
    preferred_wait,
)
from publishing.models import Outcome, PublishJob
from publishing.pagination import page
from publishing.platform_serializers import PlatformSerializer, platform_as_data
from publishing.serializers import (
    ChangeJobSerializer,
    JobEventSerializer,
    PublishJobDetailSerializer,
    PublishJobResponseSerializer,
    PublishRequestSerializer,
    ResolveSerializer,
    ScheduleRequestSerializer,
)
from publishing.taking_down import take_down_post
from socialpublishing import database
from socialpublishing.callers import user_id
from socialpublishing.platforms import PLATFORMS
from socialpublishing.serializers import validated_query

TAG = "Content Publishing"
POLL_EVERY_S = 0.1
# How many callers of one process wait for the end of their job (Prefer); others wait for nothing.
waiting_places = threading.BoundedSemaphore(12)
# The request's name of each field of a Draft, and the value that null stands for.
DRAFT_FIELDS: Mapping[str, tuple[str, Any]] = {
    "text_content": ("text", ""),
    "assets": ("assets", ()),
    "platform_specific_options": ("options", {}),
    "schedule_time": ("scheduled_at", None),
    "late_grace_seconds": ("late_grace_s", None),
    "external_reference": ("external_reference", ""),
    "metadata": ("metadata", None),
}


class PublishingViewSet(viewsets.ViewSet):
    # These read the files of a post while the caller waits.
    reads_media = ("publish", "schedule")

    @extend_schema(
        operation_id="publish_content_now_publish_post",
        tags=[TAG],
        summary="Publish now",
        parameters=[*ACCEPTED_HEADERS, PREFER_HEADER],
        request=PublishRequestSerializer,
        responses={202: PublishJobResponseSerializer},
    )
    def publish(self, request: Request) -> Response:
        return _accept(request, PublishRequestSerializer(data=request.data), "publish")

    @extend_schema(
        operation_id="schedule_content_schedule_post",
        tags=[TAG],
        summary="Publish at a time",
        parameters=ACCEPTED_HEADERS,
        request=ScheduleRequestSerializer,
        responses={202: PublishJobResponseSerializer},
    )
    def schedule(self, request: Request) -> Response:
        return _accept(request, ScheduleRequestSerializer(data=request.data), "schedule")


class PublishJobViewSet(viewsets.GenericViewSet[PublishJob]):
    reads_media = ("partial_update",)
    serializer_class = PublishJobResponseSerializer

    def get_queryset(self) -> Any:
        # By the job's own user_id: the connection may be gone.
        return PublishJob.objects.filter(user_id=user_id(self.request)).with_limit()

    def get_object(self) -> PublishJob:
        job: PublishJob | None = self.get_queryset().filter(pk=self.kwargs["job_id"]).first()
        if job is None:
            raise JobNotFoundError
        return job

    @extend_schema(
        operation_id="list_publish_jobs_jobs_get",
        tags=[TAG],
        summary="The caller's jobs, newest first or by due time",
        description="Each with its content: a calendar needs no second request. The next page is "
        "in the `Link` header.",
        parameters=JOB_LIST_PARAMETERS,
        responses=PublishJobDetailSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        query = validated_query(JobListSerializer, request)
        paging = {name: query[name] for name in ("order", "limit", "cursor")}
        jobs = filter_jobs(self.get_queryset(), query)
        rows: Any
        rows, following = page(jobs, **paging)
        headers = {"Link": _next_link(request, following)} if following else None
        return Response(PublishJobDetailSerializer(rows, many=True).data, headers=headers)

    @extend_schema(
        operation_id="get_publish_job_status_jobs__job_id__status_get",
        tags=[TAG],
        summary="The status of a job",
    )
    def status(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="get_publish_job_jobs__job_id__get",
        tags=[TAG],
        summary="A job with its content",
        responses=PublishJobDetailSerializer,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        return Response(PublishJobDetailSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="list_job_events_jobs__job_id__events_get",
        tags=[TAG],
        summary="The history of a job, oldest first",
        responses=JobEventSerializer(many=True),
    )
    def events(self, request: Request, **kwargs: Any) -> Response:
        return Response(JobEventSerializer(self.get_object().events.all(), many=True).data)

    @extend_schema(
        operation_id="change_publish_job_jobs__job_id__patch",
        tags=[TAG],
        summary="Change the time or content of a job before it is published",
        request=ChangeJobSerializer,
        responses=PublishJobDetailSerializer,
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        serializer = ChangeJobSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changes = draft_fields(serializer.validated_data)
        operations.change_job(job, changes, actor=actor_of(request))
        return Response(PublishJobDetailSerializer(job).data)

    @extend_schema(
        operation_id="resolve_publish_job_jobs__job_id__resolve_post",
        tags=[TAG],
        summary="Resolve a job whose outcome is unknown",
        description="Records what a person saw at the platform. A retry after `not_published` "
        "publishes the post.",
        request=ResolveSerializer,
        responses=PublishJobDetailSerializer,
    )
    def resolve(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        serializer = ResolveSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        outcome = Outcome(values.pop("outcome"))
        operations.resolve_job(job, outcome=outcome, actor=actor_of(request), **values)
        return Response(PublishJobDetailSerializer(job).data)

    @extend_schema(
        operation_id="cancel_publish_job_jobs__job_id__cancel_post",
        tags=[TAG],
        summary="Cancel a job before it is published",
        request=None,
    )
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        operations.cancel_job(job, actor=actor_of(request))
        return Response(self.get_serializer(job).data)

    @extend_schema(
        operation_id="take_down_post_jobs__job_id__post_delete",
        tags=[TAG],
        summary="Take a published post down at its platform",
        description="It is deleted soon; `deleted_at` is set when it is. Repeats are harmless. If "
        "the platform refuses, the job has the warning `take_down_failed`.",
        request=None,
        responses={202: PublishJobResponseSerializer},
    )
    def take_down(self, request: Request, **kwargs: Any) -> Response:
        job = take_down_post(self.get_object(), actor=actor_of(request))
        return Response(self.get_serializer(job).data, status=202)

    @extend_schema(
        operation_id="retry_publish_job_jobs__job_id__retry_post",
        tags=[TAG],
        summary="Retry a failed or rejected job",
        request=None,
    )
    def retry(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        operations.retry_job(job, actor=actor_of(request))
        return Response(self.get_serializer(job).data)


class PlatformViewSet(viewsets.ViewSet):
    @extend_schema(
        operation_id="list_platforms_platforms_get",
        tags=["Platforms"],
        summary="What each platform accepts",
        responses=PlatformSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        platforms = [platform_as_data(platform) for platform in PLATFORMS.values()]
        return Response(PlatformSerializer(platforms, many=True).data)


def _next_link(request: Request, cursor: str) -> str:
    """RFC 8288. The body stays a plain list."""
    url = replace_query_param(request.build_absolute_uri(), "cursor", cursor)
    return f'<{url}>; rel="next"'


def actor_of(request: Request) -> str:
    return f"user {user_id(request)}"


def _accept(
    request: Request,
    serializer: PublishRequestSerializer | ScheduleRequestSerializer,
    endpoint: str,
) -> Response:
    serializer.is_valid(raise_exception=True)
    key = key_of(request, endpoint)
    done = accept_post(draft_of(serializer.validated_data), user_id=user_id(request), key=key)
    job = done.job
    location = reverse("publish-job", kwargs={"job_id": job.pk})
    if done.first_response is not None:
        return accepted(done.first_response, location=location, is_replay=True)
    duplicates = [] if key.value else possible_duplicates([job])
    if endpoint == "publish" and (seconds := preferred_wait(request)):
        _wait(job, seconds)
        keep_first_response(job)
    data = PublishJobResponseSerializer(job).data
    return accepted(data, location=location, duplicates=duplicates)


def draft_of(values: Mapping[str, Any]) -> Draft:
    """What the fields of a request mean."""
    return Draft(connection_id=values["connection_id"], **draft_fields(values))


def draft_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Draft that a request names."""
    return {
        field: empty if values[name] is None else values[name]
        for name, (field, empty) in DRAFT_FIELDS.items()
        if name in values
    }


def _wait(job: PublishJob, seconds: int) -> None:
    """Wait until `job` has ended, or will not go on by itself in this time."""
    if not waiting_places.acquire(blocking=False):
        return
    try:
        deadline = time.monotonic() + seconds
        until = timezone.now() + dt.timedelta(seconds=seconds)
        while not _stands_still(job, until) and time.monotonic() < deadline:
            # Waiting callers must not use up the connections of the database.
            database.release()
            time.sleep(POLL_EVERY_S)
            job.refresh_from_db()
    finally:
        waiting_places.release()


def _stands_still(job: PublishJob, until: dt.datetime) -> bool:
    if job.needs_person or job.next_attempt_at is None:
        return True
    # While a worker has the job, next_attempt_at is the end of its lease.
    return bool(job.waiting_for and not job.lease_owner and job.next_attempt_at > until)
