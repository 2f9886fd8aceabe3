"""Tasks that django-q2 runs."""

from __future__ import annotations

from django_q.models import Schedule

from insights import snapshots


def read_metrics() -> None:
    snapshots.read_due()


def schedule() -> None:
    Schedule.objects.update_or_create(
        name="read metrics",
        defaults={
            "func": "insights.tasks.read_metrics",
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "repeats": -1,
        },
    )
