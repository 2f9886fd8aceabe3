from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model

from socialpublishing.crypto import VERSION, EncryptedTextField, key_ring
from socialpublishing.errors import TokenEncryptionError

BATCH = 500


class Command(BaseCommand):
    help = (
        "Seal all tokens anew that retired keys sealed. Once none is left, AES_KEYS_RETIRED can be "
        "emptied. The service may run meanwhile; a command that was broken off can be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only count; fails if any is left")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        sealed = left = unreadable = 0
        for field, pk, envelope in _old_envelopes():
            if check:
                left += 1
                continue
            try:
                fresh = field.seal(pk, field.open(pk, envelope))
            except TokenEncryptionError as error:
                unreadable += 1
                self.stderr.write(f"{field.model._meta.label} {pk}, {field.name}: {error}")
                continue
            # Whoever wrote another one meanwhile has sealed it with the key of today.
            same = field.model._base_manager.filter(pk=pk, **{field.name: envelope})
            sealed += same.update(**{field.name: fresh})
        if check and left:
            raise CommandError(f"{left} tokens are still sealed with a retired key.")
        self.stdout.write("No token needs a retired key." if check else f"{sealed} sealed anew.")
        if unreadable:
            raise CommandError(f"{unreadable} tokens do not open with any key of ours.")


def _old_envelopes() -> Iterator[tuple[EncryptedTextField, Any, str]]:
    """Each stored token that today's key did not seal: its field, its row, the envelope."""
    newest = f"{VERSION}.{key_ring().primary_id}."
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                for pk, envelope in _rows(model, field, newest):
                    yield field, pk, envelope


def _rows(model: type[Model], field: EncryptedTextField, newest: str) -> Iterator[tuple[Any, str]]:
    old = model._base_manager.exclude(**{field.name: None})
    old = old.exclude(**{f"{field.name}__startswith": newest}).order_by("pk")
    rows = list(old.values_list("pk", field.attname)[:BATCH])
    while rows:
        yield from rows
        rows = list(old.filter(pk__gt=rows[-1][0]).values_list("pk", field.attname)[:BATCH])
