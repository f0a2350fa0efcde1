"""Wrapping methods: the program sees no difference, observers see each call, undo leaves nothing behind."""

from __future__ import annotations

import abc
import copy
import functools
import inspect
import logging
import pickle
import subprocess
import sys
import threading
import traceback
import unittest.mock
import warnings
from dataclasses import dataclass
from types import FunctionType

import pytest

from autolog.exceptions import PatchError
from autolog.patching import Called, Patcher, caller
from observers import Following, Watch, nothing

cloudpickle = pytest.importorskip("cloudpickle")
drops_frames = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps our frames in a traceback")


class OnlyWhenFitted:
    """A descriptor like scikit-learn's `available_if`."""

    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner=None):
        if instance is not None and not instance.calls:
            raise AttributeError("not fitted")
        return self.function.__get__(instance, owner)


def logged(function):
    """Decorate as a library does."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


class Base:
    """Something to fit."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha
        self.calls = 0

    def fit(self, X, y=None, *, fail=None):
        """Fit it."""
        self.calls += 1
        if fail is not None:
            raise fail
        return self

    @logged
    def score(self, X):
        return len(X)

    @classmethod
    def make(cls, *args):
        return cls, args

    @staticmethod
    def check(X):
        return X

    @OnlyWhenFitted
    def predict(self, X):
        return X

    partial = functools.partialmethod(fit, "X")
    limit = property(lambda self: 3)
    disabled = None


class Sub(Base):
    """Overrides, and calls on."""

    def fit(self, X, y=None, *, fail=None):
        return super().fit(X, y, fail=fail)


NAMES = ("fit", "score", "make", "check", "predict", "partial")


def patch_all(patcher, observe, owner=Base):
    """Wrap every kind of method."""
    for name in NAMES:
        patcher.method(owner, name, observe)


# ---- calling


def test_a_call_is_made_once_and_gives_its_result(patcher, observe):
    """The wrapped method runs once a call, with the user's own objects, and its result is handed through."""
    patcher.method(Base, "fit", observe)
    base, X = Base(), [1]
    assert base.fit(X, y=2) is base
    assert Base.fit(base, X) is base
    assert base.calls == 2


def test_observers_are_told_what_is_called_and_how_it_ends(patcher):
    """A call is described with its instance apart from its arguments, however it is spelled, and its result told."""
    watch = Watch()
    patcher.method(Base, "fit", watch)
    base, error = Base(), ValueError("no")
    base.fit("X", y=2)
    Base.fit(base, "X")
    with pytest.raises(ValueError, match="no"):
        base.fit("X", fail=error)
    assert [(c.instance, c.args, c.kwargs, c.name) for c in watch.seen] == [
        (base, ("X",), {"y": 2}, "fit"),
        (base, ("X",), {}, "fit"),
        (base, ("X",), {"fail": error}, "fit"),
    ]
    assert watch.ends == [base, base, error]
    assert all(inspect.signature(c.wrapped) == inspect.signature(base.fit) for c in watch.seen)


def test_every_kind_of_method_is_observed(patcher):
    """Classmethods, staticmethods and other descriptors keep their meaning, called on an instance or on the class."""
    watch = Watch()
    patch_all(patcher, watch)
    sub = Sub()
    assert Sub.make(1) == sub.make(1) == (Sub, (1,))
    assert Base.check(2) == sub.check(2) == 2
    assert sub.score([1]) == Sub.score(sub, [1]) == 1
    assert sub.partial() is sub
    assert sub.predict(3) == Base.predict(sub, 3) == 3
    assert [(c.name, c.instance) for c in watch.seen] == [
        *[("make", Sub)] * 2,
        *[("check", None)] * 2,
        *[("score", sub)] * 2,
        ("partial", sub),
        *[("predict", sub)] * 2,
    ]


def test_a_descriptor_that_denies_its_attribute_still_does(patcher, observe):
    """`hasattr` says False where the descriptor raises AttributeError, with the same message as before."""
    patcher.method(Base, "predict", observe)
    assert not hasattr(Base(), "predict")
    with pytest.raises(AttributeError, match=r"^not fitted$"):
        _ = Base().predict
    assert Base().fit("X").predict(1) == 1


def test_an_observer_can_ask_who_called(patcher):
    """`caller` gives the frame with the user's call, before and after it; outside of an observed call there is none."""
    asked = []

    class Asking(Following):
        def done(self, result):
            asked.append(caller())

    def ask(called):
        asked.append(caller())
        return Asking(called.args, called.kwargs, [])

    patcher.method(Base, "fit", ask)
    patcher.method(Sub, "fit", ask)
    Sub().fit("X")
    here = inspect.currentframe()
    assert [frame.f_code.co_name for frame in asked] == [here.f_code.co_name, "fit", "fit", here.f_code.co_name]
    assert caller() is None


def test_an_observation_can_change_what_is_passed(patcher):
    """The method is called with the observation's arguments."""
    patcher.method(Base, "make", lambda called: Following((*called.args, "more"), {}, []))
    assert Base.make(1) == (Base, (1, "more"))


@pytest.mark.parametrize("arguments", [(), (1, 2, 3, 4)])
def test_wrong_arguments_raise_what_they_did(patcher, observe, arguments):
    """A TypeError of the call itself keeps its message, on an instance and on the class."""

    def said(function):
        try:
            return function(*arguments) and "no error"
        except Exception as error:
            return type(error), str(error)

    def messages():
        return [said(function) for function in (Base().fit, Base.fit, Base().make, Base().check, Base().score)]

    before = messages()
    patch_all(patcher, observe)
    assert messages() == before


class Frozen(Exception):
    """Takes no attributes, like a frozen dataclass."""

    def __setattr__(self, name, value):
        raise TypeError("frozen")


@pytest.mark.parametrize("error", [ValueError("a", 1), KeyboardInterrupt(), SystemExit(3), GeneratorExit(), Frozen()])
@drops_frames
def test_an_error_reaches_the_user_as_it_was(patcher, observe, error):
    """The very error comes through, with its cause, its context, and the traceback it has without us."""
    cause, context = KeyError("cause"), KeyError("context")
    BaseException.__cause__.__set__(error, cause)
    BaseException.__context__.__set__(error, context)

    def frames():
        try:
            Sub().fit("X", fail=error)
        except BaseException as caught:
            assert caught is error
            found = traceback.extract_tb(caught.__traceback__)
            BaseException.with_traceback(caught, None)
            return [(frame.filename, frame.name, frame.lineno, frame.colno) for frame in found]

    before = frames()
    patcher.method(Base, "fit", observe)
    patcher.method(Sub, "fit", observe)
    assert frames() == before
    assert (error.__cause__, error.__context__) == (cause, context)


@drops_frames
def test_wrong_arguments_leave_only_the_users_frame(patcher, observe):
    """An error that arises before the method's first line has the caller's frame in its traceback, and no other."""
    patcher.method(Base, "fit", observe)
    with pytest.raises(TypeError) as caught:
        Base().fit()
    assert [frame.name for frame in caught.traceback] == ["test_wrong_arguments_leave_only_the_users_frame"]


class Warner:
    """Warns at the depth it is told."""

    def fit(self, stacklevel):
        warnings.warn("look", UserWarning, stacklevel=stacklevel)


@pytest.mark.parametrize("stacklevel", [1, 2, 3])
def test_warnings_name_the_line_they_named(patcher, observe, stacklevel):
    """A warning with a stacklevel blames the same file and line, and is remembered in the same module."""

    def call():
        Warner().fit(stacklevel)

    def blamed():
        globals().pop("__warningregistry__", None)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(2):
                call()
        return [(w.filename, w.lineno) for w in caught], "__warningregistry__" in globals()

    before = blamed()
    patcher.method(Warner, "fit", observe)
    assert blamed() == before
    assert len(before[0]) == 1


class Failing(Following):
    """An observation that breaks at the end of each call."""

    def done(self, result):
        raise ValueError("done")

    def failed(self, error):
        raise error


@drops_frames
@pytest.mark.autolog_swallows
def test_errors_of_observers_cost_the_user_nothing(patcher, caplog):
    """An observer that raises before, after, or the user's own error again, is reported and changes no call."""

    def refuse(called):
        raise ValueError("observe")

    patcher.method(Base, "fit", lambda called: Failing(called.args, called.kwargs, []))
    patcher.method(Base, "make", refuse)
    base = Base()
    assert Base.make(1) == (Base, (1,))
    assert base.fit("X") is base
    with pytest.raises(KeyError) as caught:
        base.fit("X", fail=KeyError("mine"))
    assert len(caught.traceback) == 2
    assert caught.value.__context__ is None
    assert base.calls == 2
    sites = [record.getMessage().split(" failed")[0] for record in caplog.records if record.levelno == logging.WARNING]
    assert sites == ["autolog: patching.observe", "autolog: patching.done", "autolog: patching.failed"]


def test_an_interrupt_in_an_observer_passes_and_no_call_is_made(patcher):
    """What is no `Exception` is never swallowed."""

    def interrupt(called):
        raise KeyboardInterrupt

    patcher.method(Base, "fit", interrupt)
    base = Base()
    with pytest.raises(KeyboardInterrupt):
        base.fit("X")
    assert base.calls == 0


# ---- looking


def looks(base):
    """What introspection says of a class's methods."""
    for name in NAMES:
        for thing in (getattr(base, name), getattr(Base, name)):
            yield name, inspect.signature(thing) if name != "partial" else None
            yield thing.__doc__, inspect.isfunction(thing), inspect.ismethod(thing)
            yield inspect.isroutine(thing) or name == "partial"
            yield getattr(thing, "__name__", None), getattr(thing, "__qualname__", None), thing.__module__
            yield isinstance(thing, FunctionType), callable(thing), getattr(thing, "__dict__", None)
            yield inspect.getsource(inspect.unwrap(thing)) if name != "partial" else None
            yield inspect.getsource(thing) if name != "partial" else None
        yield inspect.getattr_static(Base, name).__class__
    yield Base.fit is Base.fit, Base.fit is vars(Base)["fit"], base.fit == base.fit, base.fit is base.fit
    yield hash(base.fit) == hash(base.fit), {base.fit: 1}[base.fit], base.fit != Base().fit
    yield Base.fit.__annotations__, Base().fit.__annotations__, Base.score.__annotations__
    yield base.fit.__func__ is Base.fit, base.fit.__self__ is base, base.predict == base.predict
    yield repr(Base.fit), repr(Base.make), repr(Base.check), Base.fit.__code__, Base.fit.__defaults__
    yield inspect.signature(Base), inspect.signature(Base.__init__), dir(Base), dir(Base.fit)


def test_introspection_finds_what_it_found(patcher, observe):
    """Signature, source, documentation, kind, equality, identity, repr and hash of methods are as before."""
    base = Base().fit("X")
    before = list(looks(base))
    patch_all(patcher, observe)
    patcher.method(Base, "__init__", observe)
    assert list(looks(base)) == before


def test_functools_wraps_works_on_a_wrapped_method(patcher, observe):
    """A decorator round a wrapped method takes over its name, documentation and signature."""
    patcher.method(Base, "fit", observe)
    again = logged(Base.fit)
    assert (again.__name__, again.__doc__) == ("fit", "Fit it.")
    assert inspect.signature(again) == inspect.signature(Base.fit)
    base = Base()
    assert again(base, "X") is base


def test_mock_patches_and_unpatches_over_it(patcher, observe):
    """`unittest.mock.patch.object` puts our wrapper back, by identity."""
    patcher.method(Base, "fit", observe)
    ours = vars(Base)["fit"]
    with unittest.mock.patch.object(Base, "fit", autospec=True) as fake:
        Base().fit("X")
    fake.assert_called_once()
    assert vars(Base)["fit"] is ours


def test_abstract_methods_stay_abstract(patcher, observe):
    """A class whose abstract method is wrapped still refuses to be made, and its subclass does not."""

    class Abstract(abc.ABC):
        @abc.abstractmethod
        def fit(self): ...

    patcher.subclasses(Abstract, {"fit": observe})
    still = type("Still", (Abstract,), {})
    concrete = type("Concrete", (Abstract,), {"fit": lambda self: 1})
    with pytest.raises(TypeError, match="abstract"):
        still()
    assert Abstract.fit.__isabstractmethod__
    assert concrete().fit() == 1


# ---- copying and pickling


def test_a_pickled_bound_method_has_the_bytes_it_had(patcher, observe):
    """`est.fit` pickles to the same bytes as without us, and both `est.fit` and `Cls.fit` come back as themselves."""
    base = Base().fit("X")
    before = {name: pickle.dumps(getattr(base, name)) for name in ("fit", "score", "predict", "make")}
    patch_all(patcher, observe)
    assert pickle.dumps(base.fit) == before["fit"]
    assert pickle.dumps(base.score) == before["score"]
    for name in (*before, "check"):
        for holder in (base, Base):
            data = pickle.dumps(getattr(holder, name))
            assert b"wrapt" not in data
            assert b"autolog.patching" not in data
            assert pickle.loads(data).__name__ == name
    assert pickle.loads(pickle.dumps(Base.fit)) is Base.fit
    assert pickle.loads(cloudpickle.dumps(Base.fit)) is Base.fit
    assert pickle.loads(cloudpickle.dumps(base.fit))("X").calls == 2


def test_copies_of_methods_belong_to_copies(patcher, observe):
    """A deep copy of a bound method is bound to a copy of its instance; a class's method is copied as itself."""
    patch_all(patcher, observe)
    base = Base().fit("X")
    for name in ("fit", "score", "predict", "partial"):
        assert copy.copy(getattr(base, name))("X" if name != "partial" else None) is not None
    held = copy.deepcopy({"base": base, "fit": base.fit, "predict": base.predict})
    assert held["fit"].__self__ is held["predict"].__self__ is held["base"] is not base
    assert copy.deepcopy(Base.fit) is copy.copy(Base.fit) is Base.fit
    assert copy.deepcopy(Base.make)(1) == copy.copy(Base().make)(1) == (Base, (1,))
    assert copy.deepcopy(Base.check)(1) == 1
    for name in NAMES:
        assert copy.copy(vars(Base)[name]) is copy.deepcopy(vars(Base)[name]) is vars(Base)[name]


BY_VALUE = """
import sys, cloudpickle
from autolog.patching import Patcher
class Model:
    def fit(self, X): return X
    @classmethod
    def make(cls): return cls()
    @staticmethod
    def check(X): return X
before = cloudpickle.dumps(Model)
patcher = Patcher()
for name in ("fit", "make", "check"):
    patcher.method(Model, name, lambda called: None)
assert cloudpickle.dumps(Model) == before
sys.stdout.buffer.write(cloudpickle.dumps([Model, Model().fit, Model.fit]))
"""
LOADED = """
import sys, pickle
sys.modules["autolog"] = sys.modules["wrapt"] = None
model, bound, function = pickle.load(sys.stdin.buffer)
assert model.make().fit(1) == model.check(1) == bound(1) == function(None, 1) == 1
"""


def test_a_class_of_main_goes_by_value_as_before():
    """cloudpickle gives the same bytes for a script's class, and they load where neither autolog nor wrapt is."""
    data = subprocess.run([sys.executable, "-c", BY_VALUE], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run([sys.executable, "-c", LOADED], input=data, check=True)


def test_a_descriptor_goes_by_value_as_before(patcher, observe):
    """A local class with a descriptor of the user's own is cloudpickled to the same bytes."""

    class Local:
        calls = 1
        predict = OnlyWhenFitted(lambda self, X: X)

    before = cloudpickle.dumps(Local)
    patcher.method(Local, "predict", observe)
    assert cloudpickle.dumps(Local) == before


# ---- subclasses


def test_a_method_is_wrapped_where_it_is_defined_and_once(patcher):
    """Naming a class that inherits the method wraps its definer; naming both observes each call once."""
    watch = Watch()
    patcher.method(Sub, "score", watch)
    patcher.method(Base, "score", watch)
    assert "score" not in vars(Sub)
    Sub().score("X")
    assert len(watch.seen) == 1


@pytest.mark.parametrize("name", ["missing", "limit", "disabled", "__eq__"])
def test_what_is_no_method_of_the_class_is_passed_over(patcher, name):
    """A missing name, a property, a None, and what only `object` defines are left as they are."""
    before = dict(vars(Base))
    patcher.method(Base, name, nothing)
    assert same(before, vars(Base))
    assert Base().limit == 3


def test_a_class_that_takes_no_patch_is_an_error(patcher):
    """A class written in C is refused with its name, by `method` and by `subclasses`."""
    with pytest.raises(PatchError, match=r"dict\.update"):
        patcher.method(dict, "update", nothing)
    with pytest.raises(PatchError, match="dict"):
        patcher.subclasses(dict, {"update": nothing})


def test_present_and_later_subclasses_are_followed(patcher):
    """Overriding classes are wrapped, whether made before or after, and `super().fit` is observed as well."""

    class Root:
        def fit(self, X):
            return [X]

    class Before(Root):
        def fit(self, X):
            return super().fit(X)

    watch = Watch()
    patcher.subclasses(Root, {"fit": watch, "transform": watch})

    class After(Before):
        def fit(self, X):
            return super().fit(X)

        def transform(self, X):
            return X

    after = After()
    assert after.fit(1) == [1]
    assert after.transform(2) == 2
    assert [(c.name, c.instance) for c in watch.seen] == [("fit", after)] * 3 + [("transform", after)]


def test_a_mixin_from_outside_the_tree_is_wrapped(patcher):
    """A subclass's method that a mixin defines is observed, though the mixin is no subclass of the base."""

    class Root:
        pass

    class Mixin:
        def predict(self):
            return 1

    early = type("Early", (Mixin, Root), {})
    watch = Watch()
    patcher.subclasses(Root, {"predict": watch})
    late = type("Late", (Root, type("Other", (), {"predict": lambda self: 2})), {})
    assert (early().predict(), late().predict(), len(watch.seen)) == (1, 2, 2)


@pytest.mark.parametrize("kind", ["own", "inherited", "none"])
def test_a_classs_own_init_subclass_still_runs(patcher, kind):
    """`__init_subclass__` of the base, or one that it inherits, is called once with the class's keywords."""
    calls = []

    class Hooked:
        def __init_subclass__(cls, *, tag=None, **kwargs):
            super().__init_subclass__(**kwargs)
            calls.append((cls.__name__, tag))

    root = {"own": Hooked, "inherited": type("Root", (Hooked,), {}), "none": type("Root", (), {})}[kind]
    before = dict(vars(root))
    patcher.subclasses(root, {"fit": nothing})
    calls.clear()

    class Later(root, **({} if kind == "none" else {"tag": 1})):
        def fit(self):
            return 1

    assert calls == ([] if kind == "none" else [("Later", 1)])
    assert Later().fit() == 1
    patcher.undo()
    assert same(before, vars(root))
    assert type(vars(Later)["fit"]) is FunctionType


def test_a_class_that_is_being_made_while_patches_are_undone_is_left_alone(patcher):
    """Undo in the middle of a class statement leaves the new class unwrapped, even where patches are made again."""

    class Root:
        def __init_subclass__(cls):
            patcher.undo()
            patcher.method(Base, "fit", nothing)

    patcher.subclasses(Root, {"fit": nothing})
    later = type("Later", (Root,), {"fit": lambda self: 1})
    assert type(vars(later)["fit"]) is FunctionType


def test_a_refused_subclass_is_refused_as_before(patcher):
    """Keywords that no `__init_subclass__` takes raise the error they raised, from the class statement."""

    class Root:
        pass

    def message():
        with pytest.raises(TypeError) as caught:
            type("Later", (Root,), {}, tag=1)
        return str(caught.value), len(caught.traceback) if sys.version_info >= (3, 11) else None

    before = message()
    patcher.subclasses(Root, {"fit": nothing})
    assert message() == before


def test_a_class_made_of_anothers_dictionary_is_wrapped_once(patcher):
    """`dataclass(slots=True)` makes a second class of the first one's dictionary: its calls are observed once."""

    class Root:
        pass

    watch = Watch()
    patcher.subclasses(Root, {"fit": watch})

    @dataclass(slots=True)
    class Model(Root):
        alpha: float = 1.0

        def fit(self):
            return self.alpha

    assert Model().fit() == 1.0
    assert len(watch.seen) == 1
    patcher.undo()
    assert type(vars(Model)["fit"]) is FunctionType


def test_a_metaclass_does_not_see_the_wrapping(patcher):
    """A metaclass's own `__setattr__` and `__delattr__` are not called, and what they forbid is observed."""

    class Meta(type):
        def __setattr__(cls, name, value):
            raise TypeError("closed")

        __delattr__ = __setattr__

    Root = Meta("Root", (), {})
    watch = Watch()
    patcher.subclasses(Root, {"fit": watch})

    class Closed(Root):
        def fit(self):
            return 1

    assert Closed().fit() == 1
    assert len(watch.seen) == 1
    patcher.undo()
    assert type(vars(Closed)["fit"]) is FunctionType
    assert "__init_subclass__" not in vars(Root)


@pytest.mark.parametrize("inherited", [False, True])
def test_the_hook_of_subclasses_looks_as_before(patcher, inherited):
    """Signature and documentation of `__init_subclass__` are the class's own, or those that it inherits."""

    class Root:
        def __init_subclass__(cls, tag=None, **kwargs):
            """Tag it."""

    base = type("Base", (Root,), {}) if inherited else Root

    def shown():
        hook = base.__init_subclass__
        return str(inspect.signature(hook)), hook.__doc__, hook.__module__, hook.__qualname__, hook.__self__

    before = shown()
    patcher.subclasses(base, {"fit": nothing})
    assert shown() == before


def test_classes_that_go_out_of_use_are_let_go(patcher):
    """A patched class is freed with its last user; the patcher does not hold it."""
    import gc
    import weakref

    root = type("Root", (), {})
    patcher.subclasses(root, {"fit": nothing})
    later = type("Later", (root,), {"fit": lambda self: 1})
    gone = weakref.ref(later)
    del later
    gc.collect()
    assert gone() is None
    patcher.undo()


# ---- undoing


def same(before, after):
    """Compare two class dictionaries by identity and order."""
    return list(before) == list(after) and all(before[name] is after[name] for name in before)


def test_undo_leaves_the_classes_as_they_were(patcher, observe):
    """Every attribute of every class is back by identity and in its place, also of a class made in between."""

    class Root(Base):
        def fit(self, X):
            return X

    classes = (Base, Sub, Root, Following)
    before = [dict(vars(cls)) for cls in classes]
    patch_all(patcher, observe)
    patch_all(patcher, observe, Sub)
    patcher.subclasses(Root, {"fit": observe, "score": observe})
    fit = lambda self, X: X  # noqa: E731
    later = type("Later", (Root,), {"fit": fit})
    assert vars(later)["fit"] is not fit
    patcher.undo()
    assert all(same(old, vars(cls)) for old, cls in zip(before, classes, strict=True))
    assert vars(later)["fit"] is fit
    assert vars(type("Last", (Root,), {"fit": fit}))["fit"] is fit


def test_a_patcher_can_be_used_again(patcher):
    """After undo the same method can be wrapped anew, and undone anew."""
    original, watch = vars(Base)["fit"], Watch()
    for round_ in (1, 2):
        patcher.method(Base, "fit", watch)
        Base().fit("X")
        assert len(watch.seen) == round_
        patcher.undo()
        assert vars(Base)["fit"] is original
    patcher.undo()


def test_a_wrapper_that_was_wrapped_goes_inert(patcher):
    """Where somebody wrapped on top of us, theirs stays, ours observes nothing any more, and the method works."""

    class Model(Base):
        def fit(self, X):
            return X

    watch = Watch()
    patcher.method(Model, "fit", watch)
    held = Model().fit
    Model.fit = theirs = logged(Model.fit)
    patcher.undo()
    assert vars(Model)["fit"] is theirs
    assert (Model().fit(1), held(2)) == (1, 2)
    assert watch.seen == []
    patcher.method(Model, "fit", watch)
    assert Model().fit(3) == 3
    assert len(watch.seen) == 1
    patcher.undo()
    assert vars(Model)["fit"] is theirs


def test_two_patchers_undo_in_either_order():
    """Each patcher takes back its own; the last undo leaves the original or a wrapper that observes nothing."""

    class Model:
        def fit(self):
            return 1

    original, first, second, watch = vars(Model)["fit"], Patcher(), Patcher(), Watch()
    first.method(Model, "fit", watch)
    second.method(Model, "fit", watch)
    assert Model().fit() == 1
    assert len(watch.seen) == 2
    second.undo()
    first.undo()
    assert vars(Model)["fit"] is original
    first.method(Model, "fit", watch)
    second.method(Model, "fit", watch)
    first.undo()
    second.undo()
    assert Model().fit() == 1
    assert len(watch.seen) == 2


def test_threads_may_call_and_subclass_while_patches_come_and_go():
    """No call is lost, doubled or changed while other threads patch and undo, and no class is left wrapped."""

    class Root:
        def fit(self, X):
            return X

    patcher, made, wrong = Patcher(), [], []

    def work():
        for _ in range(50):
            cls = type("Later", (Root,), {"fit": lambda self, X: super(cls, self).fit(X) + 1})  # noqa: B023
            made.append(cls)
            wrong.extend(value for value in range(50) if cls().fit(value) != value + 1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        patcher.subclasses(Root, {"fit": Watch()})
        patcher.undo()
    assert wrong == []
    assert len(made) == 150
    assert all(type(vars(cls)["fit"]) is FunctionType for cls in (Root, *made))


def test_a_called_says_what_it_is():
    """The record that observers get has the documented fields, and no dictionary."""
    called = Called(nothing, None, (1,), {"a": 2}, "fit")
    assert (called.wrapped, called.instance, called.args, called.kwargs, called.name) == (
        nothing,
        None,
        (1,),
        {"a": 2},
        "fit",
    )
    assert not hasattr(called, "__dict__")


def test_what_a_descriptor_gives_that_is_no_callable_is_left_alone() -> None:
    """A cached property or another descriptor under a method's name keeps giving its own value."""

    class Scored:
        @functools.cached_property
        def fit(self) -> float:
            return 0.5

    patcher = Patcher()
    patcher.method(Scored, "fit", lambda called: None)
    try:
        assert type(Scored().fit) is float
    finally:
        patcher.undo()


def test_a_method_of_a_class_is_pickled_by_the_same_bytes() -> None:
    """`pickle.dumps(Class.fit)` gives what it gives without a patch."""
    before = pickle.dumps(Base.fit)
    patcher = Patcher()
    patcher.method(Base, "fit", lambda called: None)
    try:
        assert pickle.dumps(Base.fit) == before
        assert pickle.loads(before) is Base.fit
    finally:
        patcher.undo()
