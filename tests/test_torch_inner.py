"""Loops within loops, optimizers within optimizers, and more of them than a run has room for."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import pytest

import autolog
from autolog.testing import all_runs, only_run, series
from torch_parts import data, network, step

torch = pytest.importorskip("torch")
nn = torch.nn
beginnings = importlib.import_module("autolog_torch.beginnings")
pytestmark = pytest.mark.usefixtures("recording")


def adapt(model: Any, losses: list[float]) -> Any:
    """Train a copy of a model for two steps."""
    fast = copy.deepcopy(model)
    inner = torch.optim.SGD(fast.parameters(), lr=0.01)
    losses += [step(fast, inner, *batch) for batch in data(rows=20)]
    return fast


def test_the_inner_loops_of_something_are_a_bounded_number_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """From some number on one run has all of their losses and epochs, and a note says so; what follows has its own."""
    monkeypatch.setattr(beginnings, "_MOST_SHORT", 3)
    with autolog.start_run():
        adapt(network(), [])  # and is gone: an optimizer that an earlier test holds is not the last one now
    losses: list[float] = []
    model = network()
    for _ in range(10):
        adapt(model, losses)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    last = [step(model, optimizer, *batch) for batch in data()]
    autolog.end_run()
    _, *runs = all_runs()
    assert [[value for _, value in series(run, "loss")] for run in runs] == [
        losses[:2],
        losses[2:4],
        losses[4:6],
        losses[6:],
        last,
    ]
    assert [number for number, _ in series(runs[3], "loss_epoch")] == list(range(7))
    assert [len(run.models) for run in runs] == [1, 1, 1, 0, 1]
    assert [bool(run.notes) for run in runs] == [False, False, False, True, False]


def test_short_trainings_in_explicit_runs_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says which run is which is believed, however many there are."""
    monkeypatch.setattr(beginnings, "_MOST_SHORT", 3)
    losses: list[list[float]] = []
    for _ in range(6):
        losses.append([])
        with autolog.start_run():
            adapt(network(), losses[-1])
    assert [[value for _, value in series(run, "loss")] for run in all_runs()] == losses


def test_an_optimizer_for_each_step_has_a_bounded_number_of_params() -> None:
    """The rates of all of them are in the series."""
    model = network()
    for number, batch in enumerate(batch for _ in range(10) for batch in data()):
        step(model, torch.optim.SGD(model.parameters(), lr=0.01 * 0.9**number), *batch)
    autolog.end_run()
    run = only_run()
    phases = {name.split(".")[1] for name in run.params if name.startswith("optimizer.phase")}
    assert len(phases) == 15
    assert len(series(run, "lr")) == 40
    assert run.notes == ["of the optimizers of the same parameters the settings of the first 16 are params"]


def test_many_groups_have_a_bounded_number_of_params_and_series() -> None:
    """What all of them have in common is told, and how many they are."""
    parameters = [nn.Parameter(torch.ones(2)) for _ in range(50)]
    groups = [{"params": [each], "lr": 0.001 * number} for number, each in enumerate(parameters)]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        loss = sum(each.pow(2).sum() for each in parameters)
        loss.backward()
        optimizer.step()
    autolog.end_run()
    run = only_run()
    assert len([name for name in run.params if name.startswith("optimizer.group")]) == 17  # and how many there are
    assert (run.params["optimizer.groups"], run.params["optimizer.momentum"]) == (50, 0.5)
    assert len([name for name in run.metrics if name.startswith("lr_group")]) == 16
    assert run.notes == ["of an optimizer's groups the settings and rates of the first 16 are recorded"]


class Lookahead(torch.optim.Optimizer):  # type: ignore[misc]
    """Steps by another optimizer of the same parameters."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner.param_groups, {})
        self.inner = inner
        self.param_groups = inner.param_groups

    def step(self, closure: Any = None) -> Any:
        return self.inner.step(closure)


@pytest.mark.parametrize("with_closure", [False, True])
def test_a_step_within_another_optimizers_step_is_not_counted_again(with_closure: bool) -> None:
    """The outer one is the run's optimizer, and each of its steps has its loss."""
    model, told = network(), []
    optimizer = Lookahead(torch.optim.SGD(model.parameters(), lr=0.01))
    for inputs, targets in data():

        def closure(inputs: Any = inputs, targets: Any = targets) -> Any:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            return loss

        told.append(optimizer.step(closure).item() if with_closure else step(model, optimizer, inputs, targets))
    autolog.end_run()
    run = only_run()
    assert series(run, "loss") == list(enumerate(told))
    assert (run.params["optimizer"], run.params["steps"]) == ("Lookahead", 4)


class Sharp(torch.optim.SGD):  # type: ignore[misc,name-defined]
    """Looks at the gradients at another point before it steps, which its user computes."""

    def look(self) -> None:
        with torch.no_grad():
            for each in self.param_groups[0]["params"]:
                each.add_(each.grad, alpha=0.01)
        self.zero_grad()


def test_gradients_that_an_optimizer_has_used_are_not_thrown_away() -> None:
    """Both losses of a step that looks ahead are its losses."""
    model, told = network(), []
    optimizer = Sharp(model.parameters(), lr=0.01)
    for inputs, targets in data():
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.look()
        ahead = nn.functional.mse_loss(model(inputs), targets)
        ahead.backward()
        optimizer.step()
        optimizer.zero_grad()
        told.append((loss.item(), ahead.item()))
    autolog.end_run()
    run = only_run()
    found = [[value for _, value in series(run, name)] for name in ("loss", "ahead")]
    assert list(zip(*found, strict=True)) == told
    assert run.notes == []
