from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from publishing.capabilities import capabilities_page, checked_dates

PAGE = Path(settings.BASE_DIR) / "docs" / "platforms" / "README.md"


class Command(BaseCommand):
    help = "Print what each platform accepts: its kinds of posts and options, each with its test."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--write", action="store_true", help="write docs/platforms/README.md instead"
        )
        parser.add_argument(
            "--oldest",
            action="store_true",
            help="print when the limits of each kind of post were checked, oldest first",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["oldest"]:
            for checked, platform, post_type, source in checked_dates():
                self.stdout.write(f"{checked}  {platform} {post_type}  {source}")
        elif options["write"]:
            PAGE.write_text(capabilities_page(), "utf-8")
        else:
            self.stdout.write(capabilities_page())
