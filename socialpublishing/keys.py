"""Which keys the stored tokens need: a wrong AES_KEY is noticed before it is used."""

from __future__ import annotations

from collections import Counter

from django.db import models
from django.db.models import Count
from django.db.models.functions import Substr

from socialpublishing.crypto import KEY_ID_CHARS, VERSION_CHARS, KeyRing, encrypted_fields, key_ring


class EncryptionKey(models.Model):
    """A key that has encrypted tokens, by its id and a value that only this key decrypts."""

    key_id = models.CharField(max_length=16, primary_key=True)
    check_value = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.key_id


class StoredSwitch(models.Model):
    """Something that all machines do from the moment when its row exists."""

    name = models.CharField(max_length=32, primary_key=True)
    set_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


def key_problems(*, may_note: bool = True) -> list[str]:
    """Why our keys are not those of this database, one sentence each.

    If they are, and with `may_note`, the key that encrypts is noted, so that another one is refused
    from now on.
    """
    ring = key_ring()
    noted = dict(EncryptionKey.objects.values_list("key_id", "check_value"))
    # Releases before this one noted no key.
    needed = set(noted) or used_key_ids()
    found = [
        f"Stored tokens are encrypted with the key {key_id}, which is neither AES_KEY (that is "
        f"{ring.primary_id}) nor in AES_KEYS_RETIRED; if none needs it, `manage.py rotate_keys` "
        "forgets it."
        for key_id in sorted(needed - ring.ids)
    ]
    found += [
        f"The key {key_id} is not the one that this database knows by that id."
        for key_id in sorted(ring.ids & set(noted))
        if not ring.passes_check(key_id, noted[key_id])
    ]
    if may_note and not found:
        _note(ring, (needed | {ring.primary_id}) - set(noted))
    return found


def _note(ring: KeyRing, key_ids: set[str]) -> None:
    rows = [EncryptionKey(key_id=each, check_value=ring.check_value(each)) for each in key_ids]
    EncryptionKey.objects.bulk_create(rows, ignore_conflicts=True)


def forget_unused_keys() -> None:
    """Forget keys that no stored token needs: they may leave AES_KEYS_RETIRED."""
    needed = {key_ring().primary_id, *used_key_ids()}
    EncryptionKey.objects.exclude(key_id__in=needed).delete()


def used_key_ids() -> set[str]:
    return {key_id for _, key_id in stored_envelopes()}


def stored_envelopes() -> Counter[tuple[str, str]]:
    """The number of stored tokens by the version of their envelope and the id of their key."""
    found: Counter[tuple[str, str]] = Counter()
    for field in encrypted_fields():
        rows = field.model._base_manager.exclude(**{field.name: None}).order_by()
        start = Substr(field.name, 1, VERSION_CHARS + 1 + KEY_ID_CHARS)
        for text, count in rows.values_list(start).annotate(Count("pk")):
            version, _, key_id = text.partition(".")
            found[version, key_id] += count
    return found
