"""Giving functions other code: the same object, signature, source, errors and warnings; undo restores the code."""

from __future__ import annotations

import copy
import functools
import importlib.util
import inspect
import linecache
import pickle
import sys
import threading
import traceback
import types
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolog.exceptions import PatchError
from autolog.patching import Patcher, bare, caller
from observers import Following, Watch, nothing

drops_frames = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps our frames in a traceback")

SOURCE = '''
import functools
import warnings

seen = []

def train(params, data, rounds=10, /, stop=None, *more, verbose=False, **rest):
    """Train."""
    seen.append(params)
    return params, data, rounds, stop, more, verbose, rest

def fail(error):
    return inner(error)

def inner(error):
    raise error

def warn(stacklevel):
    warnings.warn("look", UserWarning, stacklevel=stacklevel)

def factorial(n):
    return 1 if n == 0 else n * factorial(n - 1)

def locate(call, self, observe=(), *, name=1, **wrapped):
    return call, self, observe, name, wrapped

def scaled(by):
    def double(value, offset=0):
        return (lambda: value * by + offset)()
    return double

double, triple = scaled(2), scaled(3)

def checked(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

@checked
def accuracy(y_true, y_pred, *, normalize=True):
    """Say how many are right."""
    return 1.0

@checked
def error_rate(y_true, y_pred):
    return 0.0

def generate():
    yield 1

async def wait():
    return 1

class Model:
    pass

cached = functools.lru_cache(factorial)
'''


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Give a module with a source file, as a library's is."""
    (tmp_path / "some_library.py").write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("some_library", tmp_path / "some_library.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "some_library", module)
    spec.loader.exec_module(module)
    return module


def patch_all(patcher, library, observe):
    """Patch every function that can be."""
    for name in PLAIN:
        patcher.function(library, name, observe)


PLAIN = (
    "train",
    "fail",
    "inner",
    "warn",
    "factorial",
    "locate",
    "scaled",
    "double",
    "triple",
    "accuracy",
    "error_rate",
)


# ---- calling


def test_a_call_is_made_once_and_gives_its_result(patcher, library, observe):
    """The original runs once a call, gets the user's own objects, and its result is handed through."""
    train, params = library.train, {}
    expected = train(params, "data", 5, "stop", 1, 2, verbose=True, depth=3)
    patcher.function(library, "train", observe)
    assert train(params, "data", 5, "stop", 1, 2, verbose=True, depth=3) == expected
    assert [given is params for given in library.seen] == [True, True]


def test_observers_are_told_what_is_called_and_how_it_ends(patcher, library):
    """A call is described with its defaults filled in, and its result or its error is told."""
    watch, error = Watch(), ValueError("no")
    patcher.function(library, "train", watch)
    patcher.function(library, "fail", watch)
    result = library.train("p", "d", verbose=True)
    with pytest.raises(ValueError, match="no"):
        library.fail(error)
    assert [(c.instance, c.args, c.kwargs, c.name) for c in watch.seen] == [
        (None, ("p", "d", 10, None), {"verbose": True}, "train"),
        (None, (error,), {}, "fail"),
    ]
    assert watch.ends == [result, error]
    assert [inspect.signature(c.wrapped) for c in watch.seen] == [
        inspect.signature(library.train),
        inspect.signature(library.fail),
    ]


def test_an_observation_can_change_what_is_passed(patcher, library):
    """The original is called with the observation's arguments, and its own defaults serve where those leave gaps."""
    patcher.function(library, "train", lambda called: Following(("p", "d"), {"callbacks": [1]}, []))
    assert library.train(1, 2, 3) == ("p", "d", 10, None, (), False, {"callbacks": [1]})


def test_parameters_may_have_any_name(patcher, library, observe):
    """Names that our own code uses are free for the function's parameters and for its keywords."""
    expected = library.locate(1, self=2, observe=3, name=4, wrapped=5, live=6, args=7)
    patcher.function(library, "locate", observe)
    assert library.locate(1, self=2, observe=3, name=4, wrapped=5, live=6, args=7) == expected


def test_functions_that_share_their_code_are_apart(patcher, library):
    """Of functions that one decorator or factory made, with one code object, only the one named is observed."""
    watch = Watch()
    assert library.double.__code__ is library.triple.__code__
    patcher.function(library, "double", watch)
    patcher.function(library, "accuracy", watch)
    assert (library.double(2, offset=1), library.triple(2)) == (5, 6)
    assert (library.accuracy([1], y_pred=[1]), library.error_rate([1], [1])) == (1.0, 0.0)
    assert [c.name for c in watch.seen] == ["double", "accuracy"]
    assert inspect.signature(watch.seen[1].wrapped) == inspect.signature(library.accuracy)
    patcher.function(library, "triple", watch)
    assert (library.double(2), library.triple(2)) == (4, 6)


def test_recursion_is_observed_at_every_level(patcher, library):
    """A function that calls itself by name calls the patched one."""
    watch = Watch()
    patcher.function(library, "factorial", watch)
    assert library.factorial(5) == 120
    assert watch.ends == [1, 1, 2, 6, 24, 120]


def test_defaults_that_change_later_are_honoured(patcher, library, observe):
    """`__defaults__` and `__kwdefaults__` assigned after the patch hold, and hold after undo."""
    patcher.function(library, "train", observe)
    library.train.__defaults__ = (99, "never")
    library.train.__kwdefaults__ = {"verbose": "loud"}
    assert library.train("p", "d") == ("p", "d", 99, "never", (), "loud", {})
    patcher.undo()
    assert library.train("p", "d") == ("p", "d", 99, "never", (), "loud", {})


def test_free_variables_can_be_read_from_the_frames(patcher, library):
    """A debugger that reads the variables of every frame on the stack finds the arguments and free variables."""
    frames = []

    def look(called):
        frame = inspect.currentframe()
        while frame is not None:
            frames.append((frame.f_code.co_name, dict(frame.f_locals)))
            frame = frame.f_back

    patcher.function(library, "double", look)
    assert library.double(2) == 4
    assert ("double", {"value": 2, "offset": 0, "by": 2}) in frames


def test_an_observer_can_ask_who_called(patcher, library):
    """`caller` gives the frame with the user's call, past the function's own, with and without a source file."""
    asked = []

    def ask(called):
        asked.append(caller())

    bare = types.ModuleType("bare")
    exec("def train(): return 1", vars(bare))
    patcher.function(library, "train", ask)
    patcher.function(bare, "train", ask)
    library.train(1, 2)
    bare.train()
    assert [frame.f_code.co_name for frame in asked] == ["test_an_observer_can_ask_who_called"] * 2


# ---- errors and warnings


@pytest.mark.parametrize("error", [ValueError("a", 1), KeyboardInterrupt(), SystemExit(3), StopIteration(4)])
@drops_frames
def test_an_error_reaches_the_user_as_it_was(patcher, library, observe, error):
    """The very error comes through, with its cause, its context, and the traceback it has without us."""
    error.__cause__, error.__context__ = KeyError("cause"), KeyError("context")
    linked = error.__cause__, error.__context__

    def frames():
        try:
            library.fail(error)
        except BaseException as caught:
            assert caught is error
            found = traceback.extract_tb(caught.__traceback__)
            caught.__traceback__ = None
            return [(frame.filename, frame.name, frame.lineno, frame.colno) for frame in found]

    before = frames()
    patch_all(patcher, library, observe)
    assert frames() == before
    assert (error.__cause__, error.__context__) == linked


@pytest.mark.parametrize("stacklevel", [1, 2, 3])
def test_warnings_name_the_line_they_named(patcher, library, observe, stacklevel):
    """A warning with a stacklevel blames the same file and line, and is remembered in the same module."""

    def call():
        library.warn(stacklevel)

    def blamed():
        for module in (globals(), vars(library)):
            module.pop("__warningregistry__", None)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(2):
                call()
        return [(w.filename, w.lineno) for w in caught], "__warningregistry__" in globals()

    before = blamed()
    patcher.function(library, "warn", observe)
    assert blamed() == before
    assert len(before[0]) == 1


KINDS = [inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY]
NAMES = ["a", "b", "c", "d", "call", "self"]


@st.composite
def signatures(draw):
    """Draw the text of a parameter list."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, 5))]
    kinds = sorted(draw(st.lists(st.sampled_from(KINDS), min_size=len(names), max_size=len(names))))
    optional = draw(st.integers(0, len(names)))  # from here on positional parameters have a default
    parameters = [
        inspect.Parameter(
            name,
            kind,
            default=index
            if (kind is KINDS[2] and draw(st.booleans())) or index >= optional
            else inspect.Parameter.empty,
        )
        for index, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    if draw(st.booleans()):
        at = sum(kind is not KINDS[2] for kind in kinds)
        parameters.insert(at, inspect.Parameter("rest", inspect.Parameter.VAR_POSITIONAL))
    if draw(st.booleans()):
        parameters.append(inspect.Parameter("named", inspect.Parameter.VAR_KEYWORD))
    return str(inspect.Signature(parameters))


@given(
    signatures(),
    st.lists(st.integers(), max_size=6),
    st.dictionaries(st.sampled_from([*NAMES, "named", "rest", "other"]), st.integers(), max_size=4),
)
def test_any_signature_takes_and_refuses_what_it_did(signature, args, kwargs):
    """For any parameters and any arguments: the same result, or the same TypeError with the same message."""
    module = types.ModuleType("made")
    exec(f"def function{signature}: return locals()", vars(module))

    def outcome():
        try:
            return module.function(*args, **kwargs)
        except TypeError as error:
            return str(error)

    before = outcome(), inspect.signature(module.function), module.function.__code__.co_varnames
    patcher = Patcher()
    patcher.function(module, "function", Watch())
    assert (outcome(), inspect.signature(module.function), module.function.__code__.co_varnames) == before
    patcher.undo()
    assert outcome() == before[0]


# ---- looking


def looks(library):
    """What introspection says of a module's functions."""
    for name in PLAIN:
        function = getattr(library, name)
        yield name, inspect.signature(function), inspect.getsource(function), inspect.getdoc(function)
        yield function.__name__, function.__qualname__, function.__module__, function.__dict__, repr(function)
        yield inspect.getfullargspec(function), function.__defaults__, function.__kwdefaults__, hash(function)
        code = function.__code__
        yield code.co_name, code.co_firstlineno, code.co_flags | inspect.CO_NOFREE, code.co_freevars, code.co_argcount
        yield code.co_posonlyargcount, code.co_kwonlyargcount, getattr(code, "co_qualname", None)
        yield inspect.getsourcelines(function), inspect.getmodule(function), inspect.getclosurevars(function).nonlocals


def test_introspection_finds_what_it_found(patcher, library, observe):
    """Signature, source, documentation, names and flags are as before, also once the cache of sources is cleared."""
    before, names = list(looks(library)), list(vars(library))
    patch_all(patcher, library, observe)
    assert list(looks(library)) == before
    linecache.clearcache()
    assert list(looks(library)) == before
    assert list(vars(library)) == names


@pytest.mark.parametrize("filename", ["<cell 1>", "/tmp/ipykernel_1/2.py"])
def test_a_function_from_elsewhere_than_its_modules_file_keeps_its_source(patcher, monkeypatch, filename):
    """Where the source is only in the cache of sources, as in a notebook, it is found all the same."""
    source = "def cell(x):\n    return x\n"
    entry = (len(source), None, source.splitlines(keepends=True), filename)
    monkeypatch.setitem(linecache.cache, filename, entry)
    module = types.ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", module)
    module.__loader__ = __loader__
    exec(compile(source, filename, "exec"), vars(module))
    patcher.function(module, "cell", nothing)
    assert inspect.getsource(module.cell) == source
    assert module.cell.__code__.co_filename == filename
    assert module.cell(1) == 1


def test_the_object_stays_the_same(patcher, library, observe):
    """A name imported earlier, a partial, a pickle and a copy all are, or lead to, the patched function."""
    held, partial = library.train, functools.partial(library.train, "p")
    before = pickle.dumps(held)
    patcher.function(library, "train", observe)
    assert library.train is held
    assert pickle.dumps(held) == before
    assert pickle.loads(before) is copy.copy(held) is copy.deepcopy(held) is held
    assert partial("d") == held("p", "d")
    if observe is not nothing:
        assert len(observe.seen) == 2


def test_cloudpickle_goes_by_reference_as_before(patcher, library, observe):
    """cloudpickle gives the same bytes for a library's function."""
    cloudpickle = pytest.importorskip("cloudpickle")
    before = cloudpickle.dumps(library.train)
    patcher.function(library, "train", observe)
    assert cloudpickle.dumps(library.train) == before


def test_metrics_that_scorers_hold_are_observed(patcher):
    """scikit-learn's metric functions are caught in a scorer made earlier, and two that share code stay apart."""
    metrics = pytest.importorskip("sklearn.metrics")
    scorer, watch = metrics.make_scorer(metrics.r2_score), Watch()
    expected = metrics.r2_score([1, 2], [1, 3])
    before = inspect.signature(metrics.r2_score), inspect.getsource(metrics.r2_score), pickle.dumps(scorer)
    patcher.function(metrics, "r2_score", watch)
    assert metrics.max_error([1, 2], [1, 3]) == 1
    assert scorer._score_func([1, 2], [1, 3]) == expected
    assert [c.args for c in watch.seen] == [([1, 2], [1, 3])]
    assert (inspect.signature(metrics.r2_score), inspect.getsource(metrics.r2_score), pickle.dumps(scorer)) == before


# ---- the function as it was


def test_the_bare_function_has_the_code_that_was_there_before(patcher, library, observe):
    """The original's code, though two patched it; what was not patched, or is no function, is given as it is."""
    codes = {name: getattr(library, name).__code__ for name in PLAIN}
    for name in PLAIN:
        assert bare(getattr(library, name)) is getattr(library, name)
    other = Patcher()
    for each in (patcher, other):
        patch_all(each, library, observe)
        for name, code in codes.items():
            assert bare(getattr(library, name)).__code__ is code
    other.undo()
    patcher.undo()
    for as_it_is in (library.train, library.Model, library.Model().__init__, library.cached, len, 5, None):
        assert bare(as_it_is) == as_it_is


def test_the_bare_function_is_not_observed(patcher, library):
    """It does what the original does, and knows the same free variables."""
    watch = Watch()
    patcher.function(library, "double", watch)
    assert bare(library.double)(4) == 8
    assert watch.seen == []
    assert library.double(4) == 8
    assert len(watch.seen) == 1


# ---- what is refused


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("generate", "generator"),
        ("wait", "coroutine"),
        ("Model", "a type, not a Python function"),
        ("cached", "_lru_cache_wrapper"),
        ("seen", "a list, not"),
    ],
)
def test_what_is_no_plain_function_is_refused(patcher, library, name, why):
    """Generators, coroutines, classes and callables that are no Python functions are refused by name, untouched."""
    before = getattr(library, name)
    with pytest.raises(PatchError, match=rf"some_library\.{name}.*{why}"):
        patcher.function(library, name, nothing)
    assert getattr(library, name) is before


def test_a_builtin_is_refused_and_a_missing_name_passed_over(patcher, library):
    """A function written in C raises PatchError; a name that the module lacks does nothing."""
    import math

    with pytest.raises(PatchError, match=r"math\.sqrt"):
        patcher.function(math, "sqrt", nothing)
    patcher.function(library, "missing", nothing)


# ---- undoing


def test_undo_restores_the_code_objects(patcher, library, observe):
    """Each function has its own code object back, by identity, whatever names it was patched by."""
    before = {name: getattr(library, name).__code__ for name in PLAIN}
    patch_all(patcher, library, observe)
    library.alias = library.train
    patcher.function(library, "alias", observe)
    assert all(getattr(library, name).__code__ is not code for name, code in before.items())
    patcher.undo()
    assert all(getattr(library, name).__code__ is code for name, code in before.items())


def test_one_function_by_two_names_is_observed_once(patcher, library):
    """A function that two modules export is patched once."""
    watch, other = Watch(), types.ModuleType("other")
    other.factorial = library.factorial
    patcher.function(library, "factorial", watch)
    patcher.function(other, "factorial", watch)
    library.factorial(0)
    assert len(watch.seen) == 1


def test_a_patcher_can_be_used_again(patcher, library):
    """After undo a function can be patched anew, and undone anew."""
    code, watch = library.factorial.__code__, Watch()
    for _ in range(2):
        patcher.function(library, "factorial", watch)
        assert library.factorial(0) == 1
        patcher.undo()
        assert library.factorial.__code__ is code
    assert len(watch.seen) == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_patches_over_one_another_are_taken_back_in_any_order(library, order):
    """Whichever of three patchers goes first: each observes until it does, and in the end the first code is back."""
    before, patchers, seen = library.train.__code__, [Patcher() for _ in range(3)], []
    for number, each in enumerate(patchers):
        each.watch(library, "train", lambda args, kwargs, number=number: seen.append(number))
    left = {0, 1, 2}
    for number in order:
        seen.clear()
        library.train(1, 2)
        assert set(seen) == left
        patchers[number].undo()
        left.discard(number)
    assert library.train.__code__ is before


def test_code_that_somebody_else_put_there_stays(patcher, library):
    """Undo leaves another tool's code, and ours goes inert: should that tool put it back, nothing is observed."""
    watch = Watch()
    patcher.function(library, "factorial", watch)
    ours = library.factorial.__code__
    library.factorial.__code__ = theirs = (lambda n: -1).__code__
    patcher.undo()
    assert library.factorial.__code__ is theirs
    library.factorial.__code__ = ours
    assert library.factorial(3) == 6
    assert watch.seen == []


def test_threads_may_call_while_patches_come_and_go(library):
    """No call is lost, doubled or changed while another thread patches and undoes."""
    patcher, stop, wrong, calls = Patcher(), threading.Event(), [], []

    def work():
        while not stop.is_set():
            calls.append(1)
            if library.train(1, 2, depth=3) != (1, 2, 10, None, (), False, {"depth": 3}):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        patcher.function(library, "train", Watch())
        patcher.undo()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(library.seen) == len(calls) > 0
