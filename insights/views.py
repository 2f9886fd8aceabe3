"""Endpoints for hashtags, best times and the metrics of a post."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from insights.audience import connection_of
from insights.best_times import best_times
from insights.hashtags import hashtags
from insights.job_metrics import metrics_of_job
from insights.serializers import (
    BestTimesQuerySerializer,
    BestTimeToPostResponseSerializer,
    HashtagRequestSerializer,
    HashtagResponseSerializer,
    JobMetricsSerializer,
)
from insights.week_estimator import Basis
from socialpublishing.callers import user_id
from socialpublishing.serializers import validated_query

TAG = "Content Insights"
PLATFORM = OpenApiParameter("platform", str, OpenApiParameter.PATH)


class InsightsViewSet(viewsets.ViewSet):
    asks_platform = ("hashtags", "best_times")

    @extend_schema(
        operation_id="get_trending_hashtags_insights__platform__hashtags_post",
        tags=[TAG],
        summary="Hashtags for keywords",
        description="From the platform if it offers any, from the account's own posts, and last "
        "the keywords themselves; each suggestion names its source.",
        parameters=[PLATFORM],
        request=HashtagRequestSerializer,
        responses=HashtagResponseSerializer,
    )
    def hashtags(self, request: Request, platform: str) -> Response:
        serializer = HashtagRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = {
            name: value for name, value in serializer.validated_data.items() if value is not None
        }
        suggested = hashtags(user_id=user_id(request), platform=platform, **fields)
        return Response(HashtagResponseSerializer(suggested).data)

    @extend_schema(
        operation_id="get_best_times_to_post_insights__platform__best_times_get",
        tags=[TAG],
        summary="The best hours of the week for an account",
        parameters=[
            PLATFORM,
            OpenApiParameter("connection_id", str, required=True),
            OpenApiParameter(
                "destination_id", str, description="Needed if the account posts to destinations."
            ),
            OpenApiParameter("timezone", str, description="By default the connection's, else UTC."),
            OpenApiParameter(
                "basis",
                str,
                enum=list(Basis),
                default=Basis.ENGAGEMENT,
                description="What the hours are judged by. 404 `insights_not_available` where "
                "`reach` is asked for and not known.",
            ),
        ],
        responses=BestTimeToPostResponseSerializer,
    )
    def best_times(self, request: Request, platform: str) -> Response:
        query = validated_query(BestTimesQuerySerializer, request)
        connection = connection_of(user_id(request), platform, query["connection_id"])
        best = best_times(
            connection,
            zone_name=query.get("timezone", ""),
            destination_id=query.get("destination_id"),
            basis=Basis(query["basis"]),
        )
        return Response(BestTimeToPostResponseSerializer(best).data)


class JobMetricsViewSet(viewsets.ViewSet):
    @extend_schema(
        operation_id="get_publish_job_metrics_jobs__job_id__metrics_get",
        tags=[TAG],
        summary="The metrics of a published post",
        responses=JobMetricsSerializer,
    )
    def retrieve(self, request: Request, job_id: Any) -> Response:
        return Response(JobMetricsSerializer(metrics_of_job(user_id(request), job_id)).data)
