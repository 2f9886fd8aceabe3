"""`./run test`: what must be green before a change lands."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from config.run.install import fresh_secrets
from config.run.postgres import temporary_postgres
from config.run.processes import run

PYTHON = sys.executable
# As modules, not as the scripts in .venv/bin, which a folder that has been moved breaks.
CHECKS = {
    "ruff check": (PYTHON, "-m", "ruff", "check", "."),
    "ruff format": (PYTHON, "-m", "ruff", "format", "--check", "."),
    "mypy": (PYTHON, "-m", "mypy", "."),
    "lint-imports": (
        PYTHON, "-c", "from importlinter.cli import lint_imports_command as check; check()",
    ),
    "migrations": (PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"),
}  # fmt: skip


def test(arguments: list[str]) -> int:
    """Check the code, then test it on SQLite and on PostgreSQL; with `arguments`, test only."""
    # A developer's `.env` stays out: real credentials are no test's business.
    environment = {**os.environ, "ENV_FILE": os.devnull}
    on_sqlite = {**environment, "DATABASE_URL": "sqlite:///:memory:"}
    results: dict[str, int] = {}

    if not arguments:
        for name, command in CHECKS.items():
            announce(name, command)
            results[name] = run(*command, env={**on_sqlite, **fresh_secrets()})

    pytest = (PYTHON, "-m", "pytest", *arguments)
    announce("tests on SQLite", pytest)
    results["tests on SQLite"] = run(*pytest, env=on_sqlite)
    with postgres(os.environ) as url:
        announce("tests on PostgreSQL", pytest)
        results["tests on PostgreSQL"] = run(*pytest, env={**environment, "DATABASE_URL": url})

    failed = [name for name, code in results.items() if code]
    print(f"\nFAILED: {', '.join(failed)}" if failed else "\nAll green.", flush=True)
    return 1 if failed else 0


@contextmanager
def postgres(environment: Mapping[str, str]) -> Iterator[str]:
    """The PostgreSQL that the environment names, else one for the time of the tests."""
    url = environment.get("DATABASE_URL", "")
    if url.startswith("postgres"):
        yield url
    else:
        with temporary_postgres() as url:
            yield url


def announce(name: str, command: tuple[str, ...]) -> None:
    print(f"\n=== {name}: {shlex.join(command[1:])}", flush=True)
