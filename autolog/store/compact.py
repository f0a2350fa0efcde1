"""Series of finished runs as Parquet, beside their journals: for programs that know Parquet and not us.

The journals stay, since they are the record; what is written here may be deleted, and is made again from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from autolog.exceptions import UsageError
from autolog.store.base import Files
from autolog.store.frames import arrow_text
from autolog.store.run import Run
from autolog.store.tree import Tree

__all__ = ["FILE", "Outcome", "compact"]

FILE: Final = "series.parquet"
"""The file's name, in a top-level run's folder."""

Outcome: TypeAlias = Literal["packed", "unchanged", "going on", "empty"]

_MADE_FROM: Final = b"autolog.made_from"
_GROUP: Final = 1 << 20  # rows that are written at once


def compact(files: Files, folder: Path) -> Iterator[Outcome]:
    """Write the series of each top-level run in which nothing is going on, and say what became of each.

    Args:
        files: the store's.
        folder: where they lie.

    Raises:
        UsageError: pyarrow is not installed.
        OSError: the folder cannot be written.
    """
    try:
        import pyarrow.parquet  # noqa: F401 - the extra, which all below needs
    except ImportError as error:
        raise UsageError('pyarrow cannot be imported: install it (pip install "autolog-ml[parquet]")') from error
    for tree in files.trees():
        yield _compact(files, tree, folder / tree / FILE)


def _compact(files: Files, name: str, path: Path) -> Outcome:
    sizes = dict(files.sizes(name))
    if _made_from(path) == sizes:
        return "unchanged"
    tree = Tree(files, name)
    tree.refresh(sizes)
    runs = [] if tree.is_newer else tree.runs(None, is_deleted=False)
    if any(run.status == "RUNNING" for run in runs):
        return "going on"
    if not any(run.metrics for run in runs):
        path.unlink(missing_ok=True)
        return "empty"
    partial = path.with_suffix(".part")
    _write(partial, sorted(runs, key=lambda run: run.run_id), sizes)
    partial.replace(path)
    return "packed"


def _made_from(path: Path) -> Any:
    """Give the journals that a file was made from, None where there is none that can be read."""
    from pyarrow import ArrowInvalid, parquet

    try:
        return json.loads(parquet.read_schema(path).metadata[_MADE_FROM])
    except (OSError, ArrowInvalid, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, runs: Iterable[Run], sizes: Mapping[str, int]) -> None:
    from pyarrow import concat_tables, parquet

    schema = _schema(sizes)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        waiting: list[Any] = []
        for table in (_table(schema, run, key) for run in runs for key in sorted(run.metrics)):
            waiting.append(table)
            if sum(map(len, waiting)) >= _GROUP:
                writer.write_table(concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(concat_tables(waiting))


def _schema(sizes: Mapping[str, int]) -> Any:
    import pyarrow

    texts = [(name, pyarrow.string()) for name in ("run_id", "run_name", "experiment", "metric")]
    numbers = [("step", pyarrow.int64()), ("value", pyarrow.float64()), ("time", pyarrow.timestamp("us", tz="UTC"))]
    return pyarrow.schema([*texts, *numbers], metadata={_MADE_FROM: json.dumps(sizes)})


def _table(schema: Any, run: Run, key: str) -> Any:
    import pyarrow

    points = run.columns(key)
    same = [text and arrow_text(text) for text in (run.run_id, run.run_name, run.experiment, key)]
    texts = [pyarrow.repeat(pyarrow.scalar(text, pyarrow.string()), len(points.steps)) for text in same]
    numbers = [pyarrow.array(column, kind) for column, kind in zip(points, schema.types[len(texts) :], strict=True)]
    return pyarrow.Table.from_arrays([*texts, *numbers], schema=schema)
