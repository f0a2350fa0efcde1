"""What goes wrong inside autolog costs the record and never the program: every guarded place is made to fail."""

from __future__ import annotations

import ast
import contextlib
import logging
import multiprocessing
import os
import pickle
import pty
import signal
import subprocess
import sys
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

import autolog
from autolog import guard, hookspecs, session
from autolog.capture.carrier import Carrier
from autolog.delivery.courier import Courier, end_all
from autolog.exceptions import PluginError
from autolog.hookspecs import Arguments, Backend, Delivery, hookimpl
from autolog.loading.loader import BACKENDS, Record
from autolog.patching import Patcher
from autolog.progress import Progress
from autolog.recording import context
from autolog.recording.system import sampler

pytest.importorskip("sklearn")
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LassoCV, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autolog_joblib.tasks import Luggage, Task

SOURCE = Path(autolog.__file__).parent.parent
ROOMS = ("autolog", "plugins", "backends")
X, Y = load_breast_cancer(return_X_y=True)
X, Y = StandardScaler().fit_transform(X[:120]), Y[:120]

pytestmark = pytest.mark.autolog_swallows


# ---- the guarded places, as the source has them


def guarded_sites() -> Counter[str]:
    """Count the literal names of guarded places; where a place takes its name from elsewhere, from that file."""
    found: Counter[str] = Counter()
    for path in (path for room in ROOMS for path in (SOURCE / room).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        first = [node.args[0] for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_guard(node)]
        found.update(name.value for name in first if isinstance(name, ast.Constant))
        if any(not isinstance(name, ast.Constant) for name in first):
            found.update(_names_of_room(tree, f"{path.stem}.") - set(found))
    return found


def _is_guard(node: ast.Call) -> bool:
    return ast.unparse(node.func) == "guard.call"


def _names_of_room(tree: ast.AST, prefix: str) -> set[str]:
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in constants if isinstance(text, str) and text.startswith(prefix) and " " not in text}


# ---- programs of users, each of which reaches some of the places


def enable(folder: Path, **options: Any) -> None:
    """Record into a folder, beside whose runs nothing is printed."""
    autolog.enable(**{"backend": str(folder / "runs"), "silent": True, **options})


def end_process() -> None:
    """Do what the end of the process does."""
    session.get().end()
    autolog.disable()


def sample(folder: Path) -> object:
    """Have the machine's load sampled until that was tried, or for half a second where it cannot come to that."""
    enable(folder, log_system_metrics=True)
    deadline = time.monotonic() + 0.5
    with patch.object(sampler, "_EVERY", 0.01), autolog.start_run():
        while "system.log" not in REACHED and time.monotonic() < deadline:
            time.sleep(0.01)
    end_process()
    return "done"


def train(folder: Path) -> object:
    """Train, predict, measure, end: what most programs do."""
    enable(folder)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    predictions = model.predict(X)
    score = accuracy_score(Y, predictions)
    end_process()
    return pickle.dumps(model), predictions.tolist(), score


def inspect_model(folder: Path) -> object:
    """Train, and ask what the model makes of its features."""
    enable(folder)
    model = LogisticRegression().fit(X[:, :2], Y)
    importances = permutation_importance(model, X[:, :2], Y, n_repeats=2, random_state=0)
    dependence = partial_dependence(model, X[:, :2], [0], grid_resolution=3)
    end_process()
    return importances.importances_mean.tolist(), dependence.average.tolist()


def train_loudly(folder: Path) -> object:
    """The same, with a line on stderr."""
    enable(folder, silent=False)
    return train(folder)


def train_with_example(folder: Path) -> object:
    """The same, with some rows of the data kept."""
    enable(folder, log_input_examples=True)
    return train(folder)


def train_in_repository(folder: Path) -> object:
    """The same, in a git repository with a change that is not committed."""
    for command in (["init", "-q"], ["add", "."], [*AUTHOR, "commit", "-q", "-m", "first"]):
        (folder / "file").write_text("one\n")
        subprocess.run(["git", *command], cwd=folder, check=True)
    (folder / "file").write_text("two\n")
    return train(folder)


AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@b")


def train_in_steps(folder: Path) -> object:
    """Train batch by batch, until the process ends."""
    enable(folder)
    model = SGDClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1])
    model.partial_fit(X, Y)
    end_process()
    return pickle.dumps(model)


def train_along_a_path(folder: Path) -> object:
    """Train an estimator that cross-validates, and keeps how it went."""
    enable(folder)
    model = LassoCV(cv=2, tol=0.1).fit(X, Y)
    end_process()
    return pickle.dumps(model)


def search(folder: Path) -> object:
    """Search, with a child run for each candidate."""
    enable(folder)
    model = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, Y)
    end_process()
    return model.cv_results_["split0_test_score"].tolist(), pickle.dumps(model.best_estimator_)


def cross_validate(folder: Path) -> object:
    """Cross-validate, with a child run for each fold."""
    enable(folder)
    scores = cross_val_score(LogisticRegression(), X, Y, cv=2)
    end_process()
    return scores.tolist()


def boost(folder: Path) -> object:
    """Boost with both libraries, alone, as an estimator, and in cross-validation."""
    import lightgbm
    import xgboost

    enable(folder)
    one = {"objective": "binary:logistic", "nthread": 1}
    other = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    learn, taken = xgboost.DMatrix(X, Y), lightgbm.Dataset(X, Y, free_raw_data=False).construct()
    boosters = [
        xgboost.train(one, learn, 2, evals=[(learn, "train")], verbose_eval=False),
        lightgbm.train(other, taken, 2, valid_sets=[taken]),
    ]
    member = xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(X, Y, verbose=False)
    folds = xgboost.cv(one, learn, 2, nfold=2, as_pandas=False)
    both = lightgbm.cv(other, taken, 2, nfold=2, return_cvbooster=True)
    end_process()
    texts = [each.model_to_string() for each in (boosters[1], *both.pop("cvbooster").boosters)]
    return bytes(boosters[0].save_raw("ubj")), bytes(member.get_booster().save_raw("ubj")), texts, folds, both


def loop(folder: Path) -> object:
    """Train in plain loops: a function per trial, whose model goes with it, and one whose model stays."""
    torch = pytest.importorskip("torch")
    enable(folder)
    gone = _looped(torch)[1]
    model, kept = _looped(torch)
    end_process()
    del model
    return gone, kept


def train_by_lightning(folder: Path) -> object:
    """Have Lightning test, train and test again."""
    enable(folder)
    torch = pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning")

    class Net(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, number: int) -> Any:
            loss = self.layer(batch[0]).mean()
            self.log("loss", loss)
            return loss

        test_step = training_step

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    torch.manual_seed(0)
    data, model = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(8, 2)), 4), Net()
    off = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)
    trainer = lightning.Trainer(max_epochs=1, log_every_n_steps=1, accelerator="cpu", **off)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [trainer.test(Net(), data, verbose=False), trainer.fit(model, data), trainer.test(model, data)]
    end_process()
    return found, [value.tolist() for value in model.state_dict().values()]


def train_by_keras(folder: Path) -> object:
    """Have Keras train."""
    enable(folder)
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        weights = [each.tolist() for each in model.get_weights()]
    end_process()
    return weights


def train_by_trainer(folder: Path) -> object:
    """Have a Trainer train, and predict."""
    enable(folder)
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    transformers.set_seed(0)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=9, **sizes))
    quiet = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "save_strategy": "no"}
    trainer = transformers.Trainer(
        model,
        transformers.TrainingArguments("out", num_train_epochs=1, **quiet),
        train_dataset=[{"input_ids": torch.arange(4), "labels": torch.tensor(each % 2)} for each in range(8)],
        processing_class=transformers.ViTImageProcessor(),
        data_collator=transformers.default_data_collator,
    )
    trainer.train()
    found = trainer.predict(trainer.train_dataset).predictions.tolist()
    end_process()
    return found, [value.tolist() for value in model.state_dict().values()]


def _looped(torch: Any) -> tuple[object, list[float]]:
    torch.manual_seed(0)
    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(Y).float()
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, targets), batch_size=40)
    model = torch.nn.Linear(X.shape[1], 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs).squeeze(1), targets)
        loss.backward()
        return loss

    optimizer.step(closure)
    second = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch, wanted in data:
        loss = torch.nn.functional.mse_loss(model(batch).squeeze(1), wanted)
        loss.backward()
        second.step()
    return model, [value for each in model.parameters() for value in each.flatten().tolist()]


def fail(folder: Path) -> object:
    """Train in vain, and go on."""
    enable(folder)
    error = None
    try:
        LogisticRegression(C=-1).fit(X, Y)
    except ValueError as raised:
        error = type(raised).__name__, str(raised)
    end_process()
    return error


def interrupt(folder: Path) -> object:
    """Interrupt a call before it is made, and go on."""

    class Model:
        def fit(self) -> None:
            raise AssertionError("the call is made")

    enable(folder)
    autolog.register(module(autolog_patches=lambda patches: patches.method(Model, "fit", interrupted_before)))
    error = None
    try:
        Model().fit()
    except KeyboardInterrupt as raised:
        error = type(raised).__name__
    LogisticRegression().fit(X, Y)
    end_process()
    return error


def log_by_hand(folder: Path) -> object:
    """Log points in a run that a `with` ends, and give the writing thread time to see them."""
    enable(folder)
    with autolog.start_run():
        autolog.log_metric("loss", 0.5)
        _wait_for("journal.thread")
    end_process()
    return "done"


def log_files(folder: Path) -> object:
    """Log what is kept in files of its own."""
    enable(folder)
    with autolog.start_run():
        autolog.log_param("long", "x" * 100_000)
        autolog.log_text("hello", "notes.txt")
    end_process()
    return "done"


def leave_open(folder: Path) -> object:
    """End the process with an open run."""
    enable(folder)
    autolog.start_run()
    autolog.log_param("C", 1)
    end_process()
    return "done"


def fork(folder: Path) -> object:
    """Train in a forked child of a process that has a run."""
    enable(folder)
    with autolog.start_run():
        child = _forked(lambda: int(LogisticRegression().fit(X, Y).score(X, Y) > 0.9))
    end_process()
    return child


def end_child(folder: Path) -> object:
    """Train in a child of multiprocessing's, which leaves by `os._exit`."""
    enable(folder)
    child = multiprocessing.get_context("fork").Process(target=_coefficients)
    child.start()
    child.join()
    end_process()
    return child.exitcode


def hand_on(folder: Path) -> object:
    """Train in a task that went through a pickle with its context."""
    enable(folder)
    coefficients = pickle.loads(pickle.dumps(Task(_coefficients, 0, Luggage(Carrier()))))()
    end_process()
    return coefficients


def _coefficients() -> list[float]:
    return LogisticRegression().fit(X, Y).coef_.tolist()


def import_late(folder: Path) -> object:
    """Import a module that a plugin waits for."""
    (folder / "late_module.py").write_text("answer = 42\n")
    plugin = module(autolog_patches=lambda patches: patches.on_import("late_module", lambda found: None))
    enable(folder)
    autolog.register(plugin)
    sys.path.insert(0, str(folder))
    try:
        import late_module  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("late_module", None)
    end_process()
    return late_module.answer


def drive(folder: Path) -> object:
    """Train with a plugin that drives another."""
    enable(folder)
    hooks = {"autolog_patches": lambda patches: patches.method(Declaring, "fit", never_yields)}
    autolog.register(module(autolog_drives=lambda: ("sklearn",), **hooks))
    Declaring().fit()
    end_process()
    return "done"


def undo(folder: Path) -> object:
    """Use a class whose patch is to be taken back."""

    class Model:
        def fit(self) -> int:
            return 42

    patcher = Patcher()
    patcher.method(Model, "fit", lambda called: None)
    patcher.undo()
    return Model().fit()


def deliver(folder: Path) -> object:
    """Have a run delivered to a second place."""
    enable(folder)
    with autolog.start_run() as run:
        autolog.log_param("C", 1)
    courier = Courier("memory:", Memory())
    courier.follow(run.folder)
    _wait_for("delivery.round")
    end_all([courier], 0.5)
    end_process()
    return "done"


def watch(folder: Path) -> object:
    """Search at a terminal, and look at it."""
    enable(folder, silent=False)
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr", stream)
        patch.setattr(sys, "__stderr__", stream)
        with autolog.start_run() as run, Progress(run):
            _wait_for("progress.show")
        return train(folder)


class Memory(Backend):
    """A destination that takes everything."""

    def deliver(self, batch: Any) -> Delivery:
        return Delivery("done")

    def close(self) -> None:
        return


def _forked(work: Callable[[], int]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and newer warn of threads, such as those of BLAS
        child = os.fork()
    if child == 0:
        code = 99
        with contextlib.suppress(BaseException):
            code = work()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _wait_for(site: str) -> None:
    """Wait until a thread of ours has been at a place."""
    end = time.monotonic() + 10
    while site not in REACHED and time.monotonic() < end:
        time.sleep(0.01)


# ---- which program reaches which place, and whether the run says what is missing


class Case(NamedTuple):
    """Where a place is reached.

    Args:
        program: what reaches it.
        noted: its failure is named in the run's notes or in what its environment misses.
    """

    program: Callable[[Path], object]
    noted: bool = False


CASES = {
    "afterwards.work": Case(train, noted=True),
    "boosting.best": Case(boost, noted=True),
    "boosting.cv_best": Case(boost, noted=True),
    "boosting.data": Case(boost, noted=True),
    "boosting.effective": Case(boost, noted=True),
    "boosting.folds": Case(boost, noted=True),
    "boosting.model": Case(boost, noted=True),
    "boosting.origin": Case(boost, noted=True),
    "boosting.params": Case(boost, noted=True),
    "boosting.place": Case(boost, noted=True),
    "calls.after": Case(train, noted=True),
    "calls.before": Case(train),
    "calls.nested": Case(search),
    "calls.end": Case(train, noted=True),
    "calls.unbegun": Case(interrupt),
    "carrier.arrive": Case(hand_on),
    "console.say": Case(train_loudly),
    "delivery.close": Case(deliver),
    "delivery.deliver": Case(deliver),
    "delivery.last": Case(deliver),
    "delivery.round": Case(deliver),
    "delivery.route": Case(deliver),
    "delivery.settle": Case(deliver),
    "environment.diff": Case(train_in_repository, noted=True),
    "environment.directory": Case(train, noted=True),
    "environment.distribution": Case(train),
    "environment.gather": Case(train, noted=True),
    "environment.git": Case(train_in_repository, noted=True),
    "environment.imported": Case(train, noted=True),
    "environment.machine": Case(train, noted=True),
    "environment.packages": Case(train, noted=True),
    "environment.program": Case(train, noted=True),
    "environment.python": Case(train, noted=True),
    "environment.repository": Case(train, noted=True),
    "environment.resources": Case(train, noted=True),
    "environment.user": Case(train, noted=True),
    "environment.write": Case(train, noted=True),
    "hooks.describe_data": Case(train, noted=True),
    "hooks.drives": Case(drive),
    "joblib.arrive": Case(hand_on),
    "joblib.leave": Case(hand_on),
    "journal.close": Case(train, noted=True),
    "journal.drop": Case(fork),
    "journal.fork": Case(fork),
    "journal.end": Case(end_child),
    "journal.thread": Case(log_by_hand, noted=True),
    "patching.done": Case(train),
    "patching.failed": Case(fail),
    "patching.observe": Case(train),
    "patching.raised": Case(loop),
    "patching.subclass": Case(train),
    "patching.undo": Case(undo),
    "keras.data": Case(train_by_keras, noted=True),
    "keras.ended": Case(train_by_keras, noted=True),
    "keras.given": Case(train_by_keras, noted=True),
    "keras.model": Case(train_by_keras, noted=True),
    "keras.origin": Case(train_by_keras, noted=True),
    "keras.signature": Case(train_by_keras, noted=True),
    "lightning.begin": Case(train_by_lightning, noted=True),
    "lightning.checkpoint": Case(train_by_lightning, noted=True),
    "lightning.data": Case(train_by_lightning, noted=True),
    "lightning.ended": Case(train_by_lightning, noted=True),
    "lightning.evaluated": Case(train_by_lightning, noted=True),
    "lightning.given": Case(train_by_lightning, noted=True),
    "lightning.model": Case(train_by_lightning, noted=True),
    "lightning.origin": Case(train_by_lightning, noted=True),
    "lightning.signature": Case(train_by_lightning, noted=True),
    "lightning.summary": Case(train_by_lightning, noted=True),
    "lightning.outcome": Case(train_by_lightning, noted=True),
    "lightgbm.fold_model": Case(boost, noted=True),
    "lightgbm.held": Case(boost),
    "lightgbm.importances": Case(boost, noted=True),
    "lightgbm.trees": Case(boost, noted=True),
    "points.finish": Case(train_by_lightning, noted=True),
    "points.rates": Case(train_by_lightning, noted=True),
    "points.take": Case(train_by_lightning, noted=True),
    "progress.begin": Case(watch, noted=True),
    "progress.show": Case(watch, noted=True),
    "rounds.log": Case(boost, noted=True),
    "runs.before_end": Case(loop, noted=True),
    "runs.exit": Case(log_by_hand, noted=True),
    "runs.file": Case(log_files, noted=True),
    "runs.traceback": Case(fail, noted=True),
    "runs.value": Case(log_files, noted=True),
    "session.afterwards": Case(train),
    "session.close": Case(train),
    "session.deliver": Case(train),
    "session.delivery": Case(train, noted=True),
    "session.end": Case(leave_open, noted=True),
    "session.environment": Case(train, noted=True),
    "session.exit": Case(train),
    "session.import": Case(import_late),
    "session.heir": Case(train),
    "session.imported": Case(train),
    "session.sampler": Case(sample),
    "session.system": Case(sample, noted=True),
    "session.training": Case(train_in_steps, noted=True),
    "sklearn.best": Case(search, noted=True),
    "sklearn.candidate_params": Case(search, noted=True),
    "sklearn.candidates": Case(search, noted=True),
    "sklearn.charts": Case(train, noted=True),
    "charts.make": Case(train, noted=True),
    "sklearn.cv_count": Case(cross_validate, noted=True),
    "sklearn.cv_data": Case(cross_validate, noted=True),
    "sklearn.cv_params": Case(cross_validate, noted=True),
    "sklearn.cv_plan": Case(cross_validate, noted=True),
    "sklearn.cv_results": Case(search, noted=True),
    "sklearn.cv_results_of": Case(cross_validate, noted=True),
    "sklearn.data": Case(train, noted=True),
    "sklearn.diagram": Case(train, noted=True),
    "sklearn.findings": Case(train, noted=True),
    "sklearn.input_example": Case(train_with_example, noted=True),
    "sklearn.iterations": Case(train, noted=True),
    "sklearn.kept_before": Case(train, noted=True),
    "sklearn.loop_before": Case(train_in_steps),
    "sklearn.loop_model": Case(train_in_steps, noted=True),
    "sklearn.loops": Case(train),
    "sklearn.metadata": Case(train, noted=True),
    "sklearn.metric_charts": Case(train, noted=True),
    "sklearn.model": Case(train, noted=True),
    "sklearn.params": Case(train, noted=True),
    "sklearn.partial_dependence": Case(inspect_model, noted=True),
    "sklearn.permutation_importance": Case(inspect_model, noted=True),
    "sklearn.partial_fit": Case(train_in_steps, noted=True),
    "sklearn.paths": Case(train_along_a_path, noted=True),
    "sklearn.returned": Case(train, noted=True),
    "sklearn.round": Case(search),
    "sklearn.scorer": Case(search, noted=True),
    "sklearn.search": Case(search, noted=True),
    "sklearn.training_metrics": Case(train, noted=True),
    "sklearn.weights": Case(train, noted=True),
    "system.log": Case(sample, noted=True),
    "system.sample": Case(sample),
    "torch.close": Case(loop, noted=True),
    "torch.dataset": Case(loop, noted=True),
    "torch.finish": Case(loop, noted=True),
    "torch.freed": Case(loop),
    "torch.gone": Case(loop, noted=True),
    "torch.model": Case(loop, noted=True),
    "torch.publish": Case(loop, noted=True),
    "torch.refresh": Case(loop, noted=True),
    "torch.retired": Case(loop, noted=True),
    "torch.snapshot": Case(loop, noted=True),
    "torch.stepping": Case(loop),
    "torch.summary": Case(loop, noted=True),
    "xgboost.after_training": Case(boost),
    "xgboost.before_training": Case(boost),
    "xgboost.held": Case(boost),
    "xgboost.importances": Case(boost, noted=True),
    "xgboost.trees": Case(boost, noted=True),
    "transformers.begin": Case(train_by_trainer, noted=True),
    "transformers.ended": Case(train_by_trainer, noted=True),
    "transformers.given": Case(train_by_trainer, noted=True),
    "transformers.model": Case(train_by_trainer, noted=True),
    "transformers.predicted": Case(train_by_trainer, noted=True),
    "transformers.processor": Case(train_by_trainer, noted=True),
    "transformers.signature": Case(train_by_trainer, noted=True),
}
REACHED: set[str] = set()
"""The places that this process has been at."""


@pytest.fixture
def said(tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """The lines of log, those of forked children too."""
    path = tmp_path / "log"
    handler = logging.FileHandler(path)
    guard.logger.addHandler(handler)
    yield lambda: path.read_text().splitlines()
    guard.logger.removeHandler(handler)
    handler.close()


def inject(site: str | None, reached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a place fail from now on, in forked children too; `reached` is made once it did."""
    call = guard.call
    REACHED.clear()

    def fail(*_: Any, **__: Any) -> None:
        reached.touch()
        raise RuntimeError("injected")

    def failing(at: str, run: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        REACHED.add(at)
        return call(at, run, fail if at == site else function, *args, **kwargs)

    monkeypatch.setattr(guard, "call", failing)


def test_every_guarded_place_has_a_case_and_a_name_of_its_own() -> None:
    """The sites in the source are those tested below, each once."""
    assert guarded_sites() == Counter(list(CASES))


@pytest.mark.parametrize("site", sorted(CASES))
def test_a_place_that_fails_costs_the_record_only(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[str]]
) -> None:
    """The program's result is the same, and one line of log names the place; so do the run's notes where it has one."""
    program, noted = CASES[site]
    results = []
    for fault in (None, site):
        folder = tmp_path / ("sound" if fault is None else "faulty")
        folder.mkdir()
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(session, "_session", None)
            inject(fault, tmp_path / "reached", patch)
            results.append(program(folder))
        context.current.set(context.Context())
    assert (tmp_path / "reached").exists()
    assert results[0] == results[1]
    assert said() == [f"autolog: {site} failed: RuntimeError: injected"]
    if noted:
        runs = autolog.search_runs(output_format="list", store=folder / "runs")
        missing = [text for run in runs for text in (*run.notes, *run.environment.get("missing", ()))]
        assert any(text.startswith(f"{site} failed") for text in missing), missing


# ---- plugins that fail


def module(**hooks: Callable[..., Any]) -> types.ModuleType:
    """A plugin with these hooks."""
    made = types.ModuleType("bad_plugin")
    for name, function in hooks.items():
        setattr(made, name, hookimpl(function))
    return made


def handled_by(handler: Callable[[Any], Any], folder: Path) -> tuple[int, list[autolog.Run]]:
    """The result of a call that a plugin's handler stands around, and the runs."""

    class Model:
        def fit(self, number: int) -> int:
            return number + 1

    enable(folder)
    autolog.register(module(autolog_patches=lambda patches: patches.method(Model, "fit", handler)))
    result = Model().fit(41)
    assert context.current.get() == context.Context()
    end_process()
    return result, autolog.search_runs(output_format="list") if (folder / "runs").exists() else []


def raises_before(call: Any) -> Any:
    """Fails with a run just opened."""
    call.start_run("bad")
    raise LookupError("before")
    yield


def raises_at_once(call: Any) -> Any:
    """Fails before it has opened a run."""
    raise LookupError("at once")
    yield


def raises_after(call: Any) -> Any:
    """Fails when the call has been made."""
    call.start_run("bad")
    yield
    raise LookupError("after")


def never_yields(call: Any) -> Any:
    """Has nothing to record."""
    if call is None:
        yield


def never_yields_with_a_run(call: Any) -> Any:
    """Opens a run, then returns before the call."""
    call.start_run("bad")
    if call is None:
        yield


def yields_twice(call: Any) -> Any:
    """Yields once more than it should."""
    call.start_run("bad")
    yield
    yield


def yields_junk(call: Any) -> Any:
    """Yields what are no arguments."""
    call.start_run("bad")
    yield 42


def yields_wrong_arguments(call: Any) -> Any:
    """Yields arguments of which the keywords are none."""
    call.start_run("bad")
    yield Arguments((41,), None)  # type: ignore[arg-type]


def is_no_generator(call: Any) -> Any:
    """Is a plain function."""
    return 42


@pytest.mark.parametrize(
    ("handler", "line", "runs"),
    [
        (raises_at_once, "calls.before failed: LookupError: at once", 0),
        (raises_before, "calls.before failed: LookupError: before", 1),
        (raises_after, "calls.after failed: LookupError: after", 1),
        (never_yields, None, 0),
        (yields_twice, "calls.after failed: PluginError: the handler of fit in plugin 'bad_plugin' yields", 1),
        (yields_junk, "calls.before failed: AttributeError: 'int' object", 1),
        (yields_wrong_arguments, "calls.before failed: TypeError: 'NoneType' object", 1),
        (is_no_generator, "calls.before failed: TypeError: 'int' object is not an iterator", 0),
    ],
)
def test_a_handler_that_fails_costs_the_record_only(
    handler: Callable[[Any], Any], line: str | None, runs: int, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The call is made with the user's arguments; one line says what failed, and so does the run, which is ended."""
    result, found = handled_by(handler, tmp_path)
    assert result == 42
    assert [entry.startswith(f"autolog: {line}") for entry in said()] == ([True] if line else [])
    assert [run.status for run in found] == ["FINISHED"] * runs
    assert all(any("calls." in note or "before fit is missing" in note for note in run.notes) for run in found)


def test_a_handler_that_returns_with_a_run_open_has_it_ended(tmp_path: Path) -> None:
    """Returning before the `yield` with a run open records the call as far as it goes."""
    result, runs = handled_by(never_yields_with_a_run, tmp_path)
    assert (result, [run.status for run in runs]) == (42, ["FINISHED"])


def interrupted(call: Any) -> Any:
    """Is interrupted by Ctrl-C when the call has been made."""
    call.start_run("bad")
    yield
    raise KeyboardInterrupt


def test_an_interrupt_while_autolog_works_is_the_users(tmp_path: Path) -> None:
    """It goes on to the user, and leaves the run ended and the context as it was."""
    with pytest.raises(KeyboardInterrupt):
        handled_by(interrupted, tmp_path)
    assert context.current.get() == context.Context()
    end_process()
    assert [run.status for run in autolog.search_runs(output_format="list")] == ["FINISHED"]


def interrupted_before(call: Any) -> Any:
    """Gets the signal of Ctrl-C with a run just opened."""
    call.start_run("bad")
    signal.raise_signal(signal.SIGINT)
    yield


def timed_out_before(call: Any) -> Any:
    """Gets the alarm of a user's time limit with a run just opened."""
    call.start_run("bad")
    signal.raise_signal(signal.SIGALRM)
    yield


def interrupted_at_once(call: Any) -> Any:
    """Gets the signal of Ctrl-C before it has opened a run."""
    signal.raise_signal(signal.SIGINT)
    yield


class LimitError(Exception):
    """A time limit of the user's."""


@pytest.fixture
def limit() -> Iterator[None]:
    """A handler of the alarm that raises."""

    def strike(*_: object) -> None:
        raise LimitError("it struck")

    before = signal.signal(signal.SIGALRM, strike)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("handler", "error", "status"),
    [
        (interrupted_before, KeyboardInterrupt, "KILLED"),
        (timed_out_before, LimitError, "FAILED"),
        (interrupted_at_once, KeyboardInterrupt, None),
    ],
)
@pytest.mark.usefixtures("limit")
def test_a_signal_before_the_call_ends_its_run(
    handler: Callable[[Any], Any], error: type[BaseException], status: str | None, tmp_path: Path
) -> None:
    """It goes on to the user, the call is not made, the run says how it ended, and what comes next is recorded."""
    with pytest.raises(error):
        handled_by(handler, tmp_path)
    assert context.current.get() == context.Context()
    assert autolog.active_run() is None
    LogisticRegression().fit(X, Y)
    runs = autolog.search_runs(output_format="list")[::-1]
    assert [run.status for run in runs] == [*([status] if status else []), "FINISHED"]
    assert {run.parent_run_id for run in runs} == {None}
    assert [run.error["type"].rpartition(".")[2] for run in runs if run.error] == ([error.__name__] if status else [])
    end_process()


def struck(at: int, work: Callable[[], Any]) -> bool:
    """Do it with Ctrl-C at that step of what stands before the call; say whether there was such a step."""
    steps = 0

    def trace(frame: types.FrameType, event: str, _: Any) -> Any:
        nonlocal steps
        if (Path(frame.f_code.co_filename).name, frame.f_code.co_name) != ("calls.py", "begin"):
            return None
        steps += 1
        if steps == at:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_wherever_an_interrupt_strikes_before_the_call_the_context_is_as_before(tmp_path: Path) -> None:
    """Also when that of the call has been entered already; at every step the run is ended, where one was opened."""

    class Model:
        def fit(self) -> None:
            return

    enable(tmp_path)
    autolog.register(module(autolog_patches=lambda patches: patches.method(Model, "fit", opens_a_run)))
    steps = 0
    while struck(steps + 1, Model().fit):
        steps += 1
        assert context.current.get() == context.Context()
    end_process()
    statuses = [run.status for run in autolog.search_runs(output_format="list")][::-1]
    assert 1 < len(statuses) < steps
    assert statuses == ["KILLED"] * (len(statuses) - 1) + ["FINISHED"]


def opens_a_run(call: Any) -> Any:
    """Records a call."""
    call.start_run("good")
    yield


def test_a_signal_before_the_first_call_of_an_explicit_run_leaves_the_run_open(tmp_path: Path) -> None:
    """The run is not the call's to end: it goes on, and ends as its own block does."""
    enable(tmp_path)
    with autolog.start_run() as run:
        with pytest.raises(KeyboardInterrupt):
            handled_by(interrupted_before, tmp_path)
        assert autolog.active_run() is run
        autolog.log_metric("after", 1.0)
    found = autolog.get_run(run.run_id)
    assert (found.status, found.metrics, found.children()) == ("FINISHED", {"after": 1.0}, [])
    end_process()


# ---- hooks that fail


def raising(*_: Any) -> Any:
    """A hook's implementation that fails."""
    raise LookupError("the hook failed")


def _patches(patches: Any) -> None:
    raising()


def _drives() -> Any:
    raising()


def _describes(data: object) -> Any:
    raising()


def _saves(model: object, stream: Any) -> Any:
    raising()


def _loads(path: Path, saved: Any, trusted: Any) -> Any:
    raising()


def _backend(uri: str) -> Any:
    raising()


HOOKS: dict[str, Callable[..., Any]] = {
    "autolog_patches": _patches,
    "autolog_drives": _drives,
    "autolog_describe_data": _describes,
    "autolog_save_model": _saves,
    "autolog_load_model": _loads,
    "autolog_journal_folder": _backend,
    "autolog_open_backend": _backend,
    "autolog_open_store": _backend,
}
"""Each hook's implementation that fails."""
LINES = {
    "autolog_patches": "autolog: autolog.plugins plugin 'bad_plugin' ((registered)) is failed: LookupError",
    "autolog_drives": "autolog: hooks.drives failed: LookupError",
    "autolog_describe_data": "autolog: hooks.describe_data failed: LookupError",
    "autolog_save_model": "autolog: sklearn.model failed: LookupError",
}
"""What is said of those that fail in a user's program; of the others, errors go to who asked."""


def test_every_hook_is_made_to_fail() -> None:
    """The hooks of the contract are those tested below."""
    assert set(HOOKS) == {name for name in vars(hookspecs) if name.startswith("autolog_")}


@pytest.mark.parametrize("hook", sorted(LINES))
def test_a_hook_that_fails_costs_what_it_would_have_told(
    hook: str, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The fit is the same, one line names the place, and all that others tell of it is recorded."""
    without = pickle.dumps(LogisticRegression().fit(X, Y))
    plugin = module(**{hook: HOOKS[hook]})
    enable(tmp_path)
    with contextlib.suppress(PluginError):  # it tells who registers it
        autolog.register(plugin)
    model = LogisticRegression().fit(X, Y)
    end_process()
    assert pickle.dumps(model) == without
    assert [line.startswith(LINES[hook]) for line in said()] == [True], said()
    run = autolog.search_runs(output_format="list")[-1]
    assert (run.status, run.params["C"], len(run.inputs)) == ("FINISHED", 1.0, 1)
    assert run.inputs[0]["digest"]
    assert len(run.models) == (hook != "autolog_save_model")


class Declaring:
    """A class that a plugin watches."""

    def fit(self) -> None:
        """Do nothing."""


def _register_backend(plugin: types.ModuleType) -> None:
    current = session.get()
    current.loader.records.append(Record(BACKENDS, "bad", "(test)", "", None, "loaded", module=plugin))
    current.hooks.register(plugin, "bad")


def test_a_model_that_cannot_be_loaded_gives_its_error_to_who_asked(tmp_path: Path) -> None:
    """Where `autolog_load_model` fails, `load_model` raises; the run stays readable."""
    enable(tmp_path)
    LogisticRegression().fit(X, Y)
    autolog.register(module(autolog_load_model=_loads))
    run = autolog.search_runs(output_format="list")[0]
    with pytest.raises(LookupError, match="the hook failed"):
        autolog.load_model(f"runs:/{run.run_id}/model", trusted=True)


@pytest.mark.parametrize("hook", ["autolog_journal_folder", "autolog_open_backend", "autolog_open_store"])
def test_a_place_that_cannot_be_opened_is_said_to_who_named_it(hook: str, tmp_path: Path) -> None:
    """Where a backend fails at once, the call that named it raises, and what was set before still records."""
    enable(tmp_path)
    plugin = module(**{"autolog_journal_folder": lambda uri: None, hook: _backend})
    _register_backend(plugin)
    with pytest.raises(LookupError, match="the hook failed"):
        if hook == "autolog_open_store":
            autolog.search_runs(store="bad:place")
        else:
            autolog.enable(backend=[str(tmp_path / "other"), "bad:place"])
    LogisticRegression().fit(X, Y)
    assert len(autolog.search_runs(output_format="list", store=tmp_path / "runs")) == 1


@pytest.mark.parametrize(
    ("hook", "answer"),
    [
        ("autolog_describe_data", lambda data: 42),
        ("autolog_save_model", lambda model, stream: 42),
        ("autolog_drives", lambda: 42),
    ],
)
def test_a_hook_that_answers_junk_costs_what_it_would_have_told(
    hook: str, answer: Callable[..., Any], tmp_path: Path
) -> None:
    """An answer of the wrong type leaves the fit as it is, and the run ended."""
    without = pickle.dumps(LogisticRegression().fit(X, Y))
    enable(tmp_path)
    autolog.register(module(**{hook: answer}))
    model = LogisticRegression().fit(X, Y)
    assert pickle.dumps(model) == without
    run = autolog.search_runs(output_format="list")[0]
    assert (run.status, run.params["C"]) == ("FINISHED", 1.0)
    assert np.isfinite(run.metrics["training_accuracy"])


def test_an_error_of_the_users_signal_handler_is_the_users(store: Path) -> None:
    """A time limit that strikes while autolog works ends the fit as it would without autolog."""

    def limit(*_: object) -> None:
        raise TimeoutError("the user's limit")

    class Slow(Ridge):
        def __getstate__(self) -> object:
            signal.raise_signal(signal.SIGALRM)  # while the model is pickled, by autolog
            return super().__getstate__()

    before = signal.signal(signal.SIGALRM, limit)
    try:
        enable(store)
        with pytest.raises(TimeoutError, match="the user's limit"):
            Slow().fit(X, Y)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert autolog.active_run() is None
