import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.start import demand_readiness


class Command(BaseCommand):
    help = "Serve the API and the console, with WEB_CONCURRENCY processes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default=os.environ.get("BIND") or "127.0.0.1")
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000")

    def handle(self, *args: Any, **options: Any) -> None:
        demand_readiness()
        # The supervisor needs no Django: it would only take memory.
        os.chdir(settings.BASE_DIR)
        listen = [options["bind"], str(options["port"]), str(settings.WEB_CONCURRENCY)]
        os.execv(sys.executable, [sys.executable, "-m", "config.web", *listen])  # noqa: S606
