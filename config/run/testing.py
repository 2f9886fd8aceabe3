"""`./run test`: what must pass before a change is merged."""

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from subprocess import Popen

from config.run.install import fresh_secrets
from config.run.postgres import temporary_postgres
from config.run.processes import Children, run

PYTHON = sys.executable
# As modules: the scripts in .venv/bin break when the folder is moved.
CHECKS = {
    "ruff check": (PYTHON, "-m", "ruff", "check", "."),
    "ruff format": (PYTHON, "-m", "ruff", "format", "--check", "."),
    "mypy": (PYTHON, "-m", "mypy", "."),
    "lint-imports": (
        PYTHON, "-c", "from importlinter.cli import lint_imports_command as check; check()",
    ),
    "shape": (PYTHON, "-m", "config.run.shape"),
    "vocabulary": (PYTHON, "-m", "config.run.vocabulary"),
    "migrations": (PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"),
}  # fmt: skip
SQLITE = "sqlite:///:memory:"
# The tests whose result does not depend on the database, by pytest's --database.
ON_ONE = {"any": "tests on any database", "none": "tests without a database"}
NO_TESTS_COLLECTED = 5  # an exit code of pytest


def test(arguments: list[str]) -> int:
    """Check the code and test it on both databases; with `arguments`, run only those tests."""
    if arguments:
        return report(test_in_turn(arguments))
    with pytest_on_both() as print_outputs:
        results = {name: check(name, command) for name, command in CHECKS.items()}
        results |= print_outputs()
    return report(results)


def report(results: Mapping[str, int]) -> int:
    """Print which of the exit codes in `results` are failures; return one exit code for all."""
    failed = [name for name, code in results.items() if code]
    print(f"\nFAILED: {', '.join(failed)}" if failed else "\nAll green.", flush=True)
    return 1 if failed else 0


def check(name: str, command: Sequence[str]) -> int:
    announce(name, command)
    return run(*command, env={**test_environment(SQLITE), **fresh_secrets()})


def test_in_turn(arguments: Sequence[str]) -> dict[str, int]:
    """Run pytest on one database after the other, attached to the terminal: `--pdb` works."""
    command = (PYTHON, "-m", "pytest", *arguments)
    results = {}
    with databases() as urls:
        for name, url in urls.items():
            announce(name, command)
            results[name] = run(*command, env=test_environment(url))
    return results


@contextmanager
def pytest_on_both(*arguments: str) -> Iterator[Callable[[], dict[str, int]]]:
    """Run pytest several times at once: on each database, on any one, and without.

    Yields a function that waits for them, prints their outputs one after the other and returns
    their exit codes.
    """
    color = ["--color=yes"] if sys.stdout.isatty() else []
    command = (PYTHON, "-m", "pytest", *color, *arguments)
    with (
        tempfile.TemporaryDirectory(prefix="run-test-") as folder,
        databases() as urls,
        Children() as children,
    ):
        commands = {name: (*command, "--database=both") for name in urls}
        commands |= {name: (*command, f"--database={use}") for use, name in ON_ONE.items()}
        for number, (name, each) in enumerate(commands.items()):
            environment = test_environment(urls.get(name, SQLITE))
            children.start(name, each, env=environment, log=Path(folder) / f"{number}.log")

        def print_outputs() -> dict[str, int]:
            codes = {}
            for name, each in commands.items():
                announce(name, each)
                codes[name] = follow(children.processes[name], children.logs[name])
                if arguments and codes[name] == NO_TESTS_COLLECTED:
                    codes[name] = 0
            return codes

        yield print_outputs


def follow(process: Popen[bytes], log: Path) -> int:
    """Print what `process` writes into `log` until it ends; return its exit code."""
    with log.open(errors="replace") as output:
        while True:
            has_ended = process.poll() is not None
            print(output.read(), end="", flush=True)
            if has_ended:
                return process.returncode
            time.sleep(0.2)


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """The addresses of SQLite and of PostgreSQL: `DATABASE_URL`'s, else a temporary one."""
    configured = os.environ.get("DATABASE_URL", "")
    is_postgres = configured.startswith("postgres")
    with nullcontext(configured) if is_postgres else temporary_postgres() as postgres:
        yield {"tests on SQLite": SQLITE, "tests on PostgreSQL": postgres}


def test_environment(database_url: str) -> dict[str, str]:
    return {
        **os.environ,
        # Without a developer's `.env`: tests must not use real credentials.
        "ENV_FILE": os.devnull,
        "DATABASE_URL": database_url,
        # The tests are compiled once, not by each process: that takes longer than to import them.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def announce(name: str, command: Sequence[str]) -> None:
    print(f"\n=== {name}: {shlex.join(command[1:])}", flush=True)
