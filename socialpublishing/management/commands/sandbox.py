"""Starts the sandbox, where the platforms are imitated."""

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from socialpublishing.sandbox.server import SandboxServer


class Command(BaseCommand):
    help = "Serves an imitation of the platforms until it is interrupted."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", type=int, default=8001, help="default: %(default)s")
        parser.add_argument(
            "--keep-in", type=Path, help="the file that keeps accounts and posts over a restart"
        )

    def handle(
        self, *args: Any, host: str, port: int, keep_in: Path | None, **options: Any
    ) -> None:
        server = SandboxServer(host, port, keep_in=keep_in)
        # Ended by its supervisor it tidies up too: uploads lie in a temporary folder.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.stdout.write(f"Sandbox at {server.url}, feed at {server.url}/feed")
        if server.notice:
            self.stdout.write(server.notice)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("Sandbox stopped.")
        finally:
            server.stop()
