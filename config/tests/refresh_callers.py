"""A process with many callers of one connection, for test_refreshing.py.

    python -m config.tests.refresh_callers connect PLATFORM ACCOUNT_AS_JSON
    python -m config.tests.refresh_callers call CONNECTION_ID THREADS
    python -m config.tests.refresh_callers die CONNECTION_ID STEP

`call` reads a line first, so that all processes begin at once, and prints how many responses had
each status and code. `die` is a caller that is killed after a step of its refresh.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from django.db import connection as database  # noqa: E402  needs Django
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from config.auth.dev_tokens import sign_dev_token  # noqa: E402
from connections.connecting import store_credentials  # noqa: E402
from connections.credentials import identify  # noqa: E402
from connections.models import SocialConnection  # noqa: E402
from connections.tokens import store_refresh_outcome, take_refresh  # noqa: E402
from socialpublishing.crypto import Secret  # noqa: E402
from socialpublishing.oauth import Tokens  # noqa: E402
from socialpublishing.platforms import client_for, platform_named  # noqa: E402

STEPS = ("took the lease", "refreshed", "stored")


def connect(platform: str, account: dict[str, str]) -> None:
    """A connection whose access token has ended by what we have stored."""
    tokens = Tokens(
        access_token=Secret(account["access_token"]),
        refresh_token=Secret(account["refresh_token"]),
        scopes=tuple(account["scopes"]),
    )
    credentials = identify(platform_named(platform), tokens, timezone.now())
    connection = store_credentials(user_id="alice", platform=platform, credentials=credentials)
    SocialConnection.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    print(connection.pk)  # noqa: T201  the output of this program


def call(connection_id: str, threads: int) -> None:
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))

    def ask(_: int) -> str:
        try:
            response = Client().get(
                f"/api/v1/connections/{connection_id}/posting-options",
                headers={"Authorization": f"Bearer {token}", "Host": "127.0.0.1"},
            )
            return f"{response.status_code} {response.json().get('code', '')}".strip()
        finally:
            database.close()

    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(Counter(pool.map(ask, range(threads)))))  # noqa: T201


def die(connection_id: str, step: str) -> None:
    connection = SocialConnection.objects.get(pk=connection_id)
    now = timezone.now()
    assert take_refresh(connection, now)
    if step != STEPS[0]:
        client = client_for(connection.platform, connection.account)
        renewal = client.renew(connection.refresh_token)
        if step == STEPS[2]:
            store_refresh_outcome(connection, renewal, now)
    os.kill(os.getpid(), signal.SIGKILL)


match sys.argv[1:]:
    case ["connect", platform, account]:
        connect(platform, json.loads(account))
    case ["call", connection_id, threads]:
        call(connection_id, int(threads))
    case ["die", connection_id, step]:
        die(connection_id, step)
