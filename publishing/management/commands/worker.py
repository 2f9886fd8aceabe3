import logging
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from publishing.worker.laboratory import divide_times
from publishing.worker.supervisor import Supervisor
from socialpublishing.open_files import raise_limit
from socialpublishing.prometheus import shared_folder
from socialpublishing.readiness import database_problems

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Publish due jobs until SIGTERM or Ctrl-C. Any number may run, on any machines."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if problems := database_problems():
                raise CommandError("The service does not start: " + " ".join(problems))
        except DatabaseError:
            # It may come back: the supervisor waits for it.
            logger.warning("the database cannot be reached")
        if settings.LABORATORY_TIME_DIVISOR > 1:
            divide_times(settings.LABORATORY_TIME_DIVISOR)
        raise_limit()
        with shared_folder() if settings.WORKER_METRICS_BIND else nullcontext():
            Supervisor().run()
