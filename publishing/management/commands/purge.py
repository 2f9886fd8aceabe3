from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from publishing.retention import count_due, purge
from socialpublishing.clock import database_now


class Command(BaseCommand):
    help = (
        "Erase the content of ended jobs, and delete events and jobs, that are older than "
        "JOB_CONTENT_RETENTION_DAYS, EVENT_RETENTION_DAYS and JOB_RETENTION_DAYS. The worker does "
        "so each hour; this does all of it at once. Safe to run twice and at the same time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        counts = count_due(database_now()) if dry_run else purge(database_now())
        would = "would be " if dry_run else ""
        self.stdout.write(f"{counts['contents']} contents of jobs {would}erased.")
        self.stdout.write(f"{counts['events']} events {would}deleted.")
        self.stdout.write(f"{counts['jobs']} jobs {would}deleted.")
