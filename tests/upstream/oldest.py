"""Runs autolog's own tests of frameworks against the oldest versions that are supported, in an environment it makes.

    python tests/upstream/oldest.py                          all of them
    python tests/upstream/oldest.py -x tests/test_joblib.py  what pytest takes
    python tests/upstream/oldest.py --venv folder            keep the environment, and use it again

The default test command runs them against what is installed, which is the newest where autolog was installed anew.
It needs Python 3.11 or older, for which the old versions have wheels. The exit status is pytest's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
OLDEST = (  # the lower ends of the extras' ranges, as far as they go together
    "scikit-learn==1.3.2",
    "joblib==1.2.*",
    "xgboost==2.0.*",
    "lightgbm==4.0.*",
    "numpy==1.23.*",
    "pandas==1.5.*",
    "scipy==1.9.*",
    "pyarrow==12.*",
    "polars==0.20.*",
)
TOOLS = ("pytest", "hypothesis", "cloudpickle", "matplotlib<3.9", "pyparsing<3.3", "pyte", "threadpoolctl")

CONCERNED = (
    "test_boosting.py",
    "test_lightgbm.py",
    "test_sklearn_*.py",
    "test_xgboost.py",
    "test_predictions.py",
    "test_candidates.py",
    "test_progress.py",
    "test_faults.py",
    "test_joblib.py",
    "test_own_code.py",
    "test_patching*.py",
)


def _tests() -> list[str]:
    return [str(path) for pattern in CONCERNED for path in sorted((ROOT / "tests").glob(pattern))]


def _environment(folder: Path) -> Path:
    """Make the environment where there is none yet, and give its Python."""
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *OLDEST, *TOOLS, "-e", ROOT], check=True)
    return python


def main(arguments: Sequence[str]) -> int:
    """Run the tests that are named, or all that concern those frameworks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, help="where the environment is kept; else it is removed")
    options, wanted = parser.parse_known_args(arguments)
    names_tests = any((ROOT / each.partition("::")[0]).exists() for each in wanted)
    with tempfile.TemporaryDirectory(prefix="autolog-oldest-") as folder:
        python = _environment((options.venv or Path(folder, "venv")).resolve())
        command = [python, "-m", "pytest", "-p", "no:cacheprovider", *wanted, *([] if names_tests else _tests())]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
