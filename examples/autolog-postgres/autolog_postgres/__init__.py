"""autolog's backend for PostgreSQL: runs as tables, to ask in SQL, and a store that autolog reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolog import hookimpl

if TYPE_CHECKING:
    from autolog.hookspecs import Backend
    from autolog.store.base import Store

__all__: list[str] = []


@hookimpl
def autolog_open_backend(uri: str) -> Backend:
    """Deliver into a database; nobody is asked yet."""
    from autolog_postgres.connecting import settings
    from autolog_postgres.delivering import DatabaseBackend

    return DatabaseBackend(settings(uri))


@hookimpl
def autolog_open_store(uri: str) -> Store:
    """Read back what was delivered."""
    from autolog.store.journals import JournalStore  # the whole reading side, which most programs never use
    from autolog_postgres.connecting import settings
    from autolog_postgres.reading import DatabaseFiles

    return JournalStore(uri, DatabaseFiles(settings(uri)))
