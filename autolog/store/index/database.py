"""The index's tables, and where they lie: a file in the user's cache folder, which may be deleted at any time."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import sqlite3
from pathlib import Path
from typing import Final

from autolog.guard import logger

__all__ = ["opened", "path_for", "remove"]

_VERSION: Final = 2  # of what is in the tables; one that reads another has another file
_PATIENCE: Final = 60.0  # seconds for another process to write a part of it

_CACHE: Final = 32_768  # KiB of it that a reader holds

_TABLES: Final = """
CREATE TABLE trees(name TEXT PRIMARY KEY, mark INTEGER, is_newer INTEGER NOT NULL, state TEXT NOT NULL);
CREATE INDEX trees_marked ON trees(name, mark);
CREATE INDEX trees_newer ON trees(name) WHERE is_newer;
CREATE TABLE runs(
    id INTEGER PRIMARY KEY, tree TEXT NOT NULL, run_id BLOB NOT NULL, parent_run_id BLOB, run_name BLOB,
    experiment BLOB, status BLOB, start_time REAL, end_time REAL, duration REAL, gone INTEGER NOT NULL, standing TEXT
);
CREATE UNIQUE INDEX runs_of_tree ON runs(tree, run_id);
CREATE INDEX runs_by_id ON runs(run_id);
CREATE INDEX runs_in_order ON runs(gone, start_time DESC, run_id);
CREATE INDEX runs_open ON runs(tree) WHERE status IS NULL;
CREATE TABLE kept(run INTEGER PRIMARY KEY, events BLOB NOT NULL, loose BLOB NOT NULL, names TEXT NOT NULL);
CREATE TABLE names(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key BLOB NOT NULL, is_odd INTEGER, UNIQUE(kind, key));
CREATE TABLE facts(name INTEGER NOT NULL, run INTEGER NOT NULL, value, PRIMARY KEY(name, run)) WITHOUT ROWID;
CREATE TABLE thinned(run INTEGER NOT NULL, key BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY(run, key));
"""
# How an open run stands changes with time alone, and differs from reader to reader: so it is each connection's own.
_OWN: Final = """
CREATE TEMP TABLE standing_now(id INTEGER PRIMARY KEY, status BLOB, end_time REAL, duration REAL);
CREATE TEMP VIEW seen AS SELECT
    r.id, r.tree, r.run_id, r.parent_run_id, r.run_name, r.experiment, coalesce(r.status, n.status) AS status,
    r.start_time, coalesce(r.end_time, n.end_time) AS end_time, coalesce(r.duration, n.duration) AS duration, r.gone
    FROM runs r LEFT JOIN standing_now n ON n.id = r.id;
"""


def path_for(uri: str) -> Path:
    """Give the file of a store's index: one a host, since hosts that share a home cannot share such a file."""
    import platformdirs

    name = hashlib.sha256(f"{socket.gethostname()}\n{uri}".encode(errors="surrogatepass")).hexdigest()[:32]
    return platformdirs.user_cache_path("autolog", appauthor=False) / "index" / f"{name}-{_VERSION}.sqlite"


def opened(path: Path | None) -> sqlite3.Connection:
    """Open an index, and make it where there is none; without a path, or where none can be made, in memory."""
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return _connected(str(path))
        except (OSError, sqlite3.OperationalError) as error:
            logger.info("autolog: the index cannot be kept in %s: %s", path, error)
    return _connected(":memory:")


def _connected(place: str) -> sqlite3.Connection:
    database = sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA cache_size = -{_CACHE}")
        database.execute("BEGIN IMMEDIATE")
        if not database.execute("SELECT 1 FROM sqlite_schema").fetchone():
            for statement in filter(str.strip, _TABLES.split(";")):
                database.execute(statement)
        database.execute("COMMIT")
        database.executescript(_OWN)
    except sqlite3.Error:
        database.close()
        raise
    return database


def remove(path: Path) -> None:
    """Remove an index that cannot be read; readers that have it open keep what they have."""
    with contextlib.suppress(OSError):
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
