"""What leaves with a user: erasing, exporting, and who has to know about which table.

Each app registers its part when Django starts (`AppConfig.ready`), apps below before those above.
A part names every table of its app, and how much of it is erased, kept, or free of personal data.
`manage.py erase_user` and `export_user` go through all parts; so does a platform's request to
delete what came from one of its accounts.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from socialpublishing.audit import AuditRecord
from socialpublishing.bulk import BulkOperation
from socialpublishing.clock import database_now
from socialpublishing.crypto import EncryptedTextField
from socialpublishing.events.heartbeat import DeliveryHeartbeat
from socialpublishing.events.models import Event, EventFeed
from socialpublishing.events.webhooks import Webhook, WebhookDelivery
from socialpublishing.keys import EncryptionKey, StoredSwitch
from socialpublishing.platforms.pauses import PlatformPause

logger = logging.getLogger(__name__)

BATCH = 500
POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose data goes: all of a user, or, with `connections`, what came from those alone."""

    user_id: str = ""
    connections: frozenset[uuid.UUID] | None = None
    actor: str

    @property
    def is_user(self) -> bool:
        return self.connections is None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table, and the way from its rows to whose data they are.

    `user` and `connection` are lookups from a row to the user's id and to the connection's.
    Without `user` a row has nothing of a user; `why` is the reason. With both, rows are kept.
    """

    model: type[models.Model]
    user: str = ""
    connection: str = ""
    why: str = ""
    # Columns that are not exported, besides encrypted ones: hashes of secrets, our own marks.
    unexported: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    def rows(self, subject: Subject) -> QuerySet[Any]:
        """The rows of `subject`."""
        found = self.model._base_manager.all()
        if subject.is_user:
            return found.filter(**{self.user: subject.user_id}) if self.user else found.none()
        if not self.connection:
            return found.none()
        return found.filter(**{f"{self.connection}__in": subject.connections})

    def export(self, user_id: str) -> Iterator[dict[str, Any]]:
        """Each row of the user as JSON-serializable columns, without tokens and secrets."""
        columns = [
            column.attname
            for column in self.model._meta.concrete_fields
            if not isinstance(column, EncryptedTextField) and column.name not in self.unexported
        ]
        rows = self.model._base_manager.filter(**{self.user: user_id}).order_by("pk")
        yield from rows.values(*columns).iterator(chunk_size=BATCH)


class Tally:
    """Counts what was erased and what stays. `store` keeps the sums in the batch's transaction."""

    def __init__(
        self,
        erased: Mapping[str, int] | None = None,
        kept: Mapping[str, int] | None = None,
        store: Callable[[Tally], None] = lambda tally: None,
    ) -> None:
        self.erased, self.kept = Counter(erased or {}), Counter(kept or {})
        self._store = store

    def add(self, *, erased: Mapping[str, int] | None = None, kept: int = 0, of: str = "") -> None:
        """Called inside the transaction that changes the rows."""
        self.erased.update(erased or {})
        if kept:
            self.kept[of] += kept
        self._store(self)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one app does when a user leaves. `settle` and `erase` may run any number of times.

    `settle` stops what is under way, and returns what is not finished yet. `erase` deletes.
    """

    tables: tuple[Table, ...]
    settle: Callable[[Subject], int] = field(default=lambda subject: 0)
    erase: Callable[[Subject, Tally], None] = field(default=lambda subject, tally: None)
    # Nothing else needs it: erased before anything is stopped, and once more at the end.
    is_derived: bool = False


# In the order of the layers, those below first.
parts: list[Part] = []


class Erasure(models.Model):
    """The receipt of a user's erasure. Of the user it has a keyed hash only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_hash = models.CharField(max_length=64, db_index=True)
    started_at = models.DateTimeField()
    # Null: it was interrupted, or something is still under way; run the command again.
    done_at = models.DateTimeField(null=True, blank=True)
    # Rows by table.
    erased = models.JSONField(default=dict)
    kept = models.JSONField(default=dict)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"erasure {self.pk}"

    def receipt(self, user_id: str) -> dict[str, Any]:
        return {
            "id": str(self.pk),
            "user_id": user_id,
            "at": self.done_at or self.started_at,
            "erased": self.erased,
            "kept": self.kept,
        }


# Of this app itself, which is below all others.
parts.append(
    Part(
        tables=(
            Table(model=PlatformPause, why="A platform that refuses our app, and why."),
            Table(model=Erasure, why="Numbers, and a keyed hash of the user's id."),
            Table(model=EncryptionKey, why="A check value of each key of ours."),
            Table(model=StoredSwitch, why="Whether the new envelope is written."),
            Table(model=AuditRecord, why="What staff did: ids, statuses and reasons, no content."),
            Table(model=DeliveryHeartbeat, why="It has the names of our own machines."),
            Table(model=BulkOperation, why="What staff did at once: ids, numbers and a reason."),
            Table(model=EventFeed, why="How far the feed of events has come."),
        )
    )
)
EVENTS = Table(model=Event, user="user_id", connection="connection_id")
WEBHOOKS = Table(model=Webhook, user="user_id")
# They go with their webhook and with their event.
DELIVERIES = Table(model=WebhookDelivery, user="webhook__user_id")


def hash_of(user_id: str) -> str:
    # With our key: a plain hash of a short id could be guessed.
    return salted_hmac("socialpublishing.erasure", user_id, algorithm="sha256").hexdigest()


def last_erasure(user_id: str) -> Erasure | None:
    return Erasure.objects.filter(user_hash=hash_of(user_id)).first()


def erase_user(user_id: str, *, actor: str, wait_s: float) -> Erasure:
    """Erase all that is stored of a user; goes on with an erasure that was interrupted.

    A post that is being published gets `wait_s` to end; if it has not ended then, `done_at` of the
    result is null. Without anything to erase, the last receipt is returned.
    """
    subject = Subject(user_id=user_id, actor=actor)
    last = last_erasure(user_id)
    if last is not None and last.done_at is not None:
        if not any(table.rows(subject).exists() for table in erased_tables()):
            return last
        last = None  # the user has come back since
    erasure = last or Erasure.objects.create(user_hash=hash_of(user_id), started_at=database_now())

    def store(tally: Tally) -> None:
        erasure.erased, erasure.kept = dict(tally.erased), dict(tally.kept)
        erasure.save(update_fields=["erased", "kept"])

    if erase(subject, Tally(erasure.erased, erasure.kept, store), wait_s=wait_s):
        _count_kept(erasure, subject)
    logger.info("user erased", extra={"erasure_id": str(erasure.pk), **erasure.erased})
    return erasure


def erased_tables() -> Iterator[Table]:
    return (table for part in parts for table in part.tables if table.user and not table.why)


def _count_kept(erasure: Erasure, subject: Subject) -> None:
    for part in parts:
        for table in part.tables:
            if table.user and table.why and (count := table.rows(subject).count()):
                erasure.kept[table.name] = count
    erasure.done_at = database_now()
    erasure.save(update_fields=["kept", "done_at"])


def erase(subject: Subject, tally: Tally, *, wait_s: float = 0.0) -> bool:
    """False if something was still under way after `wait_s`: then the rest is not erased."""
    for part in parts:
        if part.is_derived:
            part.erase(subject, tally)
    give_up_at = time.monotonic() + wait_s
    while sum(part.settle(subject) for part in parts):
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(POLL_S)
    for part in reversed(parts):
        part.erase(subject, tally)
    return True


def delete_in_batches(rows: QuerySet[Any], tally: Tally) -> None:
    """Delete `rows`, and what the database deletes with them, a transaction for each batch."""
    while True:
        with transaction.atomic():
            locked = rows.order_by("pk").select_for_update(of=("self",))
            pks = list(locked.values_list("pk", flat=True)[:BATCH])
            if not pks:
                return
            batch = rows.model._base_manager.filter(pk__in=pks)
            forget_in_console_log(batch)
            _, deleted = batch.delete()
            tally.add(erased=_by_table(deleted))


def _by_table(deleted: Mapping[str, int]) -> dict[str, int]:
    return {
        apps.get_model(label)._meta.db_table: count for label, count in deleted.items() if count
    }


def erase_tables(part_tables: tuple[Table, ...]) -> Callable[[Subject, Tally], None]:
    """For a part whose rows are simply deleted, in the order of its tables."""

    def erase_all(subject: Subject, tally: Tally) -> None:
        for table in part_tables:
            delete_in_batches(table.rows(subject), tally)

    return erase_all


OF_EVENTS = (DELIVERIES, WEBHOOKS, EVENTS)
parts.append(Part(tables=OF_EVENTS, erase=erase_tables(OF_EVENTS), is_derived=True))


def export_user(user_id: str) -> Iterator[str]:
    """All that is stored of a user, as the text of one JSON object, piece by piece."""
    yield f'{{"user_id": {json.dumps(user_id)}, "at": {_json(database_now())}, "tables": {{'
    first_table = True
    for part in parts:
        for table in part.tables:
            if not table.user:
                continue
            yield f"{'' if first_table else ','}\n{json.dumps(table.name)}: ["
            first_table = False
            for number, row in enumerate(table.export(user_id)):
                yield f"{',' if number else ''}\n{_json(row)}"
            yield "]"
    yield "}}\n"


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def unregistered(wanted: Iterator[type[models.Model]]) -> list[str]:
    """The tables among `wanted` that no part names."""
    known = {table.name for part in parts for table in part.tables}
    return sorted({model._meta.db_table for model in wanted} - known)


def forget_in_console_log(rows: QuerySet[Any]) -> None:
    """Staff's actions on `rows` stay in the console's log; the names of the rows do not."""
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    types = ContentType.objects.get_for_models(rows.model)
    ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
    of_rows = Q(content_type=types[rows.model], object_id__in=ids)
    LogEntry.objects.filter(of_rows).exclude(object_repr="").update(object_repr="")
