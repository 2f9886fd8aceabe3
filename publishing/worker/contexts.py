"""Reads what the engine has to know beside its jobs: a few queries, however many jobs there are."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import CharField

from publishing.engine.in_doubt import CLOCK_MARGIN, has_intent, may_exist
from publishing.engine.values import Context, Paused, Result, RetryPolicy, StepKind
from publishing.models import PublishJob
from publishing.worker.turn import Turn
from socialpublishing.errors import (
    DuplicateContentError,
    PublishingOffError,
    SocialPublishingBaseError,
)
from socialpublishing.platforms.pauses import PlatformPause
from socialpublishing.platforms.pauses import concerning as pauses_concerning
from socialpublishing.platforms.progress import Found, Stage
from socialpublishing.prepared import AnyOf, PreparedQuery

# Jobs by account and text.
ByText = Mapping[tuple[str, str], set[UUID]]


def before_steps(jobs: Sequence[PublishJob], turn: Turn) -> list[Context]:
    """For `decide`."""
    plain = plain_context(turn)
    in_doubt = _in_doubt_by_text(jobs)
    others = _other_post_ids([job for job in jobs if _is_looked_up(job)])
    return [
        replace(
            _with_pauses(plain, job, turn.pauses),
            publishing_off=_publishing_off(job),
            same_text_in_doubt=bool(in_doubt.get((job.account, job.text), set()) - {job.pk}),
            other_post_ids=others.get(job.pk, frozenset()),
        )
        for job in jobs
    ]


def after_steps(results: Sequence[Result], turn: Turn) -> list[Context]:
    """For `settle`. Only a result that names a post needs more than the time."""
    plain = plain_context(turn)
    named = [_Named(result.step.job, _named_post(result)) for result in results]
    with_post = [each for each in named if each.post_id]
    if not with_post:
        return [plain] * len(results)
    taken = _taken(with_post)
    unnamed = _unnamed_by_text(each.job for each in with_post)
    return [
        replace(
            plain,
            named_post_is_taken=each in taken,
            named_post_may_be_others=bool(
                unnamed.get((each.job.account, each.job.text), set()) - {each.job.pk}
            ),
        )
        for each in named
    ]


class _Named(NamedTuple):
    """A post that the platform named in its response to a job."""

    job: PublishJob
    post_id: str


def plain_context(turn: Turn) -> Context:
    """What does not depend on a job."""
    policy = RetryPolicy(
        max_attempts=settings.MAX_API_RETRIES,
        delay_s=settings.API_RETRY_DELAY_SECONDS,
        backoff_factor=settings.API_RETRY_BACKOFF_FACTOR,
        late_grace_s=settings.LATE_PUBLISH_GRACE_SECONDS,
        uniform=random.uniform,
    )
    return Context(
        now=turn.now,
        policy=policy,
        lease_until=turn.lease_until,
        send_before=turn.send_before,
    )


def _pauses_of(job: PublishJob, pauses: Sequence[PlatformPause]) -> Sequence[PlatformPause]:
    """The pauses that concern `job`, if it has still to be published."""
    if not pauses or has_intent(job) or job.remote_id or job.connection is None:
        return []
    try:
        features = job.platform_type.features(job.post)
    except SocialPublishingBaseError:
        return []  # a platform that is no longer in PLATFORMS; `decide` raises the same
    return pauses_concerning(pauses, job.platform, job.connection.login, features)


def _with_pauses(context: Context, job: PublishJob, pauses: Sequence[PlatformPause]) -> Context:
    concerning = _pauses_of(job, pauses)
    if not concerning:
        return context
    probes = [each for each in concerning if each.may_be_probed_by(job.pk, context.now)]
    paused = [paused_by(each) for each in concerning if each not in probes]
    return replace(context, paused=tuple(paused), probes=tuple(probes))


def paused_by(pause: PlatformPause) -> Paused:
    step = StepKind(pause.step)
    return Paused(until=pause.probe_at, code=pause.code, reason=pause.reason, step=step)


def _publishing_off(job: PublishJob) -> PublishingOffError | None:
    if has_intent(job) or job.remote_id:
        return None  # nothing is published
    try:
        job.platform_type.check_publishing(job.post)
    except PublishingOffError as error:
        return error
    except SocialPublishingBaseError:
        return None  # a platform that is no longer in PLATFORMS; `decide` raises the same
    return None


# --- Other jobs of the same accounts -------------------------------------------------------------


def _in_doubt() -> Any:
    accounts = AnyOf("accounts", CharField(max_length=200))
    in_doubt = PublishJob.objects.in_doubt().filter(account__in=accounts).order_by()
    return in_doubt.values_list("pk", "account", "text", "publish_started_at", "progress__stage")


IN_DOUBT: PreparedQuery[PublishJob] = PreparedQuery(_in_doubt)


def _in_doubt_by_text(jobs: Iterable[PublishJob]) -> ByText:
    """The jobs in doubt, on the accounts of `jobs`, that a lookup could mistake for another."""
    found: dict[tuple[str, str], set[UUID]] = defaultdict(set)
    without_intent: list[UUID] = []
    for pk, account, text, intent_at, stage in IN_DOUBT.values(accounts=[j.account for j in jobs]):
        if stage == Stage.CONFIRMING:
            continue  # the platform named it, and it is asked for by its name
        if intent_at is None:
            without_intent.append(pk)
        else:
            found[account, text].add(pk)
    if without_intent:
        left = PublishJob.objects.select_related("connection").filter(pk__in=without_intent)
        for job in left:
            if may_exist(job):  # else it is known to be absent
                found[job.account, job.text].add(job.pk)
    return found


def _is_looked_up(job: PublishJob) -> bool:
    return has_intent(job) and job.stored_progress.platform.stage != Stage.CONFIRMING


def _other_post_ids(jobs: Sequence[PublishJob]) -> Mapping[UUID, frozenset[str]]:
    """For each job the ids of posts of other jobs that its lookup may come across."""
    if not jobs:
        return {}
    # A platform's clock may be off by the margin, too.
    since = {job.pk: (job.in_doubt_since or job.created_at) - 2 * CLOCK_MARGIN for job in jobs}
    posts: dict[str, list[PublishJob]] = defaultdict(list)
    accounts = {job.account for job in jobs}
    for post in PublishJob.objects.with_posts(accounts, min(since.values())):
        posts[post.account].append(post)
    return {
        job.pk: frozenset(
            post_id
            for post in posts[job.account]
            if post.pk != job.pk
            if post.published_at is None or post.published_at >= since[job.pk]
            for post_id in (post.remote_id, *post.posted)
            if post_id
        )
        for job in jobs
    }


def _named_post(result: Result) -> str:
    """The id of the post that the platform named, if the response does not show whose it is."""
    if isinstance(result.value, Found):
        return result.value.remote_id
    return result.error.remote_id if isinstance(result.error, DuplicateContentError) else ""


def _taken(named: Sequence[_Named]) -> set[_Named]:
    """Those whose post belongs to another job."""
    owners: dict[tuple[str, str], set[UUID]] = defaultdict(set)
    rows = PublishJob.objects.filter(
        account__in={each.job.account for each in named},
        remote_id__in={each.post_id for each in named},
    )
    for pk, account, remote_id in rows.values_list("pk", "account", "remote_id"):
        owners[account, remote_id].add(pk)
    others = _other_post_ids([each.job for each in named])
    return {
        each
        for each in named
        if owners[each.job.account, each.post_id] - {each.job.pk}
        or each.post_id in others[each.job.pk]
    }


def _unnamed_by_text(jobs: Iterable[PublishJob]) -> ByText:
    """The jobs that may own a post of the same account and text whose id nobody knows."""
    found: dict[tuple[str, str], set[UUID]] = defaultdict(set)
    texts = {(job.account, job.text) for job in jobs}
    rows = PublishJob.objects.filter(
        account__in={account for account, _ in texts}, remote_id="", in_doubt_since__isnull=False
    )
    columns = ("pk", "account", "text", "content_erased_at")
    for pk, account, text, erased_at in rows.values_list(*columns):
        # One whose text is erased may have had any.
        same = texts if erased_at else {(account, text)}
        for key in same:
            if key[0] == account:
                found[key].add(pk)
    return found
