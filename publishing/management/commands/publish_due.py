import os
import socket
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.db.models import Count, Max

from publishing.models import FollowUp, JobEvent, PublishJob, Status, WorkerSlot
from publishing.worker.process import Worker
from socialpublishing.clock import database_now
from socialpublishing.management.progress import INTERRUPTED, Progress, stopped_by_signals
from socialpublishing.readiness import database_problems

UNWANTED = {Status.FAILED, Status.CONTENT_REJECTED, Status.UNCONFIRMED}
LONGEST_S = 3600.0


class Command(BaseCommand):
    help = (
        "Publish what is due, once, and end: from cron, or in a test, where no worker runs. "
        "Workers may run beside it. What has to wait, such as for a platform that processes a "
        "file, is left to the next run. The exit code is 1 if something due is left, if a post "
        "failed, or if its outcome is unknown."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--threads", type=int, default=settings.PUBLISH_THREADS)
        parser.add_argument(
            "--seconds", type=float, default=LONGEST_S, help="claim nothing more after so long"
        )

    def handle(self, *args: Any, threads: int, seconds: float, **options: Any) -> None:
        if threads < 1:
            raise CommandError("--threads is at least 1.")
        if problems := database_problems():
            raise CommandError(" ".join(problems))
        last_event = JobEvent.objects.aggregate(last=Max("pk"))["last"] or 0
        slot = f"command-{socket.gethostname()[:24]}-{os.getpid()}"
        worker = Worker(slot, threads=threads)
        progress = Progress(self.stderr, None, "turns of work")
        try:
            with stopped_by_signals() as stop:
                worker.run(seconds=seconds, stop=lambda: stop() or _is_done(worker, progress))
        finally:
            WorkerSlot.objects.filter(name=slot).delete()
        events = JobEvent.objects.filter(pk__gt=last_event, actor=worker.actor)
        self._report(events.values("job"), is_interrupted=stop())

    def _report(self, jobs: Any, *, is_interrupted: bool) -> None:
        counts = Counter(
            dict(
                PublishJob.objects.filter(pk__in=jobs)
                .order_by("status")
                .values_list("status")
                .annotate(count=Count("pk"))
            )
        )
        for status, count in counts.items():
            self.stdout.write(f"{count} {status}")
        if not counts:
            self.stdout.write("Nothing was due.")
        if is_interrupted:
            raise CommandError("Interrupted.", returncode=INTERRUPTED)
        if left := PublishJob.objects.filter(next_attempt_at__lte=database_now()).count():
            raise CommandError(f"{left} posts are still due.")
        if not UNWANTED.isdisjoint(counts):
            raise CommandError("Not all of them were published.")


def _is_done(worker: Worker, progress: Progress) -> bool:
    progress.advance()
    if worker.in_flight or worker.unsettled:
        return False
    try:
        now = database_now()
        return not any(
            rows.filter(next_attempt_at__lte=now).exists()
            for rows in (PublishJob.objects, FollowUp.objects)
        )
    except DatabaseError:
        return False  # it may come back
