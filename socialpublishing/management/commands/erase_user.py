import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from socialpublishing.erasure import erase_user, last_erasure

# Longer than a worker's lease without a sign of life.
WAIT_S = 120


class Command(BaseCommand):
    help = (
        "Erase all that is stored of a user, and print a receipt as JSON. Connections are ended "
        "and revoked at the platforms, waiting jobs are cancelled. An interrupted command can be "
        "run again; without anything left to erase it prints the last receipt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the id of the user, as in the tokens of callers")
        parser.add_argument("--yes", action="store_true", help="do not ask for a confirmation")
        parser.add_argument(
            "--receipt", action="store_true", help="only print the last receipt; erase nothing"
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=WAIT_S,
            metavar="SECONDS",
            help=f"how long posts that are being published get to end; {WAIT_S} by default",
        )

    def handle(
        self, *args: Any, user: str, yes: bool, receipt: bool, wait: float, **options: Any
    ) -> None:
        if not user:
            raise CommandError("Name a user.")
        if receipt:
            erasure = last_erasure(user)
            if erasure is None:
                raise CommandError("This user was never erased.")
        else:
            self._confirm(user, yes)
            erasure = erase_user(user, actor="command erase_user", wait_s=wait)
        text = json.dumps(erasure.receipt(user), cls=DjangoJSONEncoder, ensure_ascii=False)
        self.stdout.write(text)
        if erasure.done_at is None:
            raise CommandError(
                "The erasure is not finished: a post is being published, or it was interrupted. "
                "Please run the command again."
            )

    def _confirm(self, user: str, yes: bool) -> None:
        if yes:
            return
        self.stderr.write(f"This erases all that is stored of the user {user}, for good.")
        try:
            typed = input("Type the id of the user again to go on: ")
        except EOFError:
            typed = ""
        if typed != user:
            raise CommandError("Nothing was erased.")
