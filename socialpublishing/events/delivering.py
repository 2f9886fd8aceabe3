"""The loop that sends events to webhooks, in a process of its own beside the workers.

Its main thread alone uses the database: it gives new events their places in the feed, claims due
deliveries, and stores what became of them. Threads send. A delivery belongs to a process by a
lease, the stored `next_attempt_at`: a process that is killed leaves it due again, so a receiver may
get an event twice, with the same id. Receivers are kept apart: each has few threads, and those that
fail have some for all of them together.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import queue
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from socialpublishing.clock import database_now
from socialpublishing.crypto import Secret
from socialpublishing.errors import TokenEncryptionError
from socialpublishing.events import heartbeat
from socialpublishing.events.feed import place_new_events
from socialpublishing.events.managing import pause_by_itself
from socialpublishing.events.representation import event_as_data
from socialpublishing.events.sending import ATTEMPT_S, Message, Outcome, send
from socialpublishing.events.webhooks import (
    DeliveryError,
    PausedReason,
    Webhook,
    WebhookDelivery,
)
from socialpublishing.media.network import INTERNET, Network

logger = logging.getLogger(__name__)

THREADS = 32
# How many threads may send at the same time: to one host, for one user, and, in all, to receivers
# whose last attempt failed; to one of those a single thread.
PER_HOST, PER_USER, FAILING = 4, 8, 8
LOOK_EVERY_S = 0.2
LEASE = dt.timedelta(seconds=ATTEMPT_S * 2)
# The pauses before the next attempt, each ± 20 %. After the last one a delivery has failed.
RETRIES_S = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
SPREAD = 0.2
# A webhook is paused after so long without a success, and so many attempts of one delivery.
FAILS_FOR = dt.timedelta(days=5)
ATTEMPTS_BEFORE_PAUSE = 3


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A delivery that this process sends now. The lease is its right to store the outcome."""

    delivery: WebhookDelivery
    lease: dt.datetime
    message: Message
    secrets: Sequence[Secret]

    @property
    def webhook(self) -> Webhook:
        return self.delivery.webhook


class Places:
    """Which receivers may get another thread."""

    def __init__(self) -> None:
        self._hosts: Counter[str] = Counter()
        self._users: Counter[str] = Counter()
        self._failing: Counter[str] = Counter()  # by host
        self._taken: dict[uuid.UUID, tuple[str, str, bool]] = {}

    @property
    def taken(self) -> int:
        return len(self._taken)

    @property
    def in_hand(self) -> list[uuid.UUID]:
        """The deliveries that are being sent."""
        return list(self._taken)

    def free_for(self, webhook: Webhook) -> int:
        """How many further deliveries to `webhook` may be sent now."""
        host, user, fails = _place(webhook)
        free = [THREADS - self.taken, PER_HOST - self._hosts[host]]
        if user:  # those of the operator are trusted
            free.append(PER_USER - self._users[user])
        if fails:
            free += [1 - self._failing[host], FAILING - self._failing.total()]
        return max(0, min(free))

    def take(self, delivery: WebhookDelivery) -> None:
        self._taken[delivery.pk] = _place(delivery.webhook)
        self._count(delivery, 1)

    def leave(self, delivery: WebhookDelivery) -> None:
        self._count(delivery, -1)
        del self._taken[delivery.pk]

    def _count(self, delivery: WebhookDelivery, change: int) -> None:
        host, user, fails = self._taken[delivery.pk]
        self._hosts[host] += change
        self._users[user] += change
        self._failing[host] += change * fails


def _place(webhook: Webhook) -> tuple[str, str, bool]:
    """The host, the user, and whether it fails."""
    host = urlsplit(webhook.url).netloc.lower()
    return host, webhook.user_id, webhook.failing_since is not None


class Deliverer:
    """`now` is passed to a turn, so that tests can live at another time."""

    def __init__(self, *, network: Network = INTERNET) -> None:
        self.network = network
        self.places = Places()
        self.results: queue.SimpleQueue[tuple[Claimed, Outcome]] = queue.SimpleQueue()
        # Finished, but not stored yet: kept while the database is away.
        self.unsettled: list[tuple[Claimed, Outcome]] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks")

    # --- The loop --------------------------------------------------------------------------------

    def run(self, *, stop: Callable[[], object], alive: Callable[[], object]) -> None:
        """Deliver until `stop`, then finish what is under way. `alive` is called in each turn."""
        pause, renew_at = 0.5, 0.0
        while not (stop() and not self.places.taken):
            alive()
            try:
                now = database_now()
                if time.monotonic() >= renew_at:
                    heartbeat.renew(now)
                    renew_at = time.monotonic() + heartbeat.RENEW_EVERY_S
                self.turn(now, is_claiming=not stop())
                pause = 0.5
            except DatabaseError:
                logger.exception("webhooks: the database failed; trying again in %.1f s", pause)
                connection.close()
                time.sleep(pause)
                pause = min(pause * 2, 5.0)
            self.collect(LOOK_EVERY_S)
        self._pool.shutdown(wait=False)
        with contextlib.suppress(DatabaseError):
            heartbeat.leave()

    def turn(self, now: dt.datetime, *, is_claiming: bool = True) -> None:
        if self.unsettled:
            self.settle(now)
        while place_new_events():
            pass
        if is_claiming:
            for claimed in self.claim(now):
                self._pool.submit(self._send, claimed)

    def finish(self, now: dt.datetime) -> None:
        """For tests: turn until nothing is in flight."""
        self.turn(now)
        while self.places.taken:
            self.collect(LOOK_EVERY_S)
            self.turn(now)

    def collect(self, wait_s: float) -> None:
        try:
            self.unsettled.append(self.results.get(timeout=wait_s))
        except queue.Empty:
            return
        while not self.results.empty():
            self.unsettled.append(self.results.get())

    def _send(self, claimed: Claimed) -> None:
        outcome = Outcome(error=DeliveryError.NO_RESPONSE)
        try:
            outcome = send(
                claimed.webhook.url, claimed.message, claimed.secrets, network=self.network
            )
        except Exception:  # a mistake of ours must not keep the place
            logger.exception("webhooks: sending failed")
        finally:
            self.results.put((claimed, outcome))

    # --- Claiming --------------------------------------------------------------------------------

    def claim(self, now: dt.datetime) -> list[Claimed]:
        """Those that are sent now, at most as many as there are places."""
        due = WebhookDelivery.objects.filter(next_attempt_at__lte=now)
        if self.places.taken >= THREADS or not due.exists():
            return []
        claimed: list[Claimed] = []
        try:
            with transaction.atomic():
                of_webhook = due.filter(webhook=OuterRef("pk"))
                webhooks = list(Webhook.objects.active().filter(Exists(of_webhook)))
                random.shuffle(webhooks)  # none is always the first
                for webhook in webhooks:
                    self._claim_of(webhook, due, now, claimed)
        except DatabaseError:
            for each in claimed:
                self.places.leave(each.delivery)
            raise
        return claimed

    def _claim_of(
        self,
        webhook: Webhook,
        due: QuerySet[WebhookDelivery],
        now: dt.datetime,
        claimed: list[Claimed],
    ) -> None:
        """Add the oldest deliveries of `webhook` to `claimed`, as many as it has places."""
        unlocked = due.select_for_update(skip_locked=True, of=("self",)).select_related("event")
        free = self.places.free_for(webhook)
        # One that is still being sent may be due: sent again by hand, or a clock went forward.
        ready = unlocked.filter(webhook=webhook).exclude(pk__in=self.places.in_hand)
        rows = list(ready.order_by("next_attempt_at")[:free])
        if not rows:
            return
        try:
            secrets = webhook.live_secrets(now)
        except TokenEncryptionError:
            # An alarm, and no reason to stop the others.
            logger.exception("a webhook's secret", extra={"webhook_id": str(webhook.pk)})
            for row in rows:
                outcome = Outcome(error=DeliveryError.SECRET_UNREADABLE)
                _store_failure(row, outcome, now, lease=row.next_attempt_at)
            return
        lease = now + LEASE
        WebhookDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(
            next_attempt_at=lease
        )
        for row in rows:
            row.webhook = webhook
            self.places.take(row)
            message = Message.of(event_as_data(row.event))
            claimed.append(Claimed(delivery=row, lease=lease, message=message, secrets=secrets))

    # --- Settling --------------------------------------------------------------------------------

    def settle(self, now: dt.datetime) -> None:
        """Store what came back, all of it or nothing."""
        with transaction.atomic():
            for claimed, outcome in self.unsettled:
                store = _store_success if outcome.is_delivered else _store_failure
                store(claimed.delivery, outcome, now, lease=claimed.lease)
        for claimed, _ in self.unsettled:
            self.places.leave(claimed.delivery)
        self.unsettled = []


def _store_success(
    delivery: WebhookDelivery, outcome: Outcome, now: dt.datetime, *, lease: dt.datetime | None
) -> None:
    _store(delivery, outcome, now, lease, status=WebhookDelivery.Status.DELIVERED, next_at=None)
    failing = Webhook.objects.filter(pk=delivery.webhook_id, failing_since__isnull=False)
    failing.update(failing_since=None)


def _store_failure(
    delivery: WebhookDelivery, outcome: Outcome, now: dt.datetime, *, lease: dt.datetime | None
) -> None:
    pauses = () if outcome.error == DeliveryError.GONE else RETRIES_S[delivery.attempts :][:1]
    next_at, status = None, str(WebhookDelivery.Status.FAILED)
    for pause in pauses:
        spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311  no secret
        next_at, status = now + dt.timedelta(seconds=pause * spread), delivery.status
    if not _store(delivery, outcome, now, lease, status=status, next_at=next_at):
        return
    own = Webhook.objects.filter(pk=delivery.webhook_id)
    own.filter(failing_since__isnull=True).update(failing_since=now)
    fails_long = own.filter(failing_since__lte=now - FAILS_FOR)
    if outcome.error == DeliveryError.GONE:
        pause_by_itself(delivery.webhook, PausedReason.GONE, now)
    elif delivery.attempts + 1 >= ATTEMPTS_BEFORE_PAUSE and fails_long.exists():
        pause_by_itself(delivery.webhook, PausedReason.FAILING, now)


def _store(
    delivery: WebhookDelivery,
    outcome: Outcome,
    now: dt.datetime,
    lease: dt.datetime | None,
    *,
    status: str,
    next_at: dt.datetime | None,
) -> bool:
    """False: it belongs to another process by now, or is to be sent again."""
    own = WebhookDelivery.objects.filter(pk=delivery.pk, next_attempt_at=lease)
    return bool(
        own.update(
            status=status,
            next_attempt_at=next_at,
            attempts=F("attempts") + 1,
            last_attempt_at=now,
            response_status=outcome.response_status,
            error=outcome.error,
            duration_ms=outcome.duration_ms,
        )
    )
