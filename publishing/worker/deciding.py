"""Decides what a claimed job does next, with what a worker has to add."""

from __future__ import annotations

import logging

from connections import tokens
from publishing.engine.decide import decide
from publishing.engine.retry import defer, wait_for_refresh
from publishing.engine.values import Context, Decision, StepKind
from publishing.job_log import facts_of
from publishing.models import PublishJob
from socialpublishing.errors import SocialPublishingBaseError

logger = logging.getLogger(__name__)


def decision_for(job: PublishJob, context: Context) -> Decision:
    try:
        decision = decide(job, context)
    except SocialPublishingBaseError as error:
        # Such as a token that no key decrypts, or a platform that is no longer in PLATFORMS: an
        # alarm, and no reason to delay the other jobs.
        logger.exception("job cannot go on", extra=facts_of(job))
        return defer(job, context, error)
    return _with_refresh_right(decision, context)


def _with_refresh_right(decision: Decision, context: Context) -> Decision:
    """A refresh token is sent once: while another caller refreshes, the job waits."""
    step = decision.step
    if step is None or step.kind != StepKind.REFRESH:
        return decision
    connection = step.job.connection
    assert connection is not None
    if tokens.take_refresh(connection, context.now):
        return decision
    return wait_for_refresh(step.job, context.now)
