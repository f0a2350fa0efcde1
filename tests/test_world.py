"""The user's program is unchanged: run with and without autolog, nothing that it can notice differs."""

from __future__ import annotations

import difflib
import functools
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import autolog

for framework in ("sklearn", "pandas", "polars", "pyarrow", "xgboost", "lightgbm"):
    pytest.importorskip(framework)

WORLD = Path(__file__).parent / "world"
ENDING = ("exiting", "interrupted", "own_uncaught", "uncaught")
"""Programs that end in a way of their own."""
PROGRAMS = sorted(path.stem for path in WORLD.glob("*.py") if path.stem not in {*ENDING, "observe"})


class Observed(NamedTuple):
    """A program's process, seen from outside and from inside."""

    code: int
    out: str
    err: str
    worlds: dict[str, dict[str, Any]]
    runs: Path


def observe(folder: Path, mode: str, programs: tuple[str, ...]) -> Observed:
    """Run programs in a process of their own."""
    place = folder / "place"  # the same for all, since programs see where they are
    place.mkdir(exist_ok=True)
    out = folder / f"{mode}.json"
    names = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    names["XDG_STATE_HOME"] = str(folder / "state")  # the same for all as well
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOLOG", "PYTEST"))}
    command = [sys.executable, str(WORLD / "observe.py"), str(out), mode, *programs]
    done = subprocess.run(command, cwd=place, env={**kept, **names}, capture_output=True, text=True, check=False)
    err = "".join(line for line in done.stderr.splitlines(True) if not line.startswith("autolog:"))
    worlds = json.loads(out.read_text()) if out.exists() else {}
    return Observed(done.returncode, done.stdout, err, worlds, out.with_suffix(".runs"))


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All the programs, run in each mode once."""
    folder = tmp_path_factory.mktemp("world")
    return functools.cache(lambda mode: observe(folder, mode, tuple(PROGRAMS)))


def differences(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Give the lines that differ."""
    texts = [json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (one, other)]
    return "\n".join(difflib.unified_diff(*texts, "without", "with", n=2, lineterm=""))


@pytest.mark.parametrize("mode", ["early", "late"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_notices_nothing(observed: Any, program: str, mode: str) -> None:
    """Its values, the random states, warnings, threads, modules and the like are the same with and without autolog."""
    without, recorded = observed("plain"), observed(mode)
    assert program in without.worlds, without.err
    assert program in recorded.worlds, recorded.err
    found = differences(without.worlds[program], recorded.worlds[program])
    assert not found, found


@pytest.mark.parametrize("mode", ["early", "late"])
def test_programs_write_the_same(observed: Any, mode: str) -> None:
    """stdout is the same byte for byte, and stderr but for lines that begin with `autolog:`."""
    without, recorded = observed("plain"), observed(mode)
    assert recorded.out == without.out
    assert recorded.err == without.err
    assert recorded.code == without.code == 0


def test_the_programs_were_recorded(observed: Any) -> None:
    """What the programs trained is in the store, so that the comparison means something; nothing failed on the way."""
    runs = autolog.search_runs(output_format="list", store=observed("late").runs)
    names = {run.run_name for run in runs}
    assert {"Pipeline", "Ridge", "KMeans", "VotingClassifier", "Noisy", "Odd", "Loose", "Failing"} <= names
    failed = {(run.run_name, note.partition(":")[0]) for run in runs for note in run.notes if "failed" in note}
    assert failed == set()
    unsaved = {run.run_name for run in runs for note in run.notes if note.startswith("no model: a ")}
    assert unsaved == {"Slotted"}  # scikit-learn forbids to pickle it


@pytest.mark.parametrize("program", ENDING)
def test_a_program_ends_as_it_would(program: str, tmp_path: Path) -> None:
    """Exit code, stdout, and the traceback on stderr are the same."""
    without, recorded = (observe(tmp_path, mode, (program,)) for mode in ("plain", "late"))
    assert (recorded.code, recorded.out) == (without.code, without.out)
    if sys.version_info >= (3, 11):
        assert recorded.err == without.err
    status = {"interrupted": "KILLED"}.get(program, "FAILED")
    assert [run.status for run in autolog.search_runs(output_format="list", store=recorded.runs)] == [status]


def test_models_load_where_autolog_is_not_installed(tmp_path: Path) -> None:
    """A pickle made while recording loads and predicts in an interpreter that cannot import autolog."""
    from sklearn.datasets import load_iris
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    x, y = load_iris(return_X_y=True)
    autolog.enable(backend=str(tmp_path / "runs"), silent=True)
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)).fit(x, y)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((model, x, model.predict(x), model.predict, type(model).fit)))
    code = (
        "import sys, pickle; sys.modules.update(dict.fromkeys(['autolog', 'wrapt', 'pluggy']));"
        "model, x, expected, predict, fit = pickle.load(open('model.pkl', 'rb'));"
        "assert (model.predict(x) == expected).all() and (predict(x) == expected).all();"
        "assert fit is type(model).fit"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
