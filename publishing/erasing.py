"""What leaves with a user, or with one account: jobs and their history."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet

from publishing import content
from publishing.models import ENDED, FollowUp, JobEvent, PublishBatch, PublishJob, WorkerSlot
from publishing.operations import end_without_account
from socialpublishing.clock import database_now
from socialpublishing.erasure import (
    BATCH,
    Part,
    Subject,
    Table,
    Tally,
    delete_in_batches,
    forget_in_console_log,
)
from socialpublishing.events.models import Event, EventType

# The user of jobs whose own user has left. No caller has this id.
NOBODY = ""
JOBS = Table(
    model=PublishJob,
    user="user_id",
    connection="connection_id",
    # What the platform handed us for the next step, and what only our workers need.
    unexported=frozenset(
        {"progress", "request_hash", "first_response", "lease_owner", "fencing_token"}
    ),
)
BATCHES = Table(
    model=PublishBatch, user="user_id", unexported=frozenset({"request_hash", "first_response"})
)
FOLLOW_UPS = Table(
    model=FollowUp,
    user="job__user_id",
    connection="job__connection_id",
    unexported=frozenset({"progress", "lease_owner", "fencing_token"}),
)
EVENTS = Table(model=JobEvent, user="job__user_id", connection="job__connection_id")
HAS_PSEUDONYM = Q(account__contains=":erased-")


def _settle(subject: Subject) -> int:
    """End the open jobs. Returns how many a worker has in hand: they end by themselves."""
    now = database_now()
    is_in_hand = ~Q(lease_owner="") & Q(next_attempt_at__gt=now)
    open_jobs: QuerySet[PublishJob] = JOBS.rows(subject).filter(next_attempt_at__isnull=False)
    ours = open_jobs.exclude(is_in_hand).select_related("connection", "destination")
    end_without_account(ours.iterator(chunk_size=BATCH), actor=subject.actor, now=now)
    return open_jobs.count()


def _erase(subject: Subject, tally: Tally) -> None:
    jobs: QuerySet[PublishJob] = JOBS.rows(subject)
    if subject.is_user:
        delete_in_batches(_free(jobs), tally)
        delete_in_batches(BATCHES.rows(subject), tally)
    while _erase_batch(jobs, subject, tally):
        pass


def _free(jobs: QuerySet[PublishJob]) -> QuerySet[PublishJob]:
    """Those that nobody has to resolve, and whose post no open job could take for its own."""
    return jobs.filter(status__in=ENDED).exclude(content.needed_by_others(database_now()))


def _erase_batch(jobs: QuerySet[PublishJob], subject: Subject, tally: Tally) -> bool:
    """Rows that stay keep their ids, statuses and times. False: there is none left."""
    with transaction.atomic():
        pks = list(jobs.order_by("pk").values_list("pk", flat=True)[:BATCH])
        batch = PublishJob.objects.filter(pk__in=pks)
        forget_in_console_log(batch)
        content.erase_traces(batch, database_now())
        content.erase_account(_free(batch))
        _erase_from_batches(batch)
        batch.update(connection=None, destination=None)
        if subject.is_user:
            events = JobEvent.objects.filter(job__in=pks)
            events.filter(actor__startswith="user ").update(actor="user")
            batch.update(user_id=NOBODY)
            tally.add(kept=events.count(), of=EVENTS.name)
        tally.add(kept=len(pks), of=JOBS.name)
    return bool(pks)


def _erase_from_batches(jobs: QuerySet[PublishJob]) -> None:
    """Erase what batches and their events have copied of these jobs."""
    batches = PublishBatch.objects.filter(pk__in=jobs.exclude(batch=None).values("batch"))
    for batch in batches.only("user_id"):
        events = Event.objects.filter(user_id=batch.user_id, type=EventType.BATCH_ENDED)
        events.filter(data__batch_id=str(batch.pk)).delete()
    batches.update(first_response="")


def finish_erasures() -> None:
    """Erase the rest of jobs that were kept for as long as an outcome was unknown."""
    left = _free(PublishJob.objects.filter(connection=None, content_erased_at__isnull=False))
    delete_in_batches(left.filter(user_id=NOBODY), Tally())
    while pks := list(left.exclude(HAS_PSEUDONYM).values_list("pk", flat=True)[:BATCH]):
        content.erase_account(PublishJob.objects.filter(pk__in=pks))


PART = Part(
    tables=(
        JOBS,
        BATCHES,
        EVENTS,
        FOLLOW_UPS,
        Table(model=WorkerSlot, why="It has the names of our own processes."),
    ),
    settle=_settle,
    erase=_erase,
)
