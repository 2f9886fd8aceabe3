"""Accounts at platforms, their destinations, and pending connects."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Q

from socialpublishing.clock import ReadAt
from socialpublishing.crypto import EncryptedTextField, RowWithSecrets
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms import platform_named
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.base import Platform
from socialpublishing.prepared import Parameter, PreparedQuery

SESSION_LIFETIME = dt.timedelta(minutes=10)
# What tokens are encrypted for, besides their row: see EncryptedTextField.
BOUND_TO = ("user_id", "platform", "token_version")


class ConnectionNotFoundError(SocialPublishingBaseError):
    code = "connection_not_found"
    sentence = "You have no such connection."


def authorized_app(platform: str, login: str) -> str:
    """The platform whose app an owner has authorized: some platforms share a login."""
    try:
        return platform_named(platform, login).app.authorized_app or platform
    except SocialPublishingBaseError:  # no longer in the register
        return platform


class PostingAccount(models.Model):
    """What posts go to: a connection itself, or a destination of it."""

    # A rate limit of the platform: nothing is published for this account before that time.
    limited_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class SocialConnectionQuerySet(models.QuerySet["SocialConnection"]):
    def of(self, user_id: str) -> SocialConnectionQuerySet:
        """The connections that `user_id` can see, without disconnected ones."""
        return self.filter(user_id=user_id).exclude(status=SocialConnection.Status.REVOKED)

    def one_of(self, user_id: str, connection_id: uuid.UUID) -> SocialConnection:
        """With the time of the database (clock.read_at). Raises ConnectionNotFoundError."""
        for connection in ONE_CONNECTION.rows(user_id=user_id, pk=connection_id):
            return connection
        raise ConnectionNotFoundError


def _one_connection() -> SocialConnectionQuerySet:
    user_id: Any = Parameter("user_id", models.CharField())
    one = SocialConnection.objects.of(user_id).filter(pk=Parameter("pk", models.UUIDField()))
    return one.order_by().annotate(read_at=ReadAt())


ONE_CONNECTION = PreparedQuery(_one_connection)


class SocialConnection(RowWithSecrets, PostingAccount):
    """One account of a user at a platform, with the tokens to act for it."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        NEEDS_REAUTH = "needs_reauth", "needs to be connected again"
        REVOKED = "revoked", "disconnected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.CharField(max_length=128)
    # A name from the register of platforms. No `choices`: a new platform needs no migration.
    platform = models.CharField(max_length=32)
    external_user_id = models.CharField("id at the platform", max_length=128)
    external_display_name = models.CharField("name at the platform", max_length=255, blank=True)
    kind = models.CharField(max_length=32, default="person")
    # By which of the platform's logins it was connected; empty for the usual one.
    login = models.CharField(max_length=32, blank=True)
    access_token = EncryptedTextField(null=True, editable=False, bound_to=BOUND_TO)
    refresh_token = EncryptedTextField(null=True, editable=False, bound_to=BOUND_TO)
    # Grows with each change of the tokens. A caller with an older version has to read them again.
    token_version = models.PositiveIntegerField(default=1, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    refresh_expires_at = models.DateTimeField(null=True, blank=True)
    # The lease of a caller that refreshes. One in the past: the outcome of its refresh is unknown.
    refreshing_until = models.DateTimeField(null=True, blank=True, editable=False)
    # When the holder of the lease failed: others need not wait for it.
    refresh_failed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When the tokens were granted or refreshed.
    last_refreshed_at = models.DateTimeField(null=True, blank=True)
    # When the log last warned that only the owner can prolong the authorization (expiring.py).
    expiry_warned_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What was granted; empty if the platform has not named it in a form that we can read.
    scopes = models.JSONField(default=list, blank=True)
    profile = models.JSONField(default=dict, blank=True)
    # An IANA name that the owner has chosen for the account's audience; empty if none was chosen.
    timezone = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    status_reason = models.CharField(max_length=300, blank=True)
    # How many events callers got about this connection.
    event_sequence = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SocialConnectionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "platform", "external_user_id"], name="connection_once_per_user"
            ),
            models.CheckConstraint(
                condition=Q(status="revoked") | Q(access_token__isnull=False),
                name="connection_alive_has_token",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_display_name or self.external_user_id} at {self.platform}"

    @property
    def platform_type(self) -> type[Platform]:
        return platform_named(self.platform, self.login)

    @property
    def authorized_app(self) -> str:
        return authorized_app(self.platform, self.login)

    @property
    def has_tokens(self) -> bool:
        return self._is_set("access_token")

    @property
    def has_refresh_token(self) -> bool:
        return self._is_set("refresh_token")

    def _is_set(self, token: str) -> bool:
        """Without decrypting it. Reads a deferred column."""
        if token not in self.__dict__:
            self.refresh_from_db(fields=[token])
        return self.__dict__[token] is not None

    @property
    def missing_scopes(self) -> list[str]:
        """What we ask for at a consent and its owner, or our app, has not been granted."""
        try:
            requested = self.platform_type.app.requested_scopes()
        except SocialPublishingBaseError:  # no longer in the register
            return []
        return self.lacks(requested)

    def lacks(self, wanted: Iterable[str]) -> list[str]:
        """Those of `wanted` that were surely not granted: none while the scopes are unknown.

        Some platforms return a scope in another case than it was asked for.
        """
        granted = {scope.lower() for scope in self.scopes}
        return [scope for scope in wanted if scope.lower() not in granted] if granted else []

    @property
    def account(self) -> Account:
        return Account(
            id=self.external_user_id,
            token=self.access_token,
            profile=self.profile,
            login=self.login,
        )


class Destination(RowWithSecrets, PostingAccount):
    """Something other than the account itself that posts can go to, such as a Facebook Page."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(
        SocialConnection, on_delete=models.CASCADE, related_name="destinations"
    )
    external_id = models.CharField("id at the platform", max_length=128)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=32)
    access_token = EncryptedTextField(
        null=True,
        editable=False,
        bound_to=("connection.user_id", "connection.platform", "external_id", "token_version"),
    )
    # Grows with each token that the platform gives.
    token_version = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    # The account has the right to create content there, by the platform's last response.
    can_publish = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    profile = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "external_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id"], name="destination_once_per_connection"
            ),
            models.UniqueConstraint(
                fields=["connection"], condition=Q(is_default=True), name="destination_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def account(self) -> Account:
        token = self.access_token or self.connection.access_token
        return Account(
            id=self.external_id,
            token=token,
            profile=self.profile,
            login=self.connection.login,
            owner_id=self.connection.external_user_id,
        )


class AuthorizationSession(models.Model):
    """One pending connect. Only the user who started it can finish it.

    A connect in a browser is bound to that browser by a cookie. One without (`redirect=false`) gets
    a completion code from the callback, which the user has to send with a bearer token. Until then
    the credentials wait here, and no connection is changed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.CharField(max_length=128)
    platform = models.CharField(max_length=32)
    login = models.CharField(max_length=32, blank=True)
    state_hash = models.CharField(max_length=64, unique=True)
    verifier = EncryptedTextField(null=True, bound_to=("user_id", "platform"))
    # Empty if the session is bound to no browser.
    browser_hash = models.CharField(max_length=64, blank=True)
    return_to = models.CharField(max_length=2048, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Set by the callback: a session is used once.
    used_at = models.DateTimeField(null=True, blank=True)
    completion_hash = models.CharField(max_length=64, blank=True)
    failed_confirms = models.PositiveSmallIntegerField(default=0)
    # What waits for the confirmation (credentials.py).
    credentials = EncryptedTextField(null=True, db_column="grant", bound_to=("user_id", "platform"))
    connection = models.ForeignKey(SocialConnection, null=True, on_delete=models.SET_NULL)

    class Meta:
        db_table = "connections_oauthattempt"
        indexes = [models.Index(fields=["user_id", "expires_at"], name="attempt_open")]

    def __str__(self) -> str:
        return f"{self.user_id} connecting {self.platform}"


class Revocation(RowWithSecrets):
    """Tokens that a platform is still to revoke (revoking.py). The row is deleted when it has.

    Not bound to the connection's row: that may have new tokens, or be gone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Empty once the user was erased.
    user_id = models.CharField(max_length=128, db_index=True)
    platform = models.CharField(max_length=32)
    login = models.CharField(max_length=32, blank=True)
    connection_id = models.UUIDField(null=True, blank=True, db_index=True)
    external_user_id = models.CharField("id at the platform", max_length=128)
    access_token = EncryptedTextField(null=True, editable=False, bound_to=("user_id", "platform"))
    refresh_token = EncryptedTextField(null=True, editable=False, bound_to=("user_id", "platform"))
    created_at = models.DateTimeField()
    # While the platform is being asked, the end of that request.
    next_attempt_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)
    last_code = models.CharField("last error", max_length=64, blank=True)
    # When we stopped asking. The tokens are then deleted, and only the owner can end our access.
    given_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(given_up_at__isnull=True),
                name="revocation_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.external_user_id} at {self.platform}"

    @property
    def platform_type(self) -> type[Platform]:
        return platform_named(self.platform, self.login)

    @property
    def authorized_app(self) -> str:
        return authorized_app(self.platform, self.login)

    @property
    def account(self) -> Account:
        return Account(id=self.external_user_id, token=self.access_token, login=self.login)


class PlatformCallback(models.Model):
    """One message of a platform about a person: our app was removed, or the data is to go."""

    class Kind(models.TextChoices):
        DEAUTHORIZE = "deauthorize"
        DATA_DELETION = "data_deletion"

    # Random: the confirmation code of a deletion is all that anyone needs to see its state.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Of the signed message, so that it is handled once.
    digest = models.CharField(max_length=64, unique=True)
    platform = models.CharField(max_length=32)
    kind = models.CharField(max_length=16, choices=Kind)
    external_user_id = models.CharField("id at the platform", max_length=128)
    received_at = models.DateTimeField()
    # When nothing of the person was left.
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at"]

    def __str__(self) -> str:
        return f"{self.kind} from {self.platform}"

    @property
    def confirmation_code(self) -> str:
        return self.pk.hex

    @property
    def status(self) -> str:
        return "done" if self.done_at else "received"
