"""How staff narrow the list of jobs, and search it. An index serves each question alone."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RadioFilter, TextFilter

from connections.models import SocialConnection
from publishing.attention import (
    LATE_AFTER,
    LEFT_TO_A_PERSON,
    NEEDS_PERSON,
    ended_since,
    late,
)
from publishing.indexes import DUE
from publishing.models import PublishJob, Status, WaitingFor
from socialpublishing.clock import database_now
from socialpublishing.errors import WhoActs

Jobs = QuerySet[PublishJob]
PERIODS = {"1h": dt.timedelta(hours=1), "24h": dt.timedelta(days=1), "7d": dt.timedelta(days=7)}
GOES_ON_BY_ITSELF = [
    each for each in WaitingFor if each not in {WaitingFor.OWNER, WaitingFor.OPERATOR}
]
# What a search compares, in this order; each has an index.
IDS = ("id", "connection_id", "batch_id")
SEARCHED = ("user_id", "external_reference", "remote_id")
ACCOUNTS_FOUND = 20


class QuestionFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    """One of some questions. `questions`: value to the words and the condition."""

    questions: dict[str, tuple[str, Callable[[Jobs], Jobs]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, words) for value, (words, _) in self.questions.items()]

    def queryset(self, request: HttpRequest, queryset: Jobs) -> Jobs:
        question = self.questions.get(self.value() or "")
        return question[1](queryset) if question else queryset


class AttentionFilter(QuestionFilter):
    title = "attention"
    parameter_name = "attention"
    questions = {
        "person": ("needs a person", lambda jobs: jobs.filter(NEEDS_PERSON)),
        "resolve": ("a person has to resolve it", lambda jobs: jobs.filter(LEFT_TO_A_PERSON)),
        "waiting": (
            "waits, and goes on by itself",
            lambda jobs: jobs.filter(waiting_for__in=GOES_ON_BY_ITSELF),
        ),
    }


class WaitingForFilter(QuestionFilter):
    title = "waiting for"
    parameter_name = "waiting_for"
    questions = {
        each.value: (str(each.label), lambda jobs, each=each: jobs.filter(waiting_for=each))  # type: ignore[misc]
        for each in WaitingFor
    }


class WhoActsFilter(QuestionFilter):
    title = "who acts"
    parameter_name = "who_acts"
    questions = {
        who.value: (f"the {who.value}", lambda jobs, who=who: jobs.filter(who_acts=who))  # type: ignore[misc]
        for who in WhoActs
        if who
    }


def _published_late(jobs: Jobs) -> Jobs:
    went_out = jobs.filter(ended_since(database_now() - PERIODS["24h"]), status=Status.PUBLISHED)
    return went_out.filter(published_at__gt=DUE + LATE_AFTER)


class LatenessFilter(QuestionFilter):
    title = "lateness"
    parameter_name = "late"
    questions = {
        "now": ("late now", lambda jobs: jobs & late(database_now())),
        "published": ("published late in 24 hours", _published_late),
    }


class EndedFilter(QuestionFilter):
    title = "ended"
    parameter_name = "ended"
    questions = {
        value: (
            words,
            lambda jobs, time=PERIODS[value]: jobs.filter(ended_since(database_now() - time)),  # type: ignore[misc]
        )
        for value, words in (
            ("1h", "in the last hour"),
            ("24h", "in the last 24 hours"),
            ("7d", "in the last 7 days"),
        )
    }


class ExactFilter(TextFilter):  # type: ignore[misc]
    def queryset(self, request: HttpRequest, queryset: Jobs) -> Jobs:
        value = (self.value() or "").strip()
        if not value or "\x00" in value:
            return queryset
        return queryset.filter(**{self.parameter_name: value})


class CodeFilter(ExactFilter):
    title = "error code"
    parameter_name = "error_code"


class UserFilter(ExactFilter):
    title = "user id"
    parameter_name = "user_id"


def search(jobs: Jobs, term: str) -> Jobs:
    """Jobs with exactly this id: its own, that of its connection or batch, its user's, the caller's
    reference, or the post's at the platform; else those of accounts whose name begins so.
    """
    term = term.strip()
    if "\x00" in term:
        return jobs.none()
    try:
        names, value = IDS, str(uuid.UUID(term))
    except ValueError:
        names, value = SEARCHED, term
    # Each is asked alone: for all of them together the database might read the newest jobs, one
    # after the other, until it has a page.
    found = Q()
    for name in names:
        if PublishJob.objects.filter(**{name: value}).exists():
            found |= Q(**{name: value})
    if not found:
        accounts = SocialConnection.objects.filter(external_display_name__istartswith=term)
        found = Q(connection__in=list(accounts.values_list("pk", flat=True)[:ACCOUNTS_FOUND]))
    return jobs.filter(found)


def lateness(job: PublishJob) -> dt.timedelta | None:
    """How late it went out; None if it is not public."""
    return job.published_at - job.due_at if job.published_at else None
