"""Checks of how long ended jobs are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks

# The age of a post at which its metrics are read last.
METRICS_DAYS = 30


@checks.register
def check_retention(**kwargs: Any) -> list[checks.CheckMessage]:
    return list(_problems())


def _problems() -> Iterator[checks.CheckMessage]:
    jobs = settings.JOB_RETENTION_DAYS
    for name in ("JOB_CONTENT_RETENTION_DAYS", "EVENT_RETENTION_DAYS"):
        if 0 < jobs < getattr(settings, name):
            yield checks.Error(
                f"{name} is longer than JOB_RETENTION_DAYS: what a job holds goes with the job.",
                id="socialpublishing.E051",
            )
    if 0 < jobs <= METRICS_DAYS:
        yield checks.Warning(
            f"JOB_RETENTION_DAYS is {jobs}: posts are deleted before their last metrics are read, "
            f"at {METRICS_DAYS} days.",
            id="socialpublishing.W052",
        )
