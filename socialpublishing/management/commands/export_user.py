from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from socialpublishing.erasure import export_user


class Command(BaseCommand):
    help = "Print all that is stored of a user as JSON, without tokens and secrets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the id of the user, as in the tokens of callers")

    def handle(self, *args: Any, user: str, **options: Any) -> None:
        for piece in export_user(user):
            self.stdout.write(piece, ending="")
