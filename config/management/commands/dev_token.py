import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.auth.dev_tokens import sign_dev_token


class Command(BaseCommand):
    help = "Print a bearer token for a user, to try the API. In sandbox mode only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user id in the token")
        parser.add_argument("--hours", type=int, default=12)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SANDBOX_URL:
            raise CommandError("Only in sandbox mode: SANDBOX_URL is not set.")
        lifetime = dt.timedelta(hours=options["hours"])
        self.stdout.write(sign_dev_token(options["user"], lifetime=lifetime))
