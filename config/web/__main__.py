"""The supervisor of the web processes; `manage.py web` starts it: BIND PORT PROCESSES."""

import os
import sys

import uvicorn

from config.web.protocol import Protocol
from config.web.refusals import MAX_HEAD_BYTES
from socialpublishing.open_files import raise_limit
from socialpublishing.prometheus import shared_folder

GRACEFUL_STOP_S = 30
FROZEN_AFTER_S = 30  # a process that does not respond for so long is replaced


def main(bind: str, port: str, processes: str) -> None:
    raise_limit()
    # The threads of a web process share a few connections to PostgreSQL. A worker forks and must
    # not share any. Set here, because the first imports of a web process read the settings.
    os.environ["DATABASE_POOL"] = "true"
    with shared_folder():
        serve(bind, port, processes)


def serve(bind: str, port: str, processes: str) -> None:
    uvicorn.run(
        "config.web.application:create",
        factory=True,
        host=bind,
        port=int(port),
        workers=int(processes),
        http=Protocol,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        loop="asyncio",
        ws="none",
        lifespan="off",
        backlog=2048,
        proxy_headers=False,  # config/web/environ.py reads them
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
        timeout_worker_healthcheck=FROZEN_AFTER_S,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
