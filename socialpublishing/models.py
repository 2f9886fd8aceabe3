"""The models of this app, each defined beside the code that it belongs to."""

from socialpublishing.audit import AuditRecord
from socialpublishing.bulk import BulkOperation
from socialpublishing.erasure import Erasure
from socialpublishing.events.heartbeat import DeliveryHeartbeat
from socialpublishing.events.models import Event, EventFeed
from socialpublishing.events.webhooks import Webhook, WebhookDelivery
from socialpublishing.keys import EncryptionKey, StoredSwitch
from socialpublishing.platforms.pauses import PlatformPause

__all__ = [
    "AuditRecord",
    "BulkOperation",
    "DeliveryHeartbeat",
    "EncryptionKey",
    "Erasure",
    "Event",
    "EventFeed",
    "PlatformPause",
    "StoredSwitch",
    "Webhook",
    "WebhookDelivery",
]
