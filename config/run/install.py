"""Makes `.venv` and `.env`, once, and continues in the Python of `.venv`.

Runs on the Python that `run` found, so it may import nothing but the standard library.
"""

import base64
import fcntl
import hashlib
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from config.run import COMMANDS, HELP, ROOT, VAR

VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
LOG = VAR / "install.log"  # of the last command
# Not the Python of an activated .venv, which could not replace itself.
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
# Exists while .venv is being changed. If it exists later, the installation was interrupted.
UNFINISHED = VENV / "unfinished"
LOCKS = {
    "test": "requirements-dev.lock",
    "night": "requirements-dev.lock",
    "mutants": "requirements-dev.lock",
    "browser": "requirements-browser.lock",
}
STRICT = ["--require-hashes", "--only-binary", ":all:"]


class SetupError(Exception):
    """The set-up failed; the message is for the person at the keyboard."""


def main(arguments: list[str]) -> NoReturn:
    command = arguments[0] if arguments else "help"
    if command in ("help", "-h", "--help"):
        sys.stdout.write(HELP)
        sys.exit(0)
    if command not in COMMANDS:
        sys.stderr.write(f"There is no command {command!r}.\n\n{HELP}")
        sys.exit(2)
    try:
        install(LOCKS.get(command, "requirements.lock"))
        write_env_file(ROOT / ".env")
    except PermissionError as error:
        sys.exit(f"This folder must be writable for you: {error}")
    except SetupError as error:
        sys.exit(str(error))
    if command == "browser":
        sys.exit(0)  # nothing to run
    os.execv(PYTHON, [str(PYTHON), "-m", "config.run", *arguments])


def install(lock: str) -> None:
    """Install the packages of `lock` into .venv, unless they are installed."""
    stamp = VENV / f"{lock}.sha256"
    checksum = hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()

    def is_done() -> bool:
        return (
            PYTHON.exists()
            and not UNFINISHED.exists()
            and stamp.exists()
            and stamp.read_text() == checksum
        )

    if is_done():
        return
    with one_at_a_time("install"):
        if is_done():
            return
        sys.stderr.write(f"Installing {lock} into .venv, once …\n")
        if UNFINISHED.exists() or not PYTHON.exists():
            clear()
        UNFINISHED.touch()
        if not install_with_uv(lock):
            install_with_pip(lock)
        stamp.write_text(checksum)
        UNFINISHED.unlink()
        LOG.unlink(missing_ok=True)


def install_with_uv(lock: str) -> bool:
    uv = shutil.which("uv")
    if not uv:
        return False
    # After a failure pip is tried: uv does not read pip's configuration of a registry.
    made = ("venv", "-q", "--allow-existing", "-p", BASE_PYTHON, VENV)
    return (PYTHON.exists() or succeeds(uv, *made)) and succeeds(
        uv, "pip", "install", "-q", "--python", PYTHON, *STRICT, "-r", lock
    )


def install_with_pip(lock: str) -> None:
    has_pip = "import sys, importlib.util as i; sys.exit(not i.find_spec('pip'))"
    if not (PYTHON.exists() and succeeds(PYTHON, "-c", has_pip)):
        clear()  # uv made it, perhaps with another Python
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            raise SetupError("This Python has no venv module: apt install python3-venv")
        if not succeeds(BASE_PYTHON, "-m", "venv", VENV):
            reason = LOG.read_text(errors="replace").strip()
            raise SetupError(f"Python could not make .venv (apt install python3-venv):\n{reason}")
    # Only at this verbosity pip reports why it could not read an index.
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "-vv", "install")
    if not succeeds(*pip, "--progress-bar", "off", *STRICT, "-r", lock):
        raise SetupError(
            f"{lock} could not be installed. pip reports:\n\n"
            f"{pips_reason(LOG.read_text(errors='replace'))}\n\n"
            f"All of its output is in {LOG}. The first start needs the index of packages; "
            "PIP_INDEX_URL and HTTPS_PROXY are used if they are set."
        )


def pips_reason(output: str) -> str:
    """What pip could not fetch, and its errors; not the tracebacks around them."""
    lines = output.splitlines()
    fetches = [line for line in lines if line.startswith("Could not fetch URL")]
    first = next((n for n, line in enumerate(lines) if line.startswith("ERROR:")), None)
    errors = lines[-20:] if first is None else lines[first : first + 20]
    if "Exception information:" in errors:
        del errors[errors.index("Exception information:") :]
    return "\n".join([*fetches[:5], *errors])


def clear() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()


def succeeds(*command: str | Path) -> bool:
    """Run `command`; its output is in LOG afterwards."""
    with LOG.open("wb") as log:
        return not subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


@contextmanager
def one_at_a_time(work: str) -> Iterator[None]:
    """Wait while another `./run` does the same work. Its lock ends with its process."""
    VAR.mkdir(exist_ok=True)
    with (VAR / f"{work}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"Waiting for another ./run (var/{work}.lock) …\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_env_file(path: Path) -> None:
    """Write random secrets for a developer's service; an existing file is not changed.

    It has no addresses: they follow from the ports of each start.
    """
    if path.exists() or "ENV_FILE" in os.environ:
        return
    lines = ["# Made by ./run for development; .env.example explains every setting."]
    lines += [f"{name}={value}" for name, value in fresh_secrets().items()]
    with one_at_a_time("install"):
        if path.exists():
            return
        # Renamed when complete: an incomplete file would never be replaced.
        draft = VAR / "env.draft"
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
        draft.replace(path)


def fresh_secrets() -> dict[str, str]:
    """All settings without a default, and a key for the callers' tokens."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "AES_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "JWT_KEY": secrets.token_urlsafe(48),
        "JWT_ALGORITHMS": "HS256",
    }


if __name__ == "__main__":
    main(sys.argv[1:])
