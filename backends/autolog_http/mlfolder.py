"""A model's folder as MLflow has it: the model's files, what describes them, and what it takes to load them."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from autolog.store.run import Run
from autolog_http.flavors import Flavor
from autolog_http.signatures import signature

__all__ = ["Folder", "folder_files", "identity"]

_DISTRIBUTIONS: Final = {"sklearn": "scikit-learn", "skopt": "scikit-optimize", "PIL": "pillow", "yaml": "pyyaml"}
_ENVIRONMENT: Final = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}


def identity(run: Run, facts: Mapping[str, Any]) -> str:
    """Give what tells a model from all others."""
    parts = (run.run_id, facts.get("name"), facts.get("sha256"))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


Folder: TypeAlias = "Callable[..., dict[str, Path | bytes]]"
"""Gives a folder's files by their path in it, told what the server knows the model by."""


def folder_files(run: Run, facts: Mapping[str, Any], flavor: Flavor, source: Path) -> Folder:
    """Give a model's folder.

    Args:
        run: the model's.
        facts: of the model, as recorded.
        flavor: how MLflow reads it.
        source: its file, as recorded; an example may lie beside it.
    """
    python = str(run.environment.get("python_version", ""))
    example = _example(source.with_name("input_example.json"))
    described = {
        **_described(run, facts, flavor, python),
        **({"saved_input_example_info": _EXAMPLE} if example else {}),
    }
    files: dict[str, Path | bytes] = {**flavor.files, **example, **_needs(facts, flavor, python)}
    return lambda **known: {**files, "MLmodel": _json({**described, **known})}


def _described(run: Run, facts: Mapping[str, Any], flavor: Flavor, python: str) -> dict[str, Any]:
    function = {"loader_module": f"mlflow.{flavor.name}", "python_version": python, "env": _ENVIRONMENT}
    made = run.start_time or datetime.datetime(1970, 1, 1)
    return {
        "artifact_path": str(facts.get("name")),
        "flavors": {"python_function": {**function, **flavor.function}, flavor.name: dict(flavor.entries)},
        "model_size_bytes": facts.get("size"),
        "model_uuid": identity(run, facts),
        "signature": signature(run.signature),
        "utc_time_created": made.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }


# ---- what it takes


def _needs(facts: Mapping[str, Any], flavor: Flavor, python: str) -> dict[str, bytes]:
    versions = {**(facts.get("modules") or {}), **flavor.needs}
    pins = [
        "mlflow",
        *(_pin(str(name), str(version)) for name, version in sorted(versions.items()) if _is_known(name, version)),
    ]
    lines = "".join(f"{pin}\n" for pin in pins)
    build = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    conda = [*([f"python={python}"] if python else []), "pip", {"pip": pins}]
    return {
        "requirements.txt": lines.encode(),
        "python_env.yaml": _json(build),
        "conda.yaml": _json({"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": conda}),
    }


def _is_known(name: object, version: object) -> bool:
    """Say whether a module is one to install: one of the user's own has no version."""
    return bool(version) or name in _DISTRIBUTIONS


def _pin(module: str, version: str) -> str:
    name = _DISTRIBUTIONS.get(module, module)
    return f"{name}=={version.partition('+')[0]}" if version else name


# ---- an example

_EXAMPLE: Final = {
    "artifact_path": "input_example.json",
    "type": "dataframe",
    "pandas_orient": "split",
    "serving_input_path": "serving_input_example.json",
}


def _example(source: Path) -> dict[str, Path | bytes]:
    """Give the example that was recorded beside the model, and the same as a server of models takes it."""
    try:
        rows = json.loads(source.read_bytes())
    except (OSError, ValueError):
        return {}
    return {"input_example.json": source, "serving_input_example.json": _json({"dataframe_split": rows})}


def _json(value: Any) -> bytes:
    """Give JSON, which is YAML as well."""
    return json.dumps(value, indent=2).encode("ascii")
