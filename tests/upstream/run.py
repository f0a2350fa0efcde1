"""Runs scikit-learn's own tests with autolog and without, and tells every difference.

    python tests/upstream/run.py                                      all pieces: hours
    python tests/upstream/run.py sklearn.metrics sklearn.tests.test_pipeline
    python tests/upstream/run.py --folder reports sklearn.metrics      keep the reports, and use the bare ones again

Each piece runs in two processes of its own, one after the other. Passes, skips, failures and their reasons, and
warnings are compared test by test, and what is left in the process at the end. Lines on autolog's logger count as
differences too. The exit status is 1 where there is any.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reports import Report, differences

__all__ = ["main"]

PIECES = (
    "sklearn.model_selection",
    "sklearn.tests.test_pipeline",
    "sklearn.tests.test_base",
    "sklearn.tests.test_calibration",
    "sklearn.tests.test_multiclass",
    "sklearn.metrics",
    "sklearn.tests.test_common",
)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Lane:
    """One way of running a piece: bare, or with autolog."""

    folder: Path
    name: str
    plugins: tuple[str, ...]

    def report(self, piece: str) -> Path:
        """Give the file of what came of the tests."""
        return self.folder / f"{piece}.{self.name}.jsonl"

    def errors(self, piece: str) -> Path:
        """Give the file of what autolog's logger said."""
        return self.folder / f"{piece}.{self.name}.log"

    def run(self, piece: str, limit: float) -> Report:
        """Run the tests of a piece in a process of its own, within a time limit in seconds."""
        for path in (self.report(piece), self.errors(piece)):
            path.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="autolog-upstream-", ignore_cleanup_errors=True) as scratch:
            began = time.perf_counter()
            in_time = self._start(piece, limit, Path(scratch))
            seconds = time.perf_counter() - began
            runs = sum(1 for _ in Path(scratch, "runs").glob("*/*.jsonl"))
        with self.report(piece).open("a") as file:
            file.write(f'{{"seconds": {seconds}, "in_time": {str(in_time).lower()}, "runs": {runs}}}\n')
        return Report.read(self.report(piece), self.errors(piece))

    def _start(self, piece: str, limit: float, scratch: Path) -> bool:
        command = [sys.executable, "-m", "pytest", "--pyargs", piece, "-c", os.devnull, "--rootdir", _root(piece), "-q"]
        options = [f"--basetemp={scratch / 'pytest'}", "-p", "no:cacheprovider", "--tb=short"]
        plugins = [word for name in ("outcomes", *self.plugins) for word in ("-p", name)]
        with (self.folder / f"{piece}.{self.name}.txt").open("w") as output:
            process = subprocess.Popen(
                [*command, *options, *plugins],
                cwd=scratch,
                env=self._environment(piece, scratch),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            return _wait(process, limit)

    def _environment(self, piece: str, scratch: Path) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("AUTOLOG")}
        return {
            **mine,
            "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(HERE)))),
            "AUTOLOG_UPSTREAM_REPORT": str(self.report(piece)),
            "AUTOLOG_UPSTREAM_ERRORS": str(self.errors(piece)),
            "AUTOLOG_UPSTREAM_SCRATCH": str(scratch),
        }


def _root(piece: str) -> str:
    """Give the folder of the package that a piece is in, below which tests are named by their paths."""
    return importlib.util.find_spec(piece.partition(".")[0]).submodule_search_locations[0]


def _wait(process: subprocess.Popen[bytes], limit: float) -> bool:
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return False
    return True


def _compare(piece: str, folder: Path, limit: float) -> int:
    """Run a piece both ways, print what came of it, and give the number of differences."""
    bare, ours = Lane(folder, "bare", ()), Lane(folder, "autolog", ("enabled",))
    before = Report.read(bare.report(piece), bare.errors(piece)) if bare.report(piece).exists() else None
    if before is None or not before.in_time:
        before = bare.run(piece, limit)
    after = ours.run(piece, limit)
    found = differences(before, after)
    slower = after.seconds / before.seconds
    print(f"{piece}: {before.summary()}; with autolog {slower:.2f} times as long, {after.runs} runs")
    for line in found:
        print(f"    {line}")
    print(flush=True)
    return len(found)


def main(arguments: Sequence[str]) -> int:
    """Compare the pieces that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pieces", nargs="*", default=PIECES, metavar="piece", help="what `pytest --pyargs` takes")
    parser.add_argument("--folder", type=Path, help="where the reports are kept; else they are removed")
    parser.add_argument("--limit", type=float, default=3600, help="seconds for a piece, each way (default %(default)s)")
    options = parser.parse_args(arguments)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="autolog-reports-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = sum(_compare(piece, folder.resolve(), options.limit) for piece in options.pieces)
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print("no difference" if not found else f"{found} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
