"""What test_rotation.py runs beside `rotate_keys`, as processes: rows, reads and refreshes.

python -m config.tests.rotation_load make 1000 | load | check
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import uuid

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import Error as DatabaseError  # noqa: E402
from django.db import transaction  # noqa: E402

from connections.models import Destination, SocialConnection  # noqa: E402
from connections.tokens import store_renewal  # noqa: E402
from socialpublishing.clock import database_now  # noqa: E402
from socialpublishing.crypto import Secret  # noqa: E402
from socialpublishing.errors import SocialPublishingBaseError  # noqa: E402
from socialpublishing.key_rotation import inspect  # noqa: E402
from socialpublishing.oauth import Tokens  # noqa: E402
from socialpublishing.platforms.accounts import Renewal  # noqa: E402


def make(count: int) -> dict[str, int]:
    """Connections whose tokens name their account and version; each tenth has a Page."""
    for start in range(0, count, 1000):
        rows = [
            SocialConnection(
                id=uuid.uuid4(),
                user_id=f"user{number % 97}",
                platform="facebook",
                external_user_id=str(number),
                access_token=Secret(f"access {number} 1"),
                refresh_token=Secret(f"refresh {number} 1"),
            )
            for number in range(start, min(start + 1000, count))
        ]
        with transaction.atomic():
            SocialConnection.objects.bulk_create(rows)
            for row in rows[::10]:
                Destination.objects.create(
                    connection=row, external_id="p", access_token=Secret(f"page {row.pk}")
                )
    return {"made": count}


def problems_of(row: SocialConnection) -> int:
    """How many of its tokens are not those that were stored last."""
    wanted = [
        f"{kind} {row.external_user_id} {row.token_version}" for kind in ("access", "refresh")
    ]
    found = [row.access_token.reveal(), row.refresh_token.reveal()]
    pages = [each.access_token.reveal() for each in row.destinations.all()]
    return (found != wanted) + any(page != f"page {row.pk}" for page in pages)


def refresh(row: SocialConnection) -> None:
    version = row.token_version + 1
    tokens = Tokens(
        access_token=Secret(f"access {row.external_user_id} {version}"),
        refresh_token=Secret(f"refresh {row.external_user_id} {version}"),
    )
    store_renewal(row, Renewal(tokens=tokens), database_now())


def load() -> dict[str, int]:
    """Read and refresh random connections until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    ids = list(SocialConnection.objects.values_list("pk", flat=True))
    done = {"reads": 0, "refreshes": 0, "errors": 0}
    while not stopped:
        try:
            row = SocialConnection.objects.get(pk=random.choice(ids))
            done["errors"] += problems_of(row)
            done["reads"] += 1
            if random.random() < 0.3:
                refresh(row)
                done["refreshes"] += 1
        except (SocialPublishingBaseError, DatabaseError) as error:
            sys.stderr.write(f"{error!r}\n")
            done["errors"] += 1
    return done


def check() -> dict[str, int]:
    rows = SocialConnection.objects.prefetch_related("destinations")
    wrong = sum(problems_of(row) for row in rows.iterator(chunk_size=1000))
    report = inspect()
    counts = {".".join(key): count for key, count in report.envelopes.items()}
    return {"wrong": wrong, "unreadable": len(report.unreadable), **counts}


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    commands = {"make": make, "load": load, "check": check}
    sys.stdout.write(json.dumps(commands[command](*map(int, arguments))) + "\n")
