"""`./run lock`: resolve the requirements for every supported Python, with hashes."""

import shutil
import sys

from config.run.processes import run

# The other locks use the versions of the first: all are installed into one .venv.
GROUPS = {"requirements": (), "requirements-dev": ("-c", "requirements.lock"),
          "requirements-browser": ("-c", "requirements-dev.lock"),
          "requirements-benchmarks": ("-c", "requirements-dev.lock")}  # fmt: skip


def lock() -> int:
    uv = shutil.which("uv")
    if not uv:
        print("uv is needed for this; it comes from PyPI: pip install uv", file=sys.stderr)
        return 1
    for group, constraints in GROUPS.items():
        code = run(
            uv, "pip", "compile", f"{group}.txt", *constraints, "-o", f"{group}.lock", "--quiet",
            # The oldest supported Python: releases for a newer one may not run on it.
            "--python-version", "3.11", "--universal", "--generate-hashes",
            # Without facts about the machine that made them.
            "--no-header", "--no-emit-index-url", "--no-emit-find-links",
        )  # fmt: skip
        if code:
            return code
    return 0
