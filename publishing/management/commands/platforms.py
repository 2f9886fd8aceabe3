from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from publishing.capabilities import checked_dates, table

PAGE = Path(settings.BASE_DIR) / "docs" / "platforms" / "README.md"


class Command(BaseCommand):
    help = "What the platforms take, from the register: each kind of post, and its test."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help=f"into {PAGE.name} of the docs")
        parser.add_argument(
            "--oldest", action="store_true", help="when each table was checked, oldest first"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["oldest"]:
            for checked, platform, post_type, source in checked_dates():
                self.stdout.write(f"{checked}  {platform} {post_type}  {source}")
        elif options["write"]:
            PAGE.write_text(table(), "utf-8")
        else:
            self.stdout.write(table())
