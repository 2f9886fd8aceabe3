"""Tables of Django and of libraries, which hold nothing of users: staff's, and ids of jobs."""

from __future__ import annotations

from django.apps import apps

from socialpublishing.erasure import Part, Table

WHY = {
    "admin": "What staff did; the names of erased rows are blanked.",
    "auth": "Staff's accounts and permissions.",
    "axes": "Failed and successful sign-ins of staff.",
    "config": "Second factors of staff.",
    "contenttypes": "The names of our own tables.",
    "django_q": "Schedules and tasks, whose arguments are ids at most.",
    "sessions": "Staff's sessions.",
}


def part() -> Part:
    return Part(
        tables=tuple(
            Table(model=model, why=why)
            for label, why in WHY.items()
            for model in apps.get_app_config(label).get_models()
            if not model._meta.proxy
        )
    )
