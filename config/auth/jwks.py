"""The issuer's published key set (JWKS, RFC 7517): fetched when needed and kept in memory."""

from __future__ import annotations

import functools
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import structlog

from config.auth.errors import RETRY_AFTER_S, AuthUnavailable
from config.auth.fetching import FETCH_ERRORS, fetch
from config.auth.keys import Key, algorithms_of

logger = structlog.get_logger(__name__)

TIMEOUT_S = 3
MAX_BYTES = 512 * 1024
FRESH_S = 290  # a removed key is refused within 5 minutes, including the fetch
STALE_S = 24 * 3600
PAUSE_S = 30  # between fetches for unknown keys, and after a failure
COLD_PAUSE_S = RETRY_AFTER_S  # after a failure while there are no keys


@functools.lru_cache(maxsize=4)
def key_set(url: str) -> KeySet:
    """The one KeySet of this process for `url`."""
    return KeySet(url)


@dataclass(frozen=True, kw_only=True)
class FetchedKeys:
    """The keys of one fetch by their ids, and the time of the fetch."""

    keys: Mapping[str | None, Key]
    at: float


class KeySet:
    """The issuer's published keys. Safe for many threads.

    Times are wall-clock times, as in the tokens. If the clock was set back, the keys seem to come
    from the future and are fetched again.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fetched = FetchedKeys(keys={}, at=-math.inf)  # replaced at once: reads need no lock
        self._paused_until = -math.inf
        self._fetching = threading.Lock()
        self._ignored: list[int] = []

    def find(self, kid: str | None) -> Key | None:
        """The key named `kid`; for None the only key, if there is only one.

        Raises AuthUnavailable without a set, and with one that is more than 24 hours old.
        """
        self._refresh(kid)
        if self._age() > STALE_S:
            raise AuthUnavailable
        return self._known(kid)

    def is_ready(self) -> bool:
        """Whether there are keys that are not too old. Fetches them if they are due."""
        self._refresh(next(iter(self._fetched.keys), None))
        return bool(self._fetched.keys) and self._age() <= STALE_S

    def _known(self, kid: str | None) -> Key | None:
        keys = self._fetched.keys
        if kid is None and len(keys) == 1:
            return next(iter(keys.values()))
        return keys.get(kid)

    def _age(self) -> float:
        age = time.time() - self._fetched.at
        return age if age >= 0 else FRESH_S

    def _needs_fetch(self, kid: str | None) -> bool:
        return self._age() >= FRESH_S or self._known(kid) is None

    def _refresh(self, kid: str | None) -> None:
        """Fetch the set if it is old or lacks `kid`, unless the last try was a moment ago."""
        if not self._needs_fetch(kid):
            return
        # One thread fetches. The others use the key that they have, or wait for the result.
        if not self._fetching.acquire(timeout=0 if self._known(kid) else TIMEOUT_S):
            return
        try:
            now = time.time()
            # The second comparison: a clock that was set back must not prolong the pause.
            is_paused = now < self._paused_until <= now + PAUSE_S
            if self._needs_fetch(kid) and not is_paused:
                self._fetch(now)
        finally:
            self._fetching.release()

    def _fetch(self, now: float) -> None:
        age = self._age()
        try:
            published = _published_keys(self.url)
        except FETCH_ERRORS as error:
            logger.warning("key set not loaded", reason=f"{type(error).__name__}: {error}"[:200])
            self._paused_until = now + (PAUSE_S if age <= STALE_S else COLD_PAUSE_S)
            return
        if age < FRESH_S:  # the fetch was for an unknown key id, which anybody can invent
            self._paused_until = now + PAUSE_S
        self._store([_parsed(entry) for entry in published], now)

    def _store(self, keys: list[Key | None], now: float) -> None:
        # Two keys with one id are both unusable: it is not clear which one a token means.
        counts = Counter(key.kid for key in keys if key)
        usable = {key.kid: key for key in keys if key and counts[key.kid] == 1}
        self._fetched = FetchedKeys(keys=usable, at=now)
        ignored = [place for place, key in enumerate(keys) if not key or key.kid not in usable]
        if ignored and ignored != self._ignored:
            logger.warning("keys of the set ignored", places=ignored)
        self._ignored = ignored


def _parsed(entry: Any) -> Key | None:
    """A published key, or None if it cannot verify signatures."""
    try:
        kid = entry.get("kid")
        material = jwt.PyJWK(entry).key
    except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError):
        return None  # the set is not ours: any JSON may be in it
    algorithms = algorithms_of(material)
    if "alg" in entry:
        algorithms &= {entry["alg"]}
    if not algorithms or entry.get("use", "sig") != "sig" or not isinstance(kid, str | None):
        return None
    return Key(kid=kid, material=material, algorithms=algorithms)


def _published_keys(url: str) -> list[Any]:
    """The entries of the key set at `url`, unparsed.

    Raises ValueError for a URL or a response that we do not accept.
    """
    try:
        document = json.loads(fetch(url, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("no key set")
    return list(document["keys"])
