"""Which losses are of which step: what waits, what is another's, what was divided, and what no step follows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import autolog
from autolog.testing import all_runs, only_run, series
from torch_parts import data, network, step

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.usefixtures("recording")


def values(key: str) -> list[float]:
    """Give the values of a series of the one run, which ends."""
    autolog.end_run()
    return [value for _, value in series(only_run(), key)]


def optimizer_of(model: Any) -> Any:
    return torch.optim.SGD(model.parameters(), lr=0.01)


# ---- steps that are not made


@pytest.mark.parametrize("bad", [{0}, {2}, {5, 6}, {90}])
def test_a_loss_whose_step_is_skipped_is_no_part_of_the_next(bad: set[int]) -> None:
    """Neither is the norm of its gradients, and a note says so."""
    model, told, norms = network(), [], []
    optimizer = optimizer_of(model)
    for number, (inputs, targets) in enumerate(batch for _ in range(25) for batch in data()):
        loss = F.mse_loss(model(inputs), targets) * (float("nan") if number in bad else 1)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if not torch.isfinite(norm):
            continue
        optimizer.step()
        told.append(loss.item())
        norms.append(norm.item())
    assert values("loss") == told
    assert [value for _, value in series(only_run(), "grad_norm")] == norms
    assert only_run().notes == ["losses from which no step followed are in no series"]


def test_accumulation_with_a_skipped_window() -> None:
    """What was accumulated before gradients are thrown away is no part of the next window."""
    model, told = network(), []
    optimizer = optimizer_of(model)
    for number, (inputs, targets) in enumerate(data(rows=80)):
        loss = F.mse_loss(model(inputs), targets)
        told.append(loss.item())
        (loss / 2).backward()
        if number == 2:
            optimizer.zero_grad()
        elif number % 2:
            optimizer.step()
            optimizer.zero_grad()
    assert values("loss") == pytest.approx(
        [(told[0] + told[1]) / 2, told[3], *[sum(told[n : n + 2]) / 2 for n in (4, 6)]]
    )


def test_losses_of_several_heads_at_one_place_all_belong_to_the_step() -> None:
    """A head without a gradient yet does not say that those of the others were thrown away."""
    trunk, heads, told = nn.Linear(4, 4), [nn.Linear(4, 1) for _ in range(3)], []
    optimizer = optimizer_of(nn.ModuleList([trunk, *heads]))
    for inputs, targets in (batch for _ in range(20) for batch in data()):
        optimizer.zero_grad()
        hidden = trunk(inputs)
        losses = [F.mse_loss(head(hidden), targets) for head in heads]
        for loss in losses:
            loss.backward(retain_graph=True)
        optimizer.step()
        told.append(sum(each.item() for each in losses) / 3)
    assert values("loss") == pytest.approx(told, rel=1e-12)
    assert only_run().notes == []


# ---- whose a loss is


@pytest.mark.parametrize("in_turn", [False, True])
def test_losses_of_two_optimizers_that_wait_together_are_told_apart(in_turn: bool) -> None:
    """Both are computed before either steps, at one place of the program, and in whatever order they step."""
    models = [network(), network()]
    optimizers = [optimizer_of(each) for each in models]
    told: list[list[float]] = [[], []]

    def compute(loss: Any) -> float:
        loss.backward()
        return float(loss.item())

    for number, (inputs, targets) in enumerate(data(rows=80)):
        for model, optimizer, losses in zip(models, optimizers, told, strict=True):
            optimizer.zero_grad()
            losses.append(compute(F.mse_loss(model(inputs), targets + len(told[0]))))
        for optimizer in reversed(optimizers) if in_turn and number % 2 else optimizers:
            optimizer.step()
    assert values("loss") == told[0]
    assert [value for _, value in series(only_run(), "optimizer_loss")] == told[1]


def test_tasks_that_train_in_turn_keep_their_losses() -> None:
    """Each has its own explicit run, and there what it computed."""
    told: dict[str, list[float]] = {"one": [], "two": []}

    async def work(name: str, scale: float) -> None:
        with autolog.start_run(run_name=name):
            model = network()
            optimizer = optimizer_of(model)
            for inputs, targets in data():
                loss = scale * F.mse_loss(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                await asyncio.sleep(0)
                optimizer.step()
                told[name].append(loss.item())

    async def both() -> None:
        await asyncio.gather(work("one", 1.0), work("two", 100.0))

    asyncio.run(both())
    found = {run.run_name: [value for _, value in series(run, "loss")] for run in all_runs()}
    assert found == told


def test_generators_that_train_in_turn_keep_their_losses() -> None:
    """A step takes the loss of its own model, which another's followed meanwhile."""
    told: list[list[float]] = [[], []]

    def work(losses: list[float]) -> Any:
        model = network()
        optimizer = optimizer_of(model)
        for inputs, targets in list(data()):
            optimizer.zero_grad()
            loss = F.mse_loss(model(inputs), targets)
            loss.backward()
            losses.append(loss.item())
            yield
            optimizer.step()

    for _ in zip(*map(work, told), strict=True):
        pass
    assert values("loss") == told[0]
    assert [value for _, value in series(only_run(), "optimizer_loss")] == told[1]


def test_a_generators_loss_goes_through_the_critic_and_is_its_own() -> None:
    """A step takes a loss of which only the other's parameters are looked at, where no other waits."""
    generator, critic = nn.Linear(4, 4), network()
    slow, fast = optimizer_of(generator), optimizer_of(critic)
    told: list[list[float]] = [[], []]
    for inputs, _ in data(rows=60):
        loss_critic = critic(generator(inputs).detach()).mean() - critic(inputs).mean()
        fast.zero_grad()
        loss_critic.backward()
        fast.step()
        loss_generator = -critic(generator(inputs)).mean()
        slow.zero_grad()
        loss_generator.backward()
        slow.step()
        told[0].append(loss_critic.item())
        told[1].append(loss_generator.item())
    assert values("loss_critic") == told[0]
    assert [value for _, value in series(only_run(), "loss_generator")] == told[1]


# ---- what was divided


def test_halves_of_a_sum_are_as_the_script_has_them() -> None:
    """Two losses at two places that are halved are not accumulated, and neither is the other optimizer's."""
    generator, critic = nn.Linear(4, 4), network()
    slow, fast = optimizer_of(generator), optimizer_of(critic)
    told = []
    for inputs, _ in data():
        real = F.softplus(-critic(inputs)).mean() / 2
        fake = F.softplus(critic(generator(inputs).detach())).mean() / 2
        fast.zero_grad()
        real.backward()
        fake.backward()
        fast.step()
        out = critic(generator(inputs))
        both = (F.softplus(-out).mean() + out.pow(2).mean()) / 2
        slow.zero_grad()
        both.backward()
        slow.step()
        told.append((real.item(), fake.item(), both.item()))
    found = [values("real"), *([value for _, value in series(only_run(), name)] for name in ("fake", "both"))]
    assert list(zip(*found, strict=True)) == told
    assert "accumulated_batches" not in only_run().params


def test_one_of_two_optimizers_accumulates() -> None:
    """Its losses are undivided, and the other's are not, which halves its own for another reason."""
    models = [network(), network()]
    slow, fast = (optimizer_of(each) for each in models)
    told: list[list[float]] = [[], []]
    for number, (inputs, targets) in enumerate(data(rows=80)):
        loss = F.mse_loss(models[0](inputs), targets)
        told[0].append(loss.item())
        loss = loss / 2
        loss.backward()
        if number % 2:
            slow.step()
            slow.zero_grad()
        half = F.mse_loss(models[1](inputs), targets)
        half = half / 2
        fast.zero_grad()
        half.backward()
        fast.step()
        told[1].append(half.item())
    assert values("loss") == [sum(told[0][at : at + 2]) / 2 for at in (0, 2, 4, 6)]
    assert [value for _, value in series(only_run(), "half")] == told[1]


# ---- steps after a pass


def test_one_step_after_each_pass_follows_from_all_of_its_losses() -> None:
    """Gradients of the whole data: a step has the mean over the batches, and so has the epoch."""
    model, told = network(), []
    optimizer = optimizer_of(model)
    for _ in range(3):
        losses = []
        optimizer.zero_grad()
        for inputs, targets in data():
            loss = F.mse_loss(model(inputs), targets)
            loss.backward()
            losses.append(loss.item())
        optimizer.step()
        told.append(sum(losses) / 4)
    assert values("loss") == told
    run = only_run()
    assert series(run, "loss_epoch") == list(enumerate(told))
    assert (run.params["steps"], run.params["batch_size"], run.notes) == (3, 10, [])


def test_updates_by_hand_over_a_loader_are_a_step_each() -> None:
    """Where no optimizer ever steps, each loss is one, in each of the passes."""
    weights = nn.Parameter(torch.zeros(4, 1))
    told: list[list[float]] = []
    for _ in range(3):
        told.append([])
        for inputs, targets in data():
            loss = F.mse_loss(inputs @ weights, targets)
            loss.backward()
            told[-1].append(loss.item())
            with torch.no_grad():
                weights -= 0.1 * weights.grad
                weights.grad.zero_()
    assert values("loss") == [value for each in told for value in each]
    assert series(only_run(), "loss_epoch") == [(number, sum(each) / 4) for number, each in enumerate(told)]


def test_more_losses_before_a_step_than_are_kept_are_noted() -> None:
    """They are part of the epoch's mean, and a note says what the step lacks only where even that has not got them."""
    model = network()
    optimizer = optimizer_of(model)
    step(model, optimizer, *next(iter(data())))
    inputs, targets = torch.ones(2, 4), torch.ones(2, 1)
    for _ in range(1_200):
        F.mse_loss(model(inputs), targets).backward()
    optimizer.step()
    assert len(values("loss")) == 2
    assert only_run().notes == ["losses from which no step followed are in no series"]


# ---- what is computed of a batch besides


def apart(work: Callable[[], None]) -> None:
    """Call a function in a thread of its own, where no function around it has a name that tells what data is for."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_losses_without_gradients_of_training_batches_are_named_so_and_all_there(when: str) -> None:
    """Wherever in a training step a script computes them, each batch has one, and each epoch the mean."""
    told: list[list[float]] = []

    def error(model: Any, inputs: Any, targets: Any, now: str) -> None:
        if now == when:
            with torch.no_grad():
                told[-1].append(F.l1_loss(model(inputs), targets).item())

    def work() -> None:
        model = network()
        optimizer = optimizer_of(model)
        for _ in range(2):
            told.append([])
            for inputs, targets in data():
                error(model, inputs, targets, "before")
                loss = F.mse_loss(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                error(model, inputs, targets, "between")
                optimizer.step()
                error(model, inputs, targets, "after")

    apart(work)
    assert values("train_batch_l1_loss") == [value for each in told for value in each]
    run = only_run()
    assert [value for _, value in series(run, "train_batch_l1_loss_epoch")] == [sum(each) / 4 for each in told]
    assert not [name for name in run.metrics if name.startswith("eval")]


def test_an_evaluation_of_other_data_in_the_midst_of_a_pass_is_none_of_its_batches() -> None:
    """What has another number of samples is not of the batch, and what a function's name tells is not either."""

    def validate(model: Any, inputs: Any) -> None:
        with torch.no_grad():
            F.mse_loss(model(inputs), inputs[:, :1])

    def work() -> None:
        model = network()
        optimizer = optimizer_of(model)
        for number, batch in enumerate(data()):
            step(model, optimizer, *batch)
            if number == 1:
                validate(model, torch.ones(10, 4))
            if number == 2:
                with torch.no_grad():
                    F.mse_loss(model(torch.ones(30, 4)), torch.ones(30, 1))

    apart(work)
    names = {name for name in only_run().metrics if "batch" in name or "val" in name}
    assert names == {"val_loss", "eval_loss"}


def test_the_settings_of_two_loss_functions_are_apart() -> None:
    """The second one's params begin with its own name."""
    model = network()
    optimizer = optimizer_of(model)
    for inputs, targets in data():
        optimizer.zero_grad()
        loss = F.huber_loss(model(inputs), targets, delta=2.0) + F.smooth_l1_loss(model(inputs), targets, beta=3.0)
        loss.backward()
        optimizer.step()
    autolog.end_run()
    found = {name: value for name, value in only_run().params.items() if name.startswith("loss_function")}
    assert found == {
        "loss_function": "huber_loss",
        "loss_function.delta": 2.0,
        "loss_function2": "smooth_l1_loss",
        "loss_function2.beta": 3.0,
    }
