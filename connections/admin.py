"""Connections in the ops console. No page, filter or search reads a token."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RadioFilter
from unfold.enums import ActionVariant

from connections import tokens
from connections.admin_base import (
    PlatformFilter,
    ReadOnlyAdmin,
    ReadOnlyInline,
    coloured,
    connect_address,
    display,
    isolated,
    link,
    moment,
    platform_label,
)
from connections.disconnecting import end_connection
from connections.expiring import ending_soon
from connections.models import Destination, Revocation, SocialConnection
from connections.operated_admin import OperatedAdmin, operation
from connections.revoking import revoke_now
from socialpublishing.audit import Action
from socialpublishing.clock import database_now

STATUS_COLOURS: dict[str, str] = {
    SocialConnection.Status.ACTIVE.label: "success",
    SocialConnection.Status.NEEDS_REAUTH.label: "warning",
}


class EndsFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    title = "authorization"
    parameter_name = "ends"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("soon", "ends soon"), ("attention", "ends soon, or needs its owner")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[SocialConnection]
    ) -> QuerySet[SocialConnection]:
        soon = ending_soon(database_now())
        if self.value() == "soon":
            return queryset.filter(soon)
        needs_owner = Q(status=SocialConnection.Status.NEEDS_REAUTH)
        return queryset.filter(soon | needs_owner) if self.value() == "attention" else queryset


def refresh_now(connection: SocialConnection) -> None:
    """In no transaction: it is a request to the platform. The console's rows have no tokens."""
    tokens.refresh(SocialConnection.objects.get(pk=connection.pk))


class DestinationInline(ReadOnlyInline):
    model = Destination
    fields = readonly_fields = (
        "destination_name",
        "kind",
        "external_id",
        "can_publish",
        "is_default",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Destination]:
        return Destination.objects.defer("access_token")

    @display(description="name")
    def destination_name(self, destination: Destination) -> str:
        return isolated(destination.name)


@admin.register(SocialConnection)
class SocialConnectionAdmin(OperatedAdmin):
    list_display = (
        "account",
        "state",
        "platform_name",
        "user_id",
        "expires",
        "refreshed",
        "created",
    )
    list_filter = (("status", ChoicesCheckboxFilter), EndsFilter, PlatformFilter)
    search_fields = ("user_id__startswith", "external_display_name", "external_user_id__exact")
    search_help_text = "User id, account name, or id at the platform"
    sortable_by = ("expires", "refreshed", "created")
    fieldsets = (
        (
            "Account",
            {"fields": ("account", "platform_name", "kind", "external_user_id", "user_id")},
        ),
        ("State", {"fields": ("state", "reason", "reconnect", "scope_list", "jobs", "insights")}),
        ("Timing", {"fields": ("expires", "refreshed", "limited", "created", "updated")}),
    )
    inlines = (DestinationInline,)
    actions = actions_detail = ("refresh", "revoke")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SocialConnection]:
        # Loaded only when a token is revoked at the platform.
        return SocialConnection.objects.defer("access_token", "refresh_token")

    @display(description="account", ordering="external_display_name")
    def account(self, connection: SocialConnection) -> str:
        return isolated(connection.external_display_name or connection.external_user_id)

    @display(description="status", ordering="status")
    def state(self, connection: SocialConnection) -> str:
        return coloured(connection.get_status_display(), STATUS_COLOURS)

    @display(description="reason")
    def reason(self, connection: SocialConnection) -> str:
        return isolated(connection.status_reason)

    @display(description="address to connect it again")
    def reconnect(self, connection: SocialConnection) -> str:
        """For the owner, signed in as a user of the API."""
        address = connect_address(connection.platform, connection.login)
        return render_to_string("connections/copyable.html", {"text": address})

    @display(description="platform")
    def platform_name(self, connection: SocialConnection) -> str:
        return platform_label(connection.platform)

    @display(description="scopes")
    def scope_list(self, connection: SocialConnection) -> str:
        return isolated(" ".join(connection.scopes))

    @display(description="jobs")
    def jobs(self, connection: SocialConnection) -> str:
        # By URL name: this app may not import publishing.
        jobs = reverse("admin:publishing_publishjob_changelist")
        return link(f"{jobs}?connection__id__exact={connection.pk}", "Jobs of this connection")

    @display(description="insights")
    def insights(self, connection: SocialConnection) -> str:
        page = reverse("admin:insights_connectioninsights_change", args=(connection.pk,))
        return link(page, "Insights for this account")

    @display(description="token expires", ordering="expires_at")
    def expires(self, connection: SocialConnection) -> str:
        return moment(connection.expires_at)

    @display(description="last refreshed", ordering="last_refreshed_at")
    def refreshed(self, connection: SocialConnection) -> str:
        return moment(connection.last_refreshed_at)

    @display(description="rate limit until")
    def limited(self, connection: SocialConnection) -> str:
        return moment(connection.limited_until)

    @display(description="connected", ordering="created_at")
    def created(self, connection: SocialConnection) -> str:
        return moment(connection.created_at)

    @display(description="last change")
    def updated(self, connection: SocialConnection) -> str:
        return moment(connection.updated_at)

    refresh = operation(
        "Refresh",
        icon="refresh",
        title="Refresh the token",
        done="refreshed",
        action=Action.REFRESHED,
        afterwards=refresh_now,
        warning="The platform gives a new token. If it refuses, only the owner can help.",
    )
    revoke = operation(
        "Disconnect",
        icon="link_off",
        variant=ActionVariant.DANGER,
        title="Disconnect",
        done="disconnected",
        action=Action.DISCONNECTED,
        act=end_connection,
        afterwards=revoke_now,
        warning="Our tokens are revoked and deleted, and waiting posts are cancelled. "
        "Only the owner can connect the account again.",
    )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        connection = self.get_object(request, object_id)
        if connection is None or connection.status == SocialConnection.Status.REVOKED:
            return []
        return list(super().get_actions_detail(request, object_id))


class GivenUpFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "given_up"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "asked again"), ("yes", "given up")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return rows
        return rows.filter(given_up_at__isnull=self.value() == "no")


@admin.register(Revocation)
class RevocationAdmin(ReadOnlyAdmin):
    """What the platforms have not revoked yet. An empty list is the usual state."""

    list_display = ("account", "platform_name", "user_id", "last_code", "created", "next", "ended")
    list_filter = (GivenUpFilter, PlatformFilter)
    search_fields = ("user_id__startswith", "external_user_id__exact")
    fields = readonly_fields = (*list_display, "failures")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revocation]:
        return Revocation.objects.defer("access_token", "refresh_token")

    @display(description="account")
    def account(self, revocation: Revocation) -> str:
        return isolated(revocation.external_user_id)

    @display(description="platform")
    def platform_name(self, revocation: Revocation) -> str:
        return platform_label(revocation.platform)

    @display(description="since", ordering="created_at")
    def created(self, revocation: Revocation) -> str:
        return moment(revocation.created_at)

    @display(description="asked again", ordering="next_attempt_at")
    def next(self, revocation: Revocation) -> str:
        return moment(None if revocation.given_up_at else revocation.next_attempt_at)

    @display(description="given up", ordering="given_up_at")
    def ended(self, revocation: Revocation) -> str:
        return moment(revocation.given_up_at)
