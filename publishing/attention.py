"""Which jobs staff look for: those that need a person, are late, or have failed lately.

Each question is counted in the rows that have not ended, or from the end of an index: it costs
the same however many jobs have ended.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from publishing.indexes import DUE
from publishing.models import PublishJob, PublishJobQuerySet, Status, WaitingFor

# A post is late when it is not public so long after its time.
LATE_AFTER = dt.timedelta(seconds=60)
TROUBLED = (Status.FAILED, Status.CONTENT_REJECTED)
# What the engine has left to a person: no lookup shows whether the post exists.
LEFT_TO_A_PERSON = Q(status=Status.UNCONFIRMED, next_attempt_at__isnull=True)
NEEDS_PERSON = LEFT_TO_A_PERSON | Q(waiting_for__in=[WaitingFor.OWNER, WaitingFor.OPERATOR])
OPEN = Q(next_attempt_at__isnull=False) | Q(status=Status.UNCONFIRMED)


def late(now: dt.datetime) -> PublishJobQuerySet:
    """Jobs that are not public yet, although their time has come. Each has `due`."""
    jobs = PublishJob.objects.alive().alias(due=DUE)
    return jobs.filter(due__lt=now - LATE_AFTER)


def ended_since(since: dt.datetime) -> Q:
    """Jobs that were published, failed or rejected since then, as long as they have content."""
    in_index = Q(
        next_attempt_at__isnull=True, content_erased_at__isnull=True, updated_at__gte=since
    )
    # A published job changes again when its post is taken down.
    return in_index & (Q(status__in=TROUBLED) | Q(status=Status.PUBLISHED, published_at__gte=since))
