"""What follows a published post: its first comment, and taking it down.

Each is a row of its own. The engine works on it as on a job: intent, lookups and retries are those
of publishing, with the steps of platforms/follow_ups.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from publishing.engine_state import EngineState
from publishing.models import FollowUp, PublishJob, Status
from socialpublishing.platforms.follow_ups import FIRST_COMMENT, TakeDown

STATE = tuple(field.name for field in EngineState._meta.local_fields)
# For so long a follow-up is tried.
GRACE_S = 86_400


def create_first_comments(published: Iterable[PublishJob], now: dt.datetime) -> None:
    """Those of jobs whose post has just been published. In the transaction that stores it, so that
    none is lost."""
    FollowUp.objects.bulk_create(
        [
            new_follow_up(job, FollowUp.Kind.FIRST_COMMENT, now, text=comment)
            for job in published
            if (comment := job.platform_specific_options.get(FIRST_COMMENT))
        ],
        ignore_conflicts=True,
    )


def create_missed_first_comments(now: dt.datetime) -> None:
    """Those of posts that a worker of the release before has published: it knows of none."""
    since = now - dt.timedelta(seconds=GRACE_S)
    published = PublishJob.objects.filter(status=Status.PUBLISHED, published_at__gte=since)
    missed = published.filter(
        platform_specific_options__has_key=FIRST_COMMENT, deleted_at=None, follow_ups=None
    )
    create_first_comments(missed, now)


def new_follow_up(
    job: PublishJob, kind: FollowUp.Kind, due: dt.datetime, *, text: str = ""
) -> FollowUp:
    return FollowUp(
        job=job,
        kind=kind,
        text=text,
        status=Status.PENDING,
        next_attempt_at=due,
        created_at=due,
        updated_at=due,
    )


def as_job(follow_up: FollowUp) -> PublishJob:
    """The unsaved job by which the engine works on `follow_up`."""
    job = follow_up.job
    work = PublishJob(
        id=follow_up.pk,
        user_id=job.user_id,
        request_id=job.request_id,
        connection=job.connection,
        destination=job.destination,
        platform=job.platform,
        account=job.account,
        account_name=job.account_name,
        text=follow_up.text,
        platform_specific_options={"post_ids": _post_ids(follow_up)},
        status=follow_up.status,
        late_grace_s=GRACE_S,
        **{name: getattr(follow_up, name) for name in STATE},
    )
    work.follow_up = follow_up
    return work


def _post_ids(follow_up: FollowUp) -> list[str]:
    """The posts that `follow_up` is about, of a thread in their order."""
    job = follow_up.job
    if follow_up.kind == FollowUp.Kind.FIRST_COMMENT or job.connection is None:
        return job.public_ids
    steps = job.platform_type.follow_ups.get(follow_up.kind)
    if steps is None or not issubclass(steps, TakeDown) or not steps.deletes_comment:
        return job.public_ids
    comments = job.follow_ups.filter(kind=FollowUp.Kind.FIRST_COMMENT).exclude(remote_id="")
    return [*job.public_ids, *comments.values_list("remote_id", flat=True)]
