from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.doctor import examine


class Command(BaseCommand):
    help = "Examine settings, keys, database, workers and platforms. Changes nothing."
    requires_system_checks = ()  # it reports them itself

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--online",
            action="store_true",
            help="also send our credentials to the platforms' token endpoints, with a code that "
            "does not exist",
        )

    def handle(self, *args: Any, online: bool, **options: Any) -> None:
        failures = 0
        for section, findings in examine(online=online):
            self.stdout.write(section)
            for each in findings:
                failures += each.fails
                self.stdout.write(f"  {each.level:<5} {each.sentence}")
                if each.help:
                    self.stdout.write(f"        {each.help}")
        if failures:
            raise CommandError(f"{failures} of these points must be mended.")
