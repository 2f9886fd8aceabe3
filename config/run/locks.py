"""`./run lock`: what the requirements come to, for every Python that we support, with hashes."""

import shutil
import sys

from config.run.processes import run

# The dev and browser locks are tied to the versions of the first: one .venv holds them all.
GROUPS = {"requirements": (), "requirements-dev": ("-c", "requirements.lock"),
          "requirements-browser": ("-c", "requirements-dev.lock")}  # fmt: skip


def lock() -> int:
    uv = shutil.which("uv")
    if not uv:
        print("uv is needed for this; it comes from PyPI: pip install uv", file=sys.stderr)
        return 1
    for group, constraints in GROUPS.items():
        code = run(
            uv, "pip", "compile", f"{group}.txt", *constraints, "-o", f"{group}.lock", "--quiet",
            # For the oldest Python that we support: the newest may resolve to what that cannot run.
            "--python-version", "3.11", "--universal", "--generate-hashes",
            # Nothing about the machine that made them.
            "--no-header", "--no-emit-index-url", "--no-emit-find-links",
        )  # fmt: skip
        if code:
            return code
    return 0
