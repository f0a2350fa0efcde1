"""The line on a terminal that says how far a search is, as a terminal shows it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

pytest.importorskip("pyte")
pytest.importorskip("sklearn")
import pyte
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV, cross_val_score, validation_curve

import autolog
from autolog import console, progress
from autolog.progress import Tally
from autolog.recording.candidates import candidate, log_split

X = [[float(number)] for number in range(8)]
Y = [float(number) for number in range(8)]
ROWS, COLUMNS = 40, 200
STANDING = re.compile(rb"\x1bD\x1bD\x1b7\r(.*?)\x1b8\x1b\[2A", re.DOTALL)


class Slow(RegressorMixin, BaseEstimator):
    """Takes a while, and does meanwhile what a test wants done."""

    during: Callable[[int], None] | None = None

    def __init__(self, constant: int = 0) -> None:
        self.constant = constant

    def fit(self, X: Any, y: Any) -> Slow:
        time.sleep(0.03)
        if Slow.during is not None:
            Slow.during(self.constant)
        return self

    def predict(self, X: Any) -> Any:
        return [float(self.constant)] * len(X)


class Terminal:
    """The side of a terminal that people see."""

    def __init__(self, number: int, stream: TextIO | None = None, columns: int = COLUMNS) -> None:
        self.stream = stream
        fcntl.ioctl(number, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self._number = number
        self._said = b""

    def hang_up(self) -> None:
        """Close the window."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

    @property
    def said(self) -> bytes:
        """All that was written to it."""
        with contextlib.suppress(OSError):  # so Linux tells that the other end was closed
            while select.select([self._number], [], [], 0)[0] and (block := os.read(self._number, 65536)):
                self._said += block
        return self._said

    @property
    def stood(self) -> list[str]:
        """The lines that stood, one after another."""
        return [line.decode() for line in STANDING.findall(self.said)]

    @contextlib.contextmanager
    def as_stderr(self) -> Iterator[None]:
        """Record searches with this as stderr; pytest has that be another file in each of a test's phases."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", self.stream)
            patch.setattr(sys, "__stderr__", self.stream)
            autolog.enable(log_models=False)
            yield

    @property
    def screen(self) -> list[str]:
        """What is left on it."""
        screen = pyte.Screen(COLUMNS, ROWS)
        pyte.ByteStream(screen).feed(self.said)
        return [line.rstrip() for line in screen.display if line.strip()]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal; any search takes long enough to be shown on it."""
    ours, theirs = pty.openpty()
    with contextlib.suppress(OSError), pytest.MonkeyPatch.context() as patch, os.fdopen(theirs, "w") as stream:
        patch.setattr(progress, "_FIRST", 0.05)
        patch.setattr(progress, "_EVERY", 0.02)
        patch.setattr(progress, "_SHARE", 1.0)
        patch.setattr(Slow, "during", None)
        patch.setenv("TERM", "xterm")
        shown = Terminal(ours, stream)
        yield shown
    shown.hang_up()


def search(candidates: int = 6, **options: Any) -> GridSearchCV:
    grid = {"constant": list(range(candidates))}
    return GridSearchCV(Slow(), grid, **{"cv": 2, "scoring": "neg_mean_squared_error", **options})


def counts(lines: list[str], name: str = "GridSearchCV") -> list[tuple[int, int]]:
    """How many of how many, in each line."""
    found = [re.match(rf"autolog: {name}: (\d+) of (\d+), ", line) for line in lines]
    return [(int(match[1]), int(match[2])) for match in found if match is not None]


# ---- what it says


def test_a_search_has_a_line_that_is_gone_when_it_has_ended(terminal: Terminal) -> None:
    """It counts up, names the best candidate so far, and leaves the lines there are without it."""
    with terminal.as_stderr():
        search().fit(X, Y)
    said = counts(terminal.stood)
    assert len(said) == len(terminal.stood) > 3
    assert said == sorted(said)
    assert {total for _, total in said} == {6}
    best = r", [\d.]+ m?s, about [\d.]+ m?s left, best -5.5: constant=3$"
    assert any(re.search(best, line) for line in terminal.stood)
    kinds = [line.split()[1] for line in terminal.screen]
    assert kinds == ["recording", "GridSearchCV"]
    assert " FINISHED in " in terminal.screen[1]


def test_what_the_program_writes_stays_whole(terminal: Terminal) -> None:
    """A line that it has half written, and one that it rewrites, are not touched; nor is one written after it."""

    def write(constant: int) -> None:
        if constant == 0:
            sys.stderr.write("\rhalf")
            sys.stderr.flush()
        if constant == 4:
            sys.stderr.write(" a line\nanother\n")
            sys.stderr.flush()

    Slow.during = staticmethod(write)  # type: ignore[assignment]
    with terminal.as_stderr():
        search(cv=[([0, 1], [2, 3])]).fit(X, Y)
    assert len(terminal.stood) > 3
    assert terminal.screen[1:3] == ["half a line", "another"]


def test_the_line_fits_the_terminal(terminal: Terminal) -> None:
    """One longer than a row is cut, so that it stays on that row; no param can steer the terminal."""
    ours, theirs = pty.openpty()
    narrow = Terminal(ours, columns=40)
    console.stand(theirs, "GridSearchCV: " + "x" * 100)
    assert narrow.stood == ["autolog: GridSearchCV: " + "x" * 16]
    os.close(ours)
    os.close(theirs)


def a_run_with(splits: dict[int, list[float]], expected: int = 2) -> tuple[Tally, list[autolog.Run]]:
    """A tally, and what the store says of a run whose candidates have these scores."""
    with autolog.start_run() as run:
        for number, scores in splits.items():
            child = candidate(run, number, f"candidate {number}", lambda: {"C\x1b": 0.1, "name": "n" * 99}, splits=2)
            for split, score in enumerate(scores):
                error = {"type": "E", "message": "", "traceback": ""} if score < 0 else None
                log_split(child, split, {"split_test_score": score, "split_test_other": -score}, error)
        runs = autolog.search_runs(output_format="list")
    tally = Tally(run.run_id, ("mean_test_missing", "mean_test_score"))
    tally.expected = expected
    return tally, runs


def test_what_is_known_is_told(store: Path) -> None:
    """Ended and failed candidates are counted, the best mean is that of an ended one, and params are short text."""
    autolog.enable(backend=store, silent=True)
    tally, runs = a_run_with({0: [0.5, 0.75], 1: [0.5, 0.5], 2: [0.99], 3: [-1.0, float("nan")]}, 9)
    tally.add(runs)
    text = re.sub(r"\d+ ms", "N ms", tally.text())
    assert text == r"3 of 9, 1 failed, N ms, about N ms left, best 0.625: C\x1b=0.1 name=nnnnnnnnnnnnnn.."


def test_of_what_nobody_knows_how_much_it_will_be_splits_are_counted(store: Path) -> None:
    """Without a number of children to come, the line says what there is."""
    autolog.enable(backend=store, silent=True)
    tally, runs = a_run_with({0: [0.5], 1: [0.5, 0.5]}, 0)
    tally.add(runs)
    assert tally.text().startswith("3 splits, ")


def test_a_cross_validation_and_a_curve_have_a_line(terminal: Terminal) -> None:
    """Folds are counted of their number; of a curve, whose points end together, the splits."""
    with terminal.as_stderr():
        cross_val_score(Slow(), X, Y, cv=8, scoring="neg_mean_squared_error")
    assert counts(terminal.stood, "cross_val_score")[-1][1] == 8
    before = len(terminal.stood)
    with terminal.as_stderr():
        validation_curve(Slow(), X, Y, param_name="constant", param_range=[1, 2, 3], cv=4)
    assert all(re.match(r"autolog: validation_curve: \d+ splits?, ", line) for line in terminal.stood[before:])
    assert len(terminal.stood) > before


# ---- where there is none


@pytest.mark.parametrize("why", ["silent", "dumb", "replaced", "short", "paused"])
def test_no_line_stands_where_nobody_wants_one(why: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when silent, on a terminal without a cursor, on a stream of the program's, or for a search of no time."""
    with terminal.as_stderr(), autolog.paused() if why == "paused" else contextlib.nullcontext():
        if why == "silent":
            autolog.enable(silent=True)
        elif why == "dumb":
            monkeypatch.setenv("TERM", "dumb")
        elif why == "replaced":
            monkeypatch.setattr(sys, "stderr", os.fdopen(os.dup(terminal.stream.fileno()), "w"))
        elif why == "short":
            monkeypatch.setattr(progress, "_FIRST", 5.0)
        search().fit(X, Y)
        if why == "replaced":
            sys.stderr.close()
            monkeypatch.setattr(sys, "stderr", terminal.stream)
    assert terminal.stood == []


def test_a_search_inside_a_search_has_no_line_of_its_own(terminal: Terminal) -> None:
    """One line at a time: that of the outermost."""
    inner = GridSearchCV(Slow(), {"constant": [1, 2, 3, 4, 5]}, cv=2, scoring="r2")
    with terminal.as_stderr():
        GridSearchCV(inner, {"error_score": [0.0, 1.0]}, cv=2, scoring=lambda *_: 0.0).fit(X, Y)
    assert {total for _, total in counts(terminal.stood)} == {2}


# ---- how it ends


def threads() -> int:
    return sum(thread.name == "autolog-progress" for thread in threading.enumerate())


@pytest.mark.parametrize("error", [KeyboardInterrupt, LookupError])
def test_an_error_takes_the_line_away(error: type[BaseException], terminal: Terminal) -> None:
    """Ctrl-C too; the next search has a line again."""

    def fail(constant: int) -> None:
        if constant == 4:
            raise error

    Slow.during = staticmethod(fail)  # type: ignore[assignment]
    with terminal.as_stderr(), pytest.raises(error):
        search(error_score="raise").fit(X, Y)
    assert terminal.stood
    assert threads() == 0
    assert [line.split()[1] for line in terminal.screen] == ["recording", "GridSearchCV"]
    Slow.during, before = None, len(terminal.stood)
    with terminal.as_stderr():
        search().fit(X, Y)
    assert len(terminal.stood) > before


def test_a_fork_finds_no_line_and_no_thread(terminal: Terminal) -> None:
    """The thread is gone when the child begins, and goes on afterwards."""
    found = []

    def fork(constant: int) -> None:
        if constant == 3 and not found:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python 3.12 and newer warn of threads, such as those of BLAS
                child = os.fork()
            if child == 0:
                os._exit(threads())
            found.append((os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(terminal.stood)))

    Slow.during = staticmethod(fork)  # type: ignore[assignment]
    with terminal.as_stderr():
        search().fit(X, Y)
    (in_child, before), *_ = found
    assert in_child == 0
    assert 0 < before < len(terminal.stood)


@pytest.mark.autolog_swallows
def test_a_terminal_that_goes_away_harms_nothing(terminal: Terminal) -> None:
    """A window that is closed during a search costs the line only."""

    def close(constant: int) -> None:
        if constant == 3:
            terminal.hang_up()

    Slow.during = staticmethod(close)  # type: ignore[assignment]
    with terminal.as_stderr():
        fitted = search(cv=[([0, 1], [2, 3])]).fit(X, Y)
    assert len(fitted.cv_results_["params"]) == 6
    assert not any(
        note.startswith("progress.") for run in autolog.search_runs(output_format="list") for note in run.notes
    )


# ---- whole programs

PROGRAM = """
import sys, time, autolog
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GridSearchCV

class Slow(DummyRegressor):
    def fit(self, X, y):
        time.sleep(0.3)
        return super().fit(X, y)

autolog.enable(backend=sys.argv[1], log_models=False)
grid = {"constant": [1.0, 2.0, 3.0, 4.0, 5.0]}
X = [[float(number)] for number in range(8)]
GridSearchCV(Slow(strategy="constant"), grid, cv=2, n_jobs=2, verbose=3).fit(X, [row[0] for row in X])
"""


def test_a_program_with_workers_that_print_stays_readable(store: Path) -> None:
    """Of what two processes and scikit-learn's own words say on one terminal, every line is whole."""
    ours, theirs = pty.openpty()
    terminal = Terminal(ours)
    variables = {**os.environ, "TERM": "xterm", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store)], stdout=theirs, stderr=theirs, env=variables
    ) as process:
        os.close(theirs)
        while process.poll() is None:
            terminal.said  # noqa: B018 (or the terminal is full)
            time.sleep(0.02)
    assert process.returncode == 0
    assert counts(terminal.stood)
    assert [total for _, total in counts(terminal.stood)] == [5] * len(terminal.stood)
    first, fitting, *trained, last = terminal.screen
    assert first.startswith("autolog: recording to ")
    assert fitting == "Fitting 2 folds for each of 5 candidates, totalling 10 fits"
    assert len(trained) == 10
    assert all(
        re.fullmatch(r"\[CV \d/2\] END \.+constant=\d\.0;, score=\S+ total time= +0\.\ds", each) for each in trained
    )
    assert last.startswith("autolog: GridSearchCV FINISHED in ")
    os.close(ours)


BACKGROUND = """
import fcntl, os, sys, termios
from autolog import console
os.setsid()
fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
console.stand(int(sys.argv[1]), "in front")
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    console.stand(int(sys.argv[1]), "behind")
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_job_in_the_background_leaves_the_terminal_alone() -> None:
    """A shell's `command &` writes over nobody's prompt."""
    ours, theirs = pty.openpty()
    terminal = Terminal(ours)
    subprocess.run([sys.executable, "-c", BACKGROUND, str(theirs)], pass_fds=[theirs], check=True, timeout=60)
    assert terminal.stood == ["autolog: in front"]
    os.close(ours)
    os.close(theirs)
