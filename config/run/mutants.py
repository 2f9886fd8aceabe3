"""`./run mutants`: plants known mistakes in the exactly-once rule; its tests must notice each.

A mutant is a unified diff. It is applied to a copy of the project, where its tests then run. It is
killed when a test fails; one that survives shows a gap in the tests. Those of the exactly-once rule
are in publishing/tests/engine/mutants/ and are tested by the engine's tests, which need no
database. Others are in config/tests/mutants/ and name their test in a line `Tests:`, above the
diff; `./run night mutants` tries both.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config.run import ROOT
from config.run.testing import SQLITE, test_environment

TESTS = "publishing/tests/engine"
OTHER_MUTANTS = "config/tests/mutants"
# Without plugins that these tests do not use, which cost a second a mutant. That includes
# pytest-randomly: the same test kills a mutant each time.
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "pytest_django.plugin")
NAMED_TESTS = re.compile(r"\ATests: (.+)$", re.MULTILINE)
PASSED, FAILED = 0, 1  # pytest's exit codes; any other one is an error
# Without a mutant, the slowest of these tests take a tenth of it.
MAX_S = 600
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) \S*?::(\S+)", re.MULTILINE)


class PatchError(Exception):
    """A patch does not apply."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    name: str
    is_killed: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok' if self.is_killed else 'FAIL':<5} {self.name:<48} {self.text}"


def main(root: Path = ROOT, tests: str = TESTS, folder: str = "") -> int:
    """Print a table of all mutants; return 1 if one was not killed."""
    folder = folder or f"{tests}/mutants"
    patches = sorted((root / folder).glob("*.patch"))
    if not patches:
        print(f"There are no mutants in {folder}.")
        return 1
    by_patch = {patch: tests_of(patch, tests) for patch in patches}
    every_test = sorted({each for named in by_patch.values() for each in named})
    print(f"{len(patches)} mutants, tested by {', '.join(every_test)}", flush=True)
    code, output = run_tests(root, every_test)
    if code != PASSED:
        print(f"The tests do not pass without a mutant:\n{output}")
        return 1
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = []
        for verdict in pool.map(partial(try_mutant, root), by_patch.values(), patches):
            print(verdict, flush=True)
            verdicts.append(verdict)
    return 0 if all(verdict.is_killed for verdict in verdicts) else 1


def all_mutants() -> int:
    """Those of the exactly-once rule, and all others."""
    return max(main(), main(folder=OTHER_MUTANTS))


def tests_of(patch: Path, default: str) -> list[str]:
    named = NAMED_TESTS.search(patch.read_text())
    return named[1].split() if named else [default]


def try_mutant(root: Path, tests: Sequence[str], patch: Path) -> Verdict:
    try:
        code, output = run_tests(root, tests, patch)
    except PatchError as error:
        return Verdict(name=patch.stem, is_killed=False, text=f"does not apply: {error}")
    except subprocess.TimeoutExpired:
        text = f"killed: its tests did not end within {MAX_S} s"
        return Verdict(name=patch.stem, is_killed=True, text=text)
    if code == PASSED:
        return Verdict(name=patch.stem, is_killed=False, text="survived: no test failed")
    if code != FAILED:
        text = f"pytest ended with exit code {code}:\n{output}"
        return Verdict(name=patch.stem, is_killed=False, text=text)
    failure = FIRST_FAILURE.search(output)
    return Verdict(name=patch.stem, is_killed=True, text=f"killed by {failure and failure[1]}")


def run_tests(root: Path, tests: Sequence[str], patch: Path | None = None) -> tuple[int, str]:
    """pytest's exit code and output on a copy of `root`, with `patch` applied."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".*", "var"))
        if patch:
            apply(patch.read_text(), copy)
        done = subprocess.run(
            [*PYTEST, *tests],
            cwd=copy,
            env={**test_environment(SQLITE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=MAX_S,
        )
    return done.returncode, done.stdout + done.stderr


def apply(patch: str, folder: Path) -> None:
    """Apply a unified diff to the files in `folder`. Needs no git and no `patch`.

    The lines of a hunk must occur exactly once in its file. Line numbers are ignored, so that a
    mutant still applies when the code around it moves. Raises PatchError.
    """
    hunks = list(hunks_of(patch))
    if not hunks:
        raise PatchError("it has no hunks")
    for name, before, after in hunks:
        file = folder / name
        if not file.is_file():
            raise PatchError(f"there is no {name}")
        text = "\n" + file.read_text()
        if (times := text.count("\n" + before)) != 1:
            raise PatchError(f"its lines occur {times} times in {name}")
        file.write_text(text.replace("\n" + before, "\n" + after)[1:])


def hunks_of(patch: str) -> Iterator[tuple[str, str, str]]:
    """The path, the lines before and the lines after of each hunk."""
    for part in re.split(r"^(?=--- )", patch, flags=re.MULTILINE):
        header = re.search(r"^\+\+\+ (?:b/)?(\S+)", part, re.MULTILINE)
        for hunk in re.split(r"^@@ .*\n", part, flags=re.MULTILINE)[1:]:
            lines = (hunk.rstrip() + "\n").splitlines(keepends=True)
            # Some editors strip the space of an empty context line.
            lines = [" \n" if line == "\n" else line for line in lines]
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            if header and before:
                yield header[1], before, after


if __name__ == "__main__":
    sys.exit(main())
