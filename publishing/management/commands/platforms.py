import datetime as dt
import re
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from publishing.capabilities import capabilities_page, checked_dates

PAGE = Path(settings.BASE_DIR) / "docs" / "platforms" / "README.md"


def days(text: str) -> dt.timedelta:
    if not re.fullmatch(r"\d{1,5}d?", text, re.ASCII):
        raise ArgumentTypeError(f"{text!r} is not a number of days, such as 90d")
    return dt.timedelta(days=int(text.removesuffix("d")))


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
        parser.add_argument(
            "--older-than",
            type=days,
            metavar="90d",
            help="print only those that were checked longer ago, with their sources",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["oldest"] or options["older_than"] is not None:
            before = dt.datetime.now(dt.UTC).date() - (options["older_than"] or dt.timedelta())
            for checked, platform, post_type, source in checked_dates():
                if options["oldest"] or checked < before:
                    self.stdout.write(f"{checked}  {platform} {post_type}  {source}")
        elif options["write"]:
            PAGE.write_text(capabilities_page(), "utf-8")
        else:
            self.stdout.write(capabilities_page())
