"""Webhooks and their deliveries in the ops console. No page but that of a new secret shows one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RadioFilter
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from connections.admin_base import (
    NONE,
    TimeRangeFilter,
    coloured,
    display,
    isolated,
    link,
    moment,
)
from connections.operated_admin import OperatedAdmin, operation
from connections.operations import Operation
from socialpublishing import audit
from socialpublishing.clock import database_now
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.events import managing
from socialpublishing.events.models import EventType
from socialpublishing.events.representation import event_id
from socialpublishing.events.sending import WebhookAddressRefusedError, check_address
from socialpublishing.events.webhooks import (
    FAILING,
    MAX_DESCRIPTION,
    PausedReason,
    Webhook,
    WebhookDelivery,
    WebhookStatus,
)
from socialpublishing.media.addresses import MAX_URL_LENGTH

COLOURS: dict[str, str] = {
    WebhookStatus.ACTIVE: "success",
    WebhookStatus.PAUSED: "warning",
    WebhookDelivery.Status.PENDING: "info",
    WebhookDelivery.Status.DELIVERED: "success",
    WebhookDelivery.Status.FAILED: "danger",
}
SECRETS = ("secret", "former_secret")


class WebhookOfUserError(SocialPublishingBaseError):
    sentence = "A user made it: only the user rotates its secret, and deletes it."


class NewWebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=MAX_URL_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        help_text="A public https:// address with a path, or one of WEBHOOK_ALLOWED_ORIGINS.",
    )
    events = forms.MultipleChoiceField(
        choices=[(each.value, each.value) for each in EventType],
        required=False,
        widget=UnfoldAdminSelectMultipleWidget(),
        help_text="None chosen: all events.",
    )
    description = forms.CharField(
        max_length=MAX_DESCRIPTION, required=False, widget=UnfoldAdminTextInputWidget()
    )
    reason = forms.CharField(
        max_length=audit.REASON_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Stored with the operation and your name.",
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_address(url)
        except WebhookAddressRefusedError as error:
            raise forms.ValidationError(str(error)) from error
        return url


def pause_by_staff(webhook: Webhook, **kwargs: Any) -> None:
    managing.pause(webhook, PausedReason.STAFF, database_now())


def activate(webhook: Webhook, **kwargs: Any) -> None:
    managing.activate(webhook)


def check_made_here(webhook: Webhook, **kwargs: Any) -> None:
    if webhook.user_id:
        raise WebhookOfUserError


def rotate_secret(webhook: Webhook, **kwargs: Any) -> None:
    check_made_here(webhook)
    managing.rotate_secret(webhook)


def redeliver(delivery: WebhookDelivery, **kwargs: Any) -> None:
    managing.redeliver(delivery)


ROTATION = Operation(
    title="New secret",
    done="given a new secret",
    action=audit.Action.SECRET_ROTATED,
    act=rotate_secret,
    warning="For 24 hours each event is signed with the former secret too.",
)


class FailingFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    title = "receiver"
    parameter_name = "failing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "takes no events")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> QuerySet[Webhook]:
        return queryset.filter(FAILING) if self.value() == "yes" else queryset


@admin.register(Webhook)
class WebhookAdmin(OperatedAdmin):
    list_display = ("address", "state", "owner", "types", "failing", "created")
    list_filter = (
        FailingFilter,
        ("status", ChoicesCheckboxFilter),
        ("paused_reason", ChoicesCheckboxFilter),
    )
    search_fields = ("user_id__startswith", "id__exact")
    search_help_text = "User id, or id of a webhook"
    sortable_by = ("failing", "created")
    fields = readonly_fields = (
        "address",
        "description_isolated",
        "owner",
        "types",
        "state",
        "paused_reason",
        "paused",
        "failing",
        "former_until",
        "created",
        "deliveries",
    )
    actions = ("pause", "activate", "delete")
    actions_detail = ("pause", "activate", "rotate_secret")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        return Webhook.objects.defer(*SECRETS)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("socialpublishing.add_webhook")

    @display(description="address")
    def address(self, webhook: Webhook) -> str:
        return isolated(webhook.url)

    @display(description="description")
    def description_isolated(self, webhook: Webhook) -> str:
        return isolated(webhook.description)

    @display(description="status")
    def state(self, webhook: Webhook) -> str:
        return coloured(webhook.status, COLOURS)

    @display(description="events of")
    def owner(self, webhook: Webhook) -> str:
        return isolated(webhook.user_id) if webhook.user_id else "everybody"

    @display(description="events")
    def types(self, webhook: Webhook) -> str:
        return ", ".join(webhook.events) or "all"

    @display(description="failing since", ordering="failing_since")
    def failing(self, webhook: Webhook) -> str:
        return moment(webhook.failing_since)

    @display(description="paused")
    def paused(self, webhook: Webhook) -> str:
        return moment(webhook.paused_at)

    @display(description="former secret signs until")
    def former_until(self, webhook: Webhook) -> str:
        return moment(webhook.former_secret_until)

    @display(description="created", ordering="created_at")
    def created(self, webhook: Webhook) -> str:
        return moment(webhook.created_at)

    @display(description="deliveries")
    def deliveries(self, webhook: Webhook) -> str:
        page = reverse("admin:socialpublishing_webhookdelivery_changelist")
        return link(f"{page}?webhook__id__exact={webhook.pk}", "Deliveries to this webhook")

    # --- Operations ------------------------------------------------------------------------------

    pause = operation(
        "Pause",
        icon="pause",
        title="Pause",
        done="paused",
        action=audit.Action.PAUSED,
        act=pause_by_staff,
        warning="Nothing is sent until staff activates it. New events are in the feed only.",
    )
    activate = operation(
        "Activate",
        icon="play_arrow",
        title="Activate",
        done="activated",
        action=audit.Action.ACTIVATED,
        act=activate,
        warning="What waits is sent now.",
    )
    delete = operation(
        "Delete",
        icon="delete",
        variant=ActionVariant.DANGER,
        title="Delete",
        done="deleted",
        action=audit.Action.DELETED,
        act=check_made_here,
        afterwards=Webhook.delete,
        warning="With its deliveries, also those that wait.",
    )

    @action(description="New secret", icon="key", permissions=["operate"])  # type: ignore[untyped-decorator]
    def rotate_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        response = self.operate(request, None, object_id, ROTATION)
        webhook = Webhook.objects.get(pk=object_id)
        # Not the page with the question, nor the secret of a user.
        if response.status_code != 302 or webhook.user_id:
            return response
        return self._secret_page(request, webhook)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        webhook = self.get_object(request, object_id)
        offered = list(super().get_actions_detail(request, object_id))
        is_ours = webhook is not None and not webhook.user_id
        return [
            each for each in offered if is_ours or not each.action_name.endswith("rotate_secret")
        ]

    # --- A new one -------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewWebhookForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            facts = dict(form.cleaned_data)
            reason = facts.pop("reason")
            with transaction.atomic():
                webhook = managing.store_webhook(user_id="", **facts)
                audit.record(
                    audit.Action.CREATED,
                    actor=audit.Actor.of_request(request),
                    row=webhook,
                    reason=reason,
                    after={"status": webhook.status, "events": webhook.events},
                )
            return self._secret_page(request, webhook)
        back = reverse("admin:socialpublishing_webhook_changelist")
        context = {
            **self._context(request, "New webhook"),
            "form": form,
            "back": back,
            "text": "The events of all users are sent to it. Its secret is shown once, on the next "
            "page.",
        }
        return TemplateResponse(request, "console/new.html", context)

    def _secret_page(self, request: HttpRequest, webhook: Webhook) -> HttpResponse:
        page = reverse("admin:socialpublishing_webhook_change", args=(webhook.pk,))
        context = {
            **self._context(request, "Secret"),
            "webhook": webhook,
            "secret": webhook.secret.reveal(),
            "next": page,
        }
        return TemplateResponse(request, "console/webhook_secret.html", context)

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(OperatedAdmin):
    list_display = ("created", "state", "event_type", "address", "response", "tries", "next")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", TimeRangeFilter))
    search_fields = ("id__exact", "webhook__id__exact")
    search_help_text = "Id of a delivery or of a webhook"
    sortable_by = ()
    show_full_result_count = False
    paginator = InfinitePaginator
    fields = readonly_fields = (
        "event",
        "event_type",
        "address",
        "state",
        "tries",
        "response",
        "last_attempt",
        "duration_ms",
        "next",
        "created",
    )
    actions = actions_detail = ("redeliver",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        columns = ("event__data", *(f"webhook__{name}" for name in SECRETS))
        return WebhookDelivery.objects.select_related("event", "webhook").defer(*columns)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "webhook__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description="created")
    def created(self, delivery: WebhookDelivery) -> str:
        return moment(delivery.created_at)

    @display(description="event id")
    def event(self, delivery: WebhookDelivery) -> str:
        return event_id(delivery.event)

    @display(description="event")
    def event_type(self, delivery: WebhookDelivery) -> str:
        return delivery.event.type

    @display(description="webhook")
    def address(self, delivery: WebhookDelivery) -> str:
        page = reverse("admin:socialpublishing_webhook_change", args=(delivery.webhook_id,))
        return link(page, delivery.webhook.url)

    @display(description="status")
    def state(self, delivery: WebhookDelivery) -> str:
        return coloured(delivery.status, COLOURS)

    @display(description="attempts")
    def tries(self, delivery: WebhookDelivery) -> int:
        return delivery.attempts

    @display(description="response")
    def response(self, delivery: WebhookDelivery) -> str:
        parts = (str(delivery.response_status or ""), delivery.error)
        return " ".join(part for part in parts if part) or NONE

    @display(description="last attempt")
    def last_attempt(self, delivery: WebhookDelivery) -> str:
        return moment(delivery.last_attempt_at)

    @display(description="next attempt")
    def next(self, delivery: WebhookDelivery) -> str:
        return moment(delivery.next_attempt_at)

    redeliver = operation(
        "Send again",
        icon="replay",
        title="Send again",
        done="sent again",
        action=audit.Action.RETRIED,
        act=redeliver,
        warning="With the same id and all attempts.",
    )
