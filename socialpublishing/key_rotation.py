"""Encrypts stored tokens again: with the current key, and in the current envelope."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, Q, QuerySet

from socialpublishing.crypto import (
    NEW,
    NEW_ENVELOPE_SWITCH,
    OLD,
    EncryptedTextField,
    encrypted_fields,
    envelope_version,
    key_ring,
)
from socialpublishing.errors import TokenEncryptionError
from socialpublishing.keys import StoredSwitch, forget_unused_keys, key_problems

BATCH = 500


@dataclass(kw_only=True)
class Report:
    """Tokens by envelope and key, and the error of each that cannot be decrypted."""

    renewed: int = 0
    envelopes: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """Why the retired keys are still needed, or not enough."""
        ring, version = key_ring(), envelope_version()
        unknown = sum(count for (_, kid), count in self.envelopes.items() if kid not in ring.ids)
        retired = sum(
            count
            for (_, kid), count in self.envelopes.items()
            if kid in ring.ids and kid != ring.primary_id
        )
        old = sum(count for (each, _), count in self.envelopes.items() if each != version)
        if unknown:
            yield (
                f"{unknown} tokens are encrypted with a key that is neither AES_KEY nor in "
                "AES_KEYS_RETIRED."
            )
        if retired:
            yield f"{retired} tokens are still encrypted with a retired key."
        if version == NEW and old:
            yield f"{old} tokens are still in the envelope {OLD}."
        if self.unreadable:
            yield f"{len(self.unreadable)} tokens cannot be decrypted with our keys."


def switch_to_new_envelope() -> None:
    """From now on all machines write it. All must run a release that reads it."""
    StoredSwitch.objects.get_or_create(name=NEW_ENVELOPE_SWITCH)


def inspect() -> Report:
    """Decrypt every token, and change nothing."""
    report = Report()
    for model, fields in _fields_by_model().items():
        for row in _in_batches(_with_related(model, fields)):
            for each in fields:
                if envelope := row.__dict__[each.attname]:
                    version, _, rest = envelope.partition(".")
                    report.envelopes[version, rest.partition(".")[0]] += 1
                    _decrypted(each, row, envelope, report)
    return report


def renew() -> Report:
    """Encrypt again what is not in the current envelope, until nothing of it is left.

    The service may run meanwhile: a token is replaced only if its row is still as it was read. A
    run that was interrupted can be repeated.
    """
    key_problems()  # notes the current key before it encrypts, unless another key is missing
    report = Report()
    while renewed := sum(_renew(row, fields, report) for row, fields in _outdated()):
        report.renewed += renewed
    forget_unused_keys()
    return report


def _outdated() -> Iterator[tuple[Model, list[EncryptedTextField]]]:
    prefix = _prefix()
    for model, fields in _fields_by_model().items():
        outdated = Q()
        for each in fields:
            is_current = Q(**{f"{each.name}__startswith": prefix})
            outdated |= Q(**{f"{each.name}__isnull": False}) & ~is_current
        for row in _in_batches(_with_related(model, fields).filter(outdated)):
            yield row, fields


def _renew(row: Model, fields: list[EncryptedTextField], report: Report) -> int:
    """Returns how many tokens of `row` were encrypted again."""
    prefix, version = _prefix(), envelope_version()
    as_read: dict[str, Any] = {"pk": row.pk}
    changes: dict[str, str] = {}
    for each in fields:
        as_read |= {name: getattr(row, name) for name in each.bound_to if "." not in name}
        envelope = row.__dict__[each.attname]
        if envelope is None or envelope.startswith(prefix):
            continue
        secret = _decrypted(each, row, envelope, report)
        if secret is not None:
            as_read[each.name] = envelope
            changes[each.name] = each.seal(row, secret, version=version)
    if not changes:
        return 0
    updated = type(row)._base_manager.filter(**as_read).update(**changes)
    return len(changes) if updated else 0


def _decrypted(each: EncryptedTextField, row: Model, envelope: str, report: Report) -> Any:
    """The Secret, or None with an entry in the report."""
    try:
        return each.open(row, envelope)
    except TokenEncryptionError as error:
        report.unreadable[f"{row._meta.label} {row.pk}, {each.name}"] = str(error)
        return None


def _prefix() -> str:
    return f"{envelope_version()}.{key_ring().primary_id}."


def _fields_by_model() -> Mapping[type[Model], list[EncryptedTextField]]:
    found: dict[type[Model], list[EncryptedTextField]] = defaultdict(list)
    for each in encrypted_fields():
        found[each.model].append(each)
    return found


def _with_related(model: type[Model], fields: list[EncryptedTextField]) -> QuerySet[Model]:
    """All rows, each with the rows that its tokens are bound to."""
    paths = {name.rpartition(".")[0] for each in fields for name in each.bound_to if "." in name}
    rows = model._base_manager.order_by("pk")
    return rows.select_related(*(path.replace(".", "__") for path in paths)) if paths else rows


def _in_batches(rows: QuerySet[Model]) -> Iterator[Model]:
    batch = list(rows[:BATCH])
    while batch:
        yield from batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:BATCH])
