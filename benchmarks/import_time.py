"""What `import autolog` and the first `enable()` cost a program that uses no framework."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from measuring import ENVIRONMENT, Figure, difference, folder, in_turn, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_ENABLE = """
import time, autolog
began = time.perf_counter()
autolog.enable(silent=True)
print((time.perf_counter() - began) * 1000)
"""
_TIMES = 21


def _milliseconds(source: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", source], env=ENVIRONMENT, check=True)
    return (time.perf_counter() - began) * 1000


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Compare whole processes; `enable()` is timed within one."""
    _milliseconds("import autolog")  # writes the bytecode
    sources = {"bare": "pass", "autolog": "import autolog"}
    found = in_turn({name: partial(_milliseconds, source) for name, source in sources.items()}, _TIMES)
    bare = f"bare Python {median(found['bare']):.1f} ms"
    yield Figure("import autolog, over bare Python", difference(found["autolog"], found["bare"]), "ms", 50, 25, bare)
    with folder() as here:
        enabled = median(program(_ENABLE, cwd=here) for _ in range(_TIMES))
    yield Figure("enable(), no framework loaded", enabled, "ms", 20, 5)


if __name__ == "__main__":
    main(measure)
