"""Runs benchmarks: `python benchmarks/run.py [name…] [--mlflow PYTHON]`; all of them where none is named."""

from __future__ import annotations

import argparse
import importlib

__all__ = ["NAMES"]

NAMES = (
    "import_time",
    "enable_sklearn",
    "log_metric",
    "points",
    "fit",
    "boosting",
    "torch_loop",
    "search",
    "kill",
    "inner_calls",
    "many_fits",
    "search_to_server",
    "outages",
    "object_store",
    "reading",
    "reading_bucket",
)


def main() -> None:
    """Print a line a figure: its name, the value, the bar, what to reach for, and what stands behind it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--mlflow", metavar="PYTHON", help="the interpreter of an environment with MLflow")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    for name in options.names or NAMES:
        for figure in importlib.import_module(name).measure(options.mlflow):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
