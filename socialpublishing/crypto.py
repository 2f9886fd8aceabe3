"""Tokens at rest: AES-256-GCM, bound to what they were written for.

A stored value is an envelope, `<version>.<key id>.<nonce>.<ciphertext and tag>` (base64url, no
padding). The associated data names version, key, table, column and row, and in the envelope v2 also
what the field is `bound_to`: owner, platform and token version. A value that was copied elsewhere,
or whose row was changed, cannot be decrypted. In memory a token is a `Secret`, which cannot be
printed or pickled.

v1 is the envelope of the release before. It is written until `rotate_keys --new-envelope` has set
the switch, because only then all machines can read v2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from socialpublishing.errors import TokenEncryptionError

OLD, NEW = "v1", "v2"
VERSION_CHARS, KEY_ID_CHARS = 2, 8
NONCE_BYTES = 12
KEY_BYTES = 32
CHECK_TEXT = "check value"
NEW_ENVELOPE_SWITCH = "new envelope"


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

    @property
    def ids(self) -> set[str]:
        return set(self._ciphers)

    def encrypt(self, version: str, text: str, associated: Sequence[str], *, kid: str = "") -> str:
        """The envelope of `text`, with the first key unless `kid` names another one."""
        kid = kid or self.primary_id
        nonce = os.urandom(NONCE_BYTES)
        associated_data = _associated_data(version, kid, associated)
        ciphertext = self._ciphers[kid].encrypt(nonce, text.encode(), associated_data)
        return ".".join((version, kid, _encode(nonce), _encode(ciphertext)))

    def decrypt(self, envelope: str, associated: Sequence[str]) -> str:
        """The text in `envelope`. Raises TokenEncryptionError if it cannot be decrypted."""
        try:
            version, kid, nonce, ciphertext = envelope.split(".")
            if version not in {OLD, NEW}:
                raise TokenEncryptionError("A stored token has an envelope of an unknown version.")
            plain = self._ciphers[kid].decrypt(
                _decode(nonce), _decode(ciphertext), _associated_data(version, kid, associated)
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

    def check_value(self, kid: str) -> str:
        """What only the key `kid` decrypts: it shows later whether that key is the same."""
        return self.encrypt(NEW, CHECK_TEXT, (), kid=kid)

    def passes_check(self, kid: str, check_value: str) -> bool:
        try:
            return check_value.split(".")[1:2] == [kid] and (
                self.decrypt(check_value, ()) == CHECK_TEXT
            )
        except TokenEncryptionError:
            return False


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
    return hashlib.sha256(key).hexdigest()[:KEY_ID_CHARS]


@lru_cache(maxsize=4)
def _key_ring(primary: str, retired: tuple[str, ...]) -> KeyRing:
    return KeyRing(primary, list(retired))


def key_ring() -> KeyRing:
    return _key_ring(settings.AES_KEY, tuple(settings.AES_KEYS_RETIRED))


def envelope_version() -> str:
    """The version that is written now."""
    switches = apps.get_model("socialpublishing", "StoredSwitch")._base_manager
    return NEW if switches.filter(name=NEW_ENVELOPE_SWITCH).exists() else OLD


def _associated_data(version: str, kid: str, parts: Sequence[str]) -> bytes:
    # Each part has its length before it: ("ab", "c") must differ from ("a", "bc").
    return b"".join(
        len(part).to_bytes(4, "big") + part
        for part in (p.encode() for p in ("sps", version, kid, *parts))
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(raw) != text:
        raise ValueError("another spelling of the same bytes")
    return raw


class _EncryptedAttribute(DeferredAttribute):
    """The instance holds the envelope as it was read, or the Secret that was assigned."""

    field: EncryptedTextField

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        if self.field.attname not in instance.__dict__:
            super().__get__(instance, cls)  # a deferred column: loads it
        value = instance.__dict__[self.field.attname]
        return self.field.open(instance, value) if isinstance(value, str) else value

    def __set__(self, instance: models.Model, value: Secret | str | None) -> None:
        if isinstance(value, str) and not value.startswith((f"{OLD}.", f"{NEW}.")):
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

    Its Python value is a Secret, its column holds the envelope. A Secret is encrypted when the row
    is saved, with what its row has then in the attributes of `bound_to` ("user_id", or
    "connection.user_id" for a related row). A model that changes one of them inherits
    RowWithSecrets. The primary key must exist before the first save, as our UUIDs do.
    `QuerySet.update()` takes the result of `seal(instance, secret)`.
    """

    descriptor_class = _EncryptedAttribute

    def __init__(self, *args: Any, bound_to: Sequence[str] = (), **kwargs: Any) -> None:
        self.bound_to = tuple(bound_to)
        super().__init__(*args, **kwargs)

    def seal(self, instance: models.Model, secret: Secret, *, version: str = "") -> str:
        """The envelope of `secret` in its row; without a `version`, in the one written now."""
        version = version or envelope_version()
        bound = [_value(instance, name) for name in self.bound_to]
        associated = self._associated(version, instance, bound)
        return key_ring().encrypt(version, secret.reveal(), associated)

    def open(self, instance: models.Model, envelope: str) -> Secret:
        """Raises TokenEncryptionError."""
        as_read = _as_read(instance)
        bound = [
            as_read[name] if name in as_read else _value(instance, name) for name in self.bound_to
        ]
        version = envelope.partition(".")[0]
        return Secret(key_ring().decrypt(envelope, self._associated(version, instance, bound)))

    def _associated(
        self, version: str, instance: models.Model, bound: Sequence[str]
    ) -> tuple[str, ...]:
        if instance.pk is None:
            raise TokenEncryptionError("A token cannot be encrypted for a row without an id.")
        place = (self.model._meta.db_table, cast("str", self.column), str(instance.pk))
        return place if version == OLD else (*place, *bound)

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        value = model_instance.__dict__.get(self.attname)
        as_read = _as_read(model_instance)
        has_changed = any(
            as_read[name] != _value(model_instance, name)
            for name in self.bound_to
            if name in as_read
        )
        if has_changed and isinstance(value, str):
            value = self.open(model_instance, value)
        return self.seal(model_instance, value) if isinstance(value, Secret) else value

    def value_from_object(self, obj: models.Model) -> str | None:
        # The envelope: forms, serializers and `dumpdata` call this, and none may see a token.
        return self.pre_save(obj, add=False)

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Secret):
            raise TypeError(
                "A Secret needs its row. Store the result of EncryptedTextField.seal()."
            )
        return super().get_prep_value(value)


class RowWithSecrets(models.Model):
    """A row whose encrypted fields are bound to values that change, such as a token version.

    It remembers them as they were read, so that its tokens can be decrypted when they have changed.
    """

    _as_read: dict[str, str]

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        row = super().from_db(*args, **kwargs)
        row._as_read = {
            name: _value(row, name)
            for field in cls._meta.concrete_fields
            if isinstance(field, EncryptedTextField)
            for name in field.bound_to
            if name in row.__dict__
        }
        return row


def _as_read(row: models.Model) -> dict[str, str]:
    return getattr(row, "_as_read", {})


def _value(row: models.Model, path: str) -> str:
    """An attribute of `row`, or of a row that it refers to, as text."""
    return str(reduce(getattr, path.split("."), cast("Any", row)))


def encrypted_fields() -> Iterator[EncryptedTextField]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField) and field.model is model:  # no proxy
                yield field
