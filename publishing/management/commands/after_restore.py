from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from publishing.models import WorkerSlot
from publishing.restoring import may_be_public, put_in_doubt
from publishing.worker.slots import DEAD_AFTER
from socialpublishing import audit
from socialpublishing.clock import database_now
from socialpublishing.management.arguments import point_in_time, reason
from socialpublishing.management.progress import Progress


class Command(BaseCommand):
    help = (
        "After a backup was restored, and before a worker starts: posts that came due since the "
        "backup are looked up at their platforms first, and published only if they are not there. "
        "Safe to run twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--taken-at",
            type=point_in_time,
            required=True,
            metavar="TIME",
            help="when the backup was taken: a time with its offset, or an age such as 6h",
        )
        parser.add_argument("--reason", type=reason, default="Restored.", help="for the audit")
        parser.add_argument("--dry-run", action="store_true", help="only count them")

    def handle(self, *args: Any, **options: Any) -> None:
        now = database_now()
        if options["taken_at"] > now:
            raise CommandError("The backup cannot have been taken in the future.")
        if options["dry_run"]:
            self.stdout.write(f"{may_be_public(now).count()} posts would be looked up.")
            return
        if WorkerSlot.objects.filter(heartbeat_at__gt=now - DEAD_AFTER).exists():
            raise CommandError("A worker runs: stop all workers first.")
        progress = Progress(self.stderr, may_be_public(now).count(), "posts")
        for count in put_in_doubt(options["taken_at"], now, actor="command after_restore"):
            progress.advance(count)
        with transaction.atomic():
            audit.record(
                audit.Action.RESTORED,
                actor=audit.COMMAND_LINE,
                reason=options["reason"],
                after={"posts": progress.done, "taken_at": options["taken_at"].isoformat()},
            )
        self.stdout.write(f"{progress.done} posts are looked up before they are published.")
