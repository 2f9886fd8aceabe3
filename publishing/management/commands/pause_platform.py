from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from publishing.pausing import pause_platform
from socialpublishing import audit
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.management.arguments import reason
from socialpublishing.platforms import PLATFORMS


class Command(BaseCommand):
    help = (
        "Publish nothing to a platform until `resume_platform`: its posts wait within their grace. "
        "What has been submitted is still looked up. Safe to run twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("platform", choices=sorted(PLATFORMS))
        parser.add_argument("--login", default="", help="only accounts connected by this login")
        parser.add_argument(
            "--reason", type=reason, required=True, help="for the audit, and for users"
        )

    def handle(self, *args: Any, platform: str, login: str, reason: str, **options: Any) -> None:
        try:
            made = pause_platform(platform, login=login, reason=reason, actor=audit.COMMAND_LINE)
        except SocialPublishingBaseError as error:
            raise CommandError(str(error)) from error
        for each in made:
            self.stdout.write(f"{each.platform} {each.login}".strip() + " is paused.")
