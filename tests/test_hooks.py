"""The hooks: the example of docs/writing-a-plugin.md runs, and each implementation is called on its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autolog
from autolog.hookspecs import DataDescription
from autolog.loading.hooks import Hooks
from pages import ROOT, files

WRITTEN = files(ROOT / "docs" / "writing-a-plugin.md")


def module(name: str, text: str) -> ModuleType:
    made = ModuleType(name)
    exec(text, vars(made))
    return made


@pytest.fixture
def tinyboost() -> Iterator[ModuleType]:
    made = sys.modules["tinyboost"] = module("tinyboost", WRITTEN["tinyboost.py"])
    yield made
    del sys.modules["tinyboost"]


def test_the_documented_plugin_works(store: Path, tinyboost: Any) -> None:
    """The page's plugin records params, data, series, errors and the model, which loads again."""
    autolog.enable(backend=store, silent=True)
    autolog.register(module("autolog_tinyboost", WRITTEN["autolog_tinyboost.py"]), "tinyboost")
    rows = [[1, 2], [3, 4]]
    model = tinyboost.Booster(depth=5).train(rows, rounds=3)
    with pytest.raises(ValueError, match="rounds"):
        tinyboost.Booster().train(rows, rounds=-1)
    good, bad = sorted(autolog.search_runs(output_format="list"), key=lambda run: run.params["rounds"], reverse=True)
    assert (good.params, good.status, good.notes) == ({"rounds": 3, "depth": 5}, "FINISHED", [])
    assert [value for _, value, _ in good.history("loss")] == model.history
    assert [(each["name"], each["context"]) for each in good.inputs] == [("rows", "train")]
    assert (bad.status, bad.error["type"], bad.models) == ("FAILED", "builtins.ValueError", [])
    again = autolog.load_model(f"runs:/{good.run_id}/model")
    assert again.history == model.history


class Describes:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    @autolog.hookimpl
    def autolog_describe_data(self) -> Any:
        """It takes fewer arguments than the hook has."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Notes(list[str]):
    def note(self, text: str) -> None:
        self.append(text)


@pytest.mark.autolog_swallows
def test_an_implementation_that_raises_leaves_the_answer_to_the_others() -> None:
    """The last registered is asked first; one that fails, or knows nothing, is passed over, and the run has a note."""
    found = DataDescription("made.Up", (1,))
    hooks, notes = Hooks(), Notes()
    for number, answer in enumerate([DataDescription("never.Asked", (2,)), found, None, RuntimeError("no")]):
        hooks.register(Describes(answer), f"p{number}")  # type: ignore[arg-type]
    assert hooks.describe_data(object(), notes) is found
    assert [note.partition(" failed")[0] for note in notes] == ["hooks.describe_data"]
    assert "RuntimeError: no" in notes[0]


@pytest.mark.autolog_swallows
def test_a_hook_that_answers_with_the_wrong_type_has_said_nothing() -> None:
    """What is no description is not taken for one, and the run is told which plugin gave it."""
    hooks, notes = Hooks(), Notes()
    hooks.register(Describes("a text"), "p")  # type: ignore[arg-type]
    assert hooks.describe_data(object(), notes) is None
    assert "plugin 'p' gave a str" in notes[0]


def test_a_plugin_that_was_taken_out_is_asked_no_more() -> None:
    """Neither is one whose hooks the contract lacks: nothing of it stays registered."""
    hooks, plugin = Hooks(), Describes(DataDescription("made.Up", (1,)))
    hooks.register(plugin, "p")  # type: ignore[arg-type]
    hooks.unregister(plugin)  # type: ignore[arg-type]
    assert hooks.describe_data(object()) is None

    class Wrong(Describes):
        @autolog.hookimpl
        def autolog_no_such_hook(self) -> None: ...

    with pytest.raises(Exception, match="autolog_no_such_hook"):
        hooks.register(Wrong(DataDescription("made.Up", (1,))), "wrong")  # type: ignore[arg-type]
    assert hooks.describe_data(object()) is None


def test_a_module_that_serves_two_schemes_is_asked_once() -> None:
    """Two entry points may name one module, as `http` and `https` do: it is registered under the first."""
    hooks = Hooks()
    text = "import autolog\n@autolog.hookimpl\ndef autolog_open_store(uri):\n    return uri\n"
    backend = module("serves_two", text)
    for name in ("one", "two"):
        hooks.register(backend, name)
        assert hooks.open_store(backend, name) == name
    assert len(list(hooks._implementations("autolog_open_store"))) == 1


class Loop:
    """What one plugin knows from outside, and another from inside."""

    def fit(self) -> None:
        self.step()

    def step(self) -> None:
        """Do nothing."""


def named(name: str, method: str, handler: Any, **hooks: Any) -> ModuleType:
    """A plugin with a handler around a method of `Loop`."""
    made = ModuleType(name)
    patches = {"autolog_patches": lambda patches: patches.method(Loop, method, handler, nested=True)}
    vars(made).update({hook: autolog.hookimpl(function) for hook, function in {**patches, **hooks}.items()})
    return made


@pytest.mark.parametrize("drives", [True, False])
def test_a_plugin_is_silent_inside_the_calls_of_one_that_drives_it(store: Path, drives: bool) -> None:
    """Also of one that is loaded later, which it need not know of; outside of these calls it is asked as ever."""
    asked: list[str] = []

    def on_step(call: Any) -> Iterator[None]:
        asked.append(call.name)
        yield None

    def on_fit(call: Any) -> Iterator[None]:
        assert call.start_run("fit") is not None
        yield None

    autolog.enable(backend=store, silent=True)
    autolog.register(named("driven", "step", on_step))
    autolog.register(named("driver", "fit", on_fit, autolog_drives=lambda: ("driven",) if drives else ()))
    Loop().fit()
    assert asked == ([] if drives else ["step"])
    Loop().step()
    assert asked[-1] == "step"
