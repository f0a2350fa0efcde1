"""What our models are in MLflow's words: the flavors of each format, and the files that these read."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from autolog.values import revive
from autolog_http import pickled

__all__ = ["Flavor", "flavor_of"]

_LOADER: Final = Path(__file__).with_name("shipped") / "autolog_module_loader.py"
_BOOSTER: Final = "lightgbm.basic.Booster"


@dataclass(frozen=True)
class Flavor:
    """How MLflow reads a model.

    Args:
        name: the flavor's, which is the last part of the module that reads it.
        entries: the flavor's own.
        function: those of `python_function` but for its environment.
        files: by their path in the model's folder.
        needs: modules beside those that the model was saved with.
    """

    name: str
    entries: Mapping[str, Any]
    function: Mapping[str, Any]
    files: Mapping[str, Path]
    needs: Mapping[str, str] = field(default_factory=dict)


def flavor_of(facts: Mapping[str, Any], source: Path, place: Path) -> Flavor | None:
    """Give a model's flavor; None for a format that MLflow has none for.

    Args:
        facts: of the model, as recorded.
        source: its file.
        place: a folder for files that have to be made.
    """
    make = _FORMATS.get(str(facts.get("format")))
    return make(facts, source, place) if make is not None else None


def _version(facts: Mapping[str, Any], module: str) -> str:
    return str((facts.get("modules") or {}).get(module, ""))


def _sklearn(facts: Mapping[str, Any], source: Path, serialization: Mapping[str, Any]) -> Flavor:
    path = f"model{source.suffix}"
    version = _version(facts, "sklearn")
    entries = {"pickled_model": path, "sklearn_version": version, "code": None, **serialization}
    return Flavor("sklearn", entries, {"model_path": path, "predict_fn": "predict"}, {path: source})


def _pickle(facts: Mapping[str, Any], source: Path, place: Path) -> Flavor:
    return _sklearn(facts, source, {"serialization_format": "pickle"})


def _skops(facts: Mapping[str, Any], source: Path, place: Path) -> Flavor:
    return _sklearn(facts, source, {"serialization_format": "skops", "skops_trusted_types": _types_in(source)})


def _types_in(source: Path) -> list[str]:
    """Give the full names of all types in a skops file: whoever loads a model by MLflow trusts it whole."""
    with zipfile.ZipFile(source) as archive:
        waiting: list[Any] = [json.loads(archive.read("schema.json"))]
    found = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found.add(f"{part.get('__module__')}.{part.get('__class__')}")
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return sorted(found - {"None.None"})


def _xgboost(facts: Mapping[str, Any], source: Path, place: Path) -> Flavor:
    path = "model.ubj"
    version, kind = _version(facts, "xgboost"), str(facts.get("model_class"))
    entries = {"data": path, "model_class": kind, "model_format": "ubj", "xgb_version": version, "code": None}
    return Flavor("xgboost", entries, {"data": path}, {path: source})


def _lightgbm(facts: Mapping[str, Any], source: Path, place: Path) -> Flavor:
    kind = str(facts.get("model_class"))
    entries = {"lgb_version": _version(facts, "lightgbm"), "model_class": kind, "code": None}
    if kind == _BOOSTER:
        return Flavor("lightgbm", {**entries, "data": "model.lgb"}, {"data": "model.lgb"}, {"model.lgb": source})
    made = place / "model.pkl"
    made.write_bytes(_lightgbm_estimator(kind, revive(facts.get("state") or {}), source.read_text("utf-8")))
    entries |= {"data": made.name, "serialization_format": "pickle"}
    return Flavor("lightgbm", entries, {"data": made.name}, {made.name: made}, {"sklearn": ""})


def _lightgbm_estimator(kind: str, state: Mapping[str, Any], text: str) -> bytes:
    """Pickle an estimator around the booster of a text, with its params and what its fit set."""
    none = pickled.value(None)
    attributes = {name: pickled.value(each) for name, each in {**state["params"], **state["fitted"]}.items()}
    attributes["_Booster"] = pickled.call(_BOOSTER, none, none, none, pickled.value(text))
    attributes["fitted_"] = pickled.value(True)
    if state.get("has_own_objective"):  # that there was one tells what a prediction is
        attributes["_objective"] = attributes["objective"] = pickled.named("builtins.NotImplementedError")
    if "classes" in state:
        classes = pickled.call("numpy.array", pickled.value(state["classes"]), pickled.value(state["dtype"]))
        attributes["_classes"] = classes
        encoder = pickled.call("sklearn.preprocessing.LabelEncoder")
        attributes["_le"] = pickled.with_attribute(encoder, "classes_", classes)
    return pickled.START + pickled.with_state(pickled.call(kind), attributes) + pickled.END


def _torch(facts: Mapping[str, Any], source: Path, place: Path) -> Flavor | None:
    """Give a module as what `torch.save` would write of an object that our loader makes of its file's bytes."""
    if not facts.get("runs_code"):  # it is weights without a structure
        return None
    info = place / "pickle_module_info.txt"
    info.write_text("mlflow.pytorch.pickle_module")
    files = {"data/model.pth": _archive(source, place / "model.pth"), f"data/{info.name}": info}
    entries = {"model_data": "data", "pytorch_version": _version(facts, "torch"), "code": "code"}
    function = {"data": "data", "pickle_module_name": info.read_text(), "code": "code"}
    return Flavor("pytorch", entries, function, {**files, f"code/{_LOADER.name}": _LOADER})


def _archive(source: Path, target: Path) -> Path:
    size = source.stat().st_size
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("model/version", "3\n")
        with archive.open("model/data.pkl", "w", force_zip64=size >= 1 << 31) as out, source.open("rb") as file:
            out.write(pickled.START + pickled.named(f"{_LOADER.stem}.rebuild") + pickled.bytes_head(size))
            shutil.copyfileobj(file, out, 1 << 20)
            out.write(pickled.CALL_WITH_ONE + pickled.END)
    return target


_FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any], Path, Path], Flavor | None]]] = {
    "pickle": _pickle,
    "skops": _skops,
    "xgboost-ubj": _xgboost,
    "lightgbm-text": _lightgbm,
    "torch-safetensors": _torch,
}
