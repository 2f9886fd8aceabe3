"""The query parameters of the list of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from connections.models import SocialConnection
from publishing.indexes import DUE, OPEN_STATUSES
from publishing.models import PublishJob, Status, WaitingFor
from publishing.pagination import MAX_PAGE_SIZE, NEWEST_FIRST, ORDERS, PAGE_SIZE
from socialpublishing.codes import CODES
from socialpublishing.errors import WhoActs
from socialpublishing.platforms import PLATFORMS
from socialpublishing.serializers import ChoiceField, QuerySerializer, TextField

# A parameter's name, and the lookup on PublishJob, where `due` is DUE.
LOOKUPS = {
    "platform": "platform",
    "status": "status",
    "connection_id": "connection_id",
    "batch_id": "batch_id",
    "external_reference": "external_reference",
    "error_code": "error_code",
    "waiting_for": "waiting_for",
    "who_acts": "who_acts",
    "from": "created_at__gte",
    "to": "created_at__lt",
    "due_from": "due__gte",
    "due_to": "due__lt",
    "updated_after": "updated_at__gt",
}
WHO = [who.value for who in WhoActs if who]
UUID = {"type": "string", "format": "uuid"}
JOB_LIST_PARAMETERS = [
    OpenApiParameter("platform", str, enum=sorted(PLATFORMS)),
    OpenApiParameter("status", str, enum=Status.values),
    OpenApiParameter("connection_id", UUID),
    OpenApiParameter("batch_id", UUID),
    OpenApiParameter("external_reference", str, description="The caller's own name, as given."),
    OpenApiParameter("error_code", str, description="One of the codes of jobs."),
    OpenApiParameter("waiting_for", str, enum=WaitingFor.values),
    OpenApiParameter("who_acts", str, enum=WHO),
    OpenApiParameter(
        "from",
        OpenApiTypes.DATETIME,
        description="Accepted then or later. Here and below, a time without an offset is UTC.",
    ),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="Accepted before."),
    OpenApiParameter(
        "due_from",
        OpenApiTypes.DATETIME,
        description="Due then or later. A post without a time is due when it is accepted.",
    ),
    OpenApiParameter("due_to", OpenApiTypes.DATETIME, description="Due before."),
    OpenApiParameter(
        "updated_after",
        OpenApiTypes.DATETIME,
        description="Changed since. A change is visible up to five minutes after its `updated_at`: "
        "to miss none, go five minutes back behind the newest `updated_at` that you have seen, and "
        "leave out what you have already. `GET /events` needs no such care.",
    ),
    OpenApiParameter(
        "order",
        str,
        enum=list(ORDERS),
        default=NEWEST_FIRST,
        description="`due`: those due first come first. A job that is rescheduled while you page "
        "may come twice, or not at all; by `-created` it keeps its place.",
    ),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}, default=PAGE_SIZE
    ),
    OpenApiParameter("cursor", str, description="From the Link header of the last page."),
]


def _time() -> serializers.DateTimeField:
    message = "A time such as 2026-12-24T18:00:00Z is expected; in a query, + is written %2B."
    return serializers.DateTimeField(required=False, error_messages={"invalid": message})


class PlatformField(ChoiceField):
    def to_internal_value(self, data: Any) -> Any:
        # Read now, because tests register platforms of their own.
        self.choices = list(PLATFORMS)
        return super().to_internal_value(data)


class JobListSerializer(QuerySerializer):
    platform = PlatformField(choices=[], required=False)
    status = ChoiceField(choices=Status.values, required=False)
    connection_id = serializers.UUIDField(required=False)
    batch_id = serializers.UUIDField(required=False)
    external_reference = TextField(max_length=200, required=False)
    error_code = ChoiceField(choices=list(CODES), required=False)
    waiting_for = ChoiceField(choices=WaitingFor.values, required=False)
    who_acts = ChoiceField(choices=WHO, required=False)
    to = _time()
    due_from = _time()
    due_to = _time()
    updated_after = _time()
    order = ChoiceField(choices=list(ORDERS), default=NEWEST_FIRST)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=PAGE_SIZE)
    cursor = TextField(max_length=200, default="")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # `from` is a keyword of Python.
        self.fields["from"] = _time()


def filter_jobs(
    jobs: QuerySet[PublishJob], values: Mapping[str, Any], *, user_id: str
) -> QuerySet[PublishJob]:
    """`jobs`, those of a user, narrowed by the checked parameters."""
    lookups = {LOOKUPS[name]: values[name] for name in values if name in LOOKUPS}
    if values.get("status") in OPEN_STATUSES:
        # The database does not know that these have one; an index holds only such rows.
        lookups["next_attempt_at__isnull"] = False
    if platform := values.get("platform"):
        jobs = jobs.filter(_may_be_of(platform, user_id))
    return jobs.alias(due=DUE).filter(**lookups)


def _may_be_of(platform: str, user_id: str) -> Q:
    """True for each job of `platform`. Indexes have the connection of a job, not its platform."""
    connections = SocialConnection.objects.filter(user_id=user_id, platform=platform)
    return Q(connection__in=list(connections.values_list("pk", flat=True))) | Q(connection=None)
