"""Settings, keys, database, clock."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection

from config.auth.tokens import can_verify
from config.doctor.findings import Finding, fail, ok, warn
from socialpublishing.clock import database_now
from socialpublishing.crypto import OLD, envelope_version, key_ring
from socialpublishing.keys import key_problems, stored_envelopes
from socialpublishing.readiness import migration_problems

SLOW_DATABASE_S = 0.2
# Tokens of callers are accepted with clocks that differ by 30 s; half of it is left to the issuer.
MAX_CLOCK_DIFFERENCE_S, NOTICED_CLOCK_DIFFERENCE_S = 15.0, 2.0


def check_settings() -> Iterator[Finding]:
    found = [each for each in checks.run_checks(include_deployment_checks=True) if _is_ours(each)]
    for each in found:
        if each.is_serious(checks.ERROR):
            yield fail(each.msg, each.hint or "")
        elif each.is_serious(checks.WARNING):
            yield warn(each.msg, each.hint or "")
    if not any(each.is_serious(checks.WARNING) for each in found):
        yield ok("All settings pass the checks.")


def _is_ours(message: checks.CheckMessage) -> bool:
    """Django's checks for deployment know other set-ups than ours; its errors count."""
    is_ours = str(message.id).startswith("socialpublishing.")
    return is_ours or message.is_serious(checks.ERROR)


def check_database() -> Iterator[Finding]:
    started = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            took = time.monotonic() - started
            version = ".".join(map(str, connection.get_database_version()))
    except (DatabaseError, ImproperlyConfigured):
        yield fail(
            "The database cannot be reached.", "Check DATABASE_URL, and whether the server runs."
        )
        return
    sentence = f"{connection.display_name} {version} responds in {took * 1000:.0f} ms."
    yield (
        warn(sentence, "A database that is near the service")
        if took > SLOW_DATABASE_S
        else ok(sentence)
    )


def check_migrations() -> Iterator[Finding]:
    try:
        problems = migration_problems()
    except DatabaseError:
        yield fail("Unknown, because the database cannot be reached.")
        return
    for sentence in problems:
        yield fail(sentence)
    if not problems:
        yield ok("All migrations are applied.")


def check_keys() -> Iterator[Finding]:
    try:
        problems = key_problems(may_note=False)
    except ImproperlyConfigured as error:
        yield fail(str(error), "openssl rand -base64 32")
        return
    for sentence in problems:
        yield fail(sentence, "Set the key that encrypted them.")
    if not problems:
        yield from _use_of_keys()
    if can_verify():
        yield ok("There is a key that verifies the tokens of callers.")
    else:
        yield fail(
            "There is no key that verifies the tokens of callers.",
            "Check JWT_KEY and JWT_ALGORITHMS, or whether JWT_JWKS_URL can be reached.",
        )


def _use_of_keys() -> Iterator[Finding]:
    primary = key_ring().primary_id
    old = sum(count for (_, kid), count in stored_envelopes().items() if kid != primary)
    if old:
        yield warn(
            f"{old} stored tokens are encrypted with a retired key.", "Run manage.py rotate_keys."
        )
    else:
        yield ok(f"AES_KEY (id {primary}) is the key of all stored tokens.")
    if envelope_version() == OLD:
        yield warn(
            "Tokens are not bound to their owners and versions yet.",
            "Run manage.py rotate_keys --new-envelope, when all machines run this release.",
        )


def check_clock() -> Iterator[Finding]:
    before = dt.datetime.now(dt.UTC)
    at_database = database_now()
    here = before + (dt.datetime.now(dt.UTC) - before) / 2
    yield clock_finding(abs((at_database - here).total_seconds()))


def clock_finding(difference: float) -> Finding:
    sentence = f"The clocks of this machine and of the database differ by {difference:.1f} s."
    advice = "Synchronise both with NTP: tokens and leases are compared with them."
    if difference > MAX_CLOCK_DIFFERENCE_S:
        return fail(sentence, advice)
    if difference > NOTICED_CLOCK_DIFFERENCE_S:
        return warn(sentence, advice)
    return ok(sentence)
