# Does what users do with torch and writes what they would notice, as JSON; arguments: "with" or "without", where to.
import copy
import gc
import hashlib
import inspect
import io
import json
import os
import pickle
import random
import sys
import traceback
import warnings
import weakref
from typing import ClassVar

import numpy as np
import torch
import torch._dynamo
from torch import nn
from torch._dynamo.utils import counters
from torch.nn import functional as F
from torch.optim import optimizer as optimizers
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset, TensorDataset

import autolog

MODE, OUT = sys.argv[1:]
if MODE == "with":
    autolog.enable(silent=True)
torch.set_num_threads(1)
SECTIONS = {}


def section(function):
    SECTIONS[function.__name__] = function
    return function


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def saved(thing):
    file = io.BytesIO()
    torch.save(thing, file)
    return digest(file.getvalue())


def make(seed=0, width=8):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 1))
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def loader_of(rows=40, size=8, **more):
    generator = torch.Generator().manual_seed(1)
    data = TensorDataset(torch.randn(rows, 4, generator=generator), torch.randn(rows, 1, generator=generator))
    return DataLoader(data, batch_size=size, shuffle=True, **more)


def train(model, optimizer, loader, epochs=2):
    for _epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
    return loss


def weights(model):
    return digest(b"".join(each.detach().numpy().tobytes() for each in model.state_dict().values()))


def frames(error):
    return [
        (os.path.basename(each.filename).partition(":")[0], each.name)  # noqa: PTH119
        for each in traceback.extract_tb(error.__traceback__)
    ]


def raised(function):
    try:
        function()
    except BaseException as error:
        shown = "".join(traceback.format_exception(error))
        return {"error": f"{type(error).__name__}: {error}", "frames": frames(error), "ours": "autolog" in shown}
    return "nothing was raised"


# ---- training


@section
def weights_and_random_states():
    random.seed(3)
    np.random.seed(3)
    model, optimizer = make()
    train(model, optimizer, loader_of())
    model.eval()
    with torch.no_grad():
        for x, y in loader_of():
            F.mse_loss(model(x), y)
    states = digest(repr(random.getstate()).encode()), digest(np.random.get_state()[1].tobytes())
    return weights(model), *states, digest(torch.get_rng_state().numpy().tobytes())


@section
def files_and_pickles():
    model, optimizer = make()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    loader = loader_of()
    train(model, optimizer, loader)
    scheduler.step()
    found = {"model": saved(model), "state": saved(model.state_dict()), "optimizer": saved(optimizer.state_dict())}
    found["whole"] = [saved(each) for each in (optimizer, loader)]
    found["scheduler"] = digest(pickle.dumps(scheduler.state_dict()))
    twin = copy.deepcopy(model)
    found["copy"] = [saved(twin), sorted(vars(twin))]
    found["copied optimizer"] = saved(copy.deepcopy(optimizer))
    found["attributes"] = [sorted(vars(each)) for each in (model, optimizer, loader, *model)]
    return found


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 1)

    def forward(self, x, y):
        return F.mse_loss(self.inner(x), y) + F.cross_entropy(x, torch.zeros(len(x), dtype=torch.long))


@section
def scripted_and_traced():
    torch.manual_seed(0)
    model, x, y = Scripted(), torch.randn(5, 4), torch.randn(5, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.script(model)
        trace = torch.jit.trace(model, (x, y))
    optimizer = torch.optim.SGD(script.parameters(), lr=0.1)
    for _ in range(3):
        script(x, y).backward()
        optimizer.step()
    graph = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 1), nn.Tanh()))
    return script.code, str(trace.graph), weights(script), str(graph.graph)


@section
def exported():
    model = Scripted()
    program = torch.export.export(model, (torch.randn(5, 4), torch.randn(5, 1)))
    return str(program.graph)


@section
def what_functions_say_of_themselves():
    named = [torch.autograd.backward, torch.save, nn.Module._wrapped_call_impl, DataLoader.__iter__]
    named += [torch.amp.GradScaler.scale, torch.optim.lr_scheduler.StepLR.step, nn.utils.clip_grad_norm_]
    named += [each for name, each in sorted(vars(F).items()) if name[0] != "_" and name.endswith("_loss")]
    found = [[each.__name__, each.__module__, str(inspect.signature(each)), digest(inspect.getsource(each).encode())]
             for each in named if inspect.isfunction(each)]  # fmt: skip
    return found, nn.Module.__call__ is nn.Module._wrapped_call_impl, digest(pickle.dumps(named))


@section
def module_hooks():
    from torch.nn.modules import module

    model, optimizer = make()
    train(model, optimizer, loader_of())
    hooks = {name: len(value) for name, value in vars(module).items() if name.startswith("_global_") and value}
    own = [len(value) for part in model.modules() for name, value in vars(part).items() if "hooks" in name]
    return hooks, sum(own), len(optimizer._optimizer_step_post_hooks), len(optimizer._optimizer_step_pre_hooks)


# ---- errors and warnings


class Bad(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, number):
        raise KeyError("no such row")


class BadBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sum()

    @staticmethod
    def backward(ctx, gradient):
        raise ValueError("no gradient")


def _bad_closure():
    raise ValueError("closure")


def _bad_step():
    class Failing(torch.optim.SGD):
        def step(self, closure=None):
            raise ValueError("step")

    Failing(make()[0].parameters(), lr=0.1).step()


def _bad_schedule():
    optimizer = make()[1]
    optimizer.step()
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 - step)).step()


def _bad_norm():
    model, _ = make()
    model[0].weight.grad = torch.full_like(model[0].weight, float("inf"))
    nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)


@section
def tracebacks():
    model, _ = make()
    lbfgs = torch.optim.LBFGS(model.parameters())
    return {
        "loss": raised(lambda: F.mse_loss(torch.randn(3), torch.randn(4, 5))),
        "loss class": raised(lambda: nn.CrossEntropyLoss()(torch.randn(3, 2), torch.randn(3))),
        "backward": raised(lambda: torch.randn(3).sum().backward()),
        "function": raised(lambda: BadBackward.apply(torch.randn(3, requires_grad=True)).backward()),
        "autograd": raised(lambda: torch.autograd.backward([torch.randn(3, requires_grad=True)])),
        "closure": raised(lambda: lbfgs.step(_bad_closure)),
        "step": raised(_bad_step),
        "loader": raised(lambda: list(DataLoader(Bad()))),
        "iter": raised(lambda: iter(DataLoader(Bad(), sampler=3))),
        "schedule": raised(_bad_schedule),
        "norm": raised(_bad_norm),
        "module": raised(lambda: model(torch.randn(3, 7))),
        "save": raised(lambda: torch.save(model, "/nonexistent/x.pt")),
        "no arguments": [raised(F.mse_loss), raised(torch.autograd.backward), raised(torch.save)],
    }


@section
def warned():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        F.mse_loss(torch.randn(3, 1), torch.randn(3))
        F.l1_loss(torch.randn(3, 1), torch.randn(3), size_average=True)
        model, optimizer = make()
        torch.optim.lr_scheduler.StepLR(optimizer, 1).step()
        train(model, optimizer, loader_of())
    return [(str(each.message)[:60], os.path.basename(each.filename), each.lineno) for each in seen]  # noqa: PTH119


# ---- the compiler


def counted():
    """Give how many graphs, breaks and frames there are; the words for a break may name our frame instead."""
    breaks = {"graph_break": sum(counters["graph_break"].values())}
    return {**counters["stats"], **counters["frames"], **breaks, "recompiled": len(counters["recompiles"])}


def reset():
    torch._dynamo.reset()
    counters.clear()


def _raw(model, optimizer, step, x, y):
    for _ in range(24):
        step(model, optimizer, x, y)
    return counted(), weights(model)


def batch():
    torch.manual_seed(5)
    return torch.randn(6, 4), torch.randn(6, 1)


@section
def compiled_model():
    reset()
    model, optimizer = make()
    compiled = torch.compile(model, backend="eager", fullgraph=True)

    def step(model, optimizer, x, y):
        optimizer.zero_grad()
        F.mse_loss(compiled(x), y).backward()
        optimizer.step()

    return _raw(model, optimizer, step, *batch())


@section
def compiled_after_an_uncompiled_step():
    reset()
    model, optimizer = make()
    loader = loader_of()
    found = []
    for number, (x, y) in enumerate(loader):
        if number == 1:
            model_now = torch.compile(model, backend="eager", fullgraph=True)
        out = (model if number < 1 else model_now)(x)
        loss = F.mse_loss(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(counted())
    return found, weights(model)


class Wrapping(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = make()[0], make(1)[0]

    def forward(self, x, y):
        return F.mse_loss(self.one(x) + self.two(x), y) + F.smooth_l1_loss(self.one(x), y)


@section
def compiled_loss_within_the_model():
    reset()
    model = Wrapping()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)

    def step(model, optimizer, x, y):
        optimizer.zero_grad()
        compiled(x, y).backward()
        optimizer.step()

    found = _raw(model, optimizer, step, *batch())
    with torch.no_grad():
        for _ in range(3):
            compiled(*batch())
    return found, counted()


@section
def compiled_functions():
    reset()
    model, optimizer = make()

    @torch.compile(backend="eager", fullgraph=True)
    def loss_of(model, x, y):
        return F.mse_loss(model(x), y) + F.huber_loss(model(x), y) + F.cross_entropy(x, x.softmax(1))

    @torch.compile(backend="eager")
    def clipped(model):
        return nn.utils.clip_grad_norm_(model.parameters(), 1.0)

    @torch.compile(backend="eager")
    def stepped(optimizer):
        optimizer.step()

    def step(model, optimizer, x, y):
        optimizer.zero_grad()
        loss_of(model, x, y).backward()
        clipped(model)
        stepped(optimizer)

    return _raw(model, optimizer, step, *batch())


@section
def compiled_whole_step():
    reset()
    model, optimizer = make()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)

    @torch.compile(backend="eager")
    def step(model, optimizer, x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        return loss

    return _raw(model, optimizer, step, *batch())


@section
def compiled_whole_step_with_a_scaler():
    reset()
    model, optimizer = make()
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)

    @torch.compile(backend="eager")
    def step(model, optimizer, x, y):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.mse_loss(model(x).float(), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        return loss

    return _raw(model, optimizer, step, *batch())


@section
def compiled_clipping_of_the_full_graph():
    reset()
    model, _ = make()
    F.mse_loss(model(batch()[0]), batch()[1]).backward()

    @torch.compile(backend="eager", fullgraph=True)
    def clipped():
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        return nn.utils.clip_grad_norm_(model.parameters(), 1.0)

    return [float(clipped()) for _ in range(3)], counted()


@section
def functional_transforms():
    model, _ = make()
    model.eval()
    x, y = batch()
    parameters = {name: each.detach() for name, each in model.named_parameters()}

    def loss(parameters, x, y):
        return F.mse_loss(torch.func.functional_call(model, parameters, (x,)), y)

    gradients = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(parameters, x, y)
    with torch.no_grad():
        each = torch.func.vmap(loss, (None, 0, 0))(parameters, x, y)
    return digest(gradients["0.weight"].numpy().tobytes()), each.tolist()


@section
def made_of_a_trace():
    from torch.fx.experimental.proxy_tensor import make_fx

    model, _ = make()
    model.eval()

    def gradients(x, y):
        model.zero_grad()
        loss = F.mse_loss(model(x), y)
        with torch.no_grad():
            other = F.mse_loss(model(x), y)
        return loss, other, torch.autograd.grad(loss, list(model.parameters()))

    return str(make_fx(gradients)(*batch()).graph)


# ---- what sees operations


class Operations(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.seen.append(str(function))
        return function(*args, **(kwargs or {}))


class Functions(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.seen.append(getattr(function, "__name__", str(function)))
        return function(*args, **(kwargs or {}))


def _under(mode):
    model, optimizer = make()
    with mode:
        for _ in range(2):
            for x, y in loader_of():
                optimizer.zero_grad()
                loss = F.mse_loss(model(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
            with torch.no_grad():
                F.mse_loss(model(x), y)
    return mode.seen


class Telling(torch.Tensor):
    seen: ClassVar[list[str]] = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        cls.seen.append(getattr(function, "__name__", str(function)))
        return super().__torch_function__(function, types, args, kwargs or {})


# ---- what else is the user's


@section
def a_generator_of_losses():
    model, optimizer = make()
    x, y = batch()
    for _ in range(3):
        optimizer.zero_grad()
        torch.autograd.backward(F.mse_loss(model(x), y) for _ in range(2))
        optimizer.step()
    return weights(model)


class Lazy:
    asked = 0

    @property
    def __class__(self):
        Lazy.asked += 1
        return int


@section
def objects_of_the_users():
    lazy = Lazy()
    model, optimizer = make()
    train(model, optimizer, loader_of())
    count = Lazy.asked
    del lazy
    return count


def _with_locals():
    model, optimizer = make()
    mine = locals()
    before = sorted(mine)
    x, y = batch()
    loss = F.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    return before, sorted(mine)


@section
def nothing_is_kept():
    model, optimizer = make()
    criterion = nn.MSELoss()
    alive = {"batch": [], "loss": [], "out": []}
    most = 0
    for _ in range(20):
        for x, y in loader_of():
            optimizer.zero_grad()
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            for name, each in (("batch", x), ("loss", loss), ("out", out)):
                alive[name].append(weakref.ref(each))
            most = max(most, sum(each() is not None for refs in alive.values() for each in refs))
    gone = {
        "model": weakref.ref(model),
        "optimizer": weakref.ref(optimizer),
        "criterion": weakref.ref(criterion),
        "weight": weakref.ref(model[0].weight),
    }
    gc.collect()
    gc.disable()
    del model, optimizer, criterion, loss, out, x, y, each
    left = [name for name, each in gone.items() if each() is not None]
    gc.enable()
    gc.collect()
    return most, left, [name for name, refs in alive.items() if any(each() is not None for each in refs)]


def _reentrant():
    model, optimizer = make()
    x, y = batch()
    for _ in range(3):
        optimizer.zero_grad()
        out = checkpoint(model, x.requires_grad_(), use_reentrant=True)
        F.mse_loss(out, y).backward()
        optimizer.step()
    return weights(model)


@section
def reentrant_checkpoints():
    return _reentrant()


def main():
    found = {}
    for name, function in SECTIONS.items():
        try:
            found[name] = function()
        except Exception as error:
            found[name] = ["raised", "".join(traceback.format_exception(error))[-3000:]]
        torch._dynamo.reset()
    left = [len(getattr(optimizers, f"_global_optimizer_{when}_hooks")) for when in ("pre", "post")]
    autolog.disable()
    found["left"] = [len(getattr(optimizers, f"_global_optimizer_{when}_hooks")) for when in ("pre", "post")]
    assert left == ([1, 1] if MODE == "with" else [0, 0])
    with open(OUT, "w") as file:  # noqa: PTH123
        json.dump(found, file)


main()
