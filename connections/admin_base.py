"""Building blocks for the ops console of all apps. Stateful rows are read-only there.

Where staff may act on such rows, an operation asks for the reason, calls the same function as the
API, and reports the result of each row.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import unfold.decorators
from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets, helpers
from django.contrib.admin.utils import model_ngettext
from django.core.exceptions import BadRequest, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import CheckboxFilter, RangeDateTimeFilter
from unfold.enums import ActionVariant
from unfold.utils import display_for_label, parse_datetime_str
from unfold.widgets import UnfoldAdminTextareaWidget

from socialpublishing import audit
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms import PLATFORMS

NONE = "-"

Method = TypeVar("Method", bound=Callable[..., Any])


def display(**options: Any) -> Callable[[Method], Method]:
    """unfold's decorator, with the types that unfold lacks."""
    return cast("Callable[[Method], Method]", unfold.decorators.display(**options))


# --- Formatting ----------------------------------------------------------------------------------


def isolated(text: str) -> str:
    """Text from a user or a platform. It cannot change the direction of the text around it."""
    return format_html('<bdi dir="auto">{}</bdi>', text) if text else NONE


def moment(at: dt.datetime | None) -> str:
    """`at` in UTC, the time zone of the console."""
    if at is None:
        return NONE
    at = at.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}" class="whitespace-nowrap">{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S"),
    )


def coloured(word: str, colours: Mapping[str, str]) -> str:
    """`word` as a label in its colour (`info`, `success`, `warning`, `danger`), else grey."""
    return cast("str", display_for_label(word, NONE, colours))


def link(url: str, text: str) -> SafeString:
    return format_html('<a href="{}" class="text-link">{}</a>', url, text)


def platform_label(name: str) -> str:
    platform = PLATFORMS.get(name)
    return platform.label if platform else name


# --- Filters -------------------------------------------------------------------------------------


class PlatformFilter(CheckboxFilter):  # type: ignore[misc]  # unfold has no types
    title = "platform"
    parameter_name = "platform"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, platform.label) for name, platform in PLATFORMS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(platform__in=self.value()) if self.value() else queryset


class TimeRangeFilter(RangeDateTimeFilter):  # type: ignore[misc]  # unfold has no types
    """Unfold's filter, which also accepts a day without a time: its first or its last second."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for end, lookup, default in (("from", "gte", "00:00:00"), ("to", "lte", "23:59:59.999999")):
            name = f"{self.parameter_name}_{end}"
            day, time = (self.used_parameters.get(f"{name}_{part}") for part in (0, 1))
            if at := parse_datetime_str(f"{day} {time or default}"):
                bound = {f"{self.parameter_name}__{lookup}": at.replace(tzinfo=dt.UTC)}
                queryset = queryset.filter(**bound)
        return queryset


# --- Pages ---------------------------------------------------------------------------------------


class ReadOnly:
    """Nobody can add, change or delete rows, superusers included."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold has no types
    extra = 0
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It is part of a page: whoever may see the page may see this.
        return True


class ReadOnlyAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_filter_submit = True
    list_per_page = 50
    show_facets = ShowFacets.NEVER  # counting by every filter reads the whole table

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django lets a URL filter by any column. Tokens could be guessed letter by letter.
        return "token" not in lookup and bool(super().lookup_allowed(lookup, value, request))


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=250,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stored with the operation and your name. The owner of the account can read it.",
    )


def nothing(*args: Any, **kwargs: Any) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`act` is called with one row and the keyword arguments `actor` and `reason`.

    It and the record in the audit are one transaction. What must not run in one, such as requests
    to platforms, is `afterwards`, which is called with the row. Both may raise a
    SocialPublishingBaseError.
    """

    title: str
    done: str
    action: audit.Action
    act: Callable[..., object] = nothing
    afterwards: Callable[..., object] = nothing
    warning: str = ""


def operation(
    button: str,
    *,
    icon: str,
    variant: ActionVariant = ActionVariant.DEFAULT,
    **facts: Any,
) -> Any:
    """A method of an OperatedAdmin that runs `Operation(**facts)`.

    Staff who may operate on the rows see its button above the list and on the page of a row.
    """
    made = Operation(**facts)

    def operate(
        self: OperatedAdmin,
        request: HttpRequest,
        rows: QuerySet[Any] | None = None,
        object_id: str | None = None,
    ) -> HttpResponse:
        return self.operate(request, rows, object_id, made)

    return unfold.decorators.action(
        description=button, icon=icon, variant=variant, permissions=["operate"]
    )(operate)


class OperatedAdmin(ReadOnlyAdmin):
    """Read-only pages with operations, each named in both `actions` and `actions_detail`."""

    # Operations apply to rows on the current page only, never to rows that nobody has seen.
    list_disable_select_all = True

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Uses the model's `change` permission. These pages have no form to save, so it has no
        # other meaning here.
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        try:
            return cast("HttpResponse | None", super().response_action(request, queryset))
        except ValidationError:
            # Django does not validate the ids of the selected rows.
            raise BadRequest("The selection is malformed.") from None

    def operate(
        self,
        request: HttpRequest,
        rows: QuerySet[Any] | None,
        object_id: str | None,
        operation: Operation,
    ) -> HttpResponse:
        """Ask for the reason, then apply the operation to the selected `rows`, or to one row."""
        chosen: list[Any]
        if rows is None:
            row = self.get_object(request, object_id)
            if row is None:
                raise Http404
            chosen = [row]
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            back = reverse(name, args=(object_id,))
        else:
            chosen = list(rows[: self.list_per_page])
            back = request.get_full_path()
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            self._apply(request, chosen, operation, form.cleaned_data["reason"])
            return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": operation.title,
            "opts": self.opts,
            "operation": operation,
            "rows": chosen,
            "form": form,
            "back": back,
            "action": request.POST.get("action", ""),
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "console/reason.html", context)

    def _apply(
        self, request: HttpRequest, rows: Iterable[Model], operation: Operation, reason: str
    ) -> None:
        done = 0
        refusals: Counter[str] = Counter()
        for row in rows:
            try:
                self._apply_to_one(request, row, operation, reason)
            except SocialPublishingBaseError as error:
                refusals[str(error)] += 1
            else:
                done += 1
        if done:
            self.message_user(request, self._summary(done, operation.done), messages.SUCCESS)
        for why, count in refusals.items():
            summary = self._summary(count, f"not {operation.done}")
            self.message_user(request, f"{summary} {why}", messages.WARNING)

    def _apply_to_one(
        self, request: HttpRequest, row: Model, operation: Operation, reason: str
    ) -> None:
        before = _status(row)
        with transaction.atomic():
            operation.act(row, actor=f"ops {request.user.get_username()}", reason=reason)
            audit.record(
                operation.action,
                actor=audit.Actor.of_request(request),
                row=row,
                reason=reason,
                before=before,
                after=_status(type(row)._base_manager.get(pk=row.pk)),
            )
            self.log_change(request, row, f"{operation.title}: {reason}")
        operation.afterwards(row)

    def _summary(self, count: int, what: str) -> str:
        return f"{count} {model_ngettext(self.opts, count)} {what}."


def _status(row: Model) -> dict[str, str]:
    return {"status": str(row.status)} if hasattr(row, "status") else {}
