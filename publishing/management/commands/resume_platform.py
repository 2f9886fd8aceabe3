from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from publishing.pausing import resume_platforms
from socialpublishing import audit
from socialpublishing.management.arguments import reason
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.pauses import PlatformPause


class Command(BaseCommand):
    help = (
        "End all pauses of a platform: those of `pause_platform`, and those that its refusals "
        "began. The posts that wait for them are due at once. Safe to run twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("platform", choices=sorted(PLATFORMS))
        parser.add_argument("--reason", type=reason, required=True, help="for the audit")

    def handle(self, *args: Any, platform: str, reason: str, **options: Any) -> None:
        paused = list(PlatformPause.objects.filter(platform=platform))
        resume_platforms(paused, reason=reason, actor=audit.COMMAND_LINE)
        for each in paused:
            name = f"{each.platform} {each.login}".strip()
            self.stdout.write(f"{name} ({each.feature}) is resumed.")
        if not paused:
            self.stdout.write(f"{platform} was not paused.")
