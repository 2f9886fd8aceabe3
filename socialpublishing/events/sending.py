"""Sends one event to one webhook, signed as Standard Webhooks say.

https://github.com/standard-webhooks/standard-webhooks, read 2026-11-28. The address passes the gate
of media/addresses.py each time, and no redirect is followed. Nothing here uses the database.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from standardwebhooks import Webhook as Signer

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    AssetAddressRefusedError,
    AssetUnreachableError,
    SocialPublishingBaseError,
)
from socialpublishing.events.webhooks import DeliveryError
from socialpublishing.media.addresses import FileAddress, parse_address
from socialpublishing.media.network import (
    INTERNET,
    Connection,
    Network,
    checked_ip_addresses,
    connected,
)

# For all of one attempt: name, connection, request and response.
ATTEMPT_S = 15.0
# Of the response only the status counts. Its body is read so that a receiver can finish it.
BODY_BYTES = 16 * 1024
BODY_S = 1.0


class WebhookAddressRefusedError(SocialPublishingBaseError):
    code = "webhook_address_refused"
    sentence = (
        "We send events to public https:// addresses on port 443 that have a path, such as "
        "https://example.com/events. This address is none, or resolves to none. The operator of "
        "this service can allow others in WEBHOOK_ALLOWED_ORIGINS."
    )


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is sent: the object that the feed returns, and its id."""

    id: str
    body: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Message:
        return cls(id=data["id"], body=json.dumps(data, separators=(",", ":")))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`error` is empty if the receiver has accepted the event."""

    error: str = ""
    response_status: int | None = None
    duration_ms: int = 0

    @property
    def is_delivered(self) -> bool:
        return not self.error


def check_address(url: str, *, network: Network = INTERNET) -> None:
    """Raise WebhookAddressRefusedError if no event would be sent to `url`."""
    try:
        address = parse_address(url, trusted=settings.WEBHOOK_ALLOWED_ORIGINS)
        if not address.is_trusted:
            checked_ip_addresses(address, time.monotonic() + network.resolve_s, network)
    except (AssetAddressRefusedError, AssetUnreachableError) as error:
        raise WebhookAddressRefusedError from error


def signed_headers(message: Message, secrets: Sequence[Secret], at: dt.datetime) -> dict[str, str]:
    """One signature by each of `secrets`, in their order."""
    signatures = [
        Signer(secret.reveal()).sign(msg_id=message.id, timestamp=at, data=message.body)
        for secret in secrets
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def send(
    url: str, message: Message, secrets: Sequence[Secret], *, network: Network = INTERNET
) -> Outcome:
    """Try once. `secrets` are those that sign, the newest first."""
    started = time.monotonic()
    status, error = _attempt(url, message, secrets, started + ATTEMPT_S, network)
    took_ms = int((time.monotonic() - started) * 1000)
    return Outcome(error=error, response_status=status, duration_ms=took_ms)


def _attempt(
    url: str, message: Message, secrets: Sequence[Secret], deadline: float, network: Network
) -> tuple[int | None, str]:
    """The status of the response, if there is one, and the error, if it is none."""
    try:
        address = parse_address(url, trusted=settings.WEBHOOK_ALLOWED_ORIGINS)
        with connected(address, deadline, network) as connection:
            status = _post(connection, address, message, secrets, deadline)
    except AssetAddressRefusedError:
        return None, DeliveryError.ADDRESS_REFUSED
    except AssetUnreachableError:
        return None, DeliveryError.UNREACHABLE
    return status, DeliveryError.NO_RESPONSE if status is None else _error_of(status)


def _post(
    connection: Connection,
    address: FileAddress,
    message: Message,
    secrets: Sequence[Secret],
    deadline: float,
) -> int | None:
    """The status; None without a usable response."""
    headers = signed_headers(message, secrets, dt.datetime.now(dt.UTC))
    try:
        response = connection.post(address, message.body.encode(), headers)
    except AssetUnreachableError:
        return None
    connection.allow(BODY_BYTES, until=min(deadline, time.monotonic() + BODY_S))
    with suppress(OSError, http.client.HTTPException, ValueError):
        response.read(BODY_BYTES)
    return response.status


def _error_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if status == http.HTTPStatus.GONE:
        return DeliveryError.GONE
    return DeliveryError.REDIRECTED if 300 <= status < 400 else DeliveryError.REFUSED
