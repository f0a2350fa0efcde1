"""Runs a contract's training in a process of its own, recorded or not, and writes down what that process sees.

Usage: python -m autolog.testing.program FILE CLASS plain|early|late PACKAGE OUT RUNS
(early: recorded from the start; late: from when the framework was imported)
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import multiprocessing
import random
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import autolog
from autolog.testing.world import fingerprint, snapshot

if TYPE_CHECKING:
    from autolog.testing.plugins import PluginContract

__all__ = ["variables"]

_PATIENCE: Final = 60.0  # seconds for a child that hangs


def variables(made: object) -> Mapping[str, Any]:
    """Give what a training made, by name; of `locals()`, what is the training's own."""
    named = made if isinstance(made, dict) else {"made": made}
    return {name: value for name, value in named.items() if name != "self"}


def _main(file: str, name: str, mode: str, package: str, out: str, runs: str) -> None:
    contract = _contract(file, name)
    seen: dict[str, Any] = {"before": _present(contract.plugin, package)}
    if mode != "early":
        importlib.import_module(contract.plugin)
    modules = set(sys.modules)
    if mode != "plain":
        autolog.enable(backend=runs)
    seen["after"] = _present(contract.plugin, package)
    seen["brought in"] = sorted(_foreign(set(sys.modules) - modules))
    importlib.import_module(contract.plugin)
    is_seeded = _seed()
    seen["world"] = snapshot(variables(contract.train()))
    seen["world"]["modules"] = [
        name for name in seen["world"]["modules"] if _top(name) not in {package, *contract.brings}
    ]
    if not is_seeded:
        seen["world"].pop("numpy random", None)  # which came with the training, and begins anywhere
    seen["fork"] = _in_fork(lambda: _fingerprints(contract.train())) if contract.forks else None
    Path(out).write_text(json.dumps(seen), "utf-8")


def _seed() -> bool:
    """Have random numbers begin at the same place; say whether numpy's do."""
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)
    return numpy is not None


def _contract(file: str, name: str) -> PluginContract:
    spec = importlib.util.spec_from_file_location("contract_under_test", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no module")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    return cast("PluginContract", found())


def _present(*names: str) -> list[str]:
    return [name for name in names if name in sys.modules]


def _foreign(modules: Iterable[str]) -> set[str]:
    """Leave out the standard library, autolog, and the libraries that it is made with."""
    ours = {"autolog", "autolog_files", "pluggy", "wrapt", "packaging", "platformdirs", "_distutils_hack"}
    return {name for name in modules if _top(name) not in ours | sys.stdlib_module_names}


def _top(module: str) -> str:
    return module.partition(".")[0]


def _fingerprints(made: object) -> dict[str, str]:
    return {name: fingerprint(value) for name, value in variables(made).items()}


def _in_fork(work: Callable[[], dict[str, str]]) -> dict[str, Any]:
    """Do some work in a forked child; say how that ended."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(work()))
    child.start()
    sender.close()
    made = _received(receiver)
    child.join(_PATIENCE)
    child.kill()
    return {"made": made, "exit code": child.exitcode}


def _received(receiver: Any) -> object:
    try:
        return receiver.recv() if receiver.poll(_PATIENCE) else "it hangs"
    except EOFError:
        return "it died"


if __name__ == "__main__":
    _main(*sys.argv[1:])
