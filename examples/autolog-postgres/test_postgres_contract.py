"""The backend keeps what backends promise: autolog's own suite, held up to what it reads back and to the tables."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from autolog_postgres.items import fit

from autolog.store.run import Run
from autolog.testing import BackendContract
from autolog.values import revive

AWAY = "postgresql://ann:hidden@127.0.0.1:1/nowhere"


class TestStore(BackendContract):
    """What is read back by autolog: everything."""

    @pytest.fixture
    def uri(self, place: str) -> str:
        """A schema without tables."""
        return place

    @pytest.fixture
    def away(self) -> str:
        """A database that cannot be reached."""
        return AWAY


class TestTables(TestStore):
    """What SQL is told: runs with params, tags and all points."""

    def facts(self, run: Run) -> object:
        """Give what the tables have of a run."""
        error = run.error or {}
        return {
            "run": (run.run_name, run.experiment, run.parent_run_id, run.status, run.start_time, run.end_time),
            "error": tuple(error.get(key) for key in ("type", "message", "traceback")),
            "params": {fit(name): repr(value) for name, value in run.params.items()},
            "tags": {fit(name): repr(value) for name, value in run.tags.items()},
            "metrics": {name: value.hex() for name, value in run.metrics.items()},
            "points": {name: [(step, value.hex()) for step, value, _ in run.history(name)] for name in run.metrics},
        }

    def arrived(self, uri: str) -> dict[str, object]:
        """Ask the tables."""
        with psycopg.connect(uri) as connection:
            runs = connection.execute(_RUNS).fetchall()
            return {run_id: _row(connection, run_id, facts) for run_id, *facts in runs}


_RUNS = """
    SELECT run_id, run_name, experiment, parent_run_id, status, start_time, end_time,
    error_type, error_message, traceback
    FROM runs"""

_TAGS = "SELECT name, value FROM tags WHERE run_id = %s AND value IS NOT NULL"


def _row(connection: psycopg.Connection, run_id: str, facts: list[Any]) -> dict[str, Any]:
    def ask(query: str, *values: str) -> list[Any]:
        return connection.execute(query, [run_id, *values]).fetchall()

    metrics = {name: value.hex() for name, value in ask("SELECT name, value FROM metrics WHERE run_id = %s")}
    points = "SELECT step, value FROM points WHERE run_id = %s AND name = %s ORDER BY step, time, seq, place"
    return {
        "run": tuple(facts[:6]),
        "error": tuple(facts[6:]),
        "params": {
            name: repr(revive(value)) for name, value in ask("SELECT name, value FROM params WHERE run_id = %s")
        },
        "tags": {name: repr(revive(value)) for name, value in ask(_TAGS)},
        "metrics": metrics,
        "points": {name: [(step, value.hex()) for step, value in ask(points, name)] for name in metrics},
    }
