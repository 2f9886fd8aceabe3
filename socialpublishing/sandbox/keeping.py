"""Keeps the sandbox's state in a file, so that it outlives the process.

The file is a SQLite database: each write is atomic. One row is the pickled state, the others are
uploaded files. Only classes of the sandbox are unpickled, and only by the code that pickled them.
"""

import dataclasses
import functools
import hashlib
import io
import logging
import pickle
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from socialpublishing.sandbox.blobs import Blob
from socialpublishing.sandbox.state import State

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
SAVE_EVERY_S = 1.0
# What is over these is not kept: the oldest posts, media and tokens, and the oldest files.
MAX_ROWS = 5000
MAX_STATE_BYTES = 32 * 1024 * 1024
MAX_FILES_BYTES = 256 * 1024 * 1024
COLLECTIONS = {("builtins", "set"), ("builtins", "frozenset"), ("collections", "deque")}
TABLES = """
    CREATE TABLE IF NOT EXISTS state (code TEXT, sha256 TEXT, pickled BLOB);
    CREATE TABLE IF NOT EXISTS files (sha256 TEXT PRIMARY KEY, content BLOB);
"""


class StateFileError(Exception):
    """The file has no state that this sandbox can use; the message is its reason."""


class StateFile:
    """Reads `state` from the file at `path` once, and writes it there after changes."""

    def __init__(self, path: Path, state: State) -> None:
        """`notice` reports what was read. Raises OSError if the file cannot be used at all."""
        self.path = path
        self.state = state
        self._lock = threading.Lock()  # never taken by one who holds the state's
        self._saved_changes = state.changes
        self._has_failed = False
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._save_often, name="state file", daemon=True)
        try:
            self._database = _opened(path)
            self._load()
            self.notice = f"The sandbox keeps its accounts and posts in {path}."
        except StateFileError as error:
            path.unlink(missing_ok=True)
            self._database = _opened(path)
            self.notice = (
                f"The sandbox starts empty: {path} {error}. "
                "Accounts that were connected before have to be connected again."
            )

    def start(self) -> None:
        """Write after changes from now on, and at once after a reset."""
        self.state.on_reset = self.save
        self.save()
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        if self.state.changes != self._saved_changes:
            self.save()
        self._database.close()

    def save(self) -> None:
        """Write the state. A failure is logged once, and the next change is another try."""
        with self._lock:
            changes = self.state.changes
            try:
                self._write()
            except (OSError, RuntimeError, sqlite3.Error, pickle.PicklingError) as error:
                # RuntimeError: a request changed the state meanwhile, or posts are nested too deep.
                if not self._has_failed:
                    logger.warning("The sandbox's state is not kept in %s: %s", self.path, error)
                self._has_failed = True
                return
            self._saved_changes = changes
            self._has_failed = False

    def _save_often(self) -> None:
        while not self._is_stopping.wait(SAVE_EVERY_S):
            if self.state.changes != self._saved_changes:
                self.save()

    def _load(self) -> None:
        """Raises StateFileError."""
        try:
            row = self._database.execute("SELECT code, sha256, pickled FROM state").fetchone()
            if row is None:  # a new file
                return
            code, sha256, pickled = row
            if code != code_version():
                raise StateFileError("was written by another version of the sandbox")
            if sha256 != hashlib.sha256(pickled).hexdigest():
                raise StateFileError("is damaged")
            self.state.restore(_Unpickler(pickled, self._file).load())
        except StateFileError:
            raise
        except Exception as error:  # unpickling damaged data may raise anything
            raise StateFileError(f"is damaged ({error})") from error

    def _file(self, sha256: str) -> bytes:
        """The content of a kept file; none if it was not kept."""
        row = self._database.execute(
            "SELECT content FROM files WHERE sha256 = ?", [sha256]
        ).fetchone()
        is_whole = row is not None and hashlib.sha256(row[0]).hexdigest() == sha256
        return bytes(row[0]) if is_whole else b""

    def _write(self) -> None:
        pickled, blobs = self._pickled()
        row = code_version(), hashlib.sha256(pickled).hexdigest(), pickled
        with self._database as database:  # one transaction
            known = {sha256 for (sha256,) in database.execute("SELECT sha256 FROM files")}
            for sha256 in known - blobs.keys():
                database.execute("DELETE FROM files WHERE sha256 = ?", [sha256])
            for sha256 in blobs.keys() - known:
                database.execute("INSERT INTO files VALUES (?, ?)", [sha256, blobs[sha256].read()])
            database.execute("DELETE FROM state")
            database.execute("INSERT INTO state VALUES (?, ?, ?)", row)

    def _pickled(self) -> tuple[bytes, dict[str, Blob]]:
        """The state, and the files that it names by their SHA-256."""
        at_most = MAX_ROWS
        while True:
            with self.state.lock:
                snapshot = self.state.snapshot(at_most)
                blobs = _within_budget(self.state.blobs_in(snapshot))
                output = io.BytesIO()
                _Pickler(output).dump(snapshot)
            if output.tell() <= MAX_STATE_BYTES:
                return output.getvalue(), blobs
            if not at_most:
                raise pickle.PicklingError(f"It is larger than {MAX_STATE_BYTES} bytes.")
            at_most //= 2


def _opened(path: Path) -> sqlite3.Connection:
    """The database, locked for this process.

    Raises StateFileError if the file is none of ours, OSError if it cannot be opened.
    """
    try:
        database = sqlite3.connect(path, timeout=0, check_same_thread=False)
        database.execute("PRAGMA auto_vacuum = FULL")
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.executescript(f"BEGIN EXCLUSIVE; {TABLES} COMMIT;")
    except sqlite3.OperationalError as error:
        is_locked = error.sqlite_errorname == "SQLITE_BUSY"
        raise OSError("another sandbox uses it" if is_locked else str(error)) from error
    except sqlite3.DatabaseError as error:
        raise StateFileError(f"is damaged ({error})") from error
    return database


def _within_budget(blobs: Iterator[Blob]) -> dict[str, Blob]:
    """The first of `blobs`, as many as MAX_FILES_BYTES allow."""
    kept: dict[str, Blob] = {}
    left = MAX_FILES_BYTES
    for blob in blobs:
        if blob.size <= left and blob.sha256 not in kept:
            kept[blob.sha256] = blob
            left -= blob.size
    return kept


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return (obj.sha256, obj.mime_type, obj.name) if isinstance(obj, Blob) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, pickled: bytes, read_file: Any) -> None:
        super().__init__(io.BytesIO(pickled))
        self.read_file = read_file
        self.blobs: dict[tuple[str, str, str], Blob] = {}

    def persistent_load(self, pid: tuple[str, str, str]) -> Blob:
        if pid not in self.blobs:
            sha256, mime_type, name = pid
            self.blobs[pid] = Blob(mime_type=mime_type, name=name)
            self.blobs[pid].write(self.read_file(sha256))
        return self.blobs[pid]

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Only data: the sandbox's dataclasses, and collections."""
        if (module_name, global_name) in COLLECTIONS:
            return super().find_class(module_name, global_name)
        if module_name.startswith("socialpublishing.sandbox."):
            found = super().find_class(module_name, global_name)
            if isinstance(found, type) and dataclasses.is_dataclass(found):
                return found
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no part of a state")


@functools.cache
def code_version() -> str:
    """Of the sandbox's own code: what another version wrote may lack what this one reads."""
    digest = hashlib.sha256()
    for file in sorted(HERE.rglob("*")):
        if file.suffix in (".py", ".json"):
            digest.update(file.read_bytes())
    return digest.hexdigest()
