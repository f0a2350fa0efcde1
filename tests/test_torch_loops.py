"""Plain PyTorch loops: which run they are, what is recorded of them, and that nothing of theirs is changed."""

from __future__ import annotations

import copy
import gc
import importlib
import io
import pickle
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autolog
from autolog.testing import all_runs, only_run, series
from torch_parts import data, network, step

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
declared = importlib.import_module("autolog_torch.declared")
thinned = importlib.import_module("autolog_torch.series")
DataLoader, TensorDataset = torch.utils.data.DataLoader, torch.utils.data.TensorDataset


@pytest.fixture(autouse=True)
def on(tmp_path: Path) -> Iterator[Path]:
    """Autolog on, into a folder of its own, on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    autolog.enable(backend=str(tmp_path / "runs"), silent=True)
    yield tmp_path
    autolog.end_run()
    autolog.disable()


def train(epochs: int = 2, lr: float = 0.1, **options: Any) -> tuple[Any, Any, list[float]]:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, **options)
    loader = data()
    return model, optimizer, [step(model, optimizer, *batch) for _ in range(epochs) for batch in loader]


# ---- which run


def test_a_function_per_trial_is_a_run_each() -> None:
    """Each run has its own losses and the model that went with its function."""
    losses = [train(lr=lr)[2] for lr in (0.1, 0.01)]
    runs = all_runs()
    assert [run.status for run in runs] == ["FINISHED", "FINISHED"]
    assert [[value for _, value in series(run, "loss")] for run in runs] == losses
    assert [run.params["optimizer.lr"] for run in runs] == [0.1, 0.01]
    assert [len(run.models) for run in runs] == [1, 1]


def test_a_trial_that_goes_late_takes_nothing_of_the_next() -> None:
    """Where a trial's objects go within the next one's first pass, as when they are collected, this has all epochs."""
    before = [*train()[:2]]
    model, loader = network(), data()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        for batch in loader:
            before.clear()
            step(model, optimizer, *batch)
    assert [len(series(run, "loss_epoch")) for run in all_runs()] == [2, 2]


def test_trials_whose_objects_are_all_kept_are_a_run_each() -> None:
    """An optimizer that nobody drops does not take the next one's steps."""
    kept = [train(epochs=50, lr=lr) for lr in (0.1, 0.01, 0.001)]
    autolog.end_run()
    runs = all_runs()
    assert [[value for _, value in series(run, "loss")] for run in runs] == [losses for _, _, losses in kept]


def test_short_trials_whose_objects_are_all_kept_are_a_run_each() -> None:
    """So it is where no trial is long enough to tell by itself; the end of a pass does."""
    kept = [train(epochs=1, lr=lr) for lr in (0.1, 0.01, 0.001)]
    autolog.end_run()
    runs = all_runs()
    assert [[value for _, value in series(run, "loss")] for run in runs] == [losses for _, _, losses in kept]


def test_the_first_training_in_an_explicit_run_is_recorded_on_it_and_the_next_on_a_child() -> None:
    """All end with the explicit run, which has the first one's losses."""
    with autolog.start_run(run_name="mine") as mine:
        first, second = train(), train(lr=0.01)
    runs = {run.run_id: run for run in all_runs()}
    own = runs.pop(mine.run_id)
    (child,) = runs.values()
    assert [value for _, value in series(own, "loss")] == first[2]
    assert (child.parent_run_id, child.status) == (mine.run_id, "FINISHED")
    assert [value for _, value in series(child, "loss")] == second[2]
    assert (len(own.models), len(child.models)) == (1, 1)


def test_a_sweep_of_explicit_runs_is_clean() -> None:
    """Each run has its own trial and no other, though the objects of all of them live on."""
    kept = []
    for lr in (0.1, 0.01):
        with autolog.start_run(run_name=f"lr {lr}"):
            kept.append(train(lr=lr))
    runs = all_runs()
    assert [run.run_name for run in runs] == ["lr 0.1", "lr 0.01"]
    assert [[value for _, value in series(run, "loss")] for run in runs] == [losses for _, _, losses in kept]


def test_steps_after_an_explicit_run_are_a_run_of_their_own() -> None:
    """An optimizer that goes on outside of the run that it began in is recorded on a new one."""
    with autolog.start_run(run_name="inside"):
        model, optimizer, _ = train()
    after = [step(model, optimizer, *batch) for batch in data()]
    autolog.end_run()
    inside, outside = all_runs()
    assert (inside.run_name, len(series(inside, "loss"))) == ("inside", 8)
    assert [value for _, value in series(outside, "loss")] == after


def test_another_optimizer_over_the_same_parameters_is_a_phase_of_the_run() -> None:
    """Its steps go on from the first one's, and its params say which phase they are of."""
    model, optimizer, first = train()
    del optimizer
    second = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = [step(model, second, *batch) for batch in data()]
    autolog.end_run()
    run = only_run()
    assert series(run, "loss") == list(enumerate(first + losses))
    assert (run.params["optimizer"], run.params["optimizer.phase2"]) == ("SGD", "Adam")


def test_optimizers_that_step_in_turn_are_one_run() -> None:
    """Each loss has its own name and the steps of its own optimizer."""
    generator, critic = network(), network()
    slow, fast = (torch.optim.SGD(each.parameters(), lr=0.01) for each in (generator, critic))
    for number, (inputs, targets) in enumerate(data()):
        loss_critic = F.mse_loss(critic(inputs), targets)
        loss_critic.backward()
        fast.step()
        if number % 2:
            loss_generator = F.mse_loss(generator(inputs), targets)
            loss_generator.backward()
            slow.step()
    autolog.end_run()
    run = only_run()
    assert [step for step, _ in series(run, "loss_critic")] == [0, 1, 2, 3]
    assert [step for step, _ in series(run, "loss_generator")] == [0, 1]


def test_two_threads_that_train_are_two_runs() -> None:
    """Neither has a point of the other's."""
    found: dict[float, list[float]] = {}

    def work(lr: float) -> None:
        found[lr] = train(epochs=5, lr=lr)[2]

    threads = [threading.Thread(target=work, args=(lr,)) for lr in (0.1, 0.01)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = {run.params["optimizer.lr"]: [value for _, value in series(run, "loss")] for run in all_runs()}
    assert runs == found


def test_paused_and_unasked_loops_are_not_recorded(tmp_path: Path) -> None:
    """Nothing is, inside of `paused`, or where only other plugins were asked for."""
    with autolog.paused():
        train()
    autolog.disable()
    autolog.enable("sklearn", backend=str(tmp_path / "runs"), silent=True)
    train()
    assert not (tmp_path / "runs").exists()


def test_what_is_logged_by_hand_in_a_loop_goes_to_its_run() -> None:
    """The loop's run is the active one, and `end_run` ends it."""
    model, optimizer, _ = train()
    autolog.log_metric("mine", 3.0)
    assert autolog.active_run() is not None
    autolog.end_run()
    assert only_run().metrics["mine"] == 3.0
    assert autolog.active_run() is None
    step(model, optimizer, *next(iter(data())))
    autolog.end_run()
    assert len(all_runs()) == 2


def test_a_loop_goes_on_after_autolog_was_off() -> None:
    """What is trained meanwhile is not recorded, and the run is the same."""
    model, optimizer, first = train(epochs=1)
    autolog.disable()
    step(model, optimizer, *next(iter(data())))
    autolog.enable(silent=True)
    last = step(model, optimizer, *next(iter(data())))
    autolog.end_run()
    assert [value for _, value in series(only_run(), "loss")] == [*first, last]


# ---- what is recorded


def test_accumulated_losses_are_undivided_with_a_window_left_over() -> None:
    """A step's loss is the mean over its batches, as the script would have it without dividing by three."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for number, (inputs, targets) in enumerate(data(rows=50), 1):
        loss = F.mse_loss(model(inputs), targets)
        losses.append(loss.item())
        (loss / 3).backward()
        if number % 3 == 0 or number == 5:
            optimizer.step()
            optimizer.zero_grad()
    autolog.end_run()
    run = only_run()
    assert run.params["accumulated_batches"] == 3
    expected = [sum(losses[:3]) / 3, sum(losses[3:]) / 2]
    assert [value for _, value in series(run, "loss")] == pytest.approx(expected, rel=1e-6)


def test_a_scaled_loss_is_recorded_unscaled_and_a_skipped_step_is_none() -> None:
    """Where gradients overflow the scaler makes no step, and neither does the series."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    seen = []
    for number, (inputs, targets) in enumerate(data()):
        optimizer.zero_grad()
        loss = F.mse_loss(model(inputs), targets)
        scaler.scale(loss).backward()
        if number == 1:
            next(iter(model.parameters())).grad.fill_(float("inf"))
        else:
            seen.append(loss.item())
        scaler.step(optimizer)
        scaler.update()
    autolog.end_run()
    run = only_run()
    steps = [value for _, value in series(run, "loss")]
    assert len(steps) == 3
    assert steps[0] == seen[0]
    assert steps[2] == seen[2]


def test_evaluations_are_told_apart_by_the_loaders_names() -> None:
    """`val_loss` and `test_loss` have the mean over batches, and besides that over samples where it is another."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    val_loader, testloader, printed = data(rows=25), data(rows=20), []
    for _epoch in range(2):
        for batch in data():
            step(model, optimizer, *batch)
        model.eval()
        with torch.no_grad():
            printed.append([F.mse_loss(model(x), y).item() for x, y in val_loader])
        model.train()
    tested = [F.mse_loss(model(x), y).item() for x, y in testloader]  # with gradients, which nobody asks for
    autolog.end_run()
    run = only_run()
    assert series(run, "val_loss") == [(number, sum(each) / 3) for number, each in enumerate(printed)]
    weighted = [(10 * a + 10 * b + 5 * c) / 25 for a, b, c in printed]
    assert [value for _, value in series(run, "val_loss_per_sample")] == pytest.approx(weighted, rel=1e-12)
    assert [value for _, value in series(run, "test_loss")] == [sum(tested) / 2]
    assert {found["context"] for found in run.inputs} == {"train", "val", "test"}


def test_an_evaluation_within_an_epoch_has_the_step_as_its_step() -> None:
    """The epoch goes on after it as if nothing had been."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    val_loader, train_loader = data(rows=10), data()
    for epoch in (5, 6):
        for number, batch in enumerate(train_loader):
            step(model, optimizer, *batch)
            if number == 1:
                with torch.no_grad():
                    for x, y in val_loader:
                        F.mse_loss(model(x), y)
        assert epoch
    autolog.end_run()
    run = only_run()
    assert [step for step, _ in series(run, "val_loss_step")] == [2, 6]
    assert [step for step, _ in series(run, "loss_epoch")] == [5, 6]


def test_workers_that_stay_and_a_pass_that_is_left_early() -> None:
    """A loader that keeps its iterator is no epoch of what comes after its pass was left."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    held = iter(data(rows=30))  # an iterator that somebody keeps
    with torch.no_grad():
        F.mse_loss(model(next(held)[0]), torch.zeros(10, 1))
    for batch in data():
        step(model, optimizer, *batch)
    autolog.end_run()
    run = only_run()
    assert len(series(run, "loss_epoch")) == 1
    assert run.params["epochs"] == 1


def test_updates_without_an_optimizer_have_a_step_for_each_backward_pass() -> None:
    """The losses of a loop that changes its parameters by hand are recorded all the same."""
    weights = torch.zeros(4, 1, requires_grad=True)
    losses = []
    for inputs, targets in data():
        loss = ((inputs @ weights - targets) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            weights -= 0.1 * weights.grad
            weights.grad = None
    autolog.end_run()
    assert series(only_run(), "loss") == list(enumerate(losses))


def test_learning_rates_and_schedulers() -> None:
    """A point at each change, of each group, and the scheduler's settings; of one that is made of others, theirs."""
    model = network()
    groups = [{"params": model[0].parameters(), "lr": 0.5}, {"params": model[2].parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    parts = [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5), torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)]
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])
    for _ in range(3):
        for batch in data(rows=20):
            step(model, optimizer, *batch)
        scheduler.step()
    autolog.end_run()
    run = only_run()
    assert [step for step, _ in series(run, "lr_group0")] == [0, 2, 4]
    assert series(run, "lr_group0")[:2] == [(0, 0.5), (2, 0.25)]
    assert (run.params["optimizer.group0.lr"], run.params["optimizer.group1.lr"]) == (0.5, 0.1)
    assert run.params["scheduler"] == "SequentialLR"
    assert {run.params["scheduler.0"], run.params["scheduler.1"]} == {"StepLR", "ExponentialLR"}
    assert run.params["scheduler.0.gamma"] == 0.5


def test_a_learning_rate_that_is_a_tensor() -> None:
    """It is read like any other number."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.25))
    for batch in data():
        step(model, optimizer, *batch)
    autolog.end_run()
    assert series(only_run(), "lr")[0] == (0, 0.25)


def test_the_signature_has_the_names_of_the_arguments() -> None:
    """Each tensor that the model is given or gives, by its place, without the batch's size."""

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Linear(4, 1)

        def forward(self, inputs: dict[str, Any], *, scale: Any) -> dict[str, Any]:
            return {"out": self.part(inputs["left"]) * scale}

    model = Named()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for inputs, targets in data():
        loss = F.mse_loss(model({"left": inputs}, scale=torch.tensor(2.0))["out"], targets)
        loss.backward()
        optimizer.step()
    autolog.end_run()
    signature = only_run().signature
    assert signature["inputs"] == [
        {"name": "inputs.left", "type": "tensor", "dtype": "float32", "shape": [-1, 4]},
        {"name": "scale", "type": "tensor", "dtype": "float32", "shape": []},
    ]
    assert signature["outputs"] == [{"name": "out", "type": "tensor", "dtype": "float32", "shape": [-1, 1]}]


def test_one_optimizer_for_each_parameter_is_one_run() -> None:
    """The recipe that steps in the backward pass has as many steps as backward passes."""
    model = network()
    optimizers = {each: torch.optim.SGD([each], lr=0.01) for each in model.parameters()}

    def update(parameter: Any) -> None:
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for each in model.parameters():
        each.register_post_accumulate_grad_hook(update)
    losses = []
    for inputs, targets in data():
        loss = F.mse_loss(model(inputs), targets)
        losses.append(loss.item())
        loss.backward()
    autolog.end_run()
    assert [value for _, value in series(only_run(), "loss")] == losses


def test_losses_of_several_elements_and_several_tensors() -> None:
    """What has several elements is recorded as its mean, under a name that says so."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for inputs, targets in data():
        losses = (model(inputs) - targets) ** 2
        losses.backward(torch.ones_like(losses))
        optimizer.step()
        optimizer.zero_grad()
        left, right = F.mse_loss(model(inputs), targets), F.l1_loss(model(inputs), targets)
        torch.autograd.backward([left, right])
        optimizer.step()
        optimizer.zero_grad()
    autolog.end_run()
    run = only_run()
    assert len(series(run, "losses_mean")) == 4


def test_checkpoints_are_named_and_kept_where_that_is_wanted(on: Path) -> None:
    """By path, size and step; a copy only with `log_checkpoints`."""
    model, optimizer, _ = train()
    torch.save(model.state_dict(), on / "a.pt")
    autolog.enable(log_checkpoints=True)
    autolog.end_run()
    step(model, optimizer, *next(iter(data())))
    torch.save(model.state_dict(), on / "b.pt")
    autolog.end_run()
    first, second = all_runs()
    size = (on / "a.pt").stat().st_size
    assert first.tags["checkpoints"] == [{"path": str(on / "a.pt"), "size": size, "step": 8}]
    assert "checkpoints/b.pt" in second.artifacts
    autolog.enable(log_checkpoints=False)


def test_series_are_thinned_by_the_stated_rule_and_a_note_says_so() -> None:
    """All steps up to a number, every second up to twice as many, every fourth up to four times."""
    whole = thinned.WHOLE
    with autolog.start_run() as run:
        found = thinned.Series(run)
        for number in range(whole - 2, whole * 2 + 8):
            found.add_of_step("loss", 1.0, number)
    steps = [number for number, _ in series(only_run(), "loss")]
    assert steps[:4] == [whole - 2, whole - 1, whole, whole + 2]
    assert steps[-3:] == [whole * 2 - 2, whole * 2, whole * 2 + 4]
    assert any("thinned" in note for note in only_run().notes)


# ---- what is not changed


def without() -> Any:
    """Train with autolog off."""
    autolog.disable()
    torch.manual_seed(0)
    return train()


def test_the_weights_are_the_same_bit_for_bit() -> None:
    """So are the losses, and the random state."""
    torch.manual_seed(0)
    model, optimizer, losses = train(momentum=0.9)
    state = torch.get_rng_state()
    autolog.end_run()
    autolog.disable()
    torch.manual_seed(0)
    bare, other, same = train(momentum=0.9)
    assert losses == same
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), bare.parameters(), strict=True))
    pairs = zip(optimizer.state.values(), other.state.values(), strict=True)
    assert all(torch.equal(a["momentum_buffer"], b["momentum_buffer"]) for a, b in pairs)


def saved(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")  # torch's own, of its scripting
def test_models_and_optimizers_are_pickled_and_copied_as_before() -> None:
    """After a step, while the next call of the model is awaited, and later."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in data():
        step(model, optimizer, *batch)
        recorded = saved(model), pickle.dumps(optimizer), saved(copy.deepcopy(model))
        autolog.disable()
        assert recorded == (saved(model), pickle.dumps(optimizer), saved(copy.deepcopy(model)))
        autolog.enable(silent=True)
    assert torch.jit.script(model)(torch.zeros(1, 4)).shape == (1, 1)


def test_nothing_is_kept_alive() -> None:
    """Models, optimizers, batches and losses go when the program lets go of them, also after many steps."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = torch.zeros(2, 4), torch.zeros(2, 1)
    watched = []
    for number in range(10_000):
        loss = F.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if number in (0, 1, 9_999):
            watched.append(weakref.ref(loss))
    loader = data()
    for batch in loader:
        step(model, optimizer, *batch)
        watched += [weakref.ref(each) for each in batch]
    watched += [weakref.ref(each) for each in (model, optimizer, inputs, loader, *model.parameters())]
    gc.disable()
    try:
        del model, optimizer, inputs, targets, loss, batch, loader
        assert [each() for each in watched if each() is not None] == []
    finally:
        gc.enable()


def test_everything_is_put_back() -> None:
    """No function has other code, and torch has no hook of ours."""
    from torch.optim import optimizer

    functions = (F.cross_entropy, torch.autograd.backward, nn.Module.__call__, torch.save, DataLoader.__iter__)
    autolog.disable()
    before = [each.__code__ for each in functions]
    autolog.enable(silent=True)
    train()
    assert [each.__code__ for each in functions] != before
    autolog.disable()
    assert [each.__code__ for each in functions] == before
    assert not optimizer._global_optimizer_post_hooks
    assert not optimizer._global_optimizer_pre_hooks
    assert not nn.modules.module._has_any_global_hook()


def shown(error: BaseException) -> list[tuple[str, str]]:
    return [(frame.name, frame.filename) for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize(
    "work",
    [
        lambda: torch.zeros(1).backward(),
        lambda: F.mse_loss(torch.zeros(2), "x"),  # type: ignore[arg-type]
        lambda: list(DataLoader([1, "x", None], batch_size=3)),
        lambda: nn.utils.clip_grad_norm_(3, 1.0),  # type: ignore[arg-type]
    ],
)
def test_an_error_is_raised_with_the_traceback_that_it_has_without_us(work: Callable[[], object]) -> None:
    """No frame of ours is in it."""
    tracebacks = []
    for _ in range(2):
        with pytest.raises(Exception) as raised:
            work()
        tracebacks.append(shown(raised.value))
        autolog.disable()
    assert tracebacks[0] == tracebacks[1]


def test_a_compiled_model_has_no_more_graphs() -> None:
    """As many as without autolog, whole, and the signature is that of its calls."""
    from torch._dynamo import reset
    from torch._dynamo.utils import counters

    found = []
    for _ in range(2):
        reset()
        counters.clear()
        model = torch.compile(network(), backend="eager", fullgraph=True)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for batch in data():
            step(model, optimizer, *batch)
        with torch.no_grad():
            model(torch.zeros(10, 4))
        found.append((counters["stats"]["unique_graphs"], dict(counters["graph_break"])))
        del model, optimizer
        autolog.disable()
    reset()
    counters.clear()
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore")  # torch's own, of what it traces
def test_a_compiled_step_has_no_more_breaks() -> None:
    """A whole training step that is compiled breaks where it does without autolog, and nowhere else."""
    from torch._dynamo import reset
    from torch._dynamo.utils import counters

    found = []
    for _ in range(2):
        reset()
        counters.clear()
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

        def whole(inputs: Any, targets: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = F.mse_loss(model(inputs), targets)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            return loss

        compiled = torch.compile(whole, backend="eager")
        for batch in data():
            compiled(*batch)
        found.append((counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())))
        autolog.disable()
    reset()
    counters.clear()
    (graphs, breaks), (before, breaks_before) = found
    assert graphs == before
    assert breaks <= breaks_before


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_an_accelerator_is_never_waited_for() -> None:
    """A loop that synchronises nothing does not with autolog, and its memory does not grow."""
    model = network().cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = torch.zeros(2, 4, device="cuda"), torch.zeros(2, 1, device="cuda")
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    held = []
    try:
        for number in range(1_000):
            optimizer.zero_grad()
            loss = F.mse_loss(model(inputs), targets)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=False)
            optimizer.step()
            if number in (300, 999):
                held.append(torch.cuda.memory_allocated())
    finally:
        torch.cuda.set_sync_debug_mode("default")
    autolog.end_run()
    assert len(series(only_run(), "loss")) == 1_000
    assert held[1] - held[0] <= 64 * 512  # of the numbers that are sent together, each in a block of its own


def test_workers_are_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """Loaders with workers that are forked in the midst of logging neither print nor hang."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = torch.zeros(16, 4)
    for _ in range(6):
        loader = DataLoader(TensorDataset(inputs, inputs[:, :1]), batch_size=4, num_workers=2)
        for batch in loader:
            step(model, optimizer, *batch)
            autolog.log_metric("mine", 1.0)
    autolog.end_run()
    assert capfd.readouterr() == ("", "")
    assert len(series(only_run(), "loss")) == 24


def test_the_loops_of_this_process_are_forgotten_in_a_forked_one() -> None:
    """What a child trains is not the parent's."""
    train()
    assert declared._loops.loop.training is not None
    loop = declared._loops.loop
    declared._loops.forked()
    assert declared._loops.loop.training is None
    declared._loops.loop = loop


def test_an_ensemble_that_is_trained_in_one_loop_is_one_run() -> None:
    """Its members' losses do not mix, though the script calls them and their optimizers alike."""
    members = [network() for _ in range(3)]
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in members]
    seen: list[list[float]] = [[], [], []]
    for inputs, targets in data():
        for member, optimizer, losses in zip(members, optimizers, seen, strict=True):
            loss = F.mse_loss(member(inputs), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    autolog.end_run()
    run = only_run()
    names = ("loss", "optimizer_loss", "optimizer3_loss")
    assert [[value for _, value in series(run, name)] for name in names] == seen
    assert len(run.models) == 3


def test_the_loop_of_an_estimator_in_a_search_is_recorded_split_by_split() -> None:
    """Each candidate has the losses of each split under the split's name, and the search has the estimator's model."""
    base = pytest.importorskip("sklearn.base")
    search = pytest.importorskip("sklearn.model_selection")

    class Net(base.RegressorMixin, base.BaseEstimator):  # type: ignore[misc,name-defined]
        def __init__(self, lr: float = 0.1) -> None:
            self.lr = lr

        def fit(self, inputs: Any, targets: Any) -> Any:
            self.bias_ = torch.zeros(1, requires_grad=True)
            optimizer = torch.optim.SGD([self.bias_], lr=self.lr)
            for _ in range(2):
                loss = F.mse_loss(self.bias_.expand(len(targets)), torch.as_tensor(targets))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return self

        def predict(self, inputs: Any) -> Any:
            return [self.bias_.item()] * len(inputs)

    inputs = torch.rand(12, 2).double().numpy()
    search.GridSearchCV(Net(), {"lr": [0.1, 0.01]}, cv=2).fit(inputs, inputs.sum(1))
    candidates = [run for run in all_runs() if run.parent_run_id is not None]
    assert len(candidates) == 2
    for run in candidates:
        assert [len(series(run, f"split{split}_loss")) for split in range(2)] == [2, 2]


def test_what_a_graph_would_compute_again_is_not_asked_for() -> None:
    """A loss that is divided within a checkpointed function is computed as often as without autolog."""
    calls: list[int] = []
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loss_of(inputs: Any, targets: Any) -> Any:
        calls.append(1)
        losses = F.mse_loss(model(inputs), targets, reduction="none")
        return losses.sum() / losses.detach().ne(0).sum()

    for inputs, targets in data():
        loss = torch.utils.checkpoint.checkpoint(loss_of, inputs, targets, use_reentrant=False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    autolog.end_run()
    assert len(calls) == 2 * 4
    assert len(series(only_run(), "loss")) == 4


def test_a_model_is_not_pickled_where_that_could_end_the_program() -> None:
    """With a recursion limit that C code cannot keep the weights are saved alone, and a note says so."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        train()
    finally:
        sys.setrecursionlimit(limit)
    run = only_run()
    assert len(run.models) == 1
    assert "recursion limit" in str(run.models[0]["notes"])
