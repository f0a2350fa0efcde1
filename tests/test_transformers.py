"""Hugging Face's Trainer: the runs of trainings and evaluations, and that the program does not notice."""

from __future__ import annotations

import contextlib
import copy
import inspect
import random
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EarlyStoppingCallback,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

import autolog
from autolog.exceptions import ModelError
from autolog.testing import all_runs, only_run, series
from elsewhere import python
from sizes import code_lines

pytestmark = pytest.mark.usefixtures("recording")
WORDS = torch.randint(0, 30, (16, 6), generator=torch.Generator().manual_seed(0))
DATA = [{"input_ids": row, "labels": torch.tensor(number % 2)} for number, row in enumerate(WORDS)]
CONFIG = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 8,
}


def tiny(kind: Any = BertForSequenceClassification) -> Any:
    """A model made from a configuration, the same at each call."""
    set_seed(1)
    return kind(BertConfig(**CONFIG))


def trainer(model: Any = None, kind: Any = Trainer, **more: Any) -> Any:
    """A trainer of two epochs of four steps, which says nothing."""
    of_trainer = {"callbacks", "processing_class", "compute_metrics", "eval_dataset"} & set(more)
    given = {"eval_dataset": DATA[:8], **{name: more.pop(name) for name in of_trainer}}
    usual = {
        "output_dir": "out",
        "num_train_epochs": 2,
        "per_device_train_batch_size": 4,
        "logging_steps": 2,
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
    }
    arguments = TrainingArguments(**{**usual, **more})
    return kind(tiny() if model is None else model, arguments, train_dataset=DATA, **given)


def trained(*args: Any, **more: Any) -> Any:
    """A trainer that has trained."""
    made = trainer(*args, **more)
    made.train()
    return made


def logged(made: Any) -> dict[str, list[tuple[int, float]]]:
    """What the trainer's own log says, by name."""
    names = dict.fromkeys(name for entry in made.state.log_history for name in entry if name != "step")
    log = made.state.log_history
    return {name: [(entry["step"], entry[name]) for entry in log if name in entry] for name in names}


# ---- metrics


def test_points_are_what_the_trainer_logs() -> None:
    """Each series is that of `log_history`, bit for bit, under the trainer's steps; nothing else is recorded."""
    made = trained()
    run = only_run()
    assert {name: series(run, name) for name in run.metrics} == logged(made)
    assert [step for step, _ in series(run, "loss")] == [2, 4, 6, 8]
    assert [step for step, _ in series(run, "eval_loss")] == [4, 8]


def test_a_trainer_of_the_users_logs_more() -> None:
    """What a subclass logs by itself is recorded as well; what is no number leaves a note."""

    class Own(Trainer):  # type: ignore[misc]
        def log(self, logs: Any, *args: Any, **more: Any) -> None:
            super().log({**logs, "own": 2.5, "said": "hello"}, *args, **more)

    trained(kind=Own)
    run = only_run()
    assert {value for _, value in series(run, "own")} == {2.5}
    assert "said" in run.notes[0]


def test_an_evaluation_joins_the_run_of_the_training() -> None:
    """`evaluate` and `predict` add to the run that trained the model, under the step that it has come to."""
    made = trained()
    found = made.evaluate(metric_key_prefix="again")
    held_out = DATA[:6]
    predicted = made.predict(held_out)
    run = only_run()
    assert series(run, "again_loss") == [(8, found["again_loss"])]
    assert series(run, "test_loss") == [(8, predicted.metrics["test_loss"])]


def test_an_evaluation_of_an_unknown_model_is_a_run() -> None:
    """A model that was trained elsewhere has a run of its own for what it is evaluated to."""
    found = trainer().evaluate()
    run = only_run()
    assert (run.run_name, run.metrics["eval_loss"]) == ("BertForSequenceClassification", found["eval_loss"])
    assert run.status == "FINISHED"


def test_metrics_of_predictions_join_the_run() -> None:
    """What scikit-learn computes of what `predict` gave belongs to the run that trained the model."""
    metrics = pytest.importorskip("sklearn.metrics")
    made = trained()
    held_out = DATA[:6]
    scores = made.predict(held_out).predictions
    error = metrics.mean_squared_error(np.zeros(scores.shape), scores)
    assert only_run().metrics["mean_squared_error_held_out"] == error


def test_early_stopping_and_the_best_checkpoint_are_recorded(tmp_path: Path) -> None:
    """The step in which it stopped, the best metric, and where the best model lies."""
    stopping = EarlyStoppingCallback(early_stopping_patience=1, early_stopping_threshold=1.0)
    made = trained(
        num_train_epochs=9,
        callbacks=[stopping],
        output_dir=str(tmp_path / "checkpoints"),
        save_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
    )
    run = only_run()
    assert run.metrics["stopped_step"] == made.state.global_step == 8
    assert run.metrics["best_metric"] == made.state.best_metric
    assert run.tags["best_model_checkpoint"] == made.state.best_model_checkpoint
    assert "EarlyStoppingCallback(early_stopping_patience=1" in " ".join(run.params["callbacks"])


# ---- facts


def test_params_say_what_was_trained_and_how() -> None:
    """The arguments, the configuration, the model's size and the optimizer that the trainer has made."""
    model = trained(learning_rate=0.01, hub_token="hf_secret").model
    run = only_run()
    expected = {
        "learning_rate": 0.01,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "lr_scheduler_type": "linear",
        "seed": 42,
        "config.hidden_size": 8,
        "config.model_type": "bert",
        "model": "BertForSequenceClassification",
        "model.parameters": sum(each.numel() for each in model.parameters()),
        "device": "cpu",
        "dtype": "float32",
        "optimizer": "AdamW",
        "optimizer.betas": (0.9, 0.999),
    }
    assert {name: run.params[name] for name in expected} == expected
    assert run.notes == []
    assert "hf_secret" not in repr(run.params)


def test_data_and_signature_are_recorded() -> None:
    """Both datasets have a digest; the signature is the first batch's, without the labels."""
    made = trainer()
    words = list(DATA)
    made.train_dataset = words
    made.train()
    run = only_run()
    found = [(each["context"], each["kind"], each["shape"]) for each in run.inputs]
    assert found == [("train", "list", [16]), ("validation", "list", [8])]
    assert run.inputs[0]["name"] == "words"
    assert run.signature == {
        "inputs": [{"name": "input_ids", "type": "tensor", "dtype": "int64", "shape": [-1, 6]}],
        "outputs": None,
    }


# ---- the model


def same_weights(one: Any, other: Any) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_the_model_comes_back() -> None:
    """It is what `save_pretrained` writes, packed, and loads with the same weights, without trust."""
    model = trained().model
    run = only_run()
    again = autolog.load_model(f"runs:/{run.run_id}/model")
    assert type(again) is BertForSequenceClassification
    assert same_weights(again, model)
    assert (run.models[0]["format"], run.models[0]["runs_code"]) == ("pretrained", False)


def test_the_tokenizer_comes_back() -> None:
    """What the trainer processes data with is saved beside the model."""
    words = Tokenizer(WordLevel({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[UNK]")
    trained(processing_class=tokenizer)
    again = autolog.load_model(f"runs:/{only_run().run_id}/processor")
    assert again.get_vocab() == tokenizer.get_vocab()


class Own(BertForSequenceClassification):  # type: ignore[misc]
    """A class of the user's, which transformers does not know."""


def test_a_class_of_the_users_is_saved_and_not_guessed() -> None:
    """Its file is there; loading says by which `from_pretrained` it is to be read."""
    trained(tiny(Own))
    run = only_run()
    assert [each["format"] for each in run.models] == ["pretrained"]
    with pytest.raises(ModelError, match=r"Own is no class of transformers'; unzip .*model.zip"):
        autolog.load_model(f"runs:/{run.run_id}/model")


def test_a_plain_module_is_torchs_to_save() -> None:
    """A Trainer takes any module; one that is none of transformers' is saved as safetensors."""

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(6, 2)

        def forward(self, input_ids: Any, labels: Any) -> Any:
            scores = self.layer(input_ids.float())
            return {"loss": torch.nn.functional.cross_entropy(scores, labels), "logits": scores}

    trained(Plain())
    run = only_run()
    assert (run.run_name, [each["format"] for each in run.models]) == ("Plain", ["torch-safetensors"])


@pytest.mark.autolog_swallows
def test_a_large_model_is_not_written() -> None:
    """What is larger than `max_model_mb` is refused, and the run says so."""
    autolog.enable(max_model_mb=0.001)
    trained()
    run = only_run()
    assert run.models == []
    assert "max_model_mb" in run.notes[0]


def test_a_further_training_names_the_one_before() -> None:
    """Training goes on in a run of its own, which says where the model comes from."""
    made = trained()
    made.train()
    first, second = all_runs()
    assert second.tags["continued_from"] == first.run_id


# ---- the program does not notice


def world(made: Any) -> Any:
    """Weights, what they are described by, and the states of all generators."""
    weights = {name: each.tolist() for name, each in made.model.state_dict().items()}
    config = copy.deepcopy(vars(made.model.config))
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]
    timeless = [
        {k: v for k, v in each.items() if "_per_" not in k and "runtime" not in k} for each in made.state.log_history
    ]
    return weights, config, states, timeless, made.callback_handler.callback_list


def test_the_training_is_the_same_bit_for_bit(capfd: pytest.CaptureFixture[str]) -> None:
    """Weights, configuration, log, generators, callbacks and output are those of a training without autolog; no
    warning is added, and the filters of warnings are the same."""
    worlds = []
    for recorded in (autolog.paused(), contextlib.nullcontext()):
        with recorded, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            filters = list(warnings.filters)
            made = trained()
            made.evaluate()
            said = [(each.category, str(each.message), each.filename, each.lineno) for each in caught]
            assert warnings.filters == filters
        worlds.append((world(made), said, capfd.readouterr().err))
    assert worlds[0] == worlds[1]
    assert len(all_runs()) == 1


def test_an_error_is_the_users() -> None:
    """It passes as it is; the run ends with it, keeps its points, and no callback of ours stays behind."""
    error = KeyError("mine")

    class Fails(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step == 5:
                raise error

    callbacks = [Fails()]
    made = trainer(callbacks=callbacks)
    before = list(made.callback_handler.callbacks)
    with pytest.raises(KeyError) as caught:
        made.train()
    assert caught.value is error
    assert made.callback_handler.callbacks == before
    assert len(callbacks) == 1
    run = only_run()
    assert (run.status, len(series(run, "loss")), run.models) == ("FAILED", 2, [])


def test_only_who_was_asked_for_records(store: Path) -> None:
    """With `enable("torch")` alone a Trainer's loop is recorded as the plain loop that it is, by its steps."""
    autolog.disable()
    autolog.enable("torch", backend=store, silent=True)
    trained()
    autolog.end_run()
    run = only_run()
    assert "learning_rate" not in run.metrics
    assert len(series(run, "loss")) == 8


def test_ranks_other_than_zero_record_nothing() -> None:
    """Of the processes of one training one records it; no other layer does in its place."""

    class Other(Trainer):  # type: ignore[misc]
        def is_world_process_zero(self) -> bool:
            return False

    made = trained(kind=Other)
    made.evaluate()
    assert all_runs() == []


EARLY = """
import sys, autolog
autolog.enable(backend=sys.argv[1], silent=True)
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
import torch
sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
model = BertForSequenceClassification(BertConfig(vocab_size=9, **sizes))
arguments = TrainingArguments("out", max_steps=1, report_to="none", use_cpu=True, save_strategy="no")
data = [{"input_ids": torch.arange(4), "labels": torch.tensor(0)}] * 4
Trainer(model, arguments, train_dataset=data).train()
"""


def test_the_order_of_imports_does_not_matter(store: Path) -> None:
    """A program that switches autolog on first has the same run: torch's plugin, which comes later, saves no model."""
    done = python(EARLY, str(store))
    assert done.returncode == 0, done.stderr
    run = only_run(store)
    assert [each["format"] for each in run.models] == ["pretrained"]
    assert len(series(run, "train_loss")) == 1
    assert "loss_epoch" not in run.metrics


def test_disable_puts_the_methods_back() -> None:
    """They are the originals by identity, and their signatures never changed."""
    names = ("train", "evaluate", "predict", "training_step")
    patched = {name: inspect.getattr_static(Trainer, name) for name in names}
    signatures = {name: inspect.signature(getattr(Trainer, name)) for name in names}
    autolog.disable()
    originals = {name: inspect.getattr_static(Trainer, name) for name in names}
    assert {name: inspect.signature(getattr(Trainer, name)) for name in names} == signatures
    assert not any(patched[name] is originals[name] for name in names)
    autolog.enable()
    autolog.disable()
    assert all(inspect.getattr_static(Trainer, name) is originals[name] for name in names)


def test_inside_an_explicit_run_a_training_is_recorded_on_it() -> None:
    """The first training is the run's own, a further one a child of it."""
    with autolog.start_run(run_name="mine"):
        trained()
        trained()
    first, second = all_runs()
    assert (first.run_name, second.parent_run_id) == ("mine", first.run_id)
    assert len(series(first, "loss")) == len(series(second, "loss")) == 4


def test_the_plugin_is_small() -> None:
    """The hooks suffice for a plugin of at most 150 lines of code."""
    assert code_lines(Path(__file__).parents[1] / "plugins" / "autolog_transformers") <= 150
