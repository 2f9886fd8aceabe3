"""Endpoints that say what works."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from connections.callers import user_id
from insights import services, snapshots
from insights.serializers import (
    BestTimesQuerySerializer,
    BestTimeToPostResponseSerializer,
    HashtagRequestSerializer,
    HashtagResponseSerializer,
    JobMetricsSerializer,
)

TAG = "Content Insights"
PLATFORM = OpenApiParameter("platform", str, OpenApiParameter.PATH)


class InsightsViewSet(viewsets.ViewSet):
    asks_platform = ("hashtags", "best_times")

    @extend_schema(
        operation_id="get_trending_hashtags_insights__platform__hashtags_post",
        tags=[TAG],
        summary="Hashtags for keywords",
        description="From the platform where it names any, from the account's own posts, and last "
        "the keywords themselves; each suggestion says which.",
        parameters=[PLATFORM],
        request=HashtagRequestSerializer,
        responses=HashtagResponseSerializer,
    )
    def hashtags(self, request: Request, platform: str) -> Response:
        given = HashtagRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = {name: value for name, value in given.validated_data.items() if value is not None}
        found = services.hashtags(user_id=user_id(request), platform=platform, **asked)
        return Response(HashtagResponseSerializer(found).data)

    @extend_schema(
        operation_id="get_best_times_to_post_insights__platform__best_times_get",
        tags=[TAG],
        summary="The best hours of the week for an account",
        parameters=[
            PLATFORM,
            OpenApiParameter("connection_id", str, required=True),
            OpenApiParameter(
                "destination_id", str, description="Where the account posts to several places."
            ),
            OpenApiParameter("timezone", str, description="By default the connection's, else UTC."),
        ],
        responses=BestTimeToPostResponseSerializer,
    )
    def best_times(self, request: Request, platform: str) -> Response:
        given = BestTimesQuerySerializer(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        connection = services.connection_of(user_id(request), platform, asked["connection_id"])
        found = services.best_times(
            connection,
            zone_name=asked.get("timezone", ""),
            destination_id=asked.get("destination_id"),
        )
        return Response(BestTimeToPostResponseSerializer(found).data)


class JobMetricsViewSet(viewsets.ViewSet):
    @extend_schema(
        operation_id="get_publish_job_metrics_jobs__job_id__metrics_get",
        tags=[TAG],
        summary="How a published post is doing",
        responses=JobMetricsSerializer,
    )
    def retrieve(self, request: Request, job_id: Any) -> Response:
        return Response(JobMetricsSerializer(snapshots.of_job(user_id(request), job_id)).data)
