"""`./run night [PART …]`: proofs that take too long for `./run test`."""

import sys
from collections.abc import Callable

from config.run import mutants
from config.run.processes import run
from config.run.testing import PYTHON, announce, pytest_on_both, report


def on_both_databases(*arguments: str) -> Callable[[], dict[str, int]]:
    def prove() -> dict[str, int]:
        with pytest_on_both(*arguments) as print_outputs:
            return print_outputs()

    return prove


def benchmark(name: str, *options: str) -> Callable[[], dict[str, int]]:
    """A benchmark whose exit code is a verdict."""

    def measure() -> dict[str, int]:
        command = (PYTHON, "-m", f"benchmarks.{name}", *options)
        announce(name, command)
        return {name: run(*command)}

    return measure


PARTS: dict[str, Callable[[], dict[str, int]]] = {
    # A worker is killed in the middle of many jobs.
    "crash": on_both_databases("-m", "night"),
    # Each test with generated input, with many more and other examples.
    "fuzz": on_both_databases("-m", "hypothesis", "--hypothesis-profile=night"),
    # Processes are killed and responses lost at random, on all platforms.
    "chaos": benchmark("chaos", "--posts", "500"),
    # A database of a million jobs is migrated while others write.
    "migrations": benchmark("migrations"),
    # Known mistakes in what keeps a post from being lost, doubled or shown to others: a test must
    # fail for each.
    "mutants": lambda: {"mutants": mutants.all_mutants()},
}


def night(parts: list[str]) -> int:
    """Run `parts`, or all."""
    if unknown := set(parts) - PARTS.keys():
        print(f"No such part: {', '.join(unknown)}. Parts: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    results: dict[str, int] = {}
    for part in parts or PARTS:
        codes = PARTS[part]()
        results |= {f"{part}: {name}": code for name, code in codes.items()}
    return report(results)
