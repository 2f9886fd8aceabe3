"""Console pages for models of other packages, in place of the packages' own pages.

Those have Django's theme, and would let staff edit rows that only the code may write.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.contrib.filters.admin import CheckboxFilter
from unfold.paginator import InfinitePaginator

from config.console import bulk_admin, pause_admin, webhook_admin  # noqa: F401  they register pages
from config.console.staff_admin import RoleAdmin, StaffAdmin
from connections.admin_base import (
    NONE,
    ReadOnlyAdmin,
    TimeRangeFilter,
    display,
    isolated,
    moment,
)
from socialpublishing.audit import Action, AuditRecord

# The tasks of the queue have no page: a post's outcome is in its job.
admin.site.unregister([User, Group, Schedule, Success, Failure, OrmQ])
admin.site.register(User, StaffAdmin)
admin.site.register(Group, RoleAdmin)


class ActionFilter(CheckboxFilter):  # type: ignore[misc]  # unfold has no types
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action.value, action.label) for action in Action]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditRecord]
    ) -> QuerySet[AuditRecord]:
        return queryset.filter(action__in=self.value()) if self.value() else queryset


@admin.register(AuditRecord)
class AuditAdmin(ReadOnlyAdmin):
    """Who of the staff did what. The database refuses changes too."""

    list_display = ("time", "who", "action", "what", "why", "change", "address")
    list_display_links = None
    list_filter = (ActionFilter, ("at", TimeRangeFilter))
    search_fields = ("actor_name__startswith", "object_id__exact")
    search_help_text = "Name of a person, or id of an object"
    sortable_by = ()
    show_full_result_count = False
    paginator = InfinitePaginator

    @display(description="time")
    def time(self, record: AuditRecord) -> str:
        return moment(record.at)

    @display(description="who")
    def who(self, record: AuditRecord) -> str:
        return isolated(record.actor_name or "unknown")

    @display(description="object", header=True)
    def what(self, record: AuditRecord) -> tuple[str, str]:
        return record.object_kind or NONE, record.object_id

    @display(description="reason")
    def why(self, record: AuditRecord) -> str:
        return isolated(record.reason)

    @display(description="change")
    def change(self, record: AuditRecord) -> str:
        parts = [
            f"{name}: {_text(record.before.get(name))} → {_text(value)}"
            for name, value in record.after.items()
            if record.before.get(name) != value
        ]
        return isolated("; ".join(parts))


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ("name", "func", "args", "every", "runs_next")
    list_display_links = None
    ordering = ("name",)
    sortable_by = ()

    @display(description="every")
    def every(self, schedule: Schedule) -> str:
        return (
            f"{schedule.minutes} min" if schedule.minutes else schedule.get_schedule_type_display()
        )

    @display(description="next run")
    def runs_next(self, schedule: Schedule) -> str:
        return moment(schedule.next_run)
