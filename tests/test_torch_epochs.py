"""The numbers of epochs: by the variable that counts them where the loop is, else by the passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import autolog
from autolog.testing import all_runs, only_run, series
from torch_parts import data, network, step

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("recording")


class Loop:
    """A model, and passes over the data that train it."""

    def __init__(self) -> None:
        self.model = network()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        self.epoch = 4

    def counted(self, loader: Any) -> None:
        self.epoch += 1
        for batch in loader:
            step(self.model, self.optimizer, *batch)


def run(loader: Any, model: Any, optimizer: Any) -> None:
    for batch in loader:
        step(model, optimizer, *batch)


def parts() -> tuple[Any, Any, Any]:
    model = network()
    return data(), model, torch.optim.SGD(model.parameters(), lr=0.01)


def by_a_for_loop() -> None:
    loader, model, optimizer = parts()
    for epoch in range(5, 8):  # noqa: B007 (looked at)
        run(loader, model, optimizer)


def by_a_while_loop() -> None:
    loader, model, optimizer = parts()
    epoch = 5
    while epoch < 8:
        run(loader, model, optimizer)
        epoch += 1


def by_an_argument() -> None:
    loader, model, optimizer = parts()

    def train(epoch: int) -> None:
        run(loader, model, optimizer)

    for number in range(5, 8):
        train(number)


def by_an_attribute() -> None:
    loop, loader = Loop(), data()
    for _ in range(3):
        loop.counted(loader)


def by_a_variable_outside() -> None:
    loader, model, optimizer = parts()
    epoch = 4

    def train() -> None:
        nonlocal epoch
        epoch += 1
        run(loader, model, optimizer)

    for _ in range(3):
        train()


def in_a_retry() -> None:
    loader, model, optimizer = parts()
    for epoch in range(5, 8):
        while True:
            try:
                run(loader, model, optimizer)
            except ValueError:
                continue
            if epoch:
                break


@pytest.mark.parametrize(
    "train", [by_a_for_loop, by_a_while_loop, by_an_argument, by_an_attribute, by_a_variable_outside, in_a_retry]
)
def test_a_variable_that_counts_is_the_number(train: Callable[[], None]) -> None:
    """From the first epoch on, whatever kind of loop sets it."""
    train()
    autolog.end_run()
    assert [number for number, _ in series(only_run(), "loss_epoch")] == [5, 6, 7]


def left_by_a_for_loop() -> Any:
    loader, model, optimizer = parts()
    for epoch in range(3):  # noqa: B007 (looked at)
        run(loader, model, optimizer)
    kept = model, optimizer
    loader, model, optimizer = parts()
    for _ in range(4):
        run(loader, model, optimizer)
    return kept


def left_within_a_sweep() -> Any:
    kept = []
    for _ in range(1):
        loader, model, optimizer = parts()
        for epoch in range(3):  # noqa: B007 (looked at)
            run(loader, model, optimizer)
        kept += [model, optimizer]
        loader, model, optimizer = parts()
        for _ in range(4):
            run(loader, model, optimizer)
    return kept


@pytest.mark.parametrize("train", [left_by_a_for_loop, left_within_a_sweep])
def test_a_variable_that_a_loop_left_behind_is_not_the_number(train: Callable[[], Any]) -> None:
    """The passes of the next loop are counted, from the first on."""
    kept = train()
    autolog.end_run()
    first, second = all_runs()
    assert [number for number, _ in series(first, "loss_epoch")] == [0, 1, 2]
    assert [number for number, _ in series(second, "loss_epoch")] == [0, 1, 2, 3]
    assert len(kept) == 2


def test_a_variable_that_is_set_once_is_not_the_number() -> None:
    """A loop that does not set it counts by itself."""
    loader, model, optimizer = parts()
    epoch = 3
    for _ in range(2):
        run(loader, model, optimizer)
    autolog.end_run()
    assert epoch == 3
    assert [number for number, _ in series(only_run(), "loss_epoch")] == [0, 1]


def test_passes_that_nobody_counts_go_on_from_those_that_are_counted() -> None:
    """So do numbers that begin again, as often as they do."""
    loader, model, optimizer = parts()
    for _ in range(3):
        for epoch in (1, 2):  # noqa: B007 (looked at)
            run(loader, model, optimizer)
    for _ in range(2):
        run(loader, model, optimizer)
    autolog.end_run()
    assert [number for number, _ in series(only_run(), "loss_epoch")] == [1, 2, 3, 4, 5, 6, 7, 8]
