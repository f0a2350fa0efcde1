"""The fixtures of `autolog.testing`: what they give to tests, and that they are in nobody's way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import autolog
from autolog.testing import only_run, series
from autolog.testing.fixtures import Clock
from distributions import distribution
from elsewhere import python


def test_a_test_records_into_a_folder_of_its_own(autolog_recording: str, autolog_store: Path) -> None:
    """The place is read back by default, and is the test's."""
    with autolog.start_run() as run:
        autolog.log_param("C", 1)
    assert only_run().run_id == only_run(autolog_recording).run_id == run.run_id
    assert (autolog_store / run.run_id).is_dir()


def test_a_test_records_into_memory(autolog_memory: str, tmp_path: Path) -> None:
    """Runs and their files are read back from there, and from nowhere else."""
    with autolog.start_run():
        autolog.log_metric("loss", 0.5, step=1)
        autolog.log_text("hello", "a.txt")
    run = only_run(autolog_memory)
    assert (series(run, "loss"), run.artifact_path("a.txt").read_text()) == ([(1, 0.5)], "hello")
    assert not (tmp_path / "autolog-runs").exists()
    assert autolog.search_runs(store="memory:other", output_format="list") == []


def test_time_stands_still_until_it_is_moved(autolog_recording: str, autolog_clock: Clock) -> None:
    """Of runs and of points."""
    with autolog.start_run():
        autolog.log_metric("loss", 1.0)
        autolog.log_metric("loss", 0.5)
        autolog_clock.tick(60)
        autolog.log_metric("loss", 0.25)
    run = only_run()
    begin = run.start_time.timestamp()
    assert run.start_time.isoformat() == "2026-01-01T00:00:00+00:00"
    assert run.duration == 60.0
    assert [time - begin for _, _, time in run.history("loss")] == [0.0, 0.0, 60.0]


def test_ids_count(autolog_recording: str, autolog_ids: None) -> None:
    """Runs are 1, 2, 3."""
    with autolog.start_run() as first, autolog.start_run(nested=True) as second:
        pass
    assert [int(run.run_id, 16) for run in (first, second)] == [1, 2]
    assert len(first.run_id) == len(second.run_id) == 32


GUARDED = """
import pytest
from autolog import guard

def fails():
    raise LookupError("inside")

def test_bad(autolog_guard):
    guard.call("site", None, fails)

@pytest.mark.autolog_swallows
def test_meant(autolog_guard):
    guard.call("site2", None, fails)
    assert "LookupError" in autolog_guard[0]

def test_unguarded():
    guard.call("site3", None, fails)

def test_good(autolog_guard):
    guard.call("site4", None, print)
"""


def test_the_guard_fails_a_test_that_swallowed(pytester: pytest.Pytester) -> None:
    """Not one that is marked, nor one that has not asked for it; the marker is known to `--strict-markers`."""
    pytester.makepyfile(GUARDED)
    done = pytester.runpytest_subprocess("-q", "--strict-markers")
    done.assert_outcomes(passed=4, errors=1)
    done.stdout.fnmatch_lines(["*ERROR at teardown of test_bad*", "*autolog: site failed: LookupError: inside*"])


def test_pytest_starts_without_what_only_tests_need() -> None:
    """The entry point brings no framework in, nor what makes patches, writes journals, or runs the suites."""
    done = python(
        "import json, sys, pytest, autolog.testing.fixtures; print(json.dumps(sorted(sys.modules)))",
    )
    modules = set(json.loads(done.stdout))
    frameworks = {"numpy", "pandas", "sklearn", "torch", "wrapt", "click", "rich", "lark"}
    assert modules & frameworks == set()
    assert {"autolog.recording.runs", "autolog.testing.plugins", "autolog.testing.backends"} & modules == set()


def test_a_suite_that_is_recorded_is_not_warned_of_autolog(tmp_path: Path) -> None:
    """Where autolog is imported before pytest, as by `autolog run -m pytest`, pytest says nothing of it."""
    distribution(tmp_path, "kit", {"pytest11": {"kit": "kit"}}, {"kit": "", "test_one": "def test_one(): pass"})
    (tmp_path / "kit-1.0.dist-info" / "RECORD").write_text("autolog/__init__.py,,\n")
    program = "import autolog, pytest; pytest.main(['-q', 'test_one.py'])"
    out = python(program, PYTHONPATH=str(tmp_path)).stdout
    assert "1 passed" in out
    assert "warning" not in out


def test_a_name_that_the_kit_lacks_is_an_attribute_error() -> None:
    """As of any module."""
    import autolog.testing

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = autolog.testing.nothing
