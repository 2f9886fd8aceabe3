from argparse import ArgumentParser
from collections import Counter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from publishing.models import PublishJob, Status
from publishing.operations import retry_job
from socialpublishing import audit
from socialpublishing.errors import SocialPublishingBaseError


class Command(BaseCommand):
    help = (
        "Retry failed, rejected or unconfirmed jobs. What may have been published already is "
        "looked up first. Safe to run twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "ids", nargs="*", type=UUID, help="ids of jobs; without them, name a --status"
        )
        parser.add_argument(
            "--status",
            choices=[Status.FAILED, Status.CONTENT_REJECTED, Status.UNCONFIRMED],
            help="all jobs of this status",
        )
        parser.add_argument("--code", help="only those with this error code")
        parser.add_argument("--platform", help="only those of this platform")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        jobs = self._selected(options)
        if options["dry_run"]:
            self.stdout.write(f"{jobs.count()} jobs would be retried.")
            return
        outcomes: Counter[str] = Counter()
        for job in jobs.iterator():
            try:
                _retry(job)
                outcomes["retried"] += 1
            except SocialPublishingBaseError as error:
                outcomes[f"not retried ({error.code})"] += 1
        for outcome, count in sorted(outcomes.items()):
            self.stdout.write(f"{count} {outcome}")
        if sum(outcomes.values()) > outcomes["retried"]:
            raise CommandError("Not all of them could be retried.")

    def _selected(self, options: dict[str, Any]) -> Any:
        jobs = PublishJob.objects.all()
        if options["ids"] and options["status"]:
            raise CommandError("Name ids or a --status, not both.")
        if ids := options["ids"]:
            jobs = jobs.filter(pk__in=ids)
            if unknown := set(ids) - set(jobs.values_list("pk", flat=True)):
                raise CommandError(f"There is no job {', '.join(map(str, unknown))}.")
        elif options["status"]:
            jobs = jobs.filter(status=options["status"])
        else:
            raise CommandError("Name ids, or a --status.")
        if options["code"]:
            jobs = jobs.filter(error_code=options["code"])
        return jobs.filter(platform=options["platform"]) if options["platform"] else jobs


def _retry(job: PublishJob) -> None:
    before = {"status": job.status}
    with transaction.atomic():
        retry_job(job, actor="command reprocess_jobs")
        after = {"status": PublishJob.objects.values_list("status", flat=True).get(pk=job.pk)}
        audit.record(
            audit.Action.RETRIED, actor=audit.COMMAND_LINE, row=job, before=before, after=after
        )
