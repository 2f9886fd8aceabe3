from argparse import ArgumentParser
from collections import Counter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q, QuerySet

from connections.expiring import RENEWED, renew_each
from connections.models import SocialConnection
from connections.tokens import is_renewable
from socialpublishing import audit
from socialpublishing.clock import database_now
from socialpublishing.management.arguments import duration, reason
from socialpublishing.management.progress import INTERRUPTED, Progress, stopped_by_signals
from socialpublishing.platforms import PLATFORMS


class Command(BaseCommand):
    help = (
        "Refresh the tokens of these connections, or of all active ones whose tokens end soon. "
        "Workers and requests do so by themselves: this is for after an incident. One that "
        "another process refreshes is left to it, so several may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", type=UUID, help="only these connections")
        parser.add_argument("--platform", choices=sorted(PLATFORMS))
        parser.add_argument(
            "--within",
            type=duration,
            metavar="TIME",
            help="all whose access or refresh token ends so soon, such as 1h or 7d",
        )
        parser.add_argument("--reason", type=reason, required=True, help="for the audit")
        parser.add_argument("--dry-run", action="store_true", help="only count them")

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._selected(options)
        renewable = [each for each in found if is_renewable(each)]
        if options["dry_run"]:
            self.stdout.write(f"{len(renewable)} would be refreshed.")
            return
        progress = Progress(self.stderr, len(renewable), "connections")
        outcomes: Counter[str] = Counter()
        with stopped_by_signals() as stop:
            for connection, outcome in renew_each(renewable, database_now):
                outcomes[outcome] += 1
                progress.advance()
                audit.record(
                    audit.Action.REFRESHED,
                    actor=audit.COMMAND_LINE,
                    row=connection,
                    reason=options["reason"],
                    after={"outcome": outcome, "status": connection.status},
                )
                if stop():
                    break
        if owners := len(found) - len(renewable):
            self.stdout.write(f"{owners} can only be connected again by their owners")
        for outcome, count in sorted(outcomes.items()):
            self.stdout.write(f"{count} {outcome}")
        if stop():
            raise CommandError("Interrupted.", returncode=INTERRUPTED)
        if outcomes.total() > outcomes[RENEWED]:
            raise CommandError("Not all of them could be refreshed.")

    def _selected(self, options: dict[str, Any]) -> QuerySet[SocialConnection]:
        connections = SocialConnection.objects.filter(status=SocialConnection.Status.ACTIVE)
        if bool(options["ids"]) == (options["within"] is not None):
            raise CommandError("Name ids, or give --within, such as --within 1h.")
        if ids := options["ids"]:
            connections = connections.filter(pk__in=ids)
            if unknown := set(ids) - set(connections.values_list("pk", flat=True)):
                names = ", ".join(sorted(map(str, unknown)))
                raise CommandError(f"There is no active connection {names}.")
        else:
            soon = database_now() + options["within"]
            connections = connections.filter(
                Q(expires_at__lt=soon) | Q(refresh_expires_at__lt=soon)
            )
        if options["platform"]:
            connections = connections.filter(platform=options["platform"])
        return connections.order_by("expires_at", "pk")
