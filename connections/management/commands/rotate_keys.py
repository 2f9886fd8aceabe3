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
        "Encrypt all tokens again that were encrypted with retired keys. When none is left, "
        "AES_KEYS_RETIRED can be emptied. The service may run meanwhile; an interrupted command "
        "can be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only count them; fail if any is left"
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        encrypted = left = unreadable = 0
        for field, pk, envelope in _old_envelopes():
            if check:
                left += 1
                continue
            try:
                fresh = field.encrypt(pk, field.decrypt(pk, envelope))
            except TokenEncryptionError as error:
                unreadable += 1
                self.stderr.write(f"{field.model._meta.label} {pk}, {field.name}: {error}")
                continue
            # A token that was replaced meanwhile is encrypted with the current key already.
            same = field.model._base_manager.filter(pk=pk, **{field.name: envelope})
            encrypted += same.update(**{field.name: fresh})
        if check and left:
            raise CommandError(f"{left} tokens are still encrypted with a retired key.")
        self.stdout.write(
            "No token needs a retired key." if check else f"{encrypted} encrypted again."
        )
        if unreadable:
            raise CommandError(f"{unreadable} tokens cannot be decrypted with our keys.")


def _old_envelopes() -> Iterator[tuple[EncryptedTextField, Any, str]]:
    """Each stored token that is not encrypted with the current key: field, row, envelope."""
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
