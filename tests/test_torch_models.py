"""PyTorch's modules as safetensors: the weights for anyone, the structure for who trusts it."""

from __future__ import annotations

import base64
import gc
import io
import json
import os
import pickle
import random
import re
import subprocess
import sys
import textwrap
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import safetensors
import safetensors.torch
import torch
from torch import nn

from autolog.exceptions import ModelError, ModelTooLarge, RefusedError, UntrustedModelError
from autolog.hookspecs import SavedModel
from autolog.models import files
from autolog_torch import models, structures, writable

if TYPE_CHECKING:
    from pathlib import Path

PLENTY = 1 << 28


class Everything(nn.Module):
    """Has tensors of each standing: tied, frozen, passing, persistent, apart, computed, and several of one memory."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(4, 4), nn.Linear(4, 4)
        self.decoder.weight = self.encoder.weight
        self.encoder.bias.requires_grad_(False)
        self.encoder.weight.decays = False
        self.register_buffer("passing", torch.arange(5.0), persistent=False)
        self.register_buffer("kept", torch.tensor(3))
        self.register_buffer("nothing", None)
        self.register_parameter("none", None)
        self.same = [self.passing, self.kept, self.encoder.weight]
        self.view = self.encoder.weight.data
        self.computed = self.encoder.weight * 2
        self.facts = {"device": torch.device("cpu"), "dtype": torch.float32, "size": torch.Size([2])}

    def forward(self, x: Any) -> Any:
        return self.decoder(self.encoder(x)) + self.kept


class Scaled(nn.Parameter):
    """A parameter of a class of its own."""


def tied() -> nn.Module:
    """Give a module whose two layers have one weight."""
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    return model


def odd_layouts() -> nn.Module:
    """Give parameters that are transposed, expanded, of no dimension and empty."""
    tensors = [
        torch.rand(3, 4).t(),
        torch.rand(1, 4).expand(3, 4),
        torch.rand(()),
        torch.empty(0, 3),
        torch.rand(9)[::2],
    ]
    return nn.ParameterList([nn.Parameter(each) for each in tensors])


def of_type(dtype: Any) -> nn.Module:
    """Give a module with a buffer of a type."""
    model = nn.Module()
    model.register_buffer("values", torch.arange(6).to(dtype))
    return model


def normed() -> nn.Module:
    """Give a layer whose weight is computed before each call."""
    with pytest.warns(FutureWarning):
        return nn.utils.weight_norm(nn.Linear(3, 3))


def subclassed() -> nn.Module:
    """Give a module with a parameter of the user's class."""
    model = nn.Linear(2, 2)
    model.weight = Scaled(torch.rand(2, 2))
    return model


KINDS = {
    "layers": lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)),
    "evaluating": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval(),
    "recurrent": lambda: nn.LSTM(3, 4, 2, bidirectional=True),
    "attention": lambda: nn.TransformerEncoderLayer(8, 2, 16),
    "embedding": lambda: nn.Embedding(10, 3, padding_idx=0),
    "containers": lambda: nn.ModuleDict(
        {"a": nn.ModuleList([nn.Linear(1, 1)]), "b": nn.ParameterDict({"c": torch.rand(2)})}
    ),
    "tied": tied,
    "everything": Everything,
    "odd layouts": odd_layouts,
    "weight norm": normed,
    "spectral norm": lambda: nn.utils.spectral_norm(nn.Linear(3, 3)),
    "a parameter's class": subclassed,
    "channels last": lambda: nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last),
    "no tensors": lambda: nn.Flatten(2),
    "uninitialized": lambda: nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3)),
    **{
        str(dtype): lambda dtype=dtype: of_type(dtype)
        for dtype in (torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn, torch.bool, torch.int8)
    },
}


def written(folder: Path, model: object, room: int = PLENTY) -> files.WrittenModel:
    """Write a model."""
    result = files.write_model(folder / "model", lambda stream: models.save(model, stream), room)
    assert result is not None
    return result


def loaded(result: files.WrittenModel, trusted: Any = None) -> Any:
    """Read a model back."""
    return files.load(result.path, result.as_facts(), trusted, models.load)


def metadata(path: Path) -> dict[str, str]:
    """Give what a file says of its tensors."""
    with safetensors.safe_open(path, "pt") as file:
        return file.metadata()


def bits(tensor: Any) -> tuple[Any, ...]:
    """Give all that tells two tensors apart."""
    flat = tensor.detach().contiguous().reshape(-1)
    return tensor.dtype, tuple(tensor.shape), flat.view(torch.uint8).tolist() if flat.numel() else []


def state(module: Any) -> dict[str, Any]:
    """Give the bits of a state dict."""
    return {name: bits(each) for name, each in module.state_dict().items() if not nn.parameter.is_lazy(each)}


# ---- round trips


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_a_module_comes_back_bit_for_bit(tmp_path, make):
    """The whole module has the classes, tensors, names, gradients' switches and modes that it had."""
    model = make()
    found = loaded(written(tmp_path, model), trusted=True)
    assert type(found) is type(model)
    assert repr(found) == repr(model)
    assert state(found) == state(model)
    assert [each.training for each in found.modules()] == [each.training for each in model.modules()]
    for ours, theirs in zip(found.named_parameters(), model.named_parameters(), strict=True):
        assert (ours[0], type(ours[1]), ours[1].requires_grad) == (theirs[0], type(theirs[1]), theirs[1].requires_grad)
    for ours, theirs in zip(found.named_buffers(), model.named_buffers(), strict=True):
        assert (ours[0], bits(ours[1])) == (theirs[0], bits(theirs[1]))


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_the_weights_are_those_of_the_state_dict(tmp_path, make):
    """Without trust the weights come back under all their names, and a plain reader finds each memory once."""
    model = make()
    result = written(tmp_path, model)
    weights, plain = loaded(result), safetensors.torch.load_file(result.path)
    assert {name: bits(each) for name, each in weights.items()} == state(model)
    assert {name: bits(each) for name, each in plain.items()}.items() <= state(model).items()
    assert set(weights) - set(plain) == set(json.loads(metadata(result.path).get("aliases", "{}")))


def test_a_file_says_what_it_holds(tmp_path):
    """The metadata has the architecture and the class; the facts have the format, the class and the versions."""
    model = nn.Sequential(nn.Linear(2, 2))
    result = written(tmp_path, model)
    about = metadata(result.path)
    assert (about["format"], about["architecture"]) == ("pt", repr(model))
    assert about["class"] == result.saved.model_class == "torch.nn.modules.container.Sequential"
    assert result.path.name == "model.safetensors"
    assert (result.saved.format, result.saved.runs_code, result.saved.notes) == ("torch-safetensors", True, ())
    assert result.saved.modules == {"safetensors": safetensors.__version__, "torch": torch.__version__}


def test_what_is_shared_stays_shared(tmp_path):
    """Tied weights, a buffer held twice, a view of a weight's memory and a parameter's own attributes come back so."""
    result = written(tmp_path, Everything())
    found = loaded(result, trusted=True)
    assert found.decoder.weight is found.encoder.weight is found.same[2]
    assert (found.same[0] is found.passing, found.same[1] is found.kept) == (True, True)
    assert found.view.data_ptr() == found.encoder.weight.data_ptr()
    assert found.encoder.weight.decays is False
    assert found.facts == Everything().facts
    assert json.loads(metadata(result.path)["aliases"]) == {"decoder.weight": "encoder.weight"}
    assert "passing" not in loaded(result)
    weights = loaded(result)
    assert weights["decoder.weight"] is weights["encoder.weight"]


def test_a_loaded_module_trains(tmp_path):
    """The parameters of what comes back are leaves that an optimizer changes, and do not lie in the file's memory."""
    torch.manual_seed(0)  # by chance the units in between would give nothing
    result = written(tmp_path, tied())
    content = result.path.read_bytes()
    found = loaded(result, trusted=True)
    before = found[0].weight.detach().clone()
    found(torch.ones(2, 3)).sum().backward()
    torch.optim.SGD(found.parameters(), lr=0.1).step()
    assert not torch.equal(found[2].weight, before)
    assert result.path.read_bytes() == content


def test_partly_shared_memory_is_noted(tmp_path):
    """A weight that is another's transposed is written on its own, and the note says that they part."""
    model = nn.Module()
    model.first = nn.Parameter(torch.rand(3, 4))
    model.second = nn.Parameter(model.first.data.t())
    result = written(tmp_path, model)
    assert result.saved.notes == ("the file has second apart from other tensors, in whose memory they partly lie",)
    assert state(loaded(result, trusted=True)) == state(model)


def test_disjoint_parts_of_one_memory_are_no_note(tmp_path):
    """Slices side by side, as a flattened network has them, share nothing."""
    flat, model = torch.rand(8), nn.Module()
    model.first, model.second = nn.Parameter(flat[:4]), nn.Parameter(flat[4:])
    result = written(tmp_path, model)
    assert result.saved.notes == ()
    assert result.size < 2000
    assert state(loaded(result, trusted=True)) == state(model)


def compiled(model: nn.Module) -> Any:
    """Give a module that torch compiles with its first call."""
    return torch.compile(model, backend="eager")


@pytest.mark.parametrize("wrap", [compiled, nn.DataParallel, lambda model: compiled(nn.DataParallel(model))])
def test_wrappers_are_taken_off(tmp_path, wrap):
    """What is compiled or trains in parallel is saved as the module inside, under its own names."""
    model = nn.Linear(2, 2)
    result = written(tmp_path, wrap(model))
    assert result.saved.model_class == "torch.nn.modules.linear.Linear"
    assert state(loaded(result, trusted=True)) == state(model)


def test_a_default_device_changes_nothing(tmp_path):
    """Under a default device, which turns up in every constructor, a module is saved and read on the CPU as ever."""
    model = Everything()
    with torch.device("meta"):
        found = loaded(written(tmp_path, model), trusted=True)
    assert state(found) == state(model)
    assert found.passing.tolist() == model.passing.tolist()


def test_a_class_of_no_module_travels_with_its_module(tmp_path):
    """A class defined in a script or function is in the file by value, and the note says so."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return self.layer(x) * 2

    model = Own()
    result = written(tmp_path, model)
    assert "holds the code of" in result.saved.notes[0]
    x = torch.rand(3, 2)
    assert torch.equal(loaded(result, trusted=True)(x), model(x))


def test_a_class_of_the_script_loads_in_another_process(tmp_path):
    """A module of a script's own class loads and predicts where the script is not."""
    save = """
        import sys, torch
        from pathlib import Path
        from autolog.models import files
        from autolog_torch import models
        class Own(torch.nn.Linear):
            def forward(self, x):
                return super().forward(x) * 2
        torch.manual_seed(0)
        model = Own(2, 2)
        files.write_model(Path(sys.argv[1]), lambda stream: models.save(model, stream), 1 << 20)
        print(model(torch.ones(1, 2)).tolist())
    """
    read = """
        import sys, torch
        from pathlib import Path
        from autolog.hookspecs import SavedModel
        from autolog_torch import models
        path = Path(sys.argv[1] + ".safetensors")
        model = models.load(path, SavedModel("torch-safetensors", "", {}), True)
        print(model(torch.ones(1, 2)).tolist())
    """
    assert run_python(save, tmp_path / "model") == run_python(read, tmp_path / "model")


def run_python(program: str, path: Path) -> str:
    """Give what a program prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_what_is_no_module_is_somebody_elses():
    """Neither an object nor a format that is not ours is touched."""
    assert models.save(object(), io.BytesIO()) is None
    assert models.load(None, SavedModel("pickle", "a.B", {}), True) is None


# ---- what a file cannot hold


def with_parameter(tensor: Any) -> nn.Module:
    """Give a module with one usual parameter and one other."""
    model = nn.Module()
    model.usual = nn.Parameter(torch.rand(2))
    model.odd = nn.Parameter(tensor, requires_grad=False)
    return model


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: torch.empty(2, device="meta"), "on the meta device"),
        (lambda: torch.eye(2).to_sparse(), "layout torch.sparse_coo"),
        (lambda: torch.quantize_per_tensor(torch.rand(2), 0.1, 0, torch.qint8), "type torch.qint8"),
        (lambda: torch.rand(2, dtype=torch.complex128), "type torch.complex128"),
    ],
    ids=["meta", "sparse", "quantized", "complex"],
)
@pytest.mark.filterwarnings("ignore:.*quantize")
def test_a_tensor_that_safetensors_cannot_hold_is_noted(tmp_path, make, why):
    """The others are written; the notes say which is not, why, and that the structure would be of no use."""
    result = written(tmp_path, with_parameter(make()))
    notes = sorted(result.saved.notes)
    assert re.match(rf"the file has the model's weights and not its structure: .*{why}", notes[0])
    assert re.match(rf"the file lacks odd: .*{why}", notes[1])
    assert set(loaded(result)) == {"usual"}
    assert not result.saved.runs_code


def test_nothing_to_write_is_refused(tmp_path):
    """A module of which nothing can be written leaves no file."""
    with pytest.raises(RefusedError, match="meta device"):
        written(tmp_path, nn.Linear(2, 2, device="meta"))
    assert list(tmp_path.iterdir()) == []


class Unwilling(nn.Linear):
    """Raises what it is told to when it is pickled or shown."""

    def __init__(self, pickled: Any = None, shown: Any = None) -> None:
        super().__init__(2, 2)
        self.pickled, self.shown = pickled, shown

    def __getstate__(self) -> Any:
        if self.pickled is not None:
            raise self.pickled
        return vars(self)

    def extra_repr(self) -> str:
        if self.shown is not None:
            raise self.shown
        return "shown"


@pytest.mark.parametrize(
    "error", [ValueError("no"), OSError("no"), SystemExit(3), RecursionError(), RefusedError("no")]
)
def test_users_code_that_raises_costs_its_part_alone(tmp_path, error):
    """Where a module cannot be shown or pickled the rest is written, with a note of what raised."""
    result = written(tmp_path, Unwilling(pickled=error))
    assert type(error).__name__ in "".join(result.saved.notes)
    assert metadata(result.path)["architecture"] == "Unwilling(shown)"
    assert set(loaded(result)) == {"weight", "bias"}
    result = written(tmp_path, Unwilling(shown=error))
    assert metadata(result.path)["architecture"] == ""
    assert "does not have the model's architecture" in "".join(result.saved.notes)


NO_STRUCTURE = {
    "a lock": lambda: setattr(model := nn.Linear(2, 2), "lock", threading.Lock()) or model,
    "a storage": lambda: setattr(model := nn.Linear(2, 2), "storage", torch.rand(2).untyped_storage()) or model,
    "a parametrization": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
    "an orthogonal one": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)),
}


@pytest.mark.parametrize("make", NO_STRUCTURE.values(), ids=NO_STRUCTURE.keys())
def test_a_module_that_cannot_be_pickled_has_its_weights_saved(tmp_path, make):
    """The weights are there, a note says why no more is, and loading more than these says so and what to do."""
    model = make()
    result = written(tmp_path, model)
    assert {name: bits(each) for name, each in loaded(result).items()} == state(model)
    [note] = result.saved.notes
    with pytest.raises(ModelError, match="load_state_dict") as raised:
        loaded(result, trusted=True)
    assert note in str(raised.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_module_has_its_weights_saved(tmp_path):
    """What torch has compiled to its own language cannot be pickled, and is saved without its structure."""
    model = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    result = written(tmp_path, model)
    assert {name: bits(each) for name, each in loaded(result).items()} == state(model)
    assert len(result.saved.notes) == 1


def test_a_state_of_a_modules_own_is_noted(tmp_path):
    """A layer that adds to the state dict what is no parameter and no buffer is named."""

    class Own(nn.Linear):
        def get_extra_state(self) -> Any:
            return {"more": 1}

    assert any("Own may add to the state dict" in note for note in written(tmp_path, Own(1, 1)).saved.notes)


# ---- size


def test_a_model_too_large_is_refused_before_anything_is_copied(tmp_path, monkeypatch):
    """Where the weights alone are too large no tensor is copied, and nothing is left."""
    for place in (structures, writable):
        monkeypatch.setattr(place, "on_cpu", lambda tensor: pytest.fail("copied"))
    model = Everything()
    model.large = nn.Parameter(torch.zeros(1000))
    with pytest.raises(ModelTooLarge, match="max_model_mb"):
        written(tmp_path, model, 3999)
    assert list(tmp_path.iterdir()) == []


def test_what_is_beside_the_weights_counts(tmp_path):
    """A structure that does not fit beside the weights is left out, with a note; the very size allowed is written."""
    model = nn.Linear(100, 100)
    model.register_buffer("passing", torch.rand(10_000), persistent=False)
    for room in (50_000, 90_000):
        result = written(tmp_path, model, room)
        assert set(loaded(result)) == {"weight", "bias"}
        assert result.saved.notes[-1].startswith("the file has the model's weights and not its structure")
    whole = written(tmp_path, model)
    assert whole.saved.runs_code
    assert written(tmp_path, model, whole.size).size == whole.size
    assert not written(tmp_path, model, whole.size - 1).saved.runs_code


class Counted:
    """Counts how often it is pickled, a piece of something very large."""

    pickled = 0

    def __reduce__(self) -> Any:
        Counted.pickled += 1
        return Counted, ()


@pytest.mark.parametrize("make", [torch.rand, lambda number: [number]])
def test_what_a_module_keeps_besides_its_layers_is_bounded(tmp_path, make):
    """A module that holds very many tensors or objects has its weights saved, and pickling it is given up early."""
    model = nn.Linear(2, 2)
    model.memory = [(make(4), Counted()) for _ in range(20_000)]
    Counted.pickled = 0
    result = written(tmp_path, model)
    assert Counted.pickled < 5_000
    assert set(loaded(result)) == {"weight", "bias"}
    assert result.saved.notes[-1].endswith(
        "not its structure: ModelTooLarge: it holds very many objects besides its layers, and would take long to pickle"
    )


def test_a_module_of_very_many_layers_keeps_its_structure(tmp_path):
    """Layers and weights of the module's own may be as many as it has, whatever they take."""
    model = nn.Sequential(nn.ParameterList(torch.rand(1) for _ in range(1_000)), *(nn.Linear(1, 1) for _ in range(500)))
    assert state(loaded(written(tmp_path, model), trusted=True)) == state(model)


# ---- trust


def test_types_must_be_trusted(tmp_path):
    """A list has to cover the module's classes, by name or package; torch's constants need no trust."""
    result = written(tmp_path, nn.Sequential(nn.Linear(2, 2)))
    names = ["torch.nn.modules.container.Sequential", "torch.nn.modules.linear.Linear"]
    for trusted in ([], names[:1], ["torch.optim.*"]):
        with pytest.raises(UntrustedModelError, match=re.escape(names[1])):
            loaded(result, trusted)
    for trusted in (names, ["torch.nn.*"], True):
        assert isinstance(loaded(result, trusted), nn.Sequential)
    for trusted in (None, False):
        assert set(loaded(result, trusted)) == {"0.weight", "0.bias"}


def test_constants_of_torch_need_no_trust(tmp_path):
    """Devices, sizes and types are values."""
    model = Everything()
    result = written(tmp_path, model)
    assert type(loaded(result, [f"{Everything.__module__}.*", "torch.nn.*"])).__name__ == "Everything"


class Touch:
    """Pickles to a call that leaves a trace if it is ever made."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def hostile(folder: Path, structure: bytes, **more: str) -> tuple[Path, SavedModel]:
    """Write a file as `save` would, with a structure of one's own."""
    path = folder / "hostile.safetensors"
    about = {"module": base64.b64encode(structure).decode(), **more}
    safetensors.torch.save_file({"weight": torch.ones(2)}, path, about)
    return path, SavedModel("torch-safetensors", "a.B", {})


def test_no_code_runs_without_trust(tmp_path):
    """A structure that would run something does not, neither for the weights nor for a list that lacks it."""
    trace = tmp_path / "trace"
    path, saved = hostile(tmp_path, pickle.dumps(Touch(trace), 5))
    assert models.load(path, saved, None)["weight"].tolist() == [1, 1]
    for trusted in ([], ["torch.*", "torch.nn.*"]):
        with pytest.raises(UntrustedModelError, match="mkdir"):
            models.load(path, saved, trusted)
    assert not trace.exists()
    with pytest.raises(ModelError, match="where a module should be"):
        models.load(path, saved, True)
    assert trace.exists()  # it was a live one


def test_no_code_hides_among_the_tensors(tmp_path):
    """The tensors beside the state dict are safetensors too: a pickle in their place is not read as one."""
    trace = tmp_path / "trace"
    more = base64.b64encode(pickle.dumps(Touch(trace), 5)).decode()
    path, saved = hostile(tmp_path, pickle.dumps([], 5), tensors=more)
    for trusted in ([], True):
        with pytest.raises(ModelError):
            models.load(path, saved, trusted)
    assert not trace.exists()


ABOUT = st.dictionaries(st.sampled_from(["module", "tensors", "aliases", "class"]), st.text(max_size=20))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(about=ABOUT, trusted=st.sampled_from([None, (), True]))
def test_damaged_metadata_is_a_model_error(tmp_path, about, trusted):
    """Whatever the metadata say, the result is the weights or an error of ours."""
    path = tmp_path / "damaged.safetensors"
    safetensors.torch.save_file({"weight": torch.ones(2)}, path, about)
    try:
        assert "weight" in models.load(path, SavedModel("torch-safetensors", "", {}), trusted)
    except ModelError as error:
        assert "damaged" in str(error)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_structure_is_a_model_error(tmp_path, at, byte):
    """A structure in which a byte is another gives a module or an error of ours."""
    if not (tmp_path / "model.safetensors").exists():
        written(tmp_path, Everything())
    about = metadata(tmp_path / "model.safetensors")
    structure = bytearray(base64.b64decode(about["module"]))
    structure[at % len(structure)] = byte
    path, saved = hostile(tmp_path, bytes(structure), tensors=about["tensors"])
    try:
        assert isinstance(models.load(path, saved, [f"{__name__}.*", "torch.nn.*"]), nn.Module)
    except ModelError as error:
        assert error.__cause__ is None or isinstance(error.__cause__, Exception)


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", b"\xff" * 8, pickle.dumps([1])])
def test_what_is_no_safetensors_is_a_model_error(tmp_path, content):
    """A file of anything else is refused by an error that names it."""
    (tmp_path / "other").write_bytes(content)
    for trusted in (None, True):
        with pytest.raises(ModelError, match="other"):
            models.load(tmp_path / "other", SavedModel("torch-safetensors", "", {}), trusted)


# ---- snapshots


@pytest.mark.parametrize("make", [Everything, lambda: Unwilling(pickled=TypeError), tied])
def test_a_snapshot_keeps_nothing_alive(make):
    """A module and its tensors die with the last reference to the module, with a structure or without one."""
    model = make()
    kept = models.snapshot(model, PLENTY)
    refs = [weakref.ref(each) for each in (model, *model.parameters(), *model.buffers())]
    del model
    assert [ref() for ref in refs] == [None] * len(refs)
    kept.refresh()
    with pytest.raises(RefusedError, match="nothing of it to write"):
        models.save(kept, Room())


class Room:
    """A stream that nothing is written to."""

    room = PLENTY

    def write(self, data: Any) -> int:
        raise AssertionError("written")


@pytest.mark.parametrize("cyclic", [False, True])
def test_a_dying_module_is_saved_from_its_snapshot(tmp_path, cyclic):
    """As a module dies, by its last reference or in a cycle that the collector finds, it is written as it is then."""
    model = Everything()
    model.itself = [model] if cyclic else None
    kept = models.snapshot(model, PLENTY)
    with torch.no_grad():
        model.encoder.weight.mul_(3)
    expected, results = state(model), []

    def going() -> None:
        kept.refresh()
        results.append(written(tmp_path, kept))

    weakref.finalize(model, going)
    gc.collect()
    del model
    gc.collect()
    [result] = results
    assert result.saved.notes == ()
    assert state(loaded(result, trusted=True)) == expected


def test_a_snapshot_that_lost_some_says_which(tmp_path):
    """What has gone is named, the rest is written, and the structure is left out as it needs all."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    kept = models.snapshot(model, PLENTY)
    first = model[0]
    del model
    result = written(tmp_path, kept)
    assert {name: bits(each) for name, each in loaded(result).items()} == {
        f"0.{name}": values for name, values in state(first).items()
    }
    assert result.saved.notes[0] == "the file lacks 1.weight, 1.bias: no longer there when the model was saved"
    assert "not its structure" in result.saved.notes[1]


def test_refreshing_takes_what_is_new(tmp_path):
    """A layer added after the snapshot, and a mode changed, are in what is saved after a refresh."""
    model = nn.Sequential(nn.Linear(2, 2))
    kept = models.snapshot(model, PLENTY)
    model.append(nn.Linear(2, 3)).eval()
    kept.refresh()
    found = loaded(written(tmp_path, kept), trusted=True)
    assert (len(found), found.training) == (2, False)
    assert state(found) == state(model)


def test_a_snapshot_of_a_wrapper_is_of_what_it_wraps(tmp_path):
    """The snapshot outlives the wrapper."""
    model = nn.Linear(2, 2)
    kept = models.snapshot(nn.DataParallel(model), PLENTY)
    assert state(loaded(written(tmp_path, kept), trusted=True)) == state(model)


# ---- what the user's program sees


@pytest.mark.parametrize("make", [Everything, odd_layouts, normed, KINDS["recurrent"], KINDS["uninitialized"]])
def test_saving_changes_nothing(tmp_path, monkeypatch, make):
    """The module pickles to the same bytes as before, no random number is drawn, and `torch.save` is not called."""
    model = make()
    before, tensors = pickle.dumps(model), list(map(id, (*model.parameters(), *model.buffers())))
    drawn = torch.get_rng_state(), random.getstate(), pickle.dumps(np.random.get_state())
    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", lambda *args, **kwargs: pytest.fail("torch.save was called"))
        patched.setattr(torch, "load", lambda *args, **kwargs: pytest.fail("torch.load was called"))
        loaded(written(tmp_path, models.snapshot(model, PLENTY)), trusted=True)
    assert pickle.dumps(model) == before
    assert list(map(id, (*model.parameters(), *model.buffers()))) == tensors
    assert torch.equal(torch.get_rng_state(), drawn[0])
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == drawn[1:]


def test_gradients_stay_with_the_module(tmp_path):
    """A module in the middle of a step keeps its gradients, and what comes back has none."""
    model = nn.Linear(2, 2)
    loss = model(torch.ones(1, 2)).sum()
    result = written(tmp_path, model)
    loss.backward()
    assert model.weight.grad is not None
    assert loaded(result, trusted=True).weight.grad is None


def test_a_users_own_methods_are_not_asked(tmp_path):
    """A module whose methods that list its parts raise is saved all the same."""

    class Own(nn.Linear):
        def named_parameters(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("asked")

        named_buffers = named_modules = state_dict = parameters = buffers = modules = named_parameters

    model = Own(2, 2)
    assert set(loaded(written(tmp_path, model))) == {"weight", "bias"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_tensors_on_an_accelerator_are_copied_one_after_another(tmp_path):
    """What comes back lies on the CPU, and the accelerator needed no more memory for it."""
    model = nn.Sequential(OrderedDict((str(number), nn.Linear(500, 500)) for number in range(4))).cuda()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result = written(tmp_path, model)
    assert torch.cuda.max_memory_allocated() == before
    found = loaded(result, trusted=True)
    assert {each.device.type for each in found.parameters()} == {"cpu"}
    assert state(found) == state(model.cpu())
