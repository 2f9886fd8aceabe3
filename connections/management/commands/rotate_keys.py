from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connections.lost_keys import give_up_lost_tokens
from socialpublishing.crypto import key_ring
from socialpublishing.key_rotation import Report, inspect, renew, switch_to_new_envelope


class Command(BaseCommand):
    help = (
        "Encrypt all tokens again that were encrypted with retired keys. When none is left, "
        "AES_KEYS_RETIRED can be emptied. The service may run meanwhile; an interrupted command "
        "can be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="only decrypt and count them; fail if any needs a retired key",
        )
        parser.add_argument(
            "--new-envelope",
            action="store_true",
            help="from now on bind tokens also to owner, platform and version; only when all "
            "machines run this release, because the one before cannot read them",
        )
        parser.add_argument(
            "--give-up-lost",
            action="store_true",
            help="give up tokens that no configured key decrypts: their owners connect again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            report = inspect()
            self._print_counts(report)
        else:
            if options["give_up_lost"]:
                self.stdout.write(f"{give_up_lost_tokens()} connections must be connected again.")
            if options["new_envelope"]:
                switch_to_new_envelope()
            report = renew()
            self.stdout.write(f"{report.renewed} encrypted again.")
        for place, error in report.unreadable.items():
            self.stderr.write(f"{place}: {error}")
        if problems := list(report.problems()):
            raise CommandError(" ".join(problems))
        if options["check"]:
            self.stdout.write("No token needs a retired key.")

    def _print_counts(self, report: Report) -> None:
        ring = key_ring()
        for (version, kid), count in sorted(report.envelopes.items()):
            kind = "AES_KEY" if kid == ring.primary_id else "a retired key"
            kind = kind if kid in ring.ids else "a key that is not configured"
            self.stdout.write(f"Key {kid} ({kind}), envelope {version}: {count} tokens")
