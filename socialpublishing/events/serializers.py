"""The query parameters and the response of the feed."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from socialpublishing.events.models import EventType
from socialpublishing.serializers import QuerySerializer, no_such

MAX_WAIT_S = 20
CURSOR = re.compile(r"1:(0|[1-9][0-9]{0,17})")
TYPES_HELP = "\n".join(f"`{each.value}`: {each.label}" for each in EventType)


class CursorField(serializers.Field[Any, Any, Any, Any]):
    """A position in the feed, opaque to callers."""

    default_error_messages = {
        "invalid": "This is no cursor. Send the `next` of the page before, or nothing."
    }

    def to_internal_value(self, data: Any) -> int:
        try:
            text = base64.urlsafe_b64decode(str(data).encode("ascii")).decode("ascii")
        except (binascii.Error, ValueError):
            self.fail("invalid")
        position = CURSOR.fullmatch(text)
        if position is None:
            self.fail("invalid")
        return int(position[1])

    def to_representation(self, value: int) -> str:
        return base64.urlsafe_b64encode(f"1:{value}".encode()).decode("ascii")


extend_schema_field({"type": "string"})(CursorField)


class TypesField(serializers.Field[Any, Any, Any, Any]):
    """Types of events, with commas between them."""

    def to_internal_value(self, data: Any) -> list[str]:
        types = [name.strip() for name in str(data).split(",") if name.strip()]
        if wrong := sorted(set(types) - set(EventType.values)):
            sentence = no_such("event type", wrong[0], EventType.values)
            raise serializers.ValidationError(sentence, code="invalid_choice")
        return types

    def to_representation(self, value: list[str]) -> str:
        return ",".join(value)


extend_schema_field({"type": "string"})(TypesField)


class EventQuerySerializer(QuerySerializer):
    after = CursorField(
        required=False, help_text="The `next` of the last page. Without it: the oldest kept events."
    )
    types = TypesField(
        required=False, default=(), help_text="Only these types, with commas between them."
    )
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100, default=50)
    wait = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_WAIT_S,
        default=0,
        help_text="Seconds to wait for an event if there is none. With many callers waiting, the "
        "response comes at once.",
    )

    def to_internal_value(self, data: Any) -> Any:
        # An empty cursor is none.
        return super().to_internal_value({k: v for k, v in data.items() if (k, v) != ("after", "")})


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The same in the feed and in each delivery of a webhook.")
    type = serializers.ChoiceField(choices=EventType.values, help_text=TYPES_HELP)
    timestamp = serializers.DateTimeField()
    sequence = serializers.IntegerField(
        help_text="Counts the events of the same job, batch or connection, from 1."
    )
    data = serializers.DictField(  # type: ignore[assignment]
        help_text="The job, batch or connection as the API returned it then, without text, assets "
        "and options; for `platform.*`: platform, feature, reason, since, until."
    )


class EventPageSerializer(serializers.Serializer[Any]):
    events = EventSerializer(many=True)
    next = CursorField(help_text="Send it as `after`. It is there on an empty page too.")
