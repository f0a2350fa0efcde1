"""`autolog compact`: every point of finished runs in Parquet, for programs that do not know us; the journals stay."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autolog
from autolog import cli
from autolog.store.compact import FILE
from autolog.testing import all_runs
from pages import ROOT, blocks

PROGRAM = r"""
import sys, math, autolog
autolog.enable(backend=sys.argv[1], experiment="fraud", silent=True)
with autolog.start_run(run_name="parent"):
    for step in range(3000):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
    with autolog.start_run(run_name="child \ud800", nested=True):
        autolog.log_metrics({"auc": math.nan, "loss": math.inf}, step=-(2**62))
        autolog.log_metric("loss", 0.5, step=7)
with autolog.start_run(run_name="alone"):
    autolog.log_metric("loss", 2.0)
"""


@pytest.fixture
def recorded(store: Path) -> list[autolog.Run]:
    """Have a process record two runs, one with a child, with points of all kinds."""
    subprocess.run([sys.executable, "-c", PROGRAM, str(store)], check=True)
    return all_runs(store)


def compact(store: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, and give what it says."""
    assert cli.main(["compact", "--store", str(store)]) == 0
    return capsys.readouterr().out


def journals(store: Path) -> dict[Path, str]:
    """Give the digest of each journal."""
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in store.glob("*/*.jsonl")}


def points_of(runs: list[autolog.Run]) -> list[tuple[object, ...]]:
    """Give every point of runs, NaN as text."""
    return sorted(
        (run.run_id, key, step, repr(value), round(seconds * 1e6))
        for run in runs
        for key in run.metrics
        for step, value, seconds in run.history(key)
    )


def test_every_point_is_there_for_every_reader(
    store: Path, recorded: list[autolog.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    """DuckDB, pandas and polars read each point of each run, bit for bit; no journal is touched."""
    import duckdb
    import pandas
    import polars

    before, wanted = journals(store), points_of(recorded)
    assert "wrote 2 files" in compact(store, capsys)
    assert journals(store) == before
    query = f"SELECT run_id, metric, step, value, epoch_us(time) FROM read_parquet('{store}/*/{FILE}')"
    rows = duckdb.sql(query).fetchall()
    assert sorted((run, key, step, repr(value), time) for run, key, step, value, time in rows) == wanted
    frame = pandas.concat(pandas.read_parquet(path) for path in store.glob(f"*/{FILE}"))
    assert sorted(map(repr, frame["value"].tolist())) == sorted(value for *_, value, _ in wanted)
    table = polars.read_parquet(f"{store}/*/{FILE}")
    assert sorted(table["step"].to_list()) == sorted(step for _, _, step, *_ in wanted)
    assert set(table["run_name"]) == {run.run_name and run.run_name.replace("\ud800", "\\ud800") for run in recorded}
    assert set(table["experiment"]) == {"fraud"}


def test_only_what_is_new_is_written_again(
    store: Path, recorded: list[autolog.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second call writes nothing; a point that comes later, and a run that is deleted, are in the next file."""
    compact(store, capsys)
    files = {path: path.stat().st_mtime_ns for path in store.glob(f"*/{FILE}")}
    said = compact(store, capsys)
    assert "wrote 0 files" in said
    assert "2 runs had nothing new" in said
    assert {path: path.stat().st_mtime_ns for path in store.glob(f"*/{FILE}")} == files
    autolog.enable(backend=store, silent=True)
    alone = next(run for run in recorded if run.run_name == "alone")
    with autolog.start_run(run_id=alone.run_id):
        autolog.log_metric("later", 1.0)
    autolog.delete_run(next(run for run in recorded if run.run_name == "parent").run_id)
    autolog.disable()
    assert "wrote 1 file" in compact(store, capsys)
    (left,) = store.glob(f"*/{FILE}")
    assert left.parent.name == alone.run_id
    assert points_of(all_runs(store)) == points_of([run for run in all_runs(store) if run.run_id == alone.run_id])


def test_a_run_that_goes_on_is_left_alone(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run whose process lives there is no file yet."""
    program = (
        "import sys, autolog; autolog.enable(backend=sys.argv[1], silent=True); autolog.start_run()\n"
        "autolog.log_metric('loss', 1.0); print(1, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(store)], stdin=-1, stdout=-1, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert "1 run still going on" in compact(store, capsys)
        writer.kill()
    assert not list(store.glob(f"*/{FILE}"))
    assert "wrote 1 file" in compact(store, capsys)


def test_a_damaged_file_is_written_anew(
    store: Path, recorded: list[autolog.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a file is no Parquet of ours, the journals make it again."""
    compact(store, capsys)
    damaged = next(store.glob(f"*/{FILE}"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    assert "wrote 1 file" in compact(store, capsys)
    assert damaged.read_bytes() == whole


def test_a_place_that_is_no_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Files can be written beside journals only where these lie in a folder."""
    assert cli.main(["compact", "--store", "nowhere"]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_the_documented_queries_work(
    store: Path, recorded: list[autolog.Run], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each SQL statement of the page runs as it stands, and finds rows; so does its line of Python."""
    import duckdb

    compact(store, capsys)
    store.rename(store.parent / "autolog-runs")
    monkeypatch.chdir(store.parent)
    found = blocks(ROOT / "docs" / "parquet.md")
    statements = [block.text for block in found if block.language == "sql"]
    assert len(statements) >= 2
    assert all(duckdb.sql(statement).fetchall() for statement in statements)
    (lines,) = [block.text.split("\n\n") for block in found if block.language == "python"]
    names: dict[str, Any] = {}
    exec(lines[0], names)
    assert len(eval(lines[1], names))
