"""An event as JSON: what the feed returns, and the body of a webhook."""

from __future__ import annotations

from typing import Any

from socialpublishing.events.models import Event


def event_id(event: Event) -> str:
    return f"evt_{event.public_id.hex}"


def event_as_data(event: Event) -> dict[str, Any]:
    return {
        "id": event_id(event),
        "type": event.type,
        "timestamp": event.at.isoformat().replace("+00:00", "Z"),
        "sequence": event.sequence,
        "data": event.data,
    }
