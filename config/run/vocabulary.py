"""Finds words of ours that a reader from elsewhere would not know. `./run test` runs it.

`python -m config.run.vocabulary [PATH …]` prints each hit as `file:line: word`.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from config.run import ROOT

LIST = Path(__file__).with_name("vocabulary.txt")
TEXT = re.compile(r"\.(py|md|html|css|toml|yaml|txt|ini|example)$|(^|/)(run|Dockerfile)$")
# History, what is not ours, and the list itself.
EXEMPT = re.compile(
    r"^CHANGELOG\.md$|/migrations/|/corpora/|/specs/|/samples/|vocabulary\.txt$|\.lock$|requirements"
)


def main(paths: Sequence[str]) -> int:
    hits = [hit for path in tracked(paths) for hit in hits_in(path)]
    print("\n".join(hits))
    return 1 if hits else 0


def tracked(paths: Sequence[str]) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [path for path in listed if TEXT.search(path) and not EXEMPT.search(path)]


def hits_in(path: str) -> Iterator[str]:
    words, exceptions = patterns()
    file = ROOT / path
    if not file.exists():
        return
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        left = exceptions.sub("", line)
        for hit in words.finditer(left):
            yield f"{path}:{number}: {hit.group()}"


def patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What is searched for, and what is taken out of a line before."""
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    words = "|".join(line for line in lines if not line.startswith("!"))
    exceptions = "|".join(re.escape(line[1:]) for line in lines if line.startswith("!"))
    word = re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])", re.IGNORECASE)
    return word, re.compile(exceptions)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
