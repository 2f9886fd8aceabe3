"""The chores that django-q2 calls every hour."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule

from connections import tasks
from connections.models import AuthorizationSession


@pytest.mark.django_db
def test_schedule_is_written_once_and_points_to_the_task():
    Schedule.objects.update_or_create(
        name="housekeeping", defaults={"func": "publishing.tasks.housekeeping"}
    )

    for _ in range(2):
        tasks.schedule()

    [row] = Schedule.objects.filter(name="housekeeping")
    assert (row.minutes, row.repeats) == (60, -1)
    assert import_string(row.func) is tasks.housekeeping


@pytest.mark.parametrize(("hours", "is_kept"), [(-1, True), (23, True), (25, False)])
def test_sessions_that_expired_a_day_ago_are_deleted(api, sandbox, hours, is_kept):
    api.get("connections/connect/twitter")
    AuthorizationSession.objects.update(expires_at=timezone.now() - dt.timedelta(hours=hours))

    tasks.housekeeping()

    assert AuthorizationSession.objects.exists() == is_kept
