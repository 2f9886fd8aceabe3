"""Which files are the project's own. Works without git: a release may be an archive."""

import os
from collections.abc import Iterator
from pathlib import Path

from config.run import ROOT


def own_files(*suffixes: str, root: Path = ROOT) -> Iterator[Path]:
    """Files below `root` whose names end with one of `suffixes`, sorted."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name == ".ci" or is_own(name))
        for name in sorted(names):
            if name.endswith(suffixes):
                yield Path(folder) / name


def is_own(folder: str) -> bool:
    return not folder.startswith(".") and folder not in {"var", "node_modules"}
