"""Runs plain programs, recorded or not, and writes down all that a program could notice of the process after each.

Usage: python observe.py OUT plain|early|late PROGRAM...    (early: recorded from the start; late: after the imports)
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import runpy
import sys
import types
from pathlib import Path
from typing import Any

__all__: list[str] = []


def run(program: Path) -> types.ModuleType:
    """Run a program as `python program.py` would, and give its `__main__`."""
    main = types.ModuleType("__main__")
    main.__file__ = str(program)
    sys.modules["__main__"] = main
    exec(compile(program.read_text(), str(program), "exec"), vars(main))
    return main


def results(main: types.ModuleType) -> dict[str, Any]:
    """The variables that the program made."""
    kinds = (types.ModuleType, type, types.FunctionType)
    return {name: value for name, value in vars(main).items() if name[0] != "_" and not isinstance(value, kinds)}


def looker() -> Any:
    """The kit's eye, taken from its file: without autolog no module of it is imported."""
    (folder,) = importlib.util.find_spec("autolog").submodule_search_locations
    return runpy.run_path(str(Path(folder, "testing", "world.py")))["snapshot"]


def main() -> None:
    """Run the programs and write the snapshots."""
    out, mode, *programs = sys.argv[1:]
    here, snapshot = Path(__file__).parent, looker()
    random.seed(0)
    if mode != "early":
        importlib.import_module("joblib")
        importlib.import_module("sklearn")
    if mode != "plain":
        import autolog

        autolog.enable(backend=str(Path(out).with_suffix(".runs")))
        early = {"numpy", "scipy", "pandas", "polars", "pyarrow", "joblib", "sklearn"} & set(sys.modules)
        assert mode == "late" or not early, early
    seen = {}
    for program in programs:
        print(f"== {program}", flush=True)
        print(f"== {program}", flush=True, file=sys.stderr)
        seen[program] = snapshot(results(run(here / f"{program}.py")))
        Path(out).write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
