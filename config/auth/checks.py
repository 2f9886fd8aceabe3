"""System checks of what verifies callers' tokens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from django.conf import settings
from django.core import checks

from config.addresses import problem_of
from config.auth.keys import CURVES, HMAC, RSA, algorithms_of, is_pem
from config.secret_keys import weakness_of

KNOWN = HMAC | RSA | {*CURVES.values(), "EdDSA"}
# RFC 7518, section 3.2: a shared secret is at least as long as the hash.
MIN_SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
HINT = "Set AUTH_SERVICE_URL, JWT_JWKS_URL, JWT_KEY or AUTH_INTROSPECTION_URL."


@checks.register
def check_callers(**kwargs: Any) -> list[checks.CheckMessage]:
    found = [
        checks.Error(sentence, id="socialpublishing.E004") for sentence in _algorithm_problems()
    ]
    if settings.JWT_KEY and not found:
        found += [
            checks.Error(f"JWT_KEY {problem}.", id="socialpublishing.E005")
            for problem in key_problems(settings.JWT_KEY, settings.JWT_ALGORITHMS)
        ]
    found += [
        checks.Error(f"{name} {problem}.", id="socialpublishing.E023")
        for name in ("AUTH_SERVICE_URL", "JWT_JWKS_URL")
        if (url := getattr(settings, name)) and (problem := problem_of(url))
    ]
    if not (settings.JWT_KEY or settings.JWT_JWKS_URL or settings.AUTH_INTROSPECTION_URL):
        found.append(
            checks.Error(
                "No caller can authenticate: none of JWT_KEY, JWT_JWKS_URL and "
                "AUTH_INTROSPECTION_URL is set.",
                hint=HINT,
                id="socialpublishing.E003",
            )
        )
    return [*found]


@checks.register
def check_introspection(**kwargs: Any) -> list[checks.CheckMessage]:
    url = settings.AUTH_INTROSPECTION_URL
    if not url:
        return []
    found: list[checks.CheckMessage] = []
    if problem := problem_of(url):
        found.append(checks.Error(f"AUTH_INTROSPECTION_URL {problem}.", id="socialpublishing.E032"))
    names = ("AUTH_INTROSPECTION_CLIENT_ID", "AUTH_INTROSPECTION_CLIENT_SECRET")
    if len({bool(getattr(settings, name)) for name in names}) > 1:
        found.append(
            checks.Error(f"Only one of {' and '.join(names)} is set.", id="socialpublishing.E033")
        )
    return found


def _algorithm_problems() -> Iterator[str]:
    algorithms = settings.JWT_ALGORITHMS
    if not algorithms:
        yield "JWT_ALGORITHMS is empty: no token could be accepted."
    if unknown := sorted(set(algorithms) - KNOWN):
        yield (
            f"JWT_ALGORITHMS lists {', '.join(unknown)}, which cannot be used. "
            f"Known: {', '.join(sorted(KNOWN))}."
        )
    is_shared = {name in HMAC for name in algorithms}
    if len(is_shared) > 1:
        yield (
            "JWT_ALGORITHMS mixes shared secrets (HS…) with public keys: a public key could be "
            "used as a shared secret."
        )
    elif is_shared == {True} and not settings.JWT_KEY and settings.JWT_JWKS_URL:
        yield "JWT_ALGORITHMS lists HS… only, but JWT_JWKS_URL publishes public keys."


def key_problems(text: str, algorithms: list[str]) -> Iterator[str]:
    """What is wrong with a key of these algorithms, each to be read after its name."""
    wants_shared = all(name in HMAC for name in algorithms)
    if is_pem(text):
        yield from _public_key_problems(text, algorithms)
    elif _is_other_form_of_key(text):
        yield "is a key in another form than PEM; give the public key as -----BEGIN PUBLIC KEY-----"
    elif not wants_shared:
        yield (
            f"is a shared secret, but {', '.join(algorithms)} need a public key in PEM, or HS256 "
            "in JWT_ALGORITHMS"
        )
    else:
        yield from _shared_secret_problems(text, algorithms)


def _shared_secret_problems(text: str, algorithms: list[str]) -> Iterator[str]:
    needed = max(MIN_SECRET_BYTES[name] for name in algorithms)
    if (size := len(text.encode())) < needed:
        yield f"has {size} bytes; {', '.join(algorithms)} needs at least {needed}"
    elif weakness := weakness_of(text):
        yield f"{weakness}; it must be random"


def _public_key_problems(text: str, algorithms: list[str]) -> Iterator[str]:
    if "PRIVATE KEY" in text:
        yield "is a private key, which belongs to the issuer alone; give its public key"
        return
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        yield "looks like PEM, but no public key can be read from it"
        return
    if isinstance(key, RSAPublicKey) and key.key_size < 2048:
        yield f"is an RSA key of {key.key_size} bits; at least 2048 are needed"
        return
    usable = algorithms_of(key)
    if usable.isdisjoint(algorithms):
        kind = key.curve.name if isinstance(key, EllipticCurvePublicKey) else type(key).__name__
        yield (
            f"is a key ({kind.removesuffix('PublicKey')}) for "
            f"{', '.join(sorted(usable)) or 'no algorithm that we accept'}, but JWT_ALGORITHMS is "
            f"{', '.join(algorithms)}"
        )


def _is_other_form_of_key(text: str) -> bool:
    """Is it a public or private key as JSON, as DER in base64, or as SSH writes it?"""
    text = text.strip()
    if text.startswith(("{", "ssh-", "ecdsa-", "-----")):
        return True
    try:
        load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return False
    return True
