"""Finds words that a reader from outside the project would not know. `./run test` runs it.

`python -m config.run.vocabulary [PATH …]` prints each hit as `file:line: word`. The list and its
exceptions are in vocabulary.txt.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from config.run import ROOT
from config.run.files import own_files

LIST = Path(__file__).with_name("vocabulary.txt")
SUFFIXES = (
    ".py", ".md", ".html", ".css", ".toml", ".yaml", ".txt", ".ini", ".example", "run", "Dockerfile"
)  # fmt: skip
# History, files that others wrote, and the list itself.
EXEMPT = re.compile(
    r"^CHANGELOG\.md$|/migrations/|/corpora/|/specs/|/samples/|text_tlds\.txt$|vocabulary\.txt$|requirements"
)


class Vocabulary:
    """The words of a list, and its exceptions: texts in which a word is allowed."""

    def __init__(self, lines: Sequence[str]) -> None:
        lines = [line for line in lines if line and not line.startswith("#")]
        words = "|".join(line for line in lines if not line.startswith("!"))
        exceptions = "|".join(re.escape(line[1:]) for line in lines if line.startswith("!"))
        # `_` separates words, so that names in code are searched too.
        self._word = re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])", re.IGNORECASE)
        self._exception = re.compile(exceptions or "(?!)")

    def hits(self, text: str) -> Iterator[tuple[int, str]]:
        """Line number and word of each hit."""
        for number, line in enumerate(text.splitlines(), start=1):
            for hit in self._word.finditer(self._exception.sub("", line)):
                yield number, hit.group()


def main(paths: Sequence[str]) -> int:
    vocabulary = Vocabulary(LIST.read_text().splitlines())
    hits = [
        f"{name}:{number}: {word}"
        for name, file in checked_files(paths)
        for number, word in vocabulary.hits(file.read_text())
    ]
    print("\n".join(hits))
    if hits:
        print(f"\nThese words are on the list {LIST.relative_to(ROOT)}, which has exceptions too.")
    return 1 if hits else 0


def checked_files(paths: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Name and file of each that is to be checked, in `paths` if some are given."""
    for file in own_files(*SUFFIXES):
        name = file.relative_to(ROOT).as_posix()
        wanted = any(f"{name}/".startswith(f"{path.rstrip('/')}/") for path in paths)
        if (wanted or not paths) and not EXEMPT.search(name):
            yield name, file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
