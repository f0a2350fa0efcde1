"""What a torch program can count on: it is as it would be without us, nothing is kept, and all ends properly."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.optim import optimizer as optimizers
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import autolog
import autolog_torch.series
from autolog.testing import all_runs, only_run, series, top_runs
from autolog_torch.training import Training

PROGRAMS = Path(__file__).parent / "torch_programs"
SECTIONS = re.findall(r"@section\ndef (\w+)", (PROGRAMS / "unchanged.py").read_text())
recording = pytest.mark.usefixtures("recording")


def environment(store: Path) -> dict[str, str]:
    return {**os.environ, "AUTOLOG_BACKEND": str(store), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def ending(store: Path, *arguments: object, limit: float = 100) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAMS / "endings.py"), *map(str, arguments)]
    return subprocess.run(
        command, env=environment(store), cwd=store.parent, capture_output=True, text=True, timeout=limit
    )


def make(width: int = 1) -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Linear(4, width)
    return model, torch.optim.SGD(model.parameters(), lr=0.01)


def loader(rows: int = 12, size: int = 4, **more: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.randn(rows, 4), torch.randn(rows, 1)), batch_size=size, **more)


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> list[float]:
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = model(torch.randn(4, 4)).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def ended() -> list[autolog.Run]:
    gc.collect()
    autolog.end_run()
    return all_runs()


def the_one() -> autolog.Run:
    (run,) = ended()
    assert run.notes == []
    return run


# ---- the same with and without


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a program notices, without and with autolog."""
    folder = tmp_path_factory.mktemp("unchanged")
    processes = {}
    for mode in ("without", "with"):
        command = [sys.executable, str(PROGRAMS / "unchanged.py"), mode, str(folder / mode)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes[mode] = subprocess.Popen(command, env=environment(folder / "runs"), cwd=folder, **pipes)  # type: ignore[call-overload]
    found: dict[str, Any] = {}
    for mode, process in processes.items():
        found[f"{mode}.out"], found[f"{mode}.err"] = process.communicate(timeout=120)
        assert process.returncode == 0, found[f"{mode}.err"]
        found[mode] = json.loads((folder / mode).read_text())
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_a_torch_program_notices_nothing(worlds: dict[str, Any], section: str) -> None:
    """What a section of the program found out is the same with and without autolog, and no error of its own."""
    assert worlds["without"][section][:1] != ["raised"] if isinstance(worlds["without"][section], list) else True
    recorded, bare = worlds["with"][section], worlds["without"][section]
    if section.startswith("compiled"):
        more = {name: (count, bare_count) for name, count, bare_count in counts(recorded, bare) if count > bare_count}
        assert more == {}
        recorded, bare = without_counts(recorded), without_counts(bare)
    assert recorded == bare


MAY_BE_FEWER = ("total", "ok", "graph_break", "recompiled")
"""Where a frame of ours ends what is compiled, a break behind it is not come to."""


def counts(one: Any, other: Any) -> list[tuple[str, int, int]]:
    """Pair the counts of breaks and frames, wherever they stand."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [(name, one.get(name, 0), other.get(name, 0)) for name in MAY_BE_FEWER]
    if isinstance(one, list) and isinstance(other, list):
        return [each for pair in zip(one, other, strict=False) for each in counts(*pair)]
    return []


def without_counts(found: Any) -> Any:
    """Leave out the counts of breaks and frames."""
    if isinstance(found, dict):
        return {name: value for name, value in found.items() if name not in MAY_BE_FEWER}
    return [without_counts(each) for each in found] if isinstance(found, list) else found


def test_a_torch_program_says_the_same(worlds: dict[str, Any]) -> None:
    """Nothing is written to stdout or stderr that is not written without autolog."""
    shown = [re.sub(r"W\d+ [\d:.]+ \d+ ", "", worlds[f"{mode}.{pipe}"]) for mode in ("with", "without")
             for pipe in ("out", "err")]  # fmt: skip
    assert shown[:2] == shown[2:]


def test_hooks_are_gone_once_disabled(worlds: dict[str, Any]) -> None:
    """torch's dicts of hooks for all optimizers are empty after `disable()`."""
    assert worlds["with"]["left"] == [0, 0]


# ---- nothing is kept


@recording
def test_nothing_is_kept_over_ten_thousand_steps() -> None:
    """No batch, output or loss outlives its step, no object is added from step to step, and the model is freed."""
    model, optimizer = make()
    x, y = torch.randn(2, 4), torch.randn(2, 1)
    alive: list[weakref.ref[Any]] = []
    counts = []
    for number in range(10_000):
        given = x.clone()
        optimizer.zero_grad()
        loss = F.mse_loss(model(given), y)
        loss.backward()
        optimizer.step()
        alive += weakref.ref(given), weakref.ref(loss)
        if number % 100 == 99:
            alive = [each for each in alive if each() is not None]
            assert len(alive) <= 2, number
        if number in (1_999, 9_999):
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert counts[1] - counts[0] < 1_000  # points of the last 50 ms may wait
    gone = [weakref.ref(each) for each in (model, optimizer, loss, given, *model.parameters())]
    del model, optimizer, loss, given
    gc.collect()
    assert [each() for each in gone] == [None] * len(gone)
    run = only_run()
    assert (run.status, len(series(run, "loss"))) == ("FINISHED", 10_000)


@recording
def test_the_last_batch_of_an_epoch_is_not_kept_through_the_next() -> None:
    """When the loops' variables hold other batches, those of the epoch before are freed."""
    model, optimizer = make()
    batches = loader()
    refs: list[weakref.ref[Any]] = []
    for _epoch in range(3):
        for x, y in batches:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            refs += weakref.ref(x), weakref.ref(loss)
            assert sum(each() is not None for each in refs) <= 2


@recording
def test_loops_of_ended_runs_are_let_go() -> None:
    """A sweep with a run for each trial leaves no training behind, also where each has a `with` of its own."""
    gc.collect()
    before = sum(type(each) is Training for each in gc.get_objects())
    for _ in range(5):
        with autolog.start_run():
            steps(*make(), 3)
    gc.collect()
    assert sum(type(each) is Training for each in gc.get_objects()) - before <= 1


# ---- on and off


def codes() -> dict[str, Any]:
    """The code of all that might be watched."""
    from torch.nn.utils import clip_grad

    holders = [F, torch.autograd, torch.serialization, clip_grad, nn.Module, DataLoader, torch.amp.GradScaler]
    holders += [*filter(lambda each: isinstance(each, type), vars(lr_scheduler).values())]
    return {
        f"{holder.__name__}.{name}": value.__code__
        for holder in holders
        for name, value in vars(holder).items()
        if hasattr(value, "__code__")
    }


def test_disable_puts_everything_back(store: Path) -> None:
    """Functions have their code, torch no hook of ours, and the training that was under way ends with its model."""
    before, call = codes(), nn.Module.__call__
    autolog.enable(backend=store, silent=True)
    assert codes() != before
    model, optimizer = make()
    batches = iter(loader())
    next(batches)
    steps(model, optimizer, 1)
    autolog.disable()
    after = codes()
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] is not before[name]] == []
    assert not optimizers._global_optimizer_pre_hooks
    assert not optimizers._global_optimizer_post_hooks
    assert nn.Module.__call__ is call
    next(batches)
    steps(model, optimizer, 3)
    del model, optimizer
    gc.collect()
    run = only_run()
    assert (run.status, run.params["steps"], run.notes) == ("FINISHED", 1, [])
    assert autolog.load_model(f"runs:/{run.run_id}/model").keys() == {"weight", "bias"}
    autolog.enable(silent=True)
    steps(*make(), 4)
    assert [len(series(run, "loss")) for run in ended()] == [1, 4]


@recording
def test_a_training_goes_on_after_disable_and_enable() -> None:
    """What happened in between is not recorded, and what follows is, in the same run or one of its own."""
    model, optimizer = make()
    steps(model, optimizer, 3)
    autolog.disable()
    steps(model, optimizer, 3)
    autolog.enable(silent=True)
    steps(model, optimizer, 3)
    del model, optimizer
    assert sum(len(series(run, "loss")) for run in ended()) == 6


@recording
def test_paused_steps_are_not_recorded() -> None:
    """No point, no run, also where the paused steps had a closure."""
    model, optimizer = make()
    with autolog.paused():
        steps(*make(), 3)
        lbfgs = torch.optim.LBFGS(model.parameters(), max_iter=2)

        def closure() -> Any:
            lbfgs.zero_grad()
            loss = model(torch.ones(2, 4)).pow(2).mean()
            loss.backward()
            return loss

        lbfgs.step(closure)
    assert all_runs() == []
    told = []
    for _ in range(2):
        pair = [model(torch.randn(4, 4)).pow(2).mean() for _ in range(2)]
        for loss in pair:
            loss.backward()
        optimizer.step()
        told.append((pair[0].item() + pair[1].item()) / 2)
    assert [value for _, value in series(the_one(), "loss")] == pytest.approx(told)


def test_torch_not_asked_for_opens_no_run(store: Path) -> None:
    """`enable("sklearn")` leaves torch loops alone; so does `AUTOLOG=0`."""
    autolog.enable("sklearn", backend=store, silent=True)
    steps(*make(), 3)
    assert ended() == []


def test_switched_off_by_the_environment(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `AUTOLOG=0` nothing is watched and nothing is written."""
    monkeypatch.setenv("AUTOLOG", "0")
    before = codes()
    autolog.enable(backend=store, silent=True)
    steps(*make(), 3)
    assert codes() == before
    assert not optimizers._global_optimizer_post_hooks
    assert not store.exists()


def test_no_models_where_they_are_not_wanted(store: Path) -> None:
    """With `log_models=False` there is a run and no model."""
    autolog.enable(backend=store, silent=True, log_models=False)
    steps(*make(), 3)
    run = the_one()
    assert not [each for each in (store / run.run_id).rglob("*") if each.name.endswith("safetensors")]


# ---- explicit runs


@recording
def test_the_first_training_is_on_the_explicit_run() -> None:
    """A second is a child of it, and what steps after the block is in a run of its own."""
    with autolog.start_run(run_name="mine") as run:
        steps(*make(), 3)
        gc.collect()
        model, optimizer = make()
        steps(model, optimizer, 4)
    steps(model, optimizer, 5)
    del model, optimizer
    ended()
    found = {each.run_id: each for each in all_runs()}
    mine = found.pop(run.run_id)
    child, other = sorted(found.values(), key=lambda each: each.parent_run_id is None)
    assert (child.parent_run_id, other.parent_run_id) == (mine.run_id, None)
    assert [len(series(each, "loss")) for each in (mine, child, other)] == [3, 4, 5]
    assert {each.status for each in (mine, child, other)} == {"FINISHED"}


@recording
def test_a_sweep_of_explicit_runs_is_clean() -> None:
    """Each trial's run has its own points and model, and none has a child."""
    for number in range(1, 4):
        with autolog.start_run(run_name=f"trial{number}"):
            model, optimizer = make()
            steps(model, optimizer, number)
    del model, optimizer
    assert [(run.run_name, len(series(run, "loss")), run.notes) for run in ended()] == [
        (f"trial{number}", number, []) for number in range(1, 4)
    ]


# ---- losses of all kinds


@recording
def test_steps_that_a_scaler_skips_are_not_counted() -> None:
    """A step with infinite gradients is none, and its loss is no part of the next step's."""
    model, optimizer = make()
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    told = []
    for number in range(6):
        optimizer.zero_grad()
        x = torch.full((2, 4), float("inf") if number == 2 else 1.0 + number)
        loss = F.mse_loss(model(x), torch.zeros(2, 1))
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        if number != 2:
            told.append(loss.item())
    assert series(the_one(), "loss") == list(enumerate(told))


@recording
@pytest.mark.parametrize("leftover", ["stepped", "left"])
def test_accumulation_with_a_leftover_window(leftover: str) -> None:
    """The loss is undivided, and the epoch's is the mean over all of its batches."""
    model, optimizer = make()
    train_loader = loader(40)
    told: list[list[float]] = []
    for _epoch in range(2):
        told.append([])
        for number, (x, y) in enumerate(train_loader, 1):
            loss = F.mse_loss(model(x), y)
            told[-1].append(loss.item())
            (loss / 3).backward()
            if number % 3 == 0 or (leftover == "stepped" and number == len(train_loader)):
                optimizer.step()
                optimizer.zero_grad()
    run = the_one()
    assert len(series(run, "loss")) == (8 if leftover == "stepped" else 6)
    assert run.params["accumulated_batches"] == 3
    expected = [sum(each) / len(each) for each in told]
    assert [value for _, value in series(run, "loss_epoch")] == pytest.approx(expected)


class Marked(torch.Tensor):
    """A tensor of the user's."""


@recording
@pytest.mark.parametrize("how", ["subclass", "list", "tuple", "keyword", "gradient", "retained"])
def test_losses_of_all_kinds_are_seen(how: str) -> None:
    """However `backward` is called, the gradients are what they are without us, and there is a loss for each step."""
    x, weight = torch.ones(2, 4), torch.ones(4)
    model = nn.Linear(4, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    for _ in range(3):
        optimizer.zero_grad()
        out = model(x * weight)
        losses = [out.sum(), 2 * out.sum()]
        if how == "subclass":
            loss = losses[0].as_subclass(Marked)
            loss.backward()
        elif how == "gradient":
            out.backward(torch.ones_like(out))
        elif how == "retained":
            losses[0].backward(retain_graph=True, inputs=list(model.parameters()))
        elif how == "keyword":
            torch.autograd.backward(tensors=losses)
        else:
            kinds = {"list": list, "tuple": tuple}
            torch.autograd.backward(kinds[how](losses))
        expected = 2.0 if how in ("subclass", "gradient", "retained") else 6.0
        assert model.weight.grad is not None
        assert model.weight.grad.tolist() == [[expected] * 4]
        optimizer.step()
    run = the_one()
    assert sorted({len(series(run, key)) for key in run.metrics if "loss" in key or "out" in key}) == [3]


@recording
def test_an_optimizer_for_each_parameter_that_steps_in_the_backward_pass() -> None:
    """It is one run, with a step and a loss for each backward pass."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    owners = {each: torch.optim.SGD([each], lr=0.01) for each in model.parameters()}
    for each in owners:
        each.register_post_accumulate_grad_hook(lambda it: (owners[it].step(), owners[it].zero_grad())[0])
    for _ in range(20):
        loss = model(torch.randn(4, 4)).pow(2).mean()
        loss.backward()
    run = the_one()
    assert run.params["model"] == "Sequential"
    assert [step for step, _ in series(run, "loss")] == list(range(20))


@recording
def test_parameters_without_a_module() -> None:
    """A model that is but tensors is a run too, with its losses and no model."""
    weight = torch.randn(4, 1, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        loss = (torch.randn(3, 4) @ weight).pow(2).mean()
        loss.backward()
        optimizer.step()
    run = the_one()
    assert (run.status, len(series(run, "loss")), run.params["optimizer"]) == ("FINISHED", 5, "Adam")


class Keywords(nn.Module):
    """Takes a dict and keywords."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 1)

    def forward(self, batch: dict[str, Any], *, scale: Any = None) -> dict[str, Any]:
        return {"out": self.inner(batch["x"]) * scale}


@recording
def test_the_signature_of_keywords_and_dicts() -> None:
    """Tensors have the names of their places, and the first dimension is open."""
    model = Keywords()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = model({"x": torch.randn(3, 4)}, scale=torch.tensor(2.0))["out"].mean()
        loss.backward()
        optimizer.step()
    run = the_one()
    text = json.dumps([json.loads(line) for each in Path("runs", run.run_id).glob("*.jsonl")
                       for line in each.read_text().splitlines()])  # fmt: skip
    assert '"name": "batch.x"' in text
    assert '"name": "scale"' in text
    assert '"name": "out"' in text
    assert "[-1, 4]" in text


@recording
def test_a_loss_without_a_name_is_called_loss() -> None:
    """`criterion(model(x), y).backward()` names nothing, least of all its target."""
    model, optimizer = make()
    criterion = nn.MSELoss()
    for x, y in loader():
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    assert len(series(the_one(), "loss")) == 3


# ---- loaders


def fit(model: nn.Module, optimizer: torch.optim.Optimizer, batches: Any) -> None:
    for x, y in batches:
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()


@recording
def test_loaders_left_by_break_and_zipped() -> None:
    """Each pass is an epoch, whether it was gone through or not."""
    model, optimizer = make()
    one, other = loader(), loader()
    for _ in range(2):
        for (x, y), _more in zip(one, other):  # noqa: B905 - as users write it
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
    for _ in range(2):
        for number, (x, y) in enumerate(one):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
            if number:
                break
    run = the_one()
    key = next(key for key in run.metrics if key.endswith("_epoch") and "lr" not in key)
    assert [step for step, _ in series(run, key)] == [0, 1, 2, 3]


@recording
def test_persistent_workers_left_by_break() -> None:
    """Their loader gives one and the same iterator again, and each pass is an epoch."""
    model, optimizer = make()
    train_loader = loader(num_workers=1, persistent_workers=True)
    for _ in range(3):
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            break
    del train_loader
    run = the_one()
    assert len(series(run, "loss")) == 3
    assert [step for step, _ in series(run, "loss_epoch")] == [0, 1, 2]


class Stream(IterableDataset[Any]):
    """Rows without a length."""

    def __iter__(self) -> Any:
        for _ in range(7):
            yield torch.randn(4), torch.randn(1)


@recording
def test_evaluations_are_told_by_the_names_of_loaders() -> None:
    """In the middle of an epoch of a stream, and after it, `val`, `test` and `train` are told apart."""
    model, optimizer = make()
    train_loader, val_loader, test_loader = DataLoader(Stream(), batch_size=2), loader(), loader()
    told: dict[str, float] = {}

    def evaluate(batches: Any) -> float:
        with torch.no_grad():
            losses = [F.mse_loss(model(x), y).item() for x, y in batches]
        return sum(losses) / len(losses)

    for epoch in range(2):
        for number, (x, y) in enumerate(train_loader):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
            if number == 1:
                told["val_loss_step"] = evaluate(val_loader)
        told["test_loss"] = evaluate(test_loader)
        told["train_eval_loss"] = evaluate(train_loader) if epoch == 5 else 0.0
    del told["train_eval_loss"]
    run = the_one()
    assert {name: run.metrics[name] for name in told} == pytest.approx(told)
    assert [step for step, _ in series(run, "val_loss_step")] == [2, 6]
    assert [step for step, _ in series(run, "test_loss")] == [0, 1]


@recording
def test_losses_by_sample_are_no_losses_of_a_batch() -> None:
    """With `reduction="none"` the last batch, of one sample, is not taken for the whole evaluation."""
    model, optimizer = make()
    fit(model, optimizer, loader())
    val_loader = loader(9)
    with torch.no_grad():
        rows = torch.cat([F.mse_loss(model(x), y, reduction="none") for x, y in val_loader])
    found = the_one().metrics.get("val_loss")
    assert found is None or found == pytest.approx(rows.mean().item())


@recording
def test_losses_within_transforms_cost_nothing() -> None:
    """A loss under `vmap`, which has no number yet, is passed over without a note."""
    model, optimizer = make()
    x, y = torch.randn(5, 4), torch.randn(5, 1)
    steps(model, optimizer, 2)
    with torch.no_grad():
        torch.func.vmap(lambda a, b: F.mse_loss(model(a), b))(x, y)
    steps(model, optimizer, 2)
    assert len(series(the_one(), "loss")) == 4


# ---- rates, schedulers, long trainings


@recording
def test_rates_in_tensors() -> None:
    """The series has every change of a rate that is a tensor, also where a scheduler changes it in place."""
    model = nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.5), foreach=False)
    scheduler = lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    for _ in range(5):
        steps(model, optimizer, 1)
        scheduler.step()
    assert series(the_one(), "lr") == [(0, 0.5), (2, 0.25), (4, 0.125)]


SCHEDULERS = {
    "SequentialLR": lambda it: lr_scheduler.SequentialLR(
        it, [lr_scheduler.ConstantLR(it, 0.5, 2), lr_scheduler.ExponentialLR(it, 0.9)], [2]
    ),
    "ReduceLROnPlateau": lambda it: lr_scheduler.ReduceLROnPlateau(it, patience=7),
    "OneCycleLR": lambda it: lr_scheduler.OneCycleLR(it, 1.0, total_steps=10),
}


@recording
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_and_groups_are_params(name: str) -> None:
    """The scheduler is named, also where it has not changed a rate yet; each group has its rate."""
    model = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 1))
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[1].parameters(), "weight_decay": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.2)
    scheduler = SCHEDULERS[name](optimizer)
    for _ in range(5):
        steps(model, optimizer, 1)
        scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    run = the_one()
    assert run.params["scheduler"] == name
    assert run.params["optimizer.group1.weight_decay"] == 0.5
    assert {"lr_group0", "lr_group1"} <= run.metrics.keys()
    if name == "ReduceLROnPlateau":
        assert run.params["scheduler.patience"] == 7


@recording
def test_a_series_of_very_many_steps_is_thinned_and_noted() -> None:
    """All of the first 200,000, then every second, every fourth, and so on, and one note."""
    with autolog.start_run() as run:
        from autolog.recording import context

        active = context.current_run()
        assert active is not None
        points = autolog_torch.series.Series(active)
        for step in range(199_990, 200_010):
            points.add_of_step("loss", 1.0, step)
        for step in range(400_000, 400_010):
            points.add_of_step("loss", 1.0, step)
    found = [step for step, _ in series(autolog.get_run(run.run_id), "loss")]
    assert found == [*range(199_990, 200_000), *range(200_000, 200_010, 2), 400_000, 400_004, 400_008]
    (note,) = autolog.get_run(run.run_id).notes
    assert "thinned" in note


@recording
def test_thinning_loses_no_rate_and_no_point_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the rate, and a value logged at a step that the user chose, are recorded whatever the step."""
    monkeypatch.setattr(autolog_torch.series, "WHOLE", 10)
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    writer = tensorboard.SummaryWriter("board")
    model, optimizer = make()
    for step in range(20):
        steps(model, optimizer, 1)
        if step == 14:
            optimizer.param_groups[0]["lr"] = 0.5  # seen at step 15
        if step % 4 == 1:
            writer.add_scalar("accuracy", step / 100, step)
    writer.close()
    run = ended()[0]
    assert series(run, "lr") == [(0, 0.01), (15, 0.5)]
    assert [step for step, _ in series(run, "accuracy")] == [1, 5, 9, 13, 17]


# ---- errors of ours


@recording
@pytest.mark.autolog_swallows
def test_an_error_at_an_abandoned_pass_reaches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails when an iterator is freed is a note, and nothing that Python shows the user."""
    shown: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)

    def passed(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Training, "passed", passed)
    model, optimizer = make()
    for x, y in loader():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        break
    gc.collect()
    assert shown == []


@recording
def test_waiting_for_the_call_of_a_model_is_a_threads_own() -> None:
    """Two loops that begin at the same time each learn how their model is called."""
    import threading

    turns = [threading.Event() for _ in range(4)]

    def train(mine: int) -> None:
        model, optimizer = make(mine + 1)
        for _ in range(2):
            steps(model, optimizer, 1)
            turns[mine].set()
            turns[1 - mine].wait(5)
        steps(model, optimizer, 2)

    threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    gc.collect()
    runs = all_runs()
    texts = ["".join(each.read_text() for each in Path("runs", run.run_id).glob("*.jsonl")) for run in runs]
    assert [("signature" in text) for text in texts] == [True, True]


# ---- how processes end


def test_a_killed_training_is_readable(store: Path) -> None:
    """After `kill -9` the run has its points but for those of the last moments."""
    assert ending(store, "killed").returncode == -signal.SIGKILL
    run = only_run(store)
    assert run.status in ("LOST", "RUNNING", "KILLED")
    assert [step for step, _ in series(run, "loss")][:300] == list(range(300))
    assert run.params["optimizer"] == "SGD"


@pytest.mark.parametrize(("how", "status"), [("raising", "FAILED"), ("interrupted", "KILLED")])
def test_an_exception_that_ends_the_program_ends_the_run(store: Path, how: str, status: str) -> None:
    """With the status that tells it, all points and the model."""
    done = ending(store, how)
    assert done.returncode != 0
    assert "plugins/" not in done.stderr
    run = only_run(store)
    assert (run.status, len(series(run, "loss"))) == (status, 5)
    assert autolog.load_model(f"runs:/{run.run_id}/model", store=store)


def test_a_fork_in_the_middle_of_a_training(store: Path) -> None:
    """A child that lets go of the model ends nothing, and one that trains on adds nothing to the parent's series."""
    done = ending(store, "forking")
    assert (done.returncode, done.stderr) == (0, "")
    first, *others = all_runs(store)
    assert (first.status, [step for step, _ in series(first, "loss")], first.notes) == ("FINISHED", [*range(10)], [])
    assert first.params["steps"] == 10
    assert [len(series(each, "loss")) for each in others] in ([], [3])


def test_threads_that_train_have_runs_of_their_own(store: Path) -> None:
    """Two at the same time are two runs, which end with the program though the threads have ended before."""
    done = ending(store, "threads")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(len(series(run, "loss")) for run in top_runs(store)) == [50, 100]
    assert [(run.status, run.notes) for run in top_runs(store)] == [("FINISHED", [])] * 2
    assert all(autolog.load_model(f"runs:/{run.run_id}/model", store=store) for run in top_runs(store))


def test_models_that_the_garbage_collector_frees(store: Path) -> None:
    """Each is a run that ends with its model, whenever the collector comes."""
    done = ending(store, "cyclic")
    assert (done.returncode, done.stderr) == (0, "")
    runs = all_runs(store)
    assert [(run.status, len(series(run, "loss")), run.notes) for run in runs] == [("FINISHED", 20, [])] * 4
    assert all(autolog.load_model(f"runs:/{run.run_id}/model", store=store) for run in runs)


# ---- workers


@pytest.mark.parametrize("handler", ["torch's", "the program's"])
def test_what_changed_since_the_commit_is_known_beside_a_loaders_workers(store: Path, handler: str) -> None:
    """The handler that torch has for their ends does not mind git's; one of the program's is still left alone."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    (store.parent / "notes.txt").write_text("one")
    for command in (["init", "-q"], ["add", "notes.txt"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=store.parent, check=True)
    (store.parent / "notes.txt").write_text("two")
    own = ["own"] if handler == "the program's" else []
    program = (PROGRAMS / "endings.py").read_text()
    (store.parent / "train.py").write_text(program)
    command = [sys.executable, "train.py", "working", *own]
    subprocess.run(command, env=environment(store), cwd=store.parent, check=True, timeout=100)
    facts = only_run(store).environment
    assert facts.get("git_dirty") is (None if own else True)
    assert any("SIGCHLD" in each for each in facts.get("missing", ())) is bool(own)


def loaders(store: Path, count: int, workers: int, context: str, limit: float) -> None:
    done = ending(store, "loaders", count, workers, context, limit=limit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    runs = all_runs(store)
    assert sorted(run.run_name for run in runs) == ["Linear", "pressure", "pressure"]
    assert [run.notes for run in runs] == [[], [], []]
    assert len({each.name for each in store.rglob("*.jsonl")}) <= 3  # no worker has written any
    (run,) = [run for run in runs if run.run_name == "Linear"]
    assert len(series(run, "loss")) == sum(1 if number % 3 == 2 else 8 for number in range(count))


@pytest.mark.parametrize(("context", "count", "workers"), [("fork", 8, 4), ("spawn", 1, 2)])
def test_workers_are_silent_and_never_wait(store: Path, context: str, count: int, workers: int) -> None:
    """Loaders with workers work while threads log, and the workers write nothing."""
    loaders(store, count, workers, context, 100)


@pytest.mark.slow
@pytest.mark.parametrize(("context", "count", "workers"), [("fork", 200, 8), ("spawn", 20, 8)])
def test_many_workers_are_silent_and_never_wait(store: Path, context: str, count: int, workers: int) -> None:
    """The same with two hundred loaders of eight workers."""
    loaders(store, count, workers, context, 1_500)


# ---- accelerators


@recording
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_no_step_waits_for_the_gpu_or_takes_more_of_its_memory() -> None:
    """With torch set to refuse it, nothing is waited for from the second step on, and the memory stays the same."""
    model = nn.Linear(4, 1, device="cuda")
    optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.1, device="cuda"), capturable=True)
    x, y = torch.randn(8, 4, device="cuda"), torch.randn(8, 1, device="cuda")

    def train(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                F.mse_loss(model(x), y)

    torch.cuda.set_sync_debug_mode("error")
    try:
        train(300)
        before = torch.cuda.memory_allocated()
        train(3_000)
        after = torch.cuda.memory_allocated()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert after - before < 100_000
    assert len(series(the_one(), "loss")) == 3_300
