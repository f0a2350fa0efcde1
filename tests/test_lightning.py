"""Lightning: the runs of fits, validations and tests, and that the program does not notice."""

from __future__ import annotations

import contextlib
import copy
import csv
import json
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, LearningRateFinder, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.tuner import Tuner
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

import autolog
from autolog.testing import all_runs, only_run, series
from autolog_lightning import reading, watching

pytestmark = [
    pytest.mark.usefixtures("recording"),
    # what Lightning warns of by itself, at each fit of so small a model
    pytest.mark.filterwarnings("ignore::lightning.fabric.utilities.warnings.PossibleUserWarning"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*exists and is not empty"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec"),
]
X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
Y = X.sum(1, keepdim=True)


def loader(size: int = 4) -> Any:
    return DataLoader(TensorDataset(X, Y), batch_size=size)


class Net(L.LightningModule):
    """Five batches an epoch, a metric of every kind."""

    def __init__(self, lr: float = 0.1, hidden: int = 2) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, hidden), torch.nn.Linear(hidden, 1))

    def loss(self, batch: Any) -> Any:
        return mse_loss(self.layers(batch[0]), batch[1])

    def training_step(self, batch: Any, number: int) -> Any:
        loss = self.loss(batch)
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        self.log("val_loss", self.loss(batch))

    def test_step(self, batch: Any, number: int) -> None:
        """Log the loss; Lightning has the name so."""
        self.log("test_loss", self.loss(batch))

    def predict_step(self, batch: Any, number: int) -> Any:
        return self.layers(batch[0])

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


def trainer(**more: Any) -> Any:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    return L.Trainer(**{**quiet, "enable_checkpointing": False, "max_epochs": 2, "log_every_n_steps": 2, **more})


def fitted(model: Any = None, **more: Any) -> Any:
    """A trainer that has fitted a model, with a validation after each epoch."""
    made = trainer(**more)
    made.fit(Net() if model is None else model, loader(), loader())
    return made


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let pass what Lightning warns of here by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def seeded(seed: int = 1) -> None:
    L.seed_everything(seed)


# ---- the model


class Called(Net):
    """Is called by its steps, as a model mostly is."""

    def forward(self, rows: Any, *, scale: float = 1.0) -> Any:
        return {"out": self.layers(rows) * scale}

    def loss(self, batch: Any) -> Any:
        return mse_loss(self(batch[0], scale=2.0)["out"], batch[1])


@pytest.mark.parametrize("validated", [False, True])
def test_the_first_call_of_the_model_is_its_signature(validated: bool) -> None:
    """What it takes by name and gives, whether a step or a validation calls it first; nothing is left there."""
    before, model = torch.nn.Module._wrapped_call_impl.__code__, Called()
    trainer().fit(model, loader(), *([loader(3)] if validated else []))
    assert only_run().signature == {
        "inputs": [{"name": "rows", "type": "tensor", "dtype": "float32", "shape": [-1, 3]}],
        "outputs": [{"name": "out", "type": "tensor", "dtype": "float32", "shape": [-1, 1]}],
    }
    assert torch.nn.Module._wrapped_call_impl.__code__ is before


def test_a_model_that_is_never_called_has_no_signature() -> None:
    """Where steps call its parts alone, there is none, and calls are watched no more once a step was made."""
    before, codes = torch.nn.Module._wrapped_call_impl.__code__, []

    class Watching(Net):
        def on_train_batch_start(self, batch: Any, number: int) -> None:
            codes.append(torch.nn.Module._wrapped_call_impl.__code__ is before)

    fitted(Watching())
    assert only_run().signature is None
    assert codes == [False, False, *[True] * 8]


def test_no_signature_where_none_is_wanted() -> None:
    """`log_model_signatures=False` holds for Lightning too."""
    autolog.enable("lightning", log_model_signatures=False)
    fitted(Called())
    assert only_run().signature is None


def test_the_layers_are_an_artifact() -> None:
    """A table with the name, the class, the shapes and the number of parameters of each layer."""
    fitted()
    text = only_run().artifact_path("model_summary.txt").read_text()
    assert [line.split() for line in text.splitlines()] == [
        ["layer", "class", "shapes", "parameters"],
        ["(model)", "Net", "0"],
        ["layers", "Sequential", "0"],
        ["layers.0", "Linear", "weight", "2", "x", "3,", "bias", "2", "8"],
        ["layers.1", "Linear", "weight", "1", "x", "2,", "bias", "1", "3"],
    ]


# ---- metrics


def test_steps_and_epochs_are_what_lightning_logs(tmp_path: Path) -> None:
    """A point of a batch stands under the step of Lightning's own loggers, one of an epoch under the epoch."""
    fitted(logger=CSVLogger(tmp_path, version=""))
    run = only_run()
    with (tmp_path / "lightning_logs" / "metrics.csv").open() as file:
        lines = list(csv.DictReader(file))
    for name, number in {"loss_step": "step", "loss_epoch": "epoch", "val_loss": "epoch"}.items():
        logged = [(int(line[number]), float(line[name])) for line in lines if line.get(name)]
        assert series(run, name) == logged
        assert len(logged) >= 2
    assert [step for step, _ in series(run, "val_loss")] == [0, 1]
    assert [step for step, _ in series(run, "loss_step")] == [1, 3, 5, 7, 9]


def test_the_sanity_check_is_no_validation() -> None:
    """What Lightning computes on two batches before it trains is not recorded."""
    fitted(num_sanity_val_steps=2, max_epochs=1)
    assert len(series(only_run(), "val_loss")) == 1


def test_validations_within_an_epoch_stand_under_the_step() -> None:
    """Where an epoch is validated several times, its number would not tell them apart."""
    fitted(val_check_interval=2)
    assert [step for step, _ in series(only_run(), "val_loss")] == [1, 3, 6, 8]


def test_what_is_kept_from_the_loggers_is_recorded() -> None:
    """A metric with `logger=False`, for the progress bar or a callback, has its points as well, once each."""

    class Hidden(Net):
        def training_step(self, batch: Any, number: int) -> Any:
            loss = self.loss(batch)
            self.log("shown", loss, logger=False, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, number: int) -> None:
            self.log("monitored", self.loss(batch), logger=False)

    fitted(Hidden())
    run = only_run()
    assert [step for step, _ in series(run, "shown_step")] == [1, 3, 5, 7, 9]
    assert [step for step, _ in series(run, "shown_epoch")] == [0, 1]
    assert [step for step, _ in series(run, "monitored")] == [0, 1]
    assert "shown" not in run.metrics


def test_a_metric_called_step_is_the_step() -> None:
    """As Lightning has it, what the user logs as `step` says where the points stand."""

    class Stepping(Net):
        def on_train_epoch_end(self) -> None:
            self.log("step", 100.0 + self.current_epoch)
            self.log("late", 1.0)

    fitted(Stepping())
    run = only_run()
    assert series(run, "late") == [(100, 1.0), (101, 1.0)]
    assert "step" not in run.metrics


def test_metrics_of_several_loaders_have_lightnings_names() -> None:
    """Each validation loader has its series."""

    class Several(Net):
        def validation_step(self, batch: Any, number: int, dataloader_idx: int = 0) -> None:
            self.log("val_loss", self.loss(batch))

    made = trainer()
    made.fit(Several(), loader(), [loader(), loader(5)])
    run = only_run()
    assert {f"val_loss/dataloader_idx_{number}" for number in range(2)} <= set(run.metrics)
    assert [each["name"] for each in run.inputs] == ["train", "validation.0", "validation.1"]


def test_what_callbacks_of_the_user_log_is_recorded() -> None:
    """`self.log` may be called by a callback too."""

    class Logging(Callback):
        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            module.log("mine", float(trainer.current_epoch))

    fitted(callbacks=[Logging()])
    assert series(only_run(), "mine") == [(0, 0.0), (1, 1.0)]


def test_learning_rates_are_recorded_where_they_change() -> None:
    """They have the names of Lightning's own monitor, and the step from which on they hold."""

    class Scheduled(Net):
        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]

    fitted(Scheduled(), max_epochs=3)
    run = only_run()
    assert series(run, "lr-SGD") == [(0, 0.1), (5, 0.05), (10, 0.025), (15, 0.0125)]
    assert {run.params[name] for name in ("scheduler", "scheduler.gamma", "scheduler.interval")} == {
        "StepLR",
        0.5,
        "epoch",
    }


class OnADevice:
    """Says of a tensor that it does not lie on the CPU."""

    @staticmethod
    def is_at_hand(value: Any) -> bool:
        return not isinstance(value, torch.Tensor)


def test_numbers_on_an_accelerator_are_read_together_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the device at each step, and every point is there in the end, with its step."""
    reads: list[int] = []
    read = reading._read
    monkeypatch.setattr(reading, "_is_at_hand", OnADevice.is_at_hand)
    monkeypatch.setattr(reading, "_read", lambda values: [reads.append(len(values)), read(values)][1])
    fitted(log_every_n_steps=1)
    run = only_run()
    assert [step for step, _ in series(run, "loss_step")] == [*range(10)]
    assert [step for step, _ in series(run, "lr-SGD")] == [0]
    assert len(reads) <= 6


# ---- params


def test_hyperparameters_and_settings_are_params() -> None:
    """The user's have their names; the trainer's are those in effect."""
    seeded(7)
    fitted(Net(lr=0.05), gradient_clip_val=0.5, accumulate_grad_batches=2, limit_train_batches=4)
    params = only_run().params
    expected = {
        "lr": 0.05,
        "hidden": 2,
        "max_epochs": 2,
        "gradient_clip_val": 0.5,
        "accumulate_grad_batches": 2,
        "limit_train_batches": 4,
        "fast_dev_run": False,
        "accelerator": "cpu",
        "strategy": "single_device",
        "devices": 1,
        "num_nodes": 1,
        "precision": "32-true",
        "model": "Net",
        "model.parameters": 11,
        "model.trainable_parameters": 11,
        "optimizer": "SGD",
        "optimizer.lr": 0.05,
        "batch_size": 4,
        "epochs": 2,
        "steps": 4,
        "seed": 7,
    }
    assert {name: params.get(name) for name in expected} == expected


def test_a_hyperparameter_keeps_its_name() -> None:
    """A setting of that name, and another value, is told apart by its source."""

    class Named(L.LightningModule):
        training_step, configure_optimizers = Net.training_step, Net.configure_optimizers
        loss = Net.loss

        def __init__(self, optimizer: str, max_epochs: int, epochs: int, lr: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layers = torch.nn.Linear(3, 1)

    trainer().fit(Named("sgd", 2, 50), loader())
    params = only_run().params
    assert (params["optimizer"], params["trainer.optimizer"]) == ("sgd", "SGD")
    assert (params["epochs"], params["trainer.epochs"]) == (50, 2)
    assert params["max_epochs"] == 2
    assert "trainer.max_epochs" not in params


def test_the_datamodule_has_its_params_too() -> None:
    """Its class and its hyperparameters."""

    class Data(L.LightningDataModule):
        def __init__(self, size: int = 5) -> None:
            super().__init__()
            self.save_hyperparameters()

        def train_dataloader(self) -> Any:
            return loader(self.hparams.size)

    trainer().fit(Net(), datamodule=Data())
    params = only_run().params
    assert (params["datamodule"], params["size"], params["batch_size"]) == ("Data", 5, 5)


def test_a_module_without_hyperparameters_gets_no_attribute() -> None:
    """Lightning's property would add an attribute to a datamodule when it is asked."""

    class Data(L.LightningDataModule):
        def train_dataloader(self) -> Any:
            return loader()

    data = Data()
    trainer().fit(Net(), datamodule=data)
    assert "_hparams" not in vars(data)


class Thing:
    def __repr__(self) -> str:
        raise AssertionError("asked")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked")

    __hash__ = None


def test_no_code_of_the_users_is_run_for_params() -> None:
    """An object among the hyperparameters is told by its type."""

    model = Net()
    model.hparams["thing"] = Thing()
    fitted(model)
    assert only_run().params["thing"].endswith("Thing")
    assert only_run().notes == []


def test_several_optimizers_and_groups_are_numbered() -> None:
    """What differs between groups is told for each."""

    class Two(Net):
        automatic_optimization = False

        def training_step(self, batch: Any, number: int) -> Any:
            for each in self.optimizers():
                each.zero_grad()
            self.manual_backward(self.loss(batch))
            for each in self.optimizers():
                each.step()

        def configure_optimizers(self) -> Any:
            first, second = self.layers
            groups = [{"params": [first.weight], "lr": 0.2}, {"params": [first.bias]}]
            return torch.optim.SGD(groups, lr=0.1), torch.optim.SGD(second.parameters(), lr=0.3)

    fitted(Two())
    run = only_run()
    found = {name: run.params.get(name) for name in ("optimizer.group0.lr", "optimizer.group1.lr", "optimizer2.lr")}
    assert list(found.values()) == [0.2, 0.1, 0.3]
    assert {"lr-SGD/pg1", "lr-SGD/pg2", "lr-SGD-1"} <= set(run.metrics)


def test_a_failed_setup_still_has_params() -> None:
    """What is known before anything is set up is written at once."""

    class Failing(Net):
        def setup(self, stage: str) -> None:
            raise RuntimeError("no data")

    with pytest.raises(RuntimeError, match="no data"):
        fitted(Failing())
    run = only_run()
    assert (run.status, run.params["lr"], run.params["max_epochs"]) == ("FAILED", 0.1, 2)
    assert "no data" in str(run.error)


def test_fast_dev_run_is_said() -> None:
    """A trial of one batch is recorded, and the run says that it is one."""
    fitted(fast_dev_run=True)
    run = only_run()
    assert run.params["fast_dev_run"] is True or run.params["fast_dev_run"] == 1
    assert series(run, "val_loss")[0][0] == 0


# ---- early stopping, checkpoints, data, the model


def test_early_stopping_tells_what_it_found() -> None:
    """Its settings are params; where it stopped, and the best score, are metrics."""
    stopping = EarlyStopping("val_loss", patience=1, min_delta=10.0)
    fitted(callbacks=[stopping], max_epochs=9)
    run = only_run()
    names = ("early_stopping.monitor", "early_stopping.patience", "early_stopping.min_delta", "early_stopping.mode")
    assert [run.params[name] for name in names] == ["val_loss", 1, 10.0, "min"]
    assert run.metrics["stopped_epoch"] == stopping.stopped_epoch == 1
    assert run.metrics["best_score"] == pytest.approx(float(stopping.best_score))


def test_a_fit_that_was_not_stopped_says_no_epoch() -> None:
    """`stopped_epoch` is 0 on a callback that has not stopped anything."""
    fitted(callbacks=[EarlyStopping("val_loss", patience=5)])
    assert "stopped_epoch" not in only_run().metrics


def test_checkpoints_are_known_by_their_paths(tmp_path: Path) -> None:
    """The files stay where they are; the run names them, and the best one with its score."""
    saving = ModelCheckpoint(tmp_path / "kept", monitor="val_loss", save_top_k=2, save_last=True)
    fitted(callbacks=[saving], enable_checkpointing=True)
    run = only_run()
    assert run.tags["best_model_path"] == saving.best_model_path
    assert run.tags["last_model_path"] == saving.last_model_path
    assert run.metrics["best_model_score"] == pytest.approx(float(saving.best_model_score))
    listed = {each["path"]: each for each in run.tags["checkpoints"]}
    assert set(listed) == {str(path) for path in (tmp_path / "kept").iterdir()}
    assert all(each["size"] == Path(path).stat().st_size for path, each in listed.items())
    assert not any("checkpoints" in str(each) for each in run.artifacts)


def test_copies_of_checkpoints_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    """`log_checkpoints` holds for Lightning's too."""
    autolog.enable(log_checkpoints=True)
    saving = ModelCheckpoint(tmp_path / "kept", filename="one")
    fitted(callbacks=[saving], enable_checkpointing=True)
    assert only_run().artifact_path("checkpoints/one.ckpt").read_bytes() == Path(saving.best_model_path).read_bytes()


def test_the_data_of_plain_loaders_is_an_input() -> None:
    """Of tensors with a digest, that changes with them."""
    fitted()
    run = only_run()
    assert [(each["name"], each["context"]) for each in run.inputs] == [
        ("train", "train"),
        ("validation", "validation"),
    ]
    assert run.inputs[0]["digest"] == run.inputs[1]["digest"] is not None
    assert run.inputs[0]["shape"] == [20, 3]


def test_the_final_model_is_saved() -> None:
    """It is loaded as a module with the same weights."""
    model = Net()
    fitted(model)
    run = only_run()
    assert run.notes == []
    loaded = autolog.load_model(f"runs:/{run.run_id}/model", trusted=True)
    assert type(loaded).__name__ == "Net"
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())


def test_the_model_is_not_saved_where_that_is_off() -> None:
    """`log_models=False` holds."""
    autolog.enable("lightning", log_models=False)
    fitted()
    assert only_run().models == []


# ---- runs


def test_validations_and_tests_of_a_fitted_model_are_its_runs(tmp_path: Path) -> None:
    """Their metrics come to the run of the fit, also without naming the model again."""
    model = Net()
    made = fitted(model, enable_checkpointing=True, default_root_dir=tmp_path)
    made.test(model, loader(), verbose=False)
    made.validate(dataloaders=loader(), ckpt_path="best", verbose=False)
    trainer().validate(model, loader(), verbose=False)
    run = only_run()
    assert run.status == "FINISHED"
    assert [step for step, _ in series(run, "test_loss")] == [2]
    assert [step for step, _ in series(run, "val_loss")] == [0, 1, 2, 2]
    assert len(run.history("val_loss")) == 4


def test_a_model_that_is_not_known_gets_a_run_of_its_own() -> None:
    """A test without a fit is recorded with its params."""
    trainer().test(Net(lr=0.5), loader(), verbose=False)
    run = only_run()
    assert (run.run_name, run.params["lr"], run.status) == ("Net", 0.5, "FINISHED")
    assert [step for step, _ in series(run, "test_loss")] == [0]
    assert run.models == []


def test_a_model_from_a_checkpoint_is_known(tmp_path: Path) -> None:
    """Tested by the trainer that saved it, it adds to that run; trained on, it names it."""
    made = fitted(callbacks=[ModelCheckpoint(tmp_path / "kept")], enable_checkpointing=True)
    loaded = Net.load_from_checkpoint(made.checkpoint_callback.best_model_path)
    made.test(loaded, loader(), verbose=False)
    first = only_run()
    assert "test_loss" in first.metrics
    fitted(loaded)
    assert all_runs()[1].tags["continued_from"] == first.run_id


def test_which_weights_are_tested_is_said(tmp_path: Path) -> None:
    """With `ckpt_path="best"` they are not those that the fit ended with."""
    made = fitted(callbacks=[ModelCheckpoint(tmp_path / "kept")], enable_checkpointing=True)
    made.test(dataloaders=loader(), ckpt_path="best", verbose=False)
    assert only_run().tags["test_ckpt_path"] == made.checkpoint_callback.best_model_path


def test_a_resumed_fit_names_the_run_of_its_checkpoint(tmp_path: Path) -> None:
    """And its steps go on where those ended."""
    made = fitted(callbacks=[ModelCheckpoint(tmp_path / "kept")], enable_checkpointing=True)
    with quiet():  # that the callback, which has a state in the checkpoint, is missing
        trainer(max_epochs=4).fit(Net(), loader(), loader(), ckpt_path=made.checkpoint_callback.best_model_path)
    first, second = all_runs()
    assert second.tags["continued_from"] == first.run_id
    assert [step for step, _ in series(second, "val_loss")] == [2, 3]


def test_several_fits_are_several_runs() -> None:
    """Each fit of a trainer has a run."""
    made = fitted()
    made.fit_loop.max_epochs = 3
    made.fit(Net(), loader(), loader())
    first, second = all_runs()
    assert [step for step, _ in series(second, "val_loss")] == [2]
    assert first.parent_run_id is second.parent_run_id is None


def test_in_an_explicit_run_the_first_fit_is_on_it() -> None:
    """A validation before it takes no run; a further fit is a child."""
    with autolog.start_run(run_name="mine") as run:
        model = Net()
        trainer().validate(model, loader(), verbose=False)
        fitted(model)
        fitted()
    parent = next(each for each in all_runs() if each.run_id == run.run_id)
    assert len(all_runs()) == 2
    assert [step for step, _ in series(parent, "val_loss")] == [0, 0, 1]
    assert [each.params["lr"] for each in parent.children()] == [0.1]


def test_a_fit_that_fails_is_failed_and_its_error_unchanged() -> None:
    """The exception is the user's, through frames of Lightning and the user's only."""

    class Failing(Net):
        def on_train_epoch_end(self) -> None:
            raise ValueError("enough")

    made = trainer()
    with pytest.raises(ValueError, match="enough") as raised:
        made.fit(Failing(), loader())
    assert not any("autolog" in str(each.path) for each in raised.traceback if "test_" not in str(each.path))
    run = only_run()
    assert run.status == "FAILED"
    assert len(series(run, "loss_step")) == 2
    assert watching._followed.get(made) is None


def test_a_tuners_search_is_no_run() -> None:
    """What it trains to find a rate is nothing that the user has trained."""
    model = Net()
    with quiet():
        Tuner(trainer(max_steps=50)).lr_find(model, loader(), num_training=5)
    assert all_runs() == []


def test_a_rate_finder_within_a_fit_leaves_no_points() -> None:
    """The series begin where the training does."""
    with quiet():
        made = fitted(callbacks=[LearningRateFinder(num_training_steps=5)], enable_checkpointing=True)
    steps = [step for step, _ in series(only_run(), "loss_step")]
    assert steps == [*range(1, made.fit_loop.epoch_loop._batches_that_stepped, 2)]  # 2.4 counts its trials too


def test_predictions_are_no_run() -> None:
    """`predict` records nothing."""
    model = Net()
    trainer().predict(model, loader())
    assert all_runs() == []


def test_the_plain_loops_layer_stands_aside() -> None:
    """A fit is one run, whose series are Lightning's."""
    autolog.enable()
    fitted()
    run = only_run()
    assert set(run.metrics) == {"loss_step", "loss_epoch", "val_loss", "lr-SGD"}


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK"])
def test_ranks_other_than_zero_record_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Of the processes of one training one records it; no other layer does in its place."""
    made = trainer()
    monkeypatch.setenv(name, "1")
    made.fit(Net(), loader())
    assert all_runs() == []


# ---- the program does not notice


class Watching(Callback):
    """Keeps what it sees of the trainer's callbacks and loggers while it trains."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        self.seen.append((trainer.callbacks, list(trainer.callbacks), list(trainer.loggers)))

    def state_dict(self) -> dict[str, Any]:
        return {"batches": len(self.seen)}


def trained(folder: Path) -> dict[str, Any]:
    """All that a training leaves behind."""
    seeded()
    watching, saving = Watching(), ModelCheckpoint(folder, monitor="val_loss", filename="one", save_last=True)
    mine = [watching, saving]
    model = Net()
    made = trainer(callbacks=mine, enable_checkpointing=True, logger=CSVLogger(folder))
    callbacks = made.callbacks
    before = list(callbacks)
    made.fit(model, loader(), loader())
    tested = made.test(model, loader(), verbose=False)
    assert made.callbacks is callbacks
    assert all(one is callbacks and [*map(id, seen)] == [*map(id, before)] for one, seen, _ in watching.seen)
    checkpoint = torch.load(saving.last_model_path, weights_only=False)
    rate = checkpoint["hyper_parameters"]["lr"]
    return {
        "mine": [type(each).__name__ for each in mine],
        "callbacks": [type(each).__name__ for each in callbacks],
        "loggers": {len(loggers) for _, _, loggers in watching.seen},
        "states": {key: sorted(state) for key, state in checkpoint["callbacks"].items()},
        "keys": sorted(checkpoint),
        "loops": json.dumps(checkpoint["loops"], default=str),
        "rate": rate,
        "weights": [value.tolist() for value in model.state_dict().values()],
        "attributes": sorted(vars(model)),
        "trainer": sorted(vars(made)),
        "random": torch.get_rng_state().tolist(),
        "tested": tested,
        "files": sorted(str(each.relative_to(folder)) for each in folder.rglob("*")),
        "csv": (folder / "lightning_logs" / "version_0" / "metrics.csv").read_text(),
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
    }


def test_a_training_leaves_the_same_behind(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Weights, checkpoints, callbacks, logs, random states and output are those of a training that is not recorded."""
    logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
    recorded = trained(tmp_path / "one")
    said = capfd.readouterr()
    autolog.disable()
    alone = trained(tmp_path / "two")
    expected = capfd.readouterr()
    for name, value in alone.items():
        assert json.dumps(recorded[name], default=str).replace("one/", "two/") == json.dumps(value, default=str), name
    assert said.out == expected.out
    assert said.err.replace("one", "two") == expected.err.replace("one", "two")


def test_disable_takes_all_back() -> None:
    """Methods and functions are what they were."""
    wrapped = {name: vars(L.Trainer)[name] for name in ("fit", "validate", "test", "predict")}
    code = L.Trainer._run_stage.__code__
    autolog.disable()
    assert all(vars(L.Trainer)[name] is each.__wrapped__ for name, each in wrapped.items())
    assert L.Trainer._run_stage.__code__ is not code
    fitted()
    assert all_runs() == []


def test_a_trainer_can_be_copied_and_a_model_pickled_in_a_fit() -> None:
    """Nothing of ours is attached to what the user has."""

    class Copying(Callback):
        def on_train_start(self, trainer: Any, module: Any) -> None:
            self.attributes = set(vars(trainer))
            copy.deepcopy(module.state_dict())
            copy.deepcopy(trainer.callbacks)

    watch = Copying()
    made = fitted(callbacks=[watch])
    names = (watch.attributes | set(vars(made))) - {"enable_autolog_hparams"}  # Lightning's own
    assert not any("autolog" in name for name in names)


@pytest.mark.autolog_swallows
def test_what_fails_in_the_record_costs_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training goes on, and the run says what is missing."""
    seeded()
    alone = Net()
    with autolog.paused():
        fitted(alone)

    def failing(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(reading.Numbers, "log", failing)
    seeded()
    model = Net()
    fitted(model)
    assert all(map(torch.equal, model.state_dict().values(), alone.state_dict().values()))
    notes = " ".join(only_run().notes)
    assert "points.rates" in notes
    assert "metrics from here on are missing" in notes


SCRIPT = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import torch, lightning as L
from torch.utils.data import DataLoader, TensorDataset
import autolog
autolog.enable(backend="runs", silent=True)

class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def forward(self, rows):
        return self.layer(rows)
    def training_step(self, batch, number):
        loss = self(batch[0]).mean()
        self.log("loss", loss)
        if number == 2:
            {what}
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

if __name__ == "__main__":
    loader = DataLoader(TensorDataset(torch.ones(8, 1)), batch_size=2)
    trainer = L.Trainer(max_epochs=1, logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, accelerator="cpu", log_every_n_steps=1, {more})
    trainer.fit(Net(), loader)
"""


def script(folder: Path, what: str, more: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "train.py").write_text(SCRIPT.format(what=what, more=more), "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "train.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_control_c_is_killed(tmp_path: Path) -> None:
    """Lightning makes an exit of it, or before 2.4 a return; the run says what it was."""
    done = script(tmp_path, "os.kill(os.getpid(), signal.SIGINT)")
    assert "Traceback" not in done.stderr
    run = only_run(tmp_path / "runs")
    assert run.status == "KILLED"
    assert [step for step, _ in series(run, "loss")] == [0, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="gloo and fork")
@pytest.mark.parametrize("strategy", ["ddp", "ddp_fork"])
def test_of_two_processes_one_records(tmp_path: Path, strategy: str) -> None:
    """Rank zero has the run, with its points and the model; the other has none. The call that leads to the step, by
    which they find one another, is not the model's own."""
    done = script(tmp_path, "pass", f"strategy={strategy!r}, devices=2")
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path / "runs")
    assert (run.status, run.params["devices"], run.params["strategy"]) == ("FINISHED", 2, "ddp")
    assert [step for step, _ in series(run, "loss")] == [0, 1]
    assert [each["name"] for each in run.signature["inputs"]] == ["rows"]
    assert len(run.models) == 1
