"""Unmodified training scripts of different shapes: what is recorded of each is what it prints, to the last digit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest

import autolog
from autolog.testing import all_runs, only_run, series

pytest.importorskip("torch")
pytest.importorskip("torchmetrics")

SCRIPTS = Path(__file__).parent / "torch_scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
TIMES = re.compile(r"time: +[\d.]+s|complete in \d+m \d+s|\d+%\|.*?\]")


class Ran(NamedTuple):
    """How a script ended, bare and recorded, and where its runs are."""

    bare: subprocess.CompletedProcess[str]
    recorded: subprocess.CompletedProcess[str]
    store: Path


def start(command: list[str], store: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOLOG", "PYTEST"))}
    environment = {**kept, "AUTOLOG_BACKEND": str(store), "OMP_NUM_THREADS": "1"}
    place = mkdtemp(dir=store.parent)
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=300)


@cache
def ran(name: str) -> Ran:
    """Run a script, without autolog and with it."""
    script, store = str(SCRIPTS / f"{name}.py"), Path(mkdtemp(prefix=f"autolog-{name}-")) / "runs"
    commands = [[sys.executable, script], [sys.executable, "-m", "autolog", "run", script]]
    with ThreadPoolExecutor(2) as pool:
        bare, recorded = pool.map(lambda command: start(command, store), commands)
    return Ran(bare, recorded, store)


def printed(name: str, pattern: str) -> list[str]:
    """What stands in the one group of a pattern, each time that the script prints it."""
    found: list[str] = re.findall(pattern, ran(name).recorded.stdout)
    assert found, f"{name} prints nothing like {pattern}"
    return found


def run_of(name: str) -> autolog.Run:
    return only_run(ran(name).store)


def values(run: autolog.Run, key: str) -> list[float]:
    return [value for _, value in series(run, key)]


def steps(run: autolog.Run, key: str) -> list[int]:
    return [step for step, _ in series(run, key)]


def shown(numbers: list[float], form: str) -> list[str]:
    return [format(number, form) for number in numbers]


@pytest.mark.parametrize("name", NAMES)
def test_a_script_prints_what_it_prints_without(name: str) -> None:
    """The exit code and both streams are the same, but for wall-clock times and lines of autolog's."""
    bare, recorded, _ = ran(name)
    assert (bare.returncode, recorded.returncode) == (0, 0), recorded.stderr
    assert TIMES.sub("", recorded.stdout) == TIMES.sub("", bare.stdout)
    theirs = re.sub(r"^autolog:.*\n", "", recorded.stderr, flags=re.MULTILINE)
    if name != "tqdm_tensorboard":  # a bar is drawn as often as time allows
        assert theirs == bare.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_runs_of_a_script_finish_with_a_model_each_and_nothing_missing(name: str) -> None:
    """There are as many runs as trainings, at the top level, and the weights of each load without trust."""
    found = all_runs(ran(name).store)
    assert len(found) == {"sweep": 5, "resume": 2}.get(name, 1)
    for run in found:
        assert (run.status, run.parent_run_id, run.notes) == ("FINISHED", None, [])
        uri, store = f"runs:/{run.run_id}/model", ran(name).store
        module = autolog.load_model(uri, store=store, trusted=True)
        assert autolog.load_model(uri, store=store).keys() == module.state_dict().keys()
        assert sum(each.numel() for each in module.parameters()) == run.params["model.parameters"]


EXPECTED: Mapping[str, Mapping[str, object]] = {
    "classification": {"optimizer": "Adadelta", "scheduler": "StepLR", "batch_size": 64, "loss_function": "nll_loss"},
    "accumulation_amp": {"accumulated_batches": 4, "amp": "bfloat16", "clip_grad_norm": 1.0, "grad_scaler": True},
    "gan": {"optimizer.lr": 0.0005, "optimizerG": "Adam", "loss_function": "binary_cross_entropy"},
    "next_iter": {"scheduler": "CosineAnnealingLR", "scheduler.T_max": 120, "steps": 120},
    "no_loader": {"optimizer": "AdamW", "steps": 200, "seed": 0},
    "trainer_class": {"epochs": 12, "loss_function.label_smoothing": 0.02, "batch_size": 16},
    "rnn_lm": {"clip_grad_norm": 0.5, "optimizer.lr": 4.0, "model": "CharLSTM"},
    "lbfgs": {"optimizer": "LBFGS", "dtype": "float64", "steps": 8},
    "finetune_phases": {"optimizer": "SGD", "optimizer.phase2": "SGD", "epochs": 6, "train_loader.num_workers": 2},
    "tqdm_tensorboard": {"scheduler": "OneCycleLR", "epochs": 4, "optimizer.groups": 2},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_params_of_a_script(name: str) -> None:
    """They are what the script sets."""
    params = run_of(name).params
    assert {key: params.get(key) for key in EXPECTED[name]} == EXPECTED[name]


def test_losses_of_train_and_test_functions() -> None:
    """The loss of each step and the sum over the test set by its size, at the script's own epochs."""
    run = run_of("classification")
    shown_ones = [value for step, value in series(run, "loss") if step % 22 % 5 == 0]
    assert shown(shown_ones, ".6f") == printed("classification", r"\tLoss: (\S+)")
    assert shown(values(run, "test_loss"), ".4f") == printed("classification", r"Average loss: (\S+),")
    assert steps(run, "test_loss") == steps(run, "loss_epoch") == [1, 2, 3, 4]


def test_losses_under_amp_and_accumulation() -> None:
    """They are undivided and unscaled, and the gradients' norm is that before clipping."""
    run = run_of("accumulation_amp")
    assert shown(values(run, "loss"), ".4f") == printed("accumulation_amp", r"avg (\S+)")
    assert shown(values(run, "grad_norm"), ".3f") == printed("accumulation_amp", r"grad norm (\S+)")


def test_losses_of_a_gan() -> None:
    """Each of the three has the script's name, and their sums are what it prints."""
    run = run_of("gan")
    both = [real + fake for real, fake in zip(values(run, "errD_real"), values(run, "errD_fake"), strict=True)]
    assert shown(both, ".4f") == printed("gan", r"Loss_D: (\S+)")
    assert shown(values(run, "errG"), ".4f") == printed("gan", r"Loss_G: (\S+)")


def test_losses_of_a_loop_over_iterations() -> None:
    """Evaluations within it have the optimizer's step."""
    run = run_of("next_iter")
    loss = dict(series(run, "loss"))
    for iteration, text in re.findall(r"\niter (\d+) loss (\S+)", "\n" + ran("next_iter").recorded.stdout):
        assert str(round(loss[int(iteration) - 1], 5)) == text
    evaluated = re.findall(r"val @ (\d+) loss (\S+)", ran("next_iter").recorded.stdout)
    assert [(step, str(round(value, 5))) for step, value in series(run, "val_loss")] == [
        (int(step), text) for step, text in evaluated
    ]


def test_losses_without_a_loader() -> None:
    """What the script evaluates on two splits is told apart by its variable, and has the optimizer's step."""
    run = run_of("no_loader")
    assert shown(values(run, "train_eval_loss"), ".4f") == printed("no_loader", r"train loss (\S+),")
    assert shown(values(run, "val_loss"), ".4f") == printed("no_loader", r"val loss (\S+)")
    assert steps(run, "val_loss")[:4] == [0, 50, 100, 150]
    assert str(values(run, "loss")[-1]) == printed("no_loader", r"last batch loss (\S+)")[0]


def test_losses_of_a_class_that_trains() -> None:
    """Epochs are counted by its attribute; the training loss is weighted by samples, the other by batches."""
    run = run_of("trainer_class")
    key = "loss_epoch_per_sample"
    assert shown(values(run, key), ".4f") == printed("trainer_class", r" - loss: (\S+)")
    assert shown(values(run, "val_loss"), ".4f")[:12] == printed("trainer_class", r"val_loss: (\S+)")
    assert steps(run, key) == list(range(12))


def test_losses_of_a_language_model() -> None:
    """The mean over chunks, weighted by their length where the script weights them."""
    run = run_of("rnn_lm")
    losses = values(run, "loss")
    windows = [sum(losses[at : at + 5]) / 5 for epoch in range(0, 95, 19) for at in range(epoch, epoch + 15, 5)]
    assert [f"{each:5.3f}" for each in windows] == printed("rnn_lm", r"\| loss +(\S+)")
    assert [f"{each:5.3f}" for each in values(run, "val_loss_per_sample")] == printed("rnn_lm", r"valid loss +(\S+)")


def test_losses_of_a_closure() -> None:
    """A step's loss is that which its first closure gave, as `step` returns it."""
    run = run_of("lbfgs")
    assert list(map(str, values(run, "loss"))) == printed("lbfgs", r"loss at start of step: (\S+)")
    assert list(map(str, values(run, "eval_loss"))) == printed("lbfgs", r"test loss: (\S+)")


def test_losses_of_a_training_that_is_resumed() -> None:
    """Two runs with the script's epochs; the first names the checkpoint."""
    first, second = all_runs(ran("resume").store)
    trained = values(first, "loss_epoch") + values(second, "loss_epoch")
    assert shown(trained, ".5f") == printed("resume", r"train=(\S+)")
    assert (steps(first, "loss_epoch"), steps(second, "loss_epoch")) == ([0, 1], [2, 3])
    validated = [*values(first, "val_loss"), *values(second, "val_loss")[-2:]]
    assert shown(validated, ".5f") == printed("resume", r"\] train=\S+ valid=(\S+)")
    (saved,) = first.tags["checkpoints"]
    assert saved["path"].endswith("checkpoint.pth.tar")


def test_losses_of_phases_of_fine_tuning() -> None:
    """One run whose epochs go on, with the losses of both phases."""
    run = run_of("finetune_phases")
    assert shown(values(run, "loss_epoch"), ".4f") == printed("finetune_phases", r"train Loss: (\S+)")
    assert shown(values(run, "val_loss_per_sample"), ".4f") == printed("finetune_phases", r"val Loss: (\S+)")
    assert steps(run, "loss_epoch") == steps(run, "val_loss") == [0, 1, 2, 3, 4, 5]


def test_losses_of_a_sweep() -> None:
    """Each trial's run has its learning rate and its losses."""
    runs = all_runs(ran("sweep").store)
    assert [run.params["optimizer.lr"] for run in runs[:3]] == [0.3, 0.1, 0.01]
    means = [value for run in runs[:3] for value in values(run, "loss_epoch")]
    assert shown(means, ".4f") == printed("sweep", r"mean loss (\S+)")
    widths = [value for run in runs[3:] for value in values(run, "l_epoch")]
    assert shown(widths, ".4f") == printed("sweep", r"width \d+ epoch \d+: (\S+)")


def test_what_goes_to_bars_boards_and_metrics() -> None:
    """Values shown by tqdm, logged to TensorBoard and computed by torchmetrics are the run's as well."""
    run = run_of("tqdm_tensorboard")
    assert shown(values(run, "loss_epoch"), ".4f") == printed("tqdm_tensorboard", r"train_loss=(\S+)")
    assert shown(values(run, "val_loss"), ".4f") == printed("tqdm_tensorboard", r"val_loss=(\S+)")
    for key in ("val_MulticlassAccuracy", "val/acc"):
        assert shown(values(run, key), ".4f") == printed("tqdm_tensorboard", r"val_acc=(\S+)")
    assert values(run, "train/loss") == values(run, "loss")
    assert shown(values(run, "postfix_loss"), ".4f") == shown(values(run, "loss"), ".4f")
