"""Whether our own secret keys are strong and different from each other."""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from socialpublishing.crypto import decode_key, key_ring

SECRET_KEY_CHARS = 50
# Words of sample values. A key of which little is left without them was not chosen at random.
SAMPLE_WORDS = re.compile(
    r"change[-_ ]?(me|it|this)|secret|passw(or)?d|insecure|example|sample|dummy|default|"
    r"placeholder|replace|unused|django|(super|my|your|the|this|that|is|not|for|at|least|long|"
    r"very|some|random|string|bits?|bytes?|chars?|token|test|testing|dev|development|key|jwt|aes)"
    r"(?![a-z])|\d{2,4}",
    re.I,
)
MIN_CHARS_BESIDE_SAMPLE_WORDS = 12
MIN_DISTINCT = 8


def weakness_of(key: str | bytes) -> str:
    """Why `key` was not chosen at random; empty if it may have been. The text does not quote it."""
    values = list(key if isinstance(key, bytes) else key.encode())
    if len(set(values)) < MIN_DISTINCT:
        return "has few different characters"
    if any(values == (values[:size] * len(values))[: len(values)] for size in _periods(values)):
        return "repeats one part"
    steps = [after - before for before, after in pairwise(values)]
    if max(steps.count(1), steps.count(-1)) > len(values) // 2:
        return "is a sequence"
    if isinstance(key, str) and _is_sample(key):
        return "is a sample value"
    return ""


def _periods(values: Sequence[int]) -> range:
    return range(1, len(values) // 2 + 1)


def _is_sample(key: str) -> bool:
    rest = [character for character in SAMPLE_WORDS.sub("", key) if character.isalnum()]
    return bool(SAMPLE_WORDS.search(key)) and len(rest) < MIN_CHARS_BESIDE_SAMPLE_WORDS


@checks.register
def check_aes_keys(**kwargs: Any) -> list[checks.CheckMessage]:
    hint = "openssl rand -base64 32"
    try:
        key_ring()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), hint=hint, id="socialpublishing.E001")]
    found: list[checks.CheckMessage] = []
    for name, text in _aes_keys():
        key = decode_key(text)
        printable = string.printable.encode()
        weakness = "is text, not random bytes" if all(b in printable for b in key) else ""
        if weakness := weakness or weakness_of(key):
            found.append(checks.Error(f"{name} {weakness}.", hint=hint, id="socialpublishing.E021"))
    return found


@checks.register
def check_secret_key(**kwargs: Any) -> list[checks.CheckMessage]:
    weakness = weakness_of(settings.SECRET_KEY)
    if len(settings.SECRET_KEY) < SECRET_KEY_CHARS:
        weakness = f"is shorter than {SECRET_KEY_CHARS} characters"
    if not weakness:
        return []
    return [
        checks.Error(
            f"SECRET_KEY {weakness}.", hint="openssl rand -base64 60", id="socialpublishing.E022"
        )
    ]


@checks.register
def check_keys_differ(**kwargs: Any) -> list[checks.CheckMessage]:
    """A key that serves two purposes is lost for both when one of them shows it."""
    found: list[checks.CheckMessage] = []
    used: dict[bytes, str] = {}
    for name, text in [
        ("SECRET_KEY", settings.SECRET_KEY),
        ("JWT_KEY", settings.JWT_KEY),
        ("AUTH_INTROSPECTION_CLIENT_SECRET", settings.AUTH_INTROSPECTION_CLIENT_SECRET),
        *_aes_keys(),
    ]:
        forms = set(_forms(text)) if text else set()
        if same := next((used[form] for form in forms if form in used), ""):
            found.append(
                checks.Error(f"{name} is the same key as {same}.", id="socialpublishing.E002")
            )
        used |= dict.fromkeys(forms, name)
    return found


def _aes_keys() -> Iterator[tuple[str, str]]:
    yield "AES_KEY", settings.AES_KEY
    for number, text in enumerate(settings.AES_KEYS_RETIRED, start=1):
        yield f"AES_KEYS_RETIRED (number {number})", text


def _forms(text: str) -> Iterator[bytes]:
    """A key as text, and as the bytes that the text may be an encoding of."""
    yield text.encode()
    for encoding in (base64.b64decode, base64.urlsafe_b64decode, bytes.fromhex):
        try:
            decoded: bytes = encoding(text)
        except (binascii.Error, ValueError):
            continue
        if len(decoded) >= 16:
            yield decoded
