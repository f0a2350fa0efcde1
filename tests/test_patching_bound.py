"""What a class and its instances give for a wrapped method is of the kind, identity and lifetime it was."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import pickle
import sys
import traceback
import weakref
from types import FunctionType, MethodType

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from autolog.patching import Patcher


class Conditional:
    """A descriptor that gives a bound method, or says why not, as scikit-learn's `available_if` does."""

    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner=None):
        if instance is not None and instance.refuses:
            raise AttributeError("refused")
        return self.function if instance is None else MethodType(self.function, instance)


class Model:
    """Has a method of every kind that gives a function or a bound method."""

    refuses = False

    def fit(self, X):
        return self

    @Conditional
    def predict(self, X):
        return X

    @classmethod
    def make(cls, X):
        return cls, X

    @staticmethod
    def check(X):
        return X


BOUND = ("fit", "predict", "make")


class Watch:
    """Keeps what it is told of calls, and finds nothing to observe."""

    def __init__(self):
        self.seen = []

    def __call__(self, called):
        self.seen.append((called.name, called.instance, called.args))


@pytest.fixture
def watch():
    """Wrap every method for the test."""
    watch, patcher = Watch(), Patcher()
    for name in (*BOUND, "check"):
        patcher.method(Model, name, watch)
    yield watch
    patcher.undo()


def answers(model):
    """Say of each way to get a method what a program could ask about it."""
    found = {f"model.{name}": getattr(model, name) for name in (*BOUND, "check")}
    found |= {"Model.make": Model.make, "Model.check": Model.check}
    return {
        name: (
            type(each) is MethodType or isinstance(each, FunctionType),
            type(each) is MethodType,
            inspect.ismethod(each),
            inspect.isfunction(each),
            getattr(each, "__self__", None) is model,
            getattr(each, "__self__", None) is Model,
            each == getattr(model, each.__name__),
            hash(each) == hash(getattr(model, each.__name__)),
            each is getattr(model, each.__name__),
            each != model.fit,
            str(inspect.signature(each)),
            pickle.dumps(each),
            copy.copy(each) == each,
        )
        for name, each in found.items()
    }


def test_what_can_be_asked_of_a_method_has_the_answer_it_had():
    """Kind, holder, equality, hash, identity, signature and pickle of a method are those of the bare class."""
    model = Model()
    before, patcher = answers(model), Patcher()
    for name in (*BOUND, "check"):
        patcher.method(Model, name, Watch())
    assert answers(model) == before
    patcher.undo()
    assert answers(model) == before


def test_methods_of_each_kind_are_observed_with_what_they_were_called_on(watch):
    """A bound method of ours tells the observer its holder; a staticmethod has none."""
    model = Model()
    for name in BOUND:
        getattr(model, name)(1)
    assert (Model.make(2), Model.check(3), model.check(4)) == ((Model, 2), 3, 4)
    assert watch.seen == [
        *(("fit", model, (1,)), ("predict", model, (1,)), ("make", Model, (1,)), ("make", Model, (2,))),
        *(("check", None, (3,)), ("check", None, (4,))),
    ]


@pytest.mark.usefixtures("watch")
@pytest.mark.parametrize("name", BOUND)
def test_a_bound_method_can_be_held_weakly(name):
    """`weakref.WeakMethod` finds the method for as long as its holder lives, and no longer."""
    model = Model()
    held = weakref.WeakMethod(getattr(model, name))
    gc.collect()
    assert held() == getattr(model, name)
    if name != "make":
        del model
        gc.collect()
        assert held() is None


def test_the_methods_of_a_pipeline_are_what_they_are_without_us():
    """scikit-learn's own conditional methods are real bound methods, can be held weakly, and keep their refusals."""
    from sklearn.pipeline import Pipeline

    patcher, watch = Patcher(), Watch()
    model = make_pipeline(LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    before = pickle.dumps(model.predict)
    patcher.method(Pipeline, "predict", watch)
    patcher.method(Pipeline, "transform", watch)
    try:
        held = weakref.WeakMethod(model.predict)
        assert held()([[0.0]]).tolist() == [0]
        assert type(model.predict) is MethodType
        assert model.predict.__self__ is model
        assert model.predict == model.predict
        assert {model.predict: 1}[model.predict] == 1
        assert pickle.dumps(model.predict) == before
        assert not hasattr(model, "transform")
        assert [instance for _, instance, _ in watch.seen] == [model]
        assert functools.wraps(model.predict)(lambda X: X).__wrapped__ == model.predict
    finally:
        patcher.undo()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps our frames in a traceback")
def test_a_refusal_has_the_traceback_it_had():
    """The error of a descriptor that denies its attribute passes through no frame of ours."""

    def lines():
        try:
            model.predict  # noqa: B018
        except AttributeError as error:
            return [frame.name for frame in traceback.extract_tb(error.__traceback__)]

    model, patcher = Model(), Patcher()
    model.refuses = True
    before = lines()
    patcher.method(Model, "predict", Watch())
    assert lines() == before == ["lines", "__get__"]
    patcher.undo()


def test_a_descriptor_that_gives_another_function_each_time_keeps_none_of_them():
    """Functions that a descriptor makes anew are freed as before, but for the last one while patches are live."""

    class Making:
        def __get__(self, instance, owner=None):
            return MethodType(lambda self, X: X, instance)

    class Local:
        fit = Making()

    patcher, watch = Patcher(), Watch()
    patcher.method(Local, "fit", watch)
    model = Local()
    first = model.fit
    gone = weakref.ref(first.__func__.__wrapped__)
    assert (first(1), model.fit(2)) == (1, 2)
    del first
    watch.seen.clear()
    gc.collect()
    assert gone() is None
    patcher.undo()
