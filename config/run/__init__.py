"""The commands behind `./run`: set up, start, demonstrate and test the service."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Files that the service makes while it runs: databases, logs. They may be deleted at any time.
VAR = ROOT / "var"

COMMANDS = {
    "up": "start web, worker and, without real credentials, the sandbox; Ctrl-C ends them",
    "demo": "the same on an empty database, then connect and publish; --once: then end",
    "test": "check the code, test it on SQLite and PostgreSQL; with arguments: only those tests",
    "night": "the proofs that take long, or some: crash, fuzz, chaos, mutants",
    "mutants": "check that the engine's tests notice each known mistake",
    "manage": "any command of manage.py, as in `./run manage dev_token USER`",
    "pictures": "make the pictures of README and docs again (needs `browser` and Chromium)",
    "browser": "install what the browser tests need besides Chromium",
    "lock": "rebuild requirements*.lock from requirements*.txt (needs uv)",
}
HELP = "Usage: ./run COMMAND\n\n" + "".join(
    f"  {name:<8} {text}\n" for name, text in COMMANDS.items()
)
