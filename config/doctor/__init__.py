"""`manage.py doctor`: what an operator has to look at before and after a start, on one screen.

findings.py: a line of it. installation.py: settings, keys, database, clock. work.py: queue and
workers. platforms.py: the platforms and our apps there. Nothing is changed; requests to platforms
are without credentials, unless the operator asks for more (`--online`).
"""

from collections.abc import Callable, Iterator, Mapping

from config.doctor import installation, platforms, work
from config.doctor.findings import Finding

Section = Callable[[], Iterator[Finding]]

# Those of the second kind need a database with all migrations.
FIRST: Mapping[str, Section] = {
    "Settings": installation.check_settings,
    "Database": installation.check_database,
    "Migrations": installation.check_migrations,
}
WITH_DATABASE: Mapping[str, Section] = {
    "Keys": installation.check_keys,
    "Clock": installation.check_clock,
    "Queue": work.check_queue,
    "Worker slots": work.check_slots,
    "Webhooks": work.check_webhooks,
    "Paused platforms": platforms.check_pauses,
}
LAST: Mapping[str, Section] = {
    "Media address": platforms.check_media_address,
    "Credentials": platforms.check_credentials,
    "Addresses to register at the platforms": platforms.list_addresses,
    "Reachability": platforms.check_reachability,
}
ONLINE: Mapping[str, Section] = {"Token endpoints": platforms.probe_token_endpoints}


def examine(*, online: bool) -> Iterator[tuple[str, list[Finding]]]:
    """The findings of each section, in the order of what depends on what."""
    can_work = True
    for name, section in FIRST.items():
        findings = list(section())
        can_work = can_work and (name == "Settings" or not any(each.fails for each in findings))
        yield name, findings
    for name, section in [
        *(WITH_DATABASE.items() if can_work else ()),
        *LAST.items(),
        *(ONLINE.items() if online else ()),
    ]:
        yield name, list(section())
