import datetime as dt
from argparse import ArgumentParser
from collections import Counter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from publishing.models import PublishJob
from publishing.reprocessing import RETRIABLE, Selection, is_past_grace, retry_each
from socialpublishing.clock import database_now
from socialpublishing.codes import CODES
from socialpublishing.management.arguments import point_in_time, reason
from socialpublishing.management.progress import INTERRUPTED, Progress, stopped_by_signals
from socialpublishing.platforms import PLATFORMS


class Command(BaseCommand):
    help = (
        "Retry failed, rejected or unconfirmed jobs, those that were due longest ago first. What "
        "may have been published already is looked up first. No job is retried twice for the same "
        "reason: run an interrupted command again as it was. Several may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        jobs_with_codes = sorted(code for code, public in CODES.items() if public.on_job)
        parser.add_argument("ids", nargs="*", type=UUID, help="only these jobs")
        parser.add_argument("--status", action="append", default=[], choices=RETRIABLE)
        parser.add_argument(
            "--code",
            action="append",
            default=[],
            choices=jobs_with_codes,
            metavar="CODE",
            help="only those with this error code",
        )
        parser.add_argument("--platform", action="append", default=[], choices=sorted(PLATFORMS))
        parser.add_argument("--user", default="", help="only those of this user")
        parser.add_argument(
            "--due-from",
            type=point_in_time,
            metavar="TIME",
            help="only those due since then: a time, or an age such as 6h",
        )
        parser.add_argument(
            "--due-to", type=point_in_time, metavar="TIME", help="only those due before then"
        )
        parser.add_argument(
            "--all-time", action="store_true", help="however long ago they were due"
        )
        parser.add_argument("--limit", type=int, metavar="N", help="at most N jobs")
        parser.add_argument(
            "--reason", type=reason, help="for the audit and the history of each job"
        )
        parser.add_argument("--dry-run", action="store_true", help="only list them")
        parser.add_argument(
            "--yes", action="store_true", help="do not ask about posts that are past their grace"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        selection = self._selection(options)
        if not options["reason"] and not options["dry_run"]:
            raise CommandError("Give a --reason: it is recorded with each job.")
        if options["reason"] and (again := selection.retried(options["reason"]).count()):
            self.stderr.write(
                f"{again} were retried for this reason before, and are not retried again for it."
            )
        pks, stale = self._list(selection, options)
        if options["dry_run"]:
            self.stdout.write(f"{len(pks)} jobs would be retried, {stale} past their grace.")
            return
        if stale and not options["yes"]:
            self._confirm(len(pks), stale)
        self._retry(selection, pks, options["reason"])

    def _selection(self, options: dict[str, Any]) -> Selection:
        ids = tuple(options["ids"])
        has_window = options["due_from"] is not None or options["all_time"]
        if not ids and not options["status"]:
            raise CommandError("Name ids, or a --status.")
        if not ids and not has_window:
            raise CommandError(
                "Say how old the posts may be: --due-from 6h, or a time; or --all-time."
            )
        if options["all_time"] and options["due_from"] is not None:
            raise CommandError("Give --due-from or --all-time, not both.")
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit is at least 1.")
        if ids and (
            unknown := set(ids)
            - set(PublishJob.objects.filter(pk__in=ids).values_list("pk", flat=True))
        ):
            raise CommandError(f"There is no job {', '.join(sorted(map(str, unknown)))}.")
        return Selection(
            ids=ids,
            statuses=tuple(options["status"]) or RETRIABLE,
            codes=tuple(options["code"]),
            platforms=tuple(options["platform"]),
            user=options["user"],
            due_from=options["due_from"],
            due_to=options["due_to"],
        )

    def _list(self, selection: Selection, options: dict[str, Any]) -> tuple[list[UUID], int]:
        """The jobs, printed if it is a dry run; and how many of them are past their grace."""
        now = database_now()
        found = selection.left(options["reason"]) if options["reason"] else selection.jobs()
        pks: list[UUID] = []
        stale = 0
        jobs = found.only(
            "pk", "user_id", "platform", "status", "error_code", "scheduled_at", "created_at",
            "late_grace_s", "progress",
        )  # fmt: skip
        for job in jobs[: options["limit"]].iterator():
            pks.append(job.pk)
            is_stale = is_past_grace(job, now)
            stale += is_stale
            if options["dry_run"]:
                due = job.due_at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
                note = "  past its grace" if is_stale else ""
                self.stdout.write(
                    f"{job.pk}  {due}  {job.platform}  {job.status}  {job.error_code}  "
                    f"{job.user_id}{note}"
                )
        return pks, stale

    def _confirm(self, count: int, stale: int) -> None:
        self.stderr.write(
            f"{stale} of {count} posts are past their grace: they were due so long ago that they "
            "would not be published by themselves any more."
        )
        try:
            typed = input(f"Type {stale} to publish them now: ")
        except EOFError:
            typed = ""
        if typed.strip() != str(stale):
            raise CommandError("Nothing was retried. In a script, --yes replaces the question.")

    def _retry(self, selection: Selection, pks: list[UUID], reason: str) -> None:
        progress = Progress(self.stderr, len(pks), "jobs")
        outcomes: Counter[str] = Counter()
        with stopped_by_signals() as stop:
            for batch in retry_each(selection, pks, reason=reason):
                outcomes += batch
                progress.advance(batch.total())
                if stop():
                    break
        retried = outcomes.pop("", 0)
        self.stdout.write(f"{retried} retried")
        for code, count in sorted(outcomes.items()):
            self.stdout.write(f"{count} not retried ({code})")
        if stop():
            raise CommandError(
                "Interrupted: run it again as it was for the others.", returncode=INTERRUPTED
            )
        if others := len(pks) - retried - outcomes.total():
            self.stdout.write(f"{others} were changed meanwhile, by others")
        if outcomes:
            raise CommandError("Not all of them could be retried.")
