"""The query parameters that narrow a list of jobs."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers

from publishing.models import PublishJob, Status
from socialpublishing.platforms import PLATFORMS

# A parameter's name, and the lookup on PublishJob.
LOOKUPS = {
    "platform": "platform",
    "status": "status",
    "connection_id": "connection_id",
    "from": "created_at__gte",
    "to": "created_at__lt",
}
JOB_LIST_PARAMETERS = [
    OpenApiParameter("platform", str, enum=sorted(PLATFORMS)),
    OpenApiParameter("status", str, enum=Status.values),
    OpenApiParameter("connection_id", {"type": "string", "format": "uuid"}),
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="Accepted then or later."),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="Accepted before."),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
    OpenApiParameter("cursor", str, description="From the Link header of the last page."),
]


class JobListSerializer(serializers.Serializer[Any]):
    """All query parameters of the list, those of JobPagination included."""

    platform = serializers.ChoiceField(choices=[], required=False)
    status = serializers.ChoiceField(choices=Status.values, required=False)
    connection_id = serializers.UUIDField(required=False)
    to = serializers.DateTimeField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, required=False)
    cursor = serializers.CharField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # `from` is a keyword of Python.
        self.fields["from"] = serializers.DateTimeField(required=False)
        # Read here, because tests register platforms of their own.
        platform: Any = self.fields["platform"]
        platform.choices = list(PLATFORMS)


def filter_jobs(jobs: QuerySet[PublishJob], parameters: QueryDict) -> QuerySet[PublishJob]:
    """`jobs` narrowed by `parameters`. Raises ValidationError if one is unknown or malformed."""
    serializer = JobListSerializer(data=parameters.dict())
    if unknown := sorted(set(parameters) - set(serializer.fields)):
        raise exceptions.ValidationError({name: ["There is no such filter."] for name in unknown})
    serializer.is_valid(raise_exception=True)
    values = serializer.validated_data
    return jobs.filter(**{LOOKUPS[name]: values[name] for name in values if name in LOOKUPS})
