"""Models: the file as written, what is checked before it is read, and pickles that nobody should run."""

from __future__ import annotations

import collections
import copyreg
import datetime
import functools
import hashlib
import io
import json
import logging
import os
import pickle
import re
import subprocess
import sys
import textwrap
import threading
import warnings
import zipfile
from fractions import Fraction
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import autolog
from autolog.exceptions import (
    DamagedModelError,
    MissingRequirementError,
    ModelError,
    RefusedError,
    UntrustedModelError,
)
from autolog.hookspecs import SavedModel
from autolog.models import files as models
from autolog.models import pickles

if TYPE_CHECKING:
    from pathlib import Path

PLENTY = 1 << 28
PIPELINE_TYPES = [
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
]


@functools.cache
def data():
    """Give a small table and two classes that its first column tells apart."""
    random = np.random.RandomState(0)
    X = random.rand(300, 5)
    return X, (X[:, 0] > 0.5).astype(int)


@functools.cache
def fitted() -> Pipeline:
    """Give a fitted model of two steps."""
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*data())


def save_as_pickle(model):
    """Give what `write_model` calls to save `model`."""
    return lambda stream: pickles.dump(model, stream)


def written(tmp_path: Path, model: object) -> tuple[Path, models.WrittenModel]:
    """Write `model` as a pickle."""
    result = models.write_model(tmp_path / "model", save_as_pickle(model), PLENTY)
    assert result is not None
    return result.path, result


def file_of(tmp_path: Path, content: bytes) -> Path:
    """Write a pickle made by hand."""
    path = tmp_path / "hostile"
    path.write_bytes(content)
    return path


# ---- writing a file


def test_a_written_model_is_the_plain_pickle_with_its_size_and_digest(tmp_path):
    """The file holds what pickle alone gives, and the facts describe exactly that file."""
    path, result = written(tmp_path, fitted())
    content = path.read_bytes()
    assert content == pickle.dumps(fitted(), protocol=5)
    assert (result.size, result.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert result.saved.model_class == "sklearn.pipeline.Pipeline"
    assert result.saved.format == "pickle"
    assert result.saved.modules == {"numpy": metadata.version("numpy"), "sklearn": metadata.version("scikit-learn")}
    assert result.seconds > 0
    assert result.saved.notes == ()
    assert list(tmp_path.iterdir()) == [path]


def test_facts_are_json(tmp_path):
    """What a model's event holds is plain JSON and says all that was recorded."""
    import json

    _, result = written(tmp_path, fitted())
    facts = result.as_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {
        "format",
        "model_class",
        "modules",
        "notes",
        "state",
        "runs_code",
        "size",
        "sha256",
        "seconds",
    }


def test_a_model_that_nobody_knows_leaves_nothing(tmp_path):
    """Where the saver gives None there is no result and no file, even if it wrote something."""

    def save(stream):
        stream.write(b"half")

    assert models.write_model(tmp_path / "model", save, PLENTY) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_failing_saver_leaves_nothing_and_its_error_passes(tmp_path, error):
    """The saver's own exception comes through, the half file is gone, and an older file stays."""
    (tmp_path / "model").write_bytes(b"older")

    def save(stream):
        stream.write(b"half")
        raise error

    with pytest.raises(type(error)) as raised:
        models.write_model(tmp_path / "model", save, PLENTY)
    assert raised.value is error
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("model", b"older")]


def test_a_model_of_the_very_size_allowed_is_written_and_one_byte_more_is_refused(tmp_path):
    """The limit is on bytes: as many as allowed pass, one more is refused and leaves nothing."""

    def save(stream):
        for part in (b"12345", bytearray(b"678"), memoryview(b"90")):
            assert stream.write(part) == len(part)
        return SavedModel("raw", "bytes", {})

    assert models.write_model(tmp_path / "model", save, 10).size == 10
    assert (tmp_path / "model.raw").read_bytes() == b"1234567890"
    with pytest.raises(models.ModelTooLarge, match="max_model_mb"):
        models.write_model(tmp_path / "other", save, 9)
    assert [path.name for path in tmp_path.iterdir()] == ["model.raw"]


def test_a_saver_cannot_hide_that_the_model_was_too_large(tmp_path):
    """A saver that swallows the refusal does not get a cut file recorded as a model."""

    def save(stream):
        try:
            stream.write(bytes(11))
        except models.ModelTooLarge:
            stream.write(b"")
        return SavedModel("raw", "bytes", {})

    with pytest.raises(models.ModelTooLarge):
        models.write_model(tmp_path / "model", save, 10)
    assert list(tmp_path.iterdir()) == []


def test_a_stream_counts_the_bytes_of_wide_memoryviews(tmp_path):
    """A view of floats counts its bytes, not its items."""
    view = memoryview(np.arange(4.0))

    def save(stream):
        assert stream.write(view) == 32
        return SavedModel("raw", "floats", {})

    assert models.write_model(tmp_path / "model", save, PLENTY).size == 32
    assert (tmp_path / "model.raw").read_bytes() == view.tobytes()


def test_a_large_array_is_handed_to_the_stream_as_it_lies_in_memory():
    """Pickle gives a large buffer to the stream as a view of the array itself, so there is no second copy."""
    array = np.arange(100_000.0)
    views = []

    class Stream:
        def write(self, data):
            view = memoryview(data)
            if view.nbytes == array.nbytes:
                views.append(np.frombuffer(view))
            return view.nbytes

    pickles.dump(array, Stream())
    assert [np.shares_memory(view, array) for view in views] == [True]


def test_large_arrays_of_either_order_are_written_as_pickle_alone_writes_them(tmp_path):
    """Buffers of several dimensions, in C's or Fortran's order, get the digest and the bytes of the plain pickle."""
    arrays = [np.ones((200, 300)), np.asfortranarray(np.ones((200, 300))), np.ones((400, 300), "f4")[::2], np.eye(3)]
    path, result = written(tmp_path, arrays)
    assert path.read_bytes() == pickle.dumps(arrays, protocol=5)
    models.check_digest(path, result.sha256)


# ---- reading a file


def test_a_model_comes_back_and_predicts_the_same(tmp_path):
    """What was saved loads by its facts and gives the same predictions."""
    path, result = written(tmp_path, fitted())
    loaded = models.load(path, result.as_facts(), True, lambda path, _, trusted: pickles.load(path, trusted))
    assert (loaded.predict(data()[0]) == fitted().predict(data()[0])).all()


def test_the_loader_gets_what_was_told_and_the_trust(tmp_path):
    """The function that reads the file is given the path, what its writer told of it, and the caller's trust."""

    def save(stream):
        stream.write(b"text")
        return SavedModel("text", "a.B", {"numpy": metadata.version("numpy")}, ("a note",), state={"C": 1.5})

    result = models.write_model(tmp_path / "model", save, PLENTY)
    given = models.load(result.path, result.as_facts(), ["a.b"], lambda *given: given)
    assert given == (tmp_path / "model.text", result.saved, ["a.b"])


def test_a_changed_file_is_refused_before_it_is_read(tmp_path):
    """One changed byte is enough: both digests are named and the loader is not called."""
    path, result = written(tmp_path, fitted())
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedModelError) as raised:
        models.load(path, result.as_facts(), True, lambda *given: pytest.fail("read all the same"))
    assert result.sha256 in str(raised.value)
    assert hashlib.sha256(content).hexdigest() in str(raised.value)


def test_a_file_that_is_gone_is_a_model_error(tmp_path):
    """A missing file is named in an error of ours."""
    for read in (lambda path: models.check_digest(path, ""), pickles.types_in, lambda path: pickles.load(path, True)):
        with pytest.raises(ModelError, match="gone"):
            read(tmp_path / "gone")


def test_an_absent_module_is_named_with_its_version(tmp_path):
    """A model that needs a module which is not here is refused before it is read."""
    path, result = written(tmp_path, 1)
    facts = {**result.as_facts(), "modules": {"no_such_module": "1.2"}}
    with pytest.raises(MissingRequirementError, match=r"no_such_module==1\.2"):
        models.load(path, facts, True, lambda *given: pytest.fail("read all the same"))


def test_another_version_is_one_warning_and_no_error(tmp_path, caplog):
    """Another version than recorded is said in one line that names both; the same version is silent."""
    path, result = written(tmp_path, 1)
    here = metadata.version("numpy")
    with caplog.at_level(logging.WARNING, "autolog"):
        facts = {**result.as_facts(), "modules": {"numpy": here, "pytest": "0.1", "sklearn": "0.2"}}
        assert models.load(path, facts, True, lambda *given: "loaded") == "loaded"
    assert len(caplog.messages) == 2
    assert "pytest==0.1" in caplog.messages[0]
    assert metadata.version("pytest") in caplog.messages[0]
    assert "sklearn==0.2" in caplog.messages[1]
    assert metadata.version("scikit-learn") in caplog.messages[1]


def test_requirements_are_checked_without_importing_them(tmp_path):
    """In a process that has not imported scikit-learn, its version is found and it stays unimported."""
    path, result = written(tmp_path, fitted())
    script = f"""
        import sys
        from pathlib import Path
        from autolog.models import files as models
        models.load(Path({str(path)!r}), {result.as_facts()!r}, True, lambda *given: None)
        print(sorted({{"sklearn", "numpy"}} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# ---- versions of modules


def test_versions_are_of_loaded_modules_that_can_be_installed():
    """The standard library, builtins, `__main__` and what is not loaded are left out; dots are cut off."""
    names = ["numpy.linalg", "sklearn.svm", "os.path", "builtins", "__main__", "_pickle", "no_such_module"]
    assert models.module_versions(names) == {
        "numpy": metadata.version("numpy"),
        "sklearn": metadata.version("scikit-learn"),
    }


def test_a_module_without_a_version_is_known_by_its_distribution(monkeypatch):
    """Where a module does not tell its version, the one distribution that owns the module does."""
    import sklearn

    monkeypatch.delattr(sklearn, "__version__")
    assert models.module_versions(["sklearn"]) == {"sklearn": metadata.version("scikit-learn")}


def test_a_users_own_module_has_no_version_and_is_still_required(tmp_path, monkeypatch):
    """A module of no distribution is recorded without a version, and refused where it is absent."""
    (tmp_path / "own_steps.py").write_text("class Step:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_steps

    path, result = written(tmp_path, own_steps.Step())
    assert result.saved.modules == {"own_steps": ""}
    assert models.load(path, result.as_facts(), True, lambda *given: "loaded") == "loaded"
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, "own_steps")
    with pytest.raises(MissingRequirementError, match="own_steps"):
        models.load(path, result.as_facts(), True, lambda *given: None)


# ---- pickles: writing


@pytest.mark.parametrize(
    "model",
    [
        fitted,
        lambda: RandomForestClassifier(5, random_state=0).fit(*data()),
        lambda: OneHotEncoder(dtype=np.float32).fit([["a"], ["b"]]),
        lambda: FunctionTransformer(np.log1p).fit(data()[0]),
        lambda: {"a": [np.arange(50_000.0), np.asfortranarray(np.ones((300, 300))), np.arange(20)[::3]]},
        lambda: [collections.OrderedDict(a=1), {1, 2}, bytes(100_000), bytearray(70_000), "x" * 70_000],
    ],
    ids=["pipeline", "forest", "encoder", "function", "arrays", "containers"],
)
def test_noting_modules_changes_no_byte_of_a_pickle(model):
    """The bytes are those of `pickle.dumps` at protocol 5."""
    value = model()
    out = io.BytesIO()
    pickles.dump(value, out)
    assert out.getvalue() == pickle.dumps(value, protocol=5)


def test_modules_are_those_that_the_pickle_names():
    """The modules found while writing are the top-level names of all that reading will look up."""
    out = io.BytesIO()
    saved = pickles.dump([fitted(), np.log, Fraction(1, 2)], out)
    named = set()

    class Finder(pickle.Unpickler):
        def find_class(self, module, name):
            named.add(module.partition(".")[0])
            return super().find_class(module, name)

    Finder(io.BytesIO(out.getvalue())).load()
    assert set(saved.modules) == named - sys.stdlib_module_names


def test_a_class_of_the_script_is_noted_by_name(tmp_path):
    """A model whose class lives in `__main__` says so, with the name, and lists no module for it."""
    script = """
        import io
        from autolog.models import pickles

        class Mine: pass
        def step(): pass

        print(pickles.dump([Mine(), Mine(), step], io.BytesIO()))
        import sys
        sys.modules["cloudpickle"] = None
        pickles.importlib.util.find_spec = lambda name: None
        print(pickles.dump([Mine(), Mine(), step], io.BytesIO()))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    by_value, by_name = done.stdout.splitlines()
    assert "holds the code of Mine, step (<string>:6), which is in no module: it loads on Python" in by_value
    assert f"modules={{'cloudpickle': '{metadata.version('cloudpickle')}'}}" in by_value
    assert "uses Mine, step (<string>:6), which is in no module: it loads only where __main__ has" in by_name
    assert "modules={}" in by_name


OWN_STEPS = """
    import numpy as np
    import sys
    import autolog
    autolog.enable(backend=sys.argv[1], silent=True)
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    class Scale(TransformerMixin, BaseEstimator):
        def __init__(self, by=2):
            self.by = by
        def fit(self, X, y=None):
            self.rows_ = len(X)
            return self
        def transform(self, X):
            return times(X, self.by)
        @property
        def twice(self):
            return 2 * self.by
    class Own(LogisticRegression):
        def predict(self, X):
            return super().predict(X)
    def times(X, by):
        return np.asarray(X) * by
    X = np.random.RandomState(0).rand(50, 3)
    model = make_pipeline(Scale(3), FunctionTransformer(lambda X: X + 1), Own()).fit(X, (X[:, 0] > 0.5).astype(int))
    print(int(model.predict(X).sum()), model[0].twice)
"""

LOADING = """
    import sys
    sys.modules["autolog"] = sys.modules["wrapt"] = None
    import pickle
    import numpy as np
    model = pickle.load(open(sys.argv[1], "rb"))
    print(int(model.predict(np.random.RandomState(0).rand(50, 3)).sum()), model[0].twice)
"""


@pytest.mark.parametrize("how", ["a file", "-c", "-m"])
def test_classes_of_a_script_travel_with_the_model(tmp_path, store, how):
    """However the script runs, its classes, functions and lambdas load where neither it nor autolog is at hand."""
    (tmp_path / "own_script.py").write_text(textwrap.dedent(OWN_STEPS))
    program = {"a file": ["own_script.py"], "-c": ["-c", textwrap.dedent(OWN_STEPS)], "-m": ["-m", "own_script"]}[how]
    trained = run_python(tmp_path, *program, str(store))
    (tmp_path / "own_script.py").unlink()
    [path] = store.rglob("model.pkl")
    assert run_python(tmp_path, "-c", textwrap.dedent(LOADING), str(path)) == trained
    with pytest.raises(UntrustedModelError, match="cloudpickle"):
        pickles.load(path, ["sklearn.*", "builtins.*"])


def run_python(folder: Path, *arguments: str) -> str:
    """Give what a program prints."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_classes_of_a_notebook_travel_with_the_model(tmp_path, store):
    """A class of a notebook's cell loads in a process without the notebook."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    source = textwrap.dedent(OWN_STEPS).replace("sys.argv[1]", repr(str(store)))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own event loop
        nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    trained = "".join(out["text"] for out in notebook.cells[0].outputs if out.get("name") == "stdout")
    [path] = store.rglob("model.pkl")
    assert run_python(tmp_path, "-c", textwrap.dedent(LOADING), str(path)) == trained


def test_a_module_that_is_not_installed_is_noted_with_its_file_and_digest(tmp_path, monkeypatch):
    """A class of the script's neighbour is pickled by name; the note says which file it needs, and in which state."""
    source = tmp_path / "neighbour_steps.py"
    source.write_text("class Step:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import neighbour_steps

    _, result = written(tmp_path, neighbour_steps.Step())
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert result.saved.notes == (f"the model needs {source} (SHA-256 {digest})",)


# ---- skops


def enabled_with_skops(store, **options):
    """Record with models in skops' format."""
    pytest.importorskip("skops")
    autolog.enable("sklearn", backend=store, silent=True, model_format="skops", **options)


def test_a_model_in_skops_format_comes_back(store):
    """The file says that skops is needed, and loads without trust where it has scikit-learn's types only."""
    enabled_with_skops(store)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*data())
    run = autolog.last_run()
    [facts] = autolog.get_run(run.run_id).models
    assert (facts["format"], facts["path"]) == ("skops", "model/model.skops")
    assert facts["modules"]["skops"] == metadata.version("skops")
    loaded = autolog.load_model(f"runs:/{run.run_id}/model")
    assert (loaded.predict(data()[0]) == model.predict(data()[0])).all()


class Plain(LogisticRegression):
    """A user's own class, in a module."""


def test_a_type_that_skops_does_not_know_needs_trust(store, monkeypatch):
    """The list, with its patterns, and True feed skops' trusted types; without them the types are named."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Plain.__module__])
    enabled_with_skops(store)
    Plain().fit(*data())
    uri = f"runs:/{autolog.last_run().run_id}/model"
    name = f"{Plain.__module__}.Plain"
    for trusted in (None, False, [], ["sklearn.*"]):
        with pytest.raises(UntrustedModelError, match=re.escape(name)):
            autolog.load_model(uri, trusted=trusted)
    for trusted in (True, [name], [f"{Plain.__module__}.*"]):
        assert type(autolog.load_model(uri, trusted=trusted)) is Plain


def test_what_skops_cannot_save_is_pickled_with_a_note(store):
    """A lambda, whose name skops would write and never find again, makes a pickle whose note says why."""
    enabled_with_skops(store)
    model = make_pipeline(FunctionTransformer(lambda X: X), LogisticRegression()).fit(*data())
    [facts] = autolog.get_run(autolog.last_run().run_id).models
    assert facts["format"] == "pickle"
    assert any("pickled, since skops cannot save it: ModelError: it would name" in note for note in facts["notes"])
    loaded = autolog.load_model(f"runs:/{autolog.last_run().run_id}/model", trusted=True)
    assert (loaded.predict(data()[0]) == model.predict(data()[0])).all()


@pytest.mark.autolog_swallows
@pytest.mark.parametrize("form", ["pickle", "skops"])
def test_a_model_over_the_limit_leaves_a_note_and_no_file(store, form, monkeypatch):
    """Nothing half is left, the run says why, and skops, which builds its file in memory, is not even begun."""
    skops_io = pytest.importorskip("skops.io")
    monkeypatch.setattr(skops_io, "dumps", lambda model: pytest.fail("begun"))
    autolog.enable("sklearn", backend=store, silent=True, model_format=form, max_model_mb=0.001)
    RandomForestClassifier(5, random_state=0).fit(*data())
    run = autolog.get_run(autolog.last_run().run_id)
    assert run.models == []
    assert any("max_model_mb" in note for note in run.notes)
    assert not [path for path in store.rglob("model*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"\x80\x05N."])
def test_a_damaged_skops_file_is_a_model_error(tmp_path, content):
    """What is no file of skops is refused with an error of ours."""
    pytest.importorskip("skops")
    from autolog_sklearn import skops_models

    for trusted in (None, True, ["sklearn.*"]):
        with pytest.raises(ModelError, match="hostile"):
            skops_models.load(file_of(tmp_path, content), trusted)


@pytest.mark.parametrize("trusted", [None, ["sklearn.*"]])
def test_skops_runs_no_function_that_is_only_below_a_trusted_package(tmp_path, trusted):
    """A file that names a command runner, as scikit-learn's own tests import it, is refused, and nothing was run."""
    dumped = pytest.importorskip("skops.io").dumps(["touch", str(tmp_path / "made")])
    from autolog_sklearn import skops_models

    with zipfile.ZipFile(io.BytesIO(dumped)) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema |= {"__module__": "sklearn.utils._testing", "__class__": "check_output"}
    with zipfile.ZipFile(tmp_path / "hostile.skops", "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    with pytest.raises(UntrustedModelError, match="check_output"):
        skops_models.load(tmp_path / "hostile.skops", trusted)
    assert not (tmp_path / "made").exists()


def test_what_cannot_be_pickled_is_refused_with_pickles_reason_and_leaves_nothing(tmp_path):
    """An object without a pickle costs no file, and the error tells and has as its cause what pickle raised."""
    model = Pipeline([("step", FunctionTransformer(kw_args={"lock": threading.Lock()}))])
    with pytest.raises(TypeError) as plain:
        pickle.dumps(model)
    with pytest.raises(RefusedError, match=re.escape(str(plain.value))) as refused:
        models.write_model(tmp_path / "model", save_as_pickle(model), PLENTY)
    assert type(refused.value.__cause__) is TypeError
    assert list(tmp_path.iterdir()) == []


# ---- pickles: trust


def test_without_trust_all_types_are_named_and_what_to_pass(tmp_path):
    """The refusal names every type, sorted, and passing what it says loads the model."""
    path, _ = written(tmp_path, fitted())
    for trust in (None, False):
        with pytest.raises(UntrustedModelError) as raised:
            pickles.load(path, trust)
        assert ", ".join(PIPELINE_TYPES) in str(raised.value)
        assert f"trusted={PIPELINE_TYPES!r}" in str(raised.value)
    assert (pickles.load(path, PIPELINE_TYPES).predict(data()[0]) == fitted().predict(data()[0])).all()


def test_types_are_listed_without_importing(tmp_path):
    """Listing a model's types needs none of its modules."""
    path, _ = written(tmp_path, fitted())
    script = f"""
        import sys
        from pathlib import Path
        from autolog.models import pickles
        types = pickles.types_in(Path({str(path)!r}))
        print(*types, "sklearn" in sys.modules, "numpy" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    *types, sklearn, numpy = done.stdout.split()
    assert (sklearn, numpy) == ("False", "False")
    assert set(PIPELINE_TYPES) < set(types)
    assert types == sorted(types)


def test_types_are_those_that_pickle_looks_up(tmp_path):
    """Following the stack finds the very names that reading looks up, at every protocol."""
    value = [fitted(), Fraction(1, 2), datetime.date(2026, 1, 2), collections.OrderedDict(a=datetime.timezone.utc), len]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        content = pickle.dumps(value, protocol=protocol, fix_imports=False)
        named = set()

        class Finder(pickle.Unpickler):
            def find_class(self, module, name, named=named):
                named.add(f"{module}.{name}")
                return super().find_class(module, name)

        Finder(io.BytesIO(content), fix_imports=False).load()
        assert pickles.types_in(file_of(tmp_path, content)) == sorted(named)


def test_a_package_is_trusted_by_its_prefix(tmp_path):
    """`package.*` admits what is below the package, a model of several parts included."""
    path, _ = written(tmp_path, RandomForestClassifier(3, random_state=0).fit(*data()))
    assert (pickles.load(path, ["sklearn.*"]).predict(data()[0]) == data()[1]).mean() > 0.9


@pytest.mark.parametrize("entry", ["sklearn", "sklearn*", "sklearn.pipe*", "skl.*", "*", ".*", "sklearn.pipeline.*"])
def test_a_pattern_admits_whole_packages_only(tmp_path, entry):
    """What is neither a full name nor a package that holds all of the model's types does not suffice."""
    path, _ = written(tmp_path, fitted())
    with pytest.raises(UntrustedModelError, match="LogisticRegression"):
        pickles.load(path, [entry])


def test_a_refusal_of_a_list_names_only_what_it_lacks(tmp_path):
    """The names already trusted are not reported as refused, and stay in what to pass."""
    path, _ = written(tmp_path, fitted())
    with pytest.raises(UntrustedModelError) as raised:
        pickles.load(path, PIPELINE_TYPES[1:])
    assert f"not trusted: {PIPELINE_TYPES[0]}; " in str(raised.value)
    assert f"trusted={PIPELINE_TYPES!r}" in str(raised.value)


def test_plain_values_and_arrays_need_an_empty_list_only(tmp_path):
    """Containers and arrays of plain types load with nothing named as trusted."""
    value = [
        collections.OrderedDict(a=1),
        collections.defaultdict(list, a=[1]),
        {1, 2},
        frozenset({3}),
        (1j, slice(1, 2), range(3), bytearray(b"x"), float),
        np.float32(2),
        np.float32,
    ]
    path, _ = written(tmp_path, [value, np.arange(6).reshape(2, 3).T, np.array(["a", None], dtype=object)])
    loaded, numbers, objects = pickles.load(path, [])
    assert loaded == value
    assert (numbers == np.arange(6).reshape(2, 3).T).all()
    assert list(objects) == ["a", None]


def test_a_nested_class_is_known_by_its_dotted_name(tmp_path):
    """A class within a class is listed and trusted by its full name."""
    path = file_of(tmp_path, b"\x80\x05" + named("logging", "Formatter.default_msec_format.__class__") + b".")
    assert pickles.types_in(path) == ["logging.Formatter.default_msec_format.__class__"]
    assert pickles.load(path, pickles.types_in(path)) is str


def test_a_function_is_trusted_by_its_full_name_only(tmp_path):
    """numpy has functions that run any text as a program: below `numpy.*` they are refused, and classes are not."""
    trace = tmp_path / "trace"
    path = file_of(
        tmp_path,
        b"\x80\x05"
        + named("numpy.testing", "runstring")
        + b"("
        + text(f"import os; os.mkdir({str(trace)!r})")
        + b"}tR.",
    )
    with pytest.raises(UntrustedModelError, match=r"add numpy\.testing\.runstring to trusted"):
        pickles.load(path, ["numpy.*"])
    assert not trace.exists()
    pickles.load(path, ["numpy.testing.runstring"])
    assert trace.exists()
    assert pickles.load(file_of(tmp_path, b"\x80\x05" + named("email.mime.base", "MIMEBase") + b"."), ["email.*"])


# ---- pickles: hostile ones


class Touch:
    """Pickles to a call that leaves a trace if it is ever made."""

    def __init__(self, function, *args):
        self.reduced = (function, args)

    def __reduce__(self):
        return self.reduced


def text(value: str) -> bytes:
    """Give the opcode that pushes a string."""
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def named(module: str, name: str) -> bytes:
    """The opcodes that push what `module` calls `name`."""
    return text(module) + text(name) + b"\x93"


def calls(module: str, name: str, *args: str) -> bytes:
    """A pickle of the call of a name with strings."""
    return b"\x80\x05" + named(module, name) + b"(" + b"".join(map(text, args)) + b"tR."


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_call_of_the_system_is_listed_and_never_made(tmp_path, protocol):
    """`os.system` in a pickle is named, by listing and by every refusal, and does not run."""
    trace = tmp_path / "trace"
    path = file_of(tmp_path, pickle.dumps(Touch(os.system, f"touch {trace}"), protocol=protocol, fix_imports=False))
    system = f"{os.system.__module__}.system"
    assert pickles.types_in(path) == [system]
    for trust in (None, [], ["sklearn.*", "os.*", "numpy.*"]):
        with pytest.raises(UntrustedModelError, match=system):
            pickles.load(path, trust)
    assert not trace.exists()
    pickles.load(path, True)
    assert trace.exists()  # the pickle was a live one


HOSTILE = {
    "EXT, a name by a number": b"\x80\x02\x82\x7f)R.",
    "a memo of four thousand million places": b"\x80\x05Nr\xff\xff\xff\xff.",
    "a text memo of four thousand million places": b"Np4000000000\n.",
    "eight exabytes of bytes": b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7fab.",
    "four gigabytes of text": b"\x80\x05X\xff\xff\xff\xffab.",
    "a frame of eight exabytes": b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7fX\xff\xff\xff\xff",
    "a computed name": b"\x80\x05" + named("builtins", "str") + b")R" + text("system") + b"\x93.",
    "a name of numbers": b"\x80\x05K\x01K\x02\x93.",
    "state set on a class": b"\x80\x05" + named("fractions", "Fraction") + b"(N}" + text("limit") + b"K\x01stb.",
    "state set on a class by way of the memo": b"\x80\x05" + named("fractions", "Fraction") + b"\x940h\x00}b.",
    "state set on a class by way of a copy": b"\x80\x05" + named("fractions", "Fraction") + b"2}b.",
    "items set on a class": b"\x80\x05" + named("fractions", "Fraction") + b"K\x01K\x02s.",
    "a memo place that was never filled": b"\x80\x05h\x05.",
    "an empty stack": b"\x80\x05R.",
    "no mark": b"\x80\x05K\x01t.",
    "an unknown opcode": b"\x80\x05\xff.",
    "a newer protocol's opcode": b"\x80\x63\xf0.",
    "no end": b"\x80\x05K\x01",
    "nothing at all": b"",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_only_running_would_tell_is_a_model_error(tmp_path, content):
    """A pickle that cannot be followed is refused by an error that names the file, whatever list is trusted."""
    path = file_of(tmp_path, content)
    for read in (pickles.types_in, lambda path: pickles.load(path, ["fractions.*", "builtins.*"])):
        with pytest.raises(ModelError, match="hostile") as raised:
            read(path)
        assert not isinstance(raised.value, UntrustedModelError)


def test_a_registered_extension_does_not_pass_the_trust(tmp_path):
    """A call hidden behind a `copyreg` number, which pickle resolves without asking, is refused and not made."""
    code, trace = 240, tmp_path / "trace"
    copyreg.add_extension(os.system.__module__, "system", code)
    try:
        content = pickle.dumps(Touch(os.system, f"touch {trace}"), protocol=2)
        assert b"\x82\xf0" in content
        with pytest.raises(ModelError, match="EXT1"):
            pickles.load(file_of(tmp_path, content), ["sklearn.*"])
    finally:
        copyreg.remove_extension(os.system.__module__, "system", code)
    assert not trace.exists()


def test_a_persistent_id_is_a_model_error(tmp_path):
    """A pickle that refers to something outside of itself cannot be loaded."""
    for content in (b"\x80\x05K\x01Q.", b"Psome id\n."):
        path = file_of(tmp_path, content)
        assert pickles.types_in(path) == []
        with pytest.raises(ModelError, match="persistent"):
            pickles.load(path, [])


def test_deep_nesting_is_listed(tmp_path):
    """A hundred thousand tuples within each other do not exhaust the listing."""
    content = b"\x80\x05" + named("os", "system") + b"\x85" * 100_000 + b"."
    assert pickles.types_in(file_of(tmp_path, content)) == ["os.system"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("logging.handlers", "os.system"),  # a module that a trusted module imports
        ("logging", "os.system"),
        ("logging.config", "logging.os.system"),
        ("logging", "sys.modules.clear"),
        ("logging", "Logger.__getattribute__"),  # any object's way to any other
        ("logging", "Logger.__class__"),
        ("logging", "Logger.__init__.__globals__.get"),
        ("logging", "getLogger.__class__"),
        ("logging", "os"),
        ("logging", "StringTemplateStyle.__init__.__code__"),
    ],
)
def test_a_trusted_package_admits_only_what_it_defines(tmp_path, module, name):
    """Below a prefix, what a module imports and what every object has are refused by what they really are."""
    path = file_of(tmp_path, b"\x80\x05" + named(module, name) + b".")
    assert pickles.types_in(path) == [f"{module}.{name}"]
    with pytest.raises(UntrustedModelError):
        pickles.load(path, ["logging.*"])


def test_a_call_through_a_trusted_package_is_not_made(tmp_path):
    """`os.system` reached as an attribute of a trusted package's module does not run."""
    trace = tmp_path / "trace"
    path = file_of(tmp_path, calls("logging.handlers", "os.system", f"touch {trace}"))
    with pytest.raises(UntrustedModelError, match=r"posix\.system|nt\.system"):
        pickles.load(path, ["logging.*"])
    assert not trace.exists()


def test_python_2_names_are_taken_literally(tmp_path):
    """The renaming of old modules cannot turn a harmless name into another one."""
    path = file_of(tmp_path, b"c__builtin__\neval\n(S'1'\ntR.")
    assert pickles.types_in(path) == ["__builtin__.eval"]
    with pytest.raises(UntrustedModelError, match=r"__builtin__\.eval"):
        pickles.load(path, ["builtins.*"])


def test_a_missing_module_of_a_trusted_pickle_is_named(tmp_path):
    """A pickle of a module that is not here says which."""
    path = file_of(tmp_path, calls("no_such_module", "Model"))
    for trust in (True, ["no_such_module.*"]):
        with pytest.raises(MissingRequirementError, match="no_such_module"):
            pickles.load(path, trust)


# ---- pickles: damaged ones


def plain_value():
    """A value of many opcodes whose rebuilding, even from damaged bytes, stays within pure Python."""
    return [Fraction(3, 7), collections.OrderedDict(a=(1, 2.5, None)), {"x", "y"}, b"bytes", "text" * 80, [1 << 70, -3]]


@functools.cache
def contents(which: str) -> bytes:
    """Give a whole pickle to damage."""
    value = fitted() if which == "model" else plain_value()
    return pickle.dumps(value, protocol=5)


def value_or_model_error(read) -> None:
    """Let `read` give anything, or raise an error of ours."""
    try:
        read()
    except ModelError:
        return


@settings(max_examples=150, deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True), which=st.sampled_from(["model", "plain"]))
def test_a_cut_pickle_is_a_model_error(tmp_path_factory, cut, which):
    """However little is missing at the end, listing and loading say so with an error of ours."""
    content = contents(which)
    path = file_of(tmp_path_factory.getbasetemp(), content[: int(cut * len(content))])
    for trust in (None, ["fractions.*", "sklearn.*"], True):
        with pytest.raises(ModelError) as raised:
            pickles.load(path, trust)
        assert not isinstance(raised.value, UntrustedModelError)
    with pytest.raises(ModelError):
        pickles.types_in(path)


@settings(max_examples=300, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), which=st.sampled_from(["model", "plain"]))
def test_a_damaged_pickle_lists_or_is_a_model_error(tmp_path_factory, place, byte, which):
    """With any byte changed, listing gives names or an error of ours."""
    content = bytearray(contents(which))
    content[int(place * len(content))] = byte
    path = file_of(tmp_path_factory.getbasetemp(), bytes(content))
    value_or_model_error(lambda: pickles.types_in(path))


@settings(max_examples=300, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_damaged_pickle_loads_or_is_a_model_error(tmp_path_factory, place, byte):
    """With any byte changed, loading with a list gives a value or an error of ours."""
    content = bytearray(contents("plain"))
    content[int(place * len(content))] = byte
    path = file_of(tmp_path_factory.getbasetemp(), bytes(content))
    value_or_model_error(lambda: pickles.load(path, ["fractions.*"]))


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=60) | st.lists(st.sampled_from(sorted(HOSTILE.values())), max_size=4).map(b"".join))
def test_any_bytes_list_or_are_a_model_error(tmp_path_factory, content):
    """Bytes that never were a pickle give full names or an error of ours."""
    path = file_of(tmp_path_factory.getbasetemp(), content)

    def read():
        assert all("." in name for name in pickles.types_in(path))

    value_or_model_error(read)
