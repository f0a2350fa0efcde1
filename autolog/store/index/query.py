"""A filter and an order as SQL; what SQLite cannot say of a value is asked of comparing.py, value by value."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, Final

from autolog.store.comparing import TESTS, number
from autolog.store.expressions import And, Comparison, Expression, Name, Not, Or, OrderKey
from autolog.store.index.forms import BEHIND_TEXTS, NOTHING, UNORDERED, Form, form, said
from autolog.store.index.rows import HERE
from autolog.store.search import Query

__all__ = ["Selection"]

_SYMBOLS: Final = ("=", "!=", "<", "<=", ">", ">=")
_MOST_NAMES: Final = 40  # tables that SQLite joins: 64
_MOST_COMPARISONS: Final = 200  # how deep its expressions may be: 1000
_MOST_VALUES: Final = 10_000


class Selection:
    """The SQL that finds runs.

    Args:
        database: where they are looked for.
        query: what is wanted.
    """

    def __init__(self, database: sqlite3.Connection, query: Query) -> None:
        self._database = database
        self._query = query
        self._values: list[Any] = []
        self._columns: dict[Name, str] = {}
        self._joins: list[str] = []
        self._tests = 0

    @property
    def is_possible(self) -> bool:
        """Say whether SQLite can tell: it knows no integers beyond 64 bits, reads no files, and has its limits."""
        comparisons, experiments = list(_comparisons(self._query.wanted.expression)), self._query.experiments or ()
        names = {each.name for each in comparisons} | {key.name for key in self._query.order.keys}
        few = len(names) <= _MOST_NAMES and len(comparisons) <= _MOST_COMPARISONS and len(experiments) <= _MOST_VALUES
        return few and not any(self._number(name)[1] for name in names if name.kind != "attributes")

    def _number(self, name: Name) -> tuple[int, bool]:
        """Give the number of a name, and whether it has values that SQLite cannot compare."""
        found = "SELECT id, is_odd FROM names WHERE kind = ? AND key = ?"
        row = self._database.execute(found, (name.kind, form(name.key))).fetchone()
        return (0, False) if row is None else (row[0], bool(row[1]))

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """Give these columns of the runs that are found, in order."""
        where = self._matching()
        order = ", ".join(map(self._sorted, self._query.order.keys))
        limit, skip = self._bound(-1 if self._query.limit is None else self._query.limit), self._bound(self._query.skip)
        return self._selected(columns, where, f"ORDER BY {order} LIMIT {limit} OFFSET {skip}")

    def counts(self, columns: str) -> list[tuple[Any, ...]]:
        """Give the values that these columns have in all that match, each with the number of runs."""
        return self._selected(f"{columns}, count(*)", self._matching(), f"GROUP BY {columns}")

    def _selected(self, columns: str, where: list[str], more: str) -> list[tuple[Any, ...]]:
        tables = " ".join(["seen r", *self._joins])
        select = f"SELECT {columns} FROM {tables} WHERE {' AND '.join(where)} {more}"  # noqa: S608
        return self._database.execute(select, self._values).fetchall()

    def _matching(self) -> list[str]:
        where = [f"r.gone = {HERE}", self._holds(self._query.wanted.expression)]
        if self._query.experiments is not None:
            among = ", ".join(self._bound(form(name)) for name in self._query.experiments)
            where.append(f"r.experiment IN ({among})")
        return where

    def _bound(self, value: Form) -> str:
        self._values.append(value)
        return f"?{len(self._values)}"

    def _column(self, name: Name) -> str:
        """Give the column of a name's values, NULL where a run has none."""
        if name.kind == "attributes":
            return f"r.{name.key}"
        if name not in self._columns:
            table = f"f{len(self._columns)}"
            self._columns[name] = f"{table}.value"
            number = self._bound(self._number(name)[0])
            self._joins.append(f"LEFT JOIN facts {table} ON {table}.name = {number} AND {table}.run = r.id")
        return self._columns[name]

    def _sorted(self, key: OrderKey) -> str:
        """What has no place in the order is NULL, and so comes last; an attribute has no such value."""
        column = self._column(key.name)
        if key.name.kind != "attributes":
            column = f"CASE WHEN {column} < {self._bound(UNORDERED)} THEN {column} END"
        return f"{column} DESC" if key.descending else f"{column} ASC NULLS LAST"  # SQLite has NULL below all else

    # ---- expressions, each 0 or 1 and never NULL

    def _holds(self, expression: Expression) -> str:
        if isinstance(expression, Comparison):
            return self._compared(expression)
        if isinstance(expression, Not):
            return f"NOT {self._holds(expression.operand)}"
        word, nothing = ("AND", "1") if isinstance(expression, And) else ("OR", "0")
        return f"({f' {word} '.join(map(self._holds, expression.operands)) or nothing})"

    def _compared(self, comparison: Comparison) -> str:
        column = self._column(comparison.name)
        if comparison.operator in ("IS NULL", "IS NOT NULL"):
            word = "" if comparison.operator == "IS NULL" else "NOT "
            return f"({word}({column} IS NULL OR {column} = {self._bound(NOTHING)}))"
        test = f"{self._test(comparison)}({column})"
        numbers = self._of_numbers(comparison, column) or test
        others = self._of_texts(comparison, column, test)
        return f"CASE typeof({column}) WHEN 'null' THEN 0 WHEN 'blob' THEN {others} ELSE {numbers} END"

    def _of_numbers(self, comparison: Comparison, column: str) -> str | None:
        """Compare a stored number, None where SQLite cannot; integers with floats it compares exactly, like Python."""
        literal = comparison.value
        if comparison.operator not in _SYMBOLS or isinstance(literal, bool):
            return None
        value = form(number(literal) if isinstance(literal, str) else literal)
        return None if isinstance(value, bytes) else f"({column} {comparison.operator} {self._bound(value)})"

    def _of_texts(self, comparison: Comparison, column: str, test: str) -> str:
        """Compare what is no number: two texts are equal where their forms are, all else is asked of the test."""
        if comparison.operator not in ("=", "!=") or not isinstance(comparison.value, str):
            return test
        alike = f"{column} {comparison.operator} {self._bound(form(comparison.value))}"
        return f"CASE WHEN {column} < {self._bound(BEHIND_TEXTS)} THEN {alike} ELSE {test} END"

    def _test(self, comparison: Comparison) -> str:
        """Make a function of SQLite's that does one comparison, once for each value."""
        name, self._tests = f"test_{self._tests}", self._tests + 1
        self._database.create_function(name, 1, _tester(comparison), deterministic=True)
        return name


def _tester(comparison: Comparison) -> Callable[[Form], bool]:
    test, value = TESTS[comparison.operator], comparison.value
    return functools.lru_cache(maxsize=10_000)(lambda found: test(said(found), value))


def _comparisons(expression: Expression) -> Iterator[Comparison]:
    if isinstance(expression, Comparison):
        yield expression
    elif isinstance(expression, Not):
        yield from _comparisons(expression.operand)
    elif isinstance(expression, And | Or):
        for operand in expression.operands:
            yield from _comparisons(operand)
