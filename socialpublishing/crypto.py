"""Tokens at rest: AES-256-GCM, bound to the row and column they were written for.

A stored value is an envelope, `v1.<key id>.<nonce>.<ciphertext and tag>` (base64url, no padding).
The associated data names table, column and row, so that a value copied elsewhere cannot be
decrypted. In memory a token is a `Secret`, which cannot be printed or pickled.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from socialpublishing.errors import TokenEncryptionError

VERSION = "v1"
NONCE_BYTES = 12
KEY_BYTES = 32


class Secret:
    """A string that must not be shown. `reveal()` is for the HTTP layer; its repr is `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._text.encode(), other._text.encode()
        )

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret must not be pickled or copied.")


class KeyRing:
    """The keys by their ids: the first one encrypts, all decrypt."""

    def __init__(self, primary: str, retired: list[str]) -> None:
        keys = [decode_key(text) for text in (primary, *retired)]
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self.primary_id = key_id(keys[0])

    def encrypt(self, text: str, associated: tuple[str, ...]) -> str:
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._ciphers[self.primary_id]
        ciphertext = cipher.encrypt(
            nonce, text.encode(), _associated_data(self.primary_id, associated)
        )
        return ".".join((VERSION, self.primary_id, _encode(nonce), _encode(ciphertext)))

    def decrypt(self, envelope: str, associated: tuple[str, ...]) -> str:
        """The text in `envelope`. Raises TokenEncryptionError if it cannot be decrypted."""
        try:
            version, kid, nonce, ciphertext = envelope.split(".")
            if version != VERSION:
                raise TokenEncryptionError("A stored token has an envelope of an unknown version.")
            cipher = self._ciphers[kid]
            plain = cipher.decrypt(
                _decode(nonce), _decode(ciphertext), _associated_data(kid, associated)
            )
        except KeyError:
            raise TokenEncryptionError(
                "A stored token was encrypted with a key that this service does not have."
            ) from None
        except (InvalidTag, ValueError, binascii.Error):
            raise TokenEncryptionError(
                "A stored token was changed, or belongs to another row."
            ) from None
        return plain.decode()


def decode_key(text: str) -> bytes:
    """The 32 bytes of a key given as base64. Raises ImproperlyConfigured without naming the key."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) < KEY_BYTES // 4:
        raise ImproperlyConfigured(
            "AES_KEY and AES_KEYS_RETIRED must be 32 random bytes each, in base64."
        )
    return key


def key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]


@lru_cache(maxsize=4)
def _key_ring(primary: str, retired: tuple[str, ...]) -> KeyRing:
    return KeyRing(primary, list(retired))


def key_ring() -> KeyRing:
    return _key_ring(settings.AES_KEY, tuple(settings.AES_KEYS_RETIRED))


def _associated_data(kid: str, parts: tuple[str, ...]) -> bytes:
    # Each part has its length before it: ("ab", "c") must differ from ("a", "bc").
    return b"".join(
        len(part).to_bytes(4, "big") + part
        for part in (p.encode() for p in ("sps", VERSION, kid, *parts))
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


class _EncryptedAttribute(DeferredAttribute):
    """The instance holds the envelope. Reading decrypts it, assigning a Secret encrypts it."""

    field: EncryptedTextField

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        name = self.field.attname
        if name not in instance.__dict__:
            super().__get__(instance, cls)  # a deferred column: loads the envelope
        envelope = instance.__dict__[name]
        return None if envelope is None else self.field.decrypt(instance.pk, envelope)

    def __set__(self, instance: models.Model, value: Secret | str | None) -> None:
        if isinstance(value, Secret):
            value = self.field.encrypt(instance.pk, value)
        elif value is not None and not value.startswith(f"{VERSION}."):
            raise TypeError("Assign a Secret: a plain string would be stored unencrypted.")
        instance.__dict__[self.field.attname] = value


if TYPE_CHECKING:

    class _TextField(models.TextField[Any, Any]):
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any
else:
    _TextField = models.TextField  # generic in its stubs only


class EncryptedTextField(_TextField):
    """An encrypted text, readable only with our keys and only in its own row.

    Its Python value is a Secret, its column holds the envelope. The primary key must exist before
    the first save, as our UUIDs do. `QuerySet.update()` takes the result of `encrypt(pk, secret)`.
    """

    descriptor_class = _EncryptedAttribute

    def encrypt(self, pk: uuid.UUID, secret: Secret) -> str:
        return key_ring().encrypt(secret.reveal(), self._associated(pk))

    def decrypt(self, pk: uuid.UUID, envelope: str) -> Secret:
        return Secret(key_ring().decrypt(envelope, self._associated(pk)))

    def _associated(self, pk: uuid.UUID) -> tuple[str, str, str]:
        if pk is None:
            raise TokenEncryptionError("A token cannot be encrypted for a row without an id.")
        return (self.model._meta.db_table, cast("str", self.column), str(pk))

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        return self.value_from_object(model_instance)

    def value_from_object(self, obj: models.Model) -> str | None:
        # The envelope: forms, serializers and `dumpdata` call this, and none may see a token.
        return cast("str | None", obj.__dict__.get(self.attname))

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Secret):
            raise TypeError(
                "A Secret needs its row. Store the result of EncryptedTextField.encrypt()."
            )
        return super().get_prep_value(value)
