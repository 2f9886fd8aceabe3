"""Sessions of the console: useless to somebody who reads the database, and of limited life.

The database has a hash of each session's key, never the key that is in the cookie. A session ends
when it is idle, a fixed time after the sign-in, and when the password changes (Django binds it to
the password).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

ENDS_AT, SEEN_AT = "ends_at", "seen_at"
# A use of the console is stored at most this often.
SEEN_EVERY_S = 60


class SessionStore(DatabaseSessionStore):
    """Django's store in the database, with hashed keys."""

    _get_or_create_session_key: Callable[[], str]

    def _get_session_from_db(self) -> Session | None:
        stored = Session.objects.filter(
            session_key=stored_key(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if stored is None:
            self._session_key = None
        return stored

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects.filter(session_key=stored_key(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        return Session(
            session_key=stored_key(self._get_or_create_session_key()),
            session_data=self.encode(data),
            expire_date=timezone.now() + dt.timedelta(seconds=self.get_expiry_age()),
        )

    def get_expiry_age(self, **kwargs: Any) -> int:
        left = self.get(ENDS_AT, float("inf")) - time.time()
        return max(0, int(min(super().get_expiry_age(**kwargs), left)))


def stored_key(session_key: str) -> str:
    # 160 bits, which fill the column.
    return hashlib.blake2b(session_key.encode(), digest_size=20).hexdigest()


def begin(session: SessionBase) -> None:
    """Call it after the sign-in."""
    session[ENDS_AT] = time.time() + settings.CONSOLE_SESSION_HOURS * 3600
    session[SEEN_AT] = time.time()


def keep_alive(session: SessionBase) -> None:
    """Postpone the end of an idle session: the console was used just now."""
    if time.time() - session.get(SEEN_AT, 0) > SEEN_EVERY_S:
        session[SEEN_AT] = time.time()
