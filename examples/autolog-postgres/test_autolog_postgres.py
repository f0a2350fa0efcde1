"""The PostgreSQL backend: what its tables answer, and what becomes of trouble."""

from __future__ import annotations

import datetime
import json
import logging
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
from autolog_postgres.connecting import Connections, settings
from autolog_postgres.delivering import DatabaseBackend

import autolog
from autolog import session
from autolog.delivery.batches import batches, journals
from autolog.exceptions import RunNotFoundError, UsageError
from autolog.hookspecs import Batch, Delivery
from autolog.journal import process

UTC = timezone.utc
DONE = Delivery("done", aside=[])
QUESTIONS = re.findall(r"```sql\n(.*?)```", (Path(__file__).parent / "README.md").read_text("utf-8"), re.S)


@pytest.fixture
def recorded(tmp_path: Path, autolog_process: None) -> Path:
    """Record into a folder of the test's own, from which it is handed over."""
    autolog.enable(backend=tmp_path / "runs", experiment="fraud", silent=True)
    return tmp_path / "runs"


@pytest.fixture
def backend(place: str) -> Iterator[DatabaseBackend]:
    """A backend for the test's place."""
    opened = DatabaseBackend(settings(place))
    yield opened
    opened.close()


def handed_over(recorded: Path) -> list[Batch]:
    """All that was recorded so far, a batch a journal."""
    session.get().settle()
    folders = [folder for folder in recorded.iterdir() if folder.is_dir()]
    return [batch for folder in folders for each in journals(folder) for batch in batches(folder, each, {}, 1 << 30)]


def deliver(backend: DatabaseBackend, recorded: Path) -> list[Delivery]:
    """Hand over all of it, and say that this is all."""
    found = handed_over(recorded)
    return [*map(backend.deliver, found), *(backend.settle(batch.tree, batch.folder) for batch in found)]


def ask(place: str, query: str, *values: Any) -> list[Any]:
    """The answer to a question."""
    with psycopg.connect(place) as connection:
        return connection.execute(query, values or None).fetchall()


# ---- the five questions


@pytest.fixture
def answers(recorded: Path, backend: DatabaseBackend, place: str, autolog_clock: Any) -> list[list[Any]]:
    """What each query of the README gives, of runs that were trained in the first days of 2026."""
    for name, seed, best, hours in (("deep", 1, 0.7, 1.5), ("wide", None, 0.9, 0.5), ("broken", 3, math.nan, 1)):
        with autolog.start_run(run_name=name) as run:
            autolog.log_params({"layers": [64, 32], "name": name, **({} if seed is None else {"seed": seed})})
            run.log_series({"loss": [1.0, 0.5, 0.25], "accuracy": [0.95, 0.5, best]})
            autolog_clock.tick(hours * 3600)
    with autolog.start_run(run_name="deleted") as run:
        autolog.log_metric("accuracy", 0.99)
    autolog.delete_run(run.run_id)
    autolog_clock.tick(7 * 24 * 3600)
    with pytest.raises(ArithmeticError), autolog.start_run(run_name="diverged", experiment="other"):
        autolog_clock.tick(7200)
        with autolog.start_run(run_name="part", nested=True):
            autolog_clock.tick(3600)
        raise ArithmeticError("the loss is NaN")
    deliver(backend, recorded)
    return [ask(place, question) for question in QUESTIONS]


def test_the_questions_of_the_readme_are_answered(answers: list[list[Any]], place: str) -> None:
    """Each of the five, as it stands there, with what follows from what was recorded."""
    best, curve, differing, failed, hours = answers
    ((wide,),) = ask(place, "SELECT run_id FROM runs WHERE run_name = 'wide'")
    assert best == [(wide, "wide", 0.9)]
    assert curve == [(0, 1.0), (1, 0.5), (2, 0.25)]
    assert differing == [("name", "deep", "wide"), ("seed", 1, None)]
    assert failed == [("diverged", "FAILED", "builtins.ArithmeticError", "ArithmeticError: the loss is NaN")]
    weeks = [datetime.datetime(2025, 12, 29, tzinfo=UTC), datetime.datetime(2026, 1, 5, tzinfo=UTC)]
    assert [(name, week, float(sum_)) for name, week, sum_ in hours] == [("fraud", weeks[0], 3), ("other", weeks[1], 3)]


def test_each_question_has_its_index(answers: list[list[Any]], place: str) -> None:
    """Where there is much, none of the first four reads a table from end to end; the last asks of all runs anyhow."""
    assert len(answers) == len(QUESTIONS) == 5
    with psycopg.connect(place) as connection:
        connection.execute("SET enable_seqscan = off")
        plans = str([connection.execute(f"EXPLAIN {question}").fetchall() for question in QUESTIONS[:4]])
    assert "Seq Scan" not in plans
    ours = {"runs_by_experiment", "metrics_pkey", "runs_by_name", "points_pkey", "params_pkey", "runs_not_finished"}
    assert ours <= set(re.findall(r"\w+", plans))


# ---- what is written


def test_a_program_writes_and_reads_by_the_uri_alone(place: str) -> None:
    """Found by its entry point; artifacts come back, and a run that goes on is seen."""
    autolog.enable(backend=place, silent=True)
    with autolog.start_run() as run:
        autolog.log_text("text", "a/b.txt")
        (found,) = autolog.search_runs(output_format="list")
        assert (found.run_id, found.status) == (run.run_id, "RUNNING")
        assert found.artifact_path("a/b.txt").read_text() == "text"
        assert ask(place, "SELECT run_id, status FROM runs") == [(run.run_id, "RUNNING")]
    assert [each.status for each in autolog.search_runs(output_format="list")] == ["FINISHED"]


def test_texts_and_numbers_that_databases_do_not_take(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """Names lose NUL and half pairs to escapes; values have all of theirs, however large or small."""
    values = {"a\0b": "x\0y", "half \ud800": "\udfff", "huge": 1 << 3000, "wide": 10**300, "float": 1e300, "zero": -0.0}
    with autolog.start_run(run_name="n\0n"):
        autolog.log_params(values)
        autolog.set_tag("gone", 1)
        autolog.log_metric("m\0", math.inf)
        autolog.delete_tag("gone")
    assert {said.state for said in deliver(backend, recorded)} == {"done"}
    found = {name: json.loads(value) for name, value in ask(place, "SELECT name, value::text FROM params")}
    assert found.keys() == {"a\\u0000b", "half \\ud800", "huge", "wide", "float", "zero"}
    assert [found[r"a\u0000b"], found[r"half \ud800"], found["huge"]] == ["x\0y", "\udfff", {"$int": hex(1 << 3000)}]
    assert list(map(repr, (found["wide"], found["float"], found["zero"]))) == [f"1{'0' * 300}", "1e+300", "-0.0"]
    assert ask(place, "SELECT run_name, name, metrics.value FROM runs JOIN metrics USING (run_id)") == [
        (r"n\u0000n", r"m\u0000", math.inf)
    ]
    assert ask(place, "SELECT name FROM tags WHERE value IS NOT NULL AND name = 'gone'") == []


def test_journals_may_come_in_any_order(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """A run that was resumed by another writer, whose journal comes first: what was said last stays."""
    with autolog.start_run(run_name="first", tags={"a": 1, "b": 1}) as run:
        autolog.log_params({"C": 1})
        autolog.log_metric("loss", 1.0, step=2)
    (first,) = handed_over(recorded)
    session.get().end()
    process.close()
    with pytest.raises(ArithmeticError), autolog.start_run(run_id=run.run_id):
        autolog.log_params({"C": 2})
        autolog.set_tag("a", 2)
        autolog.delete_tag("b")
        autolog.log_metric("loss", 0.5, step=1)
        raise ArithmeticError
    (second,) = [each for each in handed_over(recorded) if each.writer != first.writer]
    for batch in (second, first, second, first):
        assert backend.deliver(batch) == DONE
    assert ask(place, "SELECT status, error_type FROM runs") == [("FAILED", "builtins.ArithmeticError")]
    assert ask(place, "SELECT value FROM params") == [(2,)]
    assert ask(place, "SELECT name, value FROM tags WHERE name IN ('a', 'b') ORDER BY name") == [("a", 2), ("b", None)]
    assert ask(place, "SELECT step, value FROM metrics") == [(2, 1.0)]
    assert ask(place, "SELECT step, value FROM points ORDER BY step") == [(1, 0.5), (2, 1.0)]


def test_a_searchs_candidates_end_with_it(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """Each has its splits as points, their mean, and an end."""
    search = pytest.importorskip("sklearn.model_selection")
    linear = pytest.importorskip("sklearn.linear_model")
    rows = [[float(number)] for number in range(12)]
    found = search.GridSearchCV(linear.Ridge(), {"alpha": [0.1, 1.0]}, cv=3).fit(rows, list(range(12)))
    deliver(backend, recorded)
    children = "SELECT run_id FROM runs WHERE parent_run_id IS NOT NULL AND status = 'FINISHED'"
    assert len(ask(place, children)) == 2
    means = ask(place, "SELECT value FROM metrics WHERE name = 'mean_test_score' ORDER BY value")
    assert [mean for (mean,) in means] == pytest.approx(sorted(found.cv_results_["mean_test_score"]))
    assert len(ask(place, f"SELECT FROM points WHERE name = 'split_test_score' AND run_id IN ({children})")) == 6


def test_a_run_that_nobody_ended_is_lost(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """Said once nobody is left who could end it."""
    program = "import autolog, os; autolog.enable(silent=True); autolog.start_run(); os._exit(0)"
    here = {**os.environ, "AUTOLOG_BACKEND": str(recorded)}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=recorded.parent, env=here)
    deliver(backend, recorded)
    assert ask(place, "SELECT status, end_time FROM runs") == [("LOST", None)]


# ---- trouble


def test_many_may_create_the_tables_at_once(recorded: Path, place: str) -> None:
    """Eight connections find a schema without tables, and each has its batch taken."""
    with autolog.start_run():
        autolog.log_metric("loss", 0.5)
    (batch,) = handed_over(recorded)
    backends = [DatabaseBackend(settings(place)) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda backend: backend.deliver(batch), backends)) == [DONE] * 8
    for backend in backends:
        backend.close()
    assert ask(place, "SELECT count(*) FROM points") == [(1,)]


def test_a_connection_that_broke_is_opened_again(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """The batch that finds it broken is to be tried again, and is then taken."""
    with autolog.start_run():
        autolog.log_metric("loss", 0.5)
    (batch,) = handed_over(recorded)
    assert backend.deliver(batch) == DONE
    ask(place, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'autolog'")
    said = backend.deliver(batch)
    assert (said.state, "\n" in said.reason) == ("retry", False)
    assert backend.deliver(batch) == DONE


def test_a_forked_child_has_a_connection_of_its_own(place: str, tmp_path: Path) -> None:
    """What it delivers is there, it lets go of nothing that is its parent's, and stderr says of no trouble."""
    program = tmp_path / "program.py"
    program.write_text(_FORKS)
    here = {**os.environ, "AUTOLOG_BACKEND": place, "AUTOLOG_SILENT": "1"}
    done = subprocess.run([sys.executable, program], env=here, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("2\n", "")
    assert ask(place, "SELECT name, step FROM points ORDER BY name") == [("a", 0), ("b", 2), ("child", 1)]
    assert ask(place, "SELECT status FROM runs") == [("FINISHED",), ("FINISHED",)]


_FORKS = """
import os, sys, warnings
import autolog
autolog.enable()
with autolog.start_run():
    autolog.log_metric("a", 1.0)
autolog.search_runs()
with autolog.start_run():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
        child = os.fork()
    if child == 0:
        autolog.log_metric("child", 0.5, step=1)
        autolog.search_runs()
        sys.exit()
    os.waitpid(child, 0)
    autolog.log_metric("b", 0.5, step=2)
print(len(autolog.search_runs(output_format="list")))
"""


def test_what_is_refused_for_good_costs_itself(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """A name too long for an index, in the middle of others, is kept aside with the reason; the others are there."""
    long = "".join(map(chr, range(0x4E00, 0x4E00 + 4000)))  # which cannot be compressed
    with autolog.start_run():
        autolog.log_params({**{f"p{number}": number for number in range(10)}, long: 0, "q": 1})
        autolog.log_metrics({"loss": 0.5, long: 1.0})
    (batch,) = handed_over(recorded)
    for _ in range(2):
        said = backend.deliver(batch)
        assert (said.state, [line[:7] for line in said.aside]) == ("done", ["param '", "metric "])
        assert all("index" in line for line in said.aside)
    assert len(ask(place, "SELECT FROM params")) == 11
    assert ask(place, "SELECT name FROM points") == [("loss",)]


def test_a_file_too_large_is_kept_aside(
    recorded: Path, backend: DatabaseBackend, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its size as the reason; the others are there, and reading it says so."""
    monkeypatch.setattr("autolog_postgres.delivering._LARGEST", 1000)
    with autolog.start_run() as run:
        autolog.log_text("x" * 1001, "large.txt")
        autolog.log_text("y" * 1000, "small.txt")
    (said, _) = deliver(backend, recorded)
    (line,) = said.aside
    assert "large.txt" in line
    assert "1001 bytes" in line
    found = autolog.get_run(run.run_id, store=place)
    assert found.artifact_path("small.txt").stat().st_size == 1000
    with pytest.raises(RunNotFoundError, match=r"large\.txt"):
        found.artifact_path("large.txt")


def test_a_user_who_may_only_write_can(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """Who finds the tables there needs no right to create any."""
    with autolog.start_run():
        autolog.log_metric("loss", 0.5)
    (batch,) = handed_over(recorded)
    first = Connections(settings(place))
    first.open()
    first.close()
    schema = place.rpartition("%3D")[2]
    writer = f"writer_{schema}"
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {writer} LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {writer}")
        connection.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {writer}")
    theirs = DatabaseBackend({**settings(place), "user": writer})
    assert theirs.deliver(batch) == DONE
    theirs.close()
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {writer}")
        connection.execute(f"DROP ROLE {writer}")


@pytest.mark.parametrize("uri", ["postgresql://ann:hidden@[", "postgresql://ann:hidden@host/runs?no_such=hidden"])
def test_a_uri_that_is_none_is_refused_without_being_shown(uri: str) -> None:
    """At the door; a password may stand in it."""
    with pytest.raises(UsageError) as raised:
        session.get().open_backend(uri)
    assert "hidden" not in str(raised.value)


def test_a_password_is_never_shown(place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a reason nor in what lies beside the journals, whether it is let in or not."""
    uri = place.replace("autolog@", "nobody:hidden@")
    autolog.enable(backend=[tmp_path / "runs", uri], silent=True)
    with caplog.at_level(logging.DEBUG), autolog.start_run():
        autolog.log_metric("loss", 0.5)
    session.get().end()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(b"hidden" in each for each in written)
    assert "hidden" not in caplog.text
    backend = DatabaseBackend(settings(uri))
    (said, _) = deliver(backend, tmp_path / "runs")
    backend.close()
    assert (said.state, "hidden" in said.reason, 'role "nobody" does not exist' in said.reason) == (
        "retry",
        False,
        True,
    )


def test_removing_a_run_leaves_nothing(recorded: Path, backend: DatabaseBackend, place: str) -> None:
    """Neither of itself nor of its children, in any table."""
    with autolog.start_run() as run, autolog.start_run(nested=True):
        autolog.log_params({"C": 1})
        autolog.log_metric("loss", 0.5)
        autolog.log_text("text", "a.txt")
    deliver(backend, recorded)
    session.get().open_store(place).remove(run.run_id)
    for table in ("runs", "params", "tags", "metrics", "points", "journals", "files"):
        assert ask(place, f"SELECT FROM {table}") == []
