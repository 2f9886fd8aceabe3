"""Who of the staff did what: records that nobody changes or deletes.

A record is written in the transaction of the change. It has ids, statuses and reasons, no content
and no tokens. It refers to no other table, so it is kept when its people and objects are deleted.
The model, the console and a trigger in the database (migration 0002) refuse changes.

SQLite drops a table's triggers when a migration rebuilds the table: such a migration has to create
them again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

REASON_LENGTH = 250
AnyUser = AbstractBaseUser | AnonymousUser


class Action(models.TextChoices):
    SIGNED_IN = "signed_in"
    LOCKED_OUT = "locked_out"
    PASSWORD_CHANGED = "password_changed"
    SECOND_FACTOR_ENROLLED = "second_factor_enrolled"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODE_USED = "recovery_code_used"
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    PAUSED = "paused"
    ACTIVATED = "activated"
    RESUMED = "resumed"
    SECRET_ROTATED = "secret_rotated"
    RETRIED = "retried"
    RESTORED = "restored"
    CANCELLED = "cancelled"
    RESOLVED_AS_PUBLISHED = "resolved_as_published"
    RESOLVED_AS_NOT_PUBLISHED = "resolved_as_not_published"
    REFRESHED = "refreshed"
    DISCONNECTED = "disconnected"
    ESTIMATED = "estimated"
    EXPORTED = "exported"
    CONTINUED = "continued"


class AppendOnlyError(TypeError):
    """Code tried to change or delete an audit record."""


class AuditQuerySet(models.QuerySet["AuditRecord"]):
    """Records can be added and read."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Audit records cannot be changed or deleted.")

    update = delete = _raw_delete = bulk_update = update_or_create = _refuse


class AuditRecord(models.Model):
    at = models.DateTimeField(default=timezone.now)
    # Text, not a key: the person may be deleted later. Empty for nobody who is known.
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=32)
    object_kind = models.CharField(max_length=64, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=REASON_LENGTH, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["actor_name", "-at"], name="audit_actor"),
            models.Index(fields=["object_id"], name="audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or 'unknown'}: {self.action} {self.object_kind} {self.object_id}"

    def save(self, *args: Any, using: str | None = None, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("An audit record cannot be changed.")
        super().save(force_insert=True, using=using)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("An audit record cannot be deleted.")


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A member of the staff, with the address of the request."""

    id: str = ""
    name: str = ""
    address: str | None = None

    @classmethod
    def of_request(cls, request: HttpRequest) -> Actor:
        return cls.of_user(request.user, request)

    @classmethod
    def of_user(cls, user: AnyUser | None, request: HttpRequest) -> Actor:
        address = client_address(request)
        if user is None or user.pk is None:
            return cls(address=address)
        return cls(id=str(user.pk), name=user.get_username(), address=address)


COMMAND_LINE = Actor(name="command line")


def client_address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:  # a Unix socket has none
        return None


def record(
    action: Action,
    *,
    actor: Actor,
    row: Model | AnyUser | None = None,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add a record about `row`. Call it in the transaction that changes the row."""
    AuditRecord.objects.create(
        actor_id=actor.id,
        actor_name=actor.name[:150],
        address=actor.address,
        action=action,
        object_kind=row._meta.label if isinstance(row, Model) else "",
        object_id=str(row.pk) if row else "",
        reason=reason[:REASON_LENGTH],
        before=before or {},
        after=after or {},
    )
