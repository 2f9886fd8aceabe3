"""The second factor of staff: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

The key is encrypted like the platforms' tokens, of recovery codes there are hashes only: with the
database alone nobody can make a code. A code works once. Wrong codes count like wrong passwords
(lockout.py); besides, after three in a row each one doubles the pause until the next one is
compared, from whatever address it comes.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import uuid
from typing import cast

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.db import models, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from socialpublishing import audit
from socialpublishing.crypto import EncryptedTextField, Secret

ISSUER = "Social Publishing"
STEP_S, DIGITS, KEY_BYTES = 30, 6, 20
RECOVERY_CODES = 10
FREE_FAILURES = 3
FIRST_PAUSE, MAX_PAUSE = dt.timedelta(seconds=30), dt.timedelta(minutes=15)
# A key that was shown and not confirmed can be confirmed for so long.
ENROLMENT_TIME = dt.timedelta(hours=1)
SESSION_KEY, ENROLLING = "second_factor", "enrolling"


class SecondFactor(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="second_factors")
    key = EncryptedTextField(editable=False, bound_to=("user_id",))
    created_at = models.DateTimeField(default=timezone.now)
    # Empty until a first code has shown that the person has the key.
    confirmed_at = models.DateTimeField(null=True)
    # The time step of the last code that was accepted: no code works twice.
    last_step = models.BigIntegerField(default=0)
    recovery_hashes = models.JSONField(default=list)
    # Wrong codes in a row, and when the next one is looked at.
    failures = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(confirmed_at__isnull=False), name="one_second_factor"
            )
        ]

    def __str__(self) -> str:
        return f"second factor of {self.user}"

    @property
    def address_for_app(self) -> str:
        """What the QR code has."""
        return self._totp.get_provisioning_uri(self.user.get_username(), ISSUER)

    @property
    def key_to_type(self) -> str:
        text = self.key.reveal()
        return " ".join(text[start : start + 4] for start in range(0, len(text), 4))

    @property
    def _totp(self) -> TOTP:
        return TOTP(base64.b32decode(self.key.reveal()), DIGITS, SHA1(), STEP_S)  # noqa: S303

    def spend(self, code: str, now: dt.datetime) -> audit.Action | None:
        """What `code` shows, after which it is of no more use; None if it is wrong.

        Call it with the row locked. Failures are stored.
        """
        if self.paused_until and now < self.paused_until:
            return None
        code = "".join(code.split()).lower()
        accepted = self._spend_code(code, now) or self._spend_recovery_code(code)
        self.failures = 0 if accepted else self.failures + 1
        self.paused_until = now + _pause(self.failures)
        # Not the key: it may be encrypted again just now.
        self.save(update_fields=["last_step", "recovery_hashes", "failures", "paused_until"])
        return accepted

    def _spend_code(self, code: str, now: dt.datetime) -> audit.Action | None:
        current = int(now.timestamp()) // STEP_S
        for step in range(max(current - 1, self.last_step + 1), current + 2):
            if hmac.compare_digest(self._totp.generate(step * STEP_S), code.encode()):
                self.last_step = step
                return audit.Action.SIGNED_IN
        return None

    def _spend_recovery_code(self, code: str) -> audit.Action | None:
        hashed = _hash(code)
        if hashed not in self.recovery_hashes:
            return None
        self.recovery_hashes.remove(hashed)
        return audit.Action.RECOVERY_CODE_USED


def _pause(failures: int) -> dt.timedelta:
    if failures <= FREE_FAILURES:
        return dt.timedelta(0)
    doublings = min(failures - FREE_FAILURES - 1, 10)
    return min(FIRST_PAUSE * (1 << doublings), MAX_PAUSE)


def confirmed_factor(user: audit.AnyUser) -> SecondFactor | None:
    return _of(user).filter(confirmed_at__isnull=False).first()


def _of(user: audit.AnyUser) -> models.QuerySet[SecondFactor]:
    return SecondFactor.objects.filter(user_id=cast("int", user.pk))


def is_missing(session: SessionBase, user: audit.AnyUser) -> bool:
    """Does this session of `user` lack the second factor that it needs?

    A factor that was reset no longer counts, in no session.
    """
    if not settings.CONSOLE_REQUIRE_SECOND_FACTOR:
        return False
    factor = confirmed_factor(user)
    return factor is None or session.get(SESSION_KEY) != str(factor.pk)


# --- Enrolment -----------------------------------------------------------------------------------


def enrolment(request: HttpRequest) -> SecondFactor:
    """The new key that this session was shown.

    Each session has its own: a key that somebody else saw, who knows the password, is not the one
    that a person confirms.
    """
    unconfirmed = _of(request.user).filter(confirmed_at=None)
    fresh = unconfirmed.filter(created_at__gt=timezone.now() - ENROLMENT_TIME)
    shown = fresh.filter(pk=request.session.get(ENROLLING, uuid.UUID(int=0))).first()
    if shown is None:
        unconfirmed.exclude(pk__in=fresh.values("pk")).delete()
        key = base64.b32encode(secrets.token_bytes(KEY_BYTES)).decode()
        shown = SecondFactor.objects.create(user_id=cast("int", request.user.pk), key=Secret(key))
        request.session[ENROLLING] = str(shown.pk)
    return shown


def enrol(request: HttpRequest, code: str) -> list[str] | None:
    """Confirm the key with a first code. Returns the recovery codes, or None if it is wrong."""
    with transaction.atomic():
        shown = SecondFactor.objects.select_for_update().get(pk=enrolment(request).pk)
        if confirmed_factor(request.user) or shown.spend(code, timezone.now()) is None:
            return None
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        shown.recovery_hashes = [_hash(each) for each in codes]
        shown.confirmed_at = timezone.now()
        shown.save(update_fields=["recovery_hashes", "confirmed_at"])
        SecondFactor.objects.filter(user=shown.user, confirmed_at=None).delete()
        actor = audit.Actor.of_request(request)
        audit.record(audit.Action.SECOND_FACTOR_ENROLLED, actor=actor, row=shown.user)
    del request.session[ENROLLING]
    request.session[SESSION_KEY] = str(shown.pk)
    return codes


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash(recovery_code: str) -> str:
    # 80 random bits: a fast hash is enough.
    return hashlib.sha256(recovery_code.replace("-", "").encode()).hexdigest()


# --- Later sign-ins ------------------------------------------------------------------------------


def verify(request: HttpRequest, code: str) -> bool:
    """Is `code` right? Then this session has the second factor."""
    with transaction.atomic():
        factor = _of(request.user).select_for_update().filter(confirmed_at__isnull=False).first()
        if factor is None:  # it was reset just now
            return False
        accepted = factor.spend(code, timezone.now())
        if accepted == audit.Action.RECOVERY_CODE_USED:
            audit.record(accepted, actor=audit.Actor.of_request(request), row=factor.user)
    if accepted is None:
        return False
    request.session[SESSION_KEY] = str(factor.pk)
    return True


def reset(user: User, *, actor: audit.Actor, reason: str = "") -> bool:
    """Remove the factor of `user`, who has to enrol again. Was there one?"""
    with transaction.atomic():
        _, deleted = SecondFactor.objects.filter(user=user).delete()
        if deleted:
            audit.record(audit.Action.SECOND_FACTOR_RESET, actor=actor, row=user, reason=reason)
    return bool(deleted)
