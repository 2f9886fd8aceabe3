"""Keeps what we send as a secret out of platforms' messages: some of them quote the request.

What is long is not masked: the names of classes and the addresses of help pages are what an
operator needs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

MASK = "***"
MAX_MESSAGE = 400
# Nothing behind it is shown, but a secret may be cut there.
MAX_READ = 4000
# Shorter values are no secrets. A quotation of so many characters in a row gives one away.
MIN_SECRET, MIN_QUOTED = 8, 12

_SECRET_FIELD = re.compile(
    r"token|secret|proof|signature|verifier|password|assertion|credential|^(code|state|sig)$", re.I
)
_WORD = re.compile(r"[\w.~+/=:%-]{12,}")
# Letters and digits in a mixture that no name has: a token that is not one of ours.
_RANDOM = re.compile(r"[\w+=-]{40,}", re.ASCII)


def masked(message: str, secrets: Iterable[str]) -> str:
    """`message` on one line, short, with `***` for each of `secrets`, whole or in part."""
    printable = re.sub(r"[\x00-\x1f\x7f]+", " ", message[:MAX_READ])
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        printable = re.sub(re.escape(form), MASK, printable, flags=re.IGNORECASE)
    lowered = [form.lower() for form in forms]
    printable = _WORD.sub(lambda word: MASK if _quotes(word[0], lowered) else word[0], printable)
    printable = _RANDOM.sub(lambda run: MASK if _is_random(run[0]) else run[0], printable)
    return printable[:MAX_MESSAGE]


def sent_secrets(
    *,
    url: str = "",
    headers: Mapping[str, str] | None = None,
    params: Any = None,
    data: Any = None,
    json: Any = None,
    **_other: Any,
) -> Iterator[str]:
    """The secrets in a request, which is described as in requests.

    `url` without `params`: all values of its own query are secret, as it is an upload address that
    the platform has signed.
    """
    yield from (value for _, value in parse_qsl(urlsplit(url).query))
    for name, value in (headers or {}).items():
        if name.lower() == "authorization":
            yield from _credentials(value)
    for fields in (params, data, json):
        if isinstance(fields, Mapping):
            yield from (
                str(value) for name, value in fields.items() if _SECRET_FIELD.search(str(name))
            )


def _credentials(authorization: str) -> Iterator[str]:
    scheme, _, value = authorization.partition(" ")
    yield value
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(value).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return


def _forms(secret: str) -> Iterator[str]:
    """The secret as it may be quoted: as it is, in an address, in base64, in hexadecimal."""
    if len(secret) < MIN_SECRET:
        return
    raw = secret.encode()
    yield from (secret, quote(secret, safe=""), quote_plus(secret), raw.hex())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            # Within other data it begins at one of three places; the characters that depend on
            # what stands beside it are left out.
            text = encode(b"\0" * before + raw).decode().rstrip("=")
            yield text[-(-before * 8 // 6) : -1]


def _quotes(word: str, forms: list[str]) -> bool:
    word = word.lower()
    parts = (word[start : start + MIN_QUOTED] for start in range(len(word) - MIN_QUOTED + 1))
    return any(part in form for part in parts for form in forms)


def _is_random(run: str) -> bool:
    digits, upper, lower = (len(re.findall(kind, run)) for kind in (r"[0-9]+", r"[A-Z]", r"[a-z]"))
    # A random text may have few digits. Then it changes between kinds far more often than words do.
    changes = len(re.findall(r"[a-z]+|[A-Z]+|[0-9]+|[^a-zA-Z0-9]+", run))
    return min(upper, lower) >= 3 and (digits >= 3 or changes >= 0.4 * len(run))
