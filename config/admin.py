"""Console pages for models of other packages, in place of the packages' own pages.

Those have Django's theme, and would let staff edit rows that only the code may write.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from connections.admin_base import ReadOnlyAdmin, display, isolated, moment, platform_label
from socialpublishing.platforms.pauses import PlatformPause

# The tasks of the queue have no page: a post's outcome is in its job.
admin.site.unregister([User, Group, Schedule, Success, Failure, OrmQ])


@admin.register(User)
class StaffAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # unfold has no types
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class RoleAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    pass


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


@admin.register(PlatformPause)
class PlatformPauseAdmin(ReadOnlyAdmin):
    """Platforms that refuse our app right now, and why."""

    list_display = (
        "platform_name", "login", "feature", "code", "platform_code", "reason_isolated",
        "paused_since", "next_probe",
    )  # fmt: skip
    list_display_links = None
    sortable_by = ()

    @display(description="platform")
    def platform_name(self, pause: PlatformPause) -> str:
        return platform_label(pause.platform)

    @display(description="reason")
    def reason_isolated(self, pause: PlatformPause) -> str:
        return isolated(pause.reason)

    @display(description="since")
    def paused_since(self, pause: PlatformPause) -> str:
        return moment(pause.since)

    @display(description="next probe")
    def next_probe(self, pause: PlatformPause) -> str:
        return moment(pause.probe_at)
