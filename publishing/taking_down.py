"""Taking a published post down at its platform."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F

from connections.models import SocialConnection
from publishing.errors import (
    AccountDisconnectedError,
    NeedsReauthError,
    NotPublishedError,
    NotSupportedError,
    TakeDownPermissionError,
)
from publishing.follow_ups import new_follow_up
from publishing.models import FollowUp, PublishJob, Status
from publishing.transitions import Move, move_one
from socialpublishing.clock import database_now
from socialpublishing.platforms.follow_ups import TAKE_DOWN

FAILED_CODE = "take_down_failed"


def take_down_post(job: PublishJob, *, actor: str) -> PublishJob:
    """Have the post of `job` taken down; returns the job as it is then. Repeats are harmless."""
    with transaction.atomic():
        rows = PublishJob.objects.select_related("connection", "destination__connection")
        job = rows.select_for_update(of=("self",)).get(pk=job.pk)
        if job.status != Status.PUBLISHED:
            raise NotPublishedError
        if job.deleted_at is not None:
            return job
        _check(job)
        earlier = job.follow_ups.filter(kind=FollowUp.Kind.TAKE_DOWN)
        if earlier.filter(next_attempt_at__isnull=False).exists():
            return job
        now = database_now()
        earlier.delete()
        due = _drop_first_comment(job, now)
        new_follow_up(job, FollowUp.Kind.TAKE_DOWN, due).save()
        others = [each for each in job.warnings or () if each["code"] != FAILED_CODE]
        started = Move(
            job=job,
            to=Status.PUBLISHED,
            changes={"warnings": others or None},
            note="Taking the post down.",
            step=TAKE_DOWN,
        )
        move_one(started, now=now, actor=actor)
    return job


def _check(job: PublishJob) -> None:
    """Raises an error if the post cannot be taken down."""
    target = job.target
    if target is None or target.connection.status == SocialConnection.Status.REVOKED:
        raise AccountDisconnectedError
    connection, platform = target.connection, job.platform_type
    steps = platform.follow_ups.get(TAKE_DOWN)
    if steps is None:
        raise NotSupportedError(platform.no_take_down)
    if not job.public_ids:
        raise NotSupportedError("The id of the post at the platform is not known.")
    if connection.status == SocialConnection.Status.NEEDS_REAUTH and not target.has_own_token:
        raise NeedsReauthError(connection.status_reason)
    wanted = steps.scopes(at_destination=target.destination is not None)
    if missing := connection.lacks(wanted):
        raise TakeDownPermissionError(sorted(missing))


def _drop_first_comment(job: PublishJob, now: dt.datetime) -> dt.datetime:
    """No worker goes on with it. Returns when its last request has ended at the latest."""
    comments = job.follow_ups.filter(
        kind=FollowUp.Kind.FIRST_COMMENT, next_attempt_at__isnull=False
    ).select_for_update()
    comment = comments.first()
    if comment is None:
        return now
    comments.update(
        status=Status.CANCELLED,
        next_attempt_at=None,
        lease_owner="",
        fencing_token=F("fencing_token") + 1,
        updated_at=now,
    )
    is_in_hand = bool(comment.lease_owner and comment.next_attempt_at)
    return max(now, comment.next_attempt_at) if is_in_hand and comment.next_attempt_at else now
