"""The way to the database: what a URI says, and a connection to where all tables are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from autolog.exceptions import UsageError

__all__ = ["Connections", "Settings", "reason", "settings"]

Settings: TypeAlias = Mapping[str, Any]

_PATIENCE: Final = {"application_name": "autolog", "connect_timeout": 5, "tcp_user_timeout": 30_000}
_LOCK: Final = 0x6175746F6C6F67  # "autolog"; two that create one table at once would fail, IF NOT EXISTS or not


def settings(uri: str) -> Settings:
    """Give what a URI says, and how long to wait where it does not.

    Raises:
        UsageError: it cannot be read; the message does not show it, since a password may stand in it.
    """
    try:
        return {**_PATIENCE, **conninfo_to_dict(uri)}
    except psycopg.Error:
        raise UsageError("a database's URI cannot be read; give one such as postgresql://host/database") from None


class Connections:
    """A connection a process: a forked child leaves its parent's alone.

    Args:
        to: where the database is, and who asks.
    """

    def __init__(self, to: Settings) -> None:
        self._to = to
        self._opened: dict[int, psycopg.Connection] = {}

    def open(self) -> psycopg.Connection:
        """Give this process's, opened again where it broke."""
        process = os.getpid()
        if process not in self._opened or self._opened[process].closed:
            self._opened[process] = _connect(self._to)
        return self._opened[process]

    def close(self) -> None:
        """Let go of this process's."""
        opened = self._opened.pop(os.getpid(), None)
        if opened is not None:
            opened.close()


def _connect(to: Settings) -> psycopg.Connection:
    """Open a connection, and create the tables where there are none."""
    connection = psycopg.connect(**to, autocommit=True)
    try:
        if _lacks_tables(connection):
            _create_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _lacks_tables(connection: psycopg.Connection) -> bool:
    """Ask for the last of them; a user who may only write to them cannot create any."""
    return connection.execute("SELECT to_regclass('files') IS NULL").fetchone() == (True,)


def _create_tables(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(files(__package__).joinpath("schema.sql").read_bytes())


def reason(error: psycopg.Error) -> str:
    """Say in one line what went wrong; libpq's texts name host and user, never a password."""
    return " ".join((error.diag.message_primary or str(error) or type(error).__name__).split())
