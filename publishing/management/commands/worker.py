from typing import Any

from django.core.management.base import BaseCommand

from publishing.worker.supervisor import Supervisor


class Command(BaseCommand):
    help = "Publish due jobs until SIGTERM or Ctrl-C. Any number may run, on any machines."

    def handle(self, *args: Any, **options: Any) -> None:
        Supervisor().run()
