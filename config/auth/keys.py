"""Keys that verify signatures, each with the algorithms that it may be used for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

HMAC = frozenset({"HS256", "HS384", "HS512"})
RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, kw_only=True)
class Key:
    kid: str | None = None
    material: Any
    algorithms: frozenset[str]


@functools.lru_cache(maxsize=4)
def configured_key(text: str) -> Key:
    """The key of JWT_KEY: a public key in PEM, or a shared secret."""
    if not is_pem(text):
        return Key(material=text, algorithms=HMAC)
    try:
        public = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return Key(material=None, algorithms=frozenset())
    return Key(material=public, algorithms=algorithms_of(public))


def is_pem(text: str) -> bool:
    return text.lstrip().startswith("-----BEGIN")


def algorithms_of(key: object) -> frozenset[str]:
    """The algorithms of a public key. Empty if it is secret, private, weak or of another kind."""
    match key:
        case RSAPublicKey() if key.key_size >= 2048:
            return RSA
        case EllipticCurvePublicKey() if key.curve.name in CURVES:
            return frozenset({CURVES[key.curve.name]})
        case Ed25519PublicKey():
            return frozenset({"EdDSA"})
    return frozenset()
