"""The commands behind `./run`: how the service is set up, started, shown and tested."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# What is made while running and may be deleted at any time: databases, logs.
VAR = ROOT / "var"

COMMANDS = {
    "up": "start web, worker and, without real credentials, the sandbox; Ctrl-C ends them",
    "demo": "the same on a fresh database, then connect and publish; --once ends by itself",
    "test": "check and test on SQLite and PostgreSQL; with pytest's arguments: only those tests",
    "manage": "any command of manage.py, as in `./run manage dev_token USER`",
    "browser": "install what the tests in a browser need beside Chromium",
    "lock": "rebuild requirements*.lock from requirements*.txt (needs uv)",
}
HELP = "Usage: ./run COMMAND\n\n" + "".join(
    f"  {name:<7} {text}\n" for name, text in COMMANDS.items()
)
