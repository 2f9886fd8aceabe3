"""Building blocks for the ops console of all apps. Stateful rows are read-only there.

What staff may do with such rows: operated_admin.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import unfold.decorators
from django.conf import settings
from django.contrib.admin import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import CheckboxFilter, RangeDateTimeFilter
from unfold.utils import display_for_label, parse_datetime_str

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
    return _label(word, colours.get(word, ""))


@lru_cache(maxsize=500)
def _label(word: str, colour: str) -> str:
    """A list has many of them, and each is a template of unfold."""
    return cast("str", display_for_label(word, NONE, {word: colour}))


def link(url: str, text: str) -> SafeString:
    return format_html('<a href="{}" class="text-link">{}</a>', url, text)


def connect_address(platform: str, login: str = "") -> str:
    """Where the owner of an account connects it again, signed in as a user of the API."""
    address = f"{settings.SERVICE_BASE_URL}/api/v1/connections/connect/{platform}"
    return f"{address}?{urlencode({'login': login})}" if login else address


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
