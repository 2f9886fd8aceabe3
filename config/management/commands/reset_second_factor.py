from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from config.console import second_factor
from socialpublishing import audit


class Command(BaseCommand):
    help = (
        "Remove a user's second factor: for one who lost the app and the recovery codes. Open "
        "sessions end; at the next sign-in the user sets up a new one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the name in the console")
        parser.add_argument("--reason", default="", help="stored in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r} in the console.")
        was_set_up = second_factor.reset(user, actor=audit.COMMAND_LINE, reason=options["reason"])
        self.stdout.write(
            "The second factor was removed." if was_set_up else "There was none to remove."
        )
