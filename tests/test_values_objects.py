"""Objects without a value form: told by their type, and by a text only where a library makes it."""

from __future__ import annotations

import fractions
import pathlib
import re
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge

import autolog
from autolog.values import encode


class Shown:
    """An object whose text is the user's code; `does` says what that code does."""

    def __init__(self, does):
        self.does = does

    def __repr__(self):
        return self.does(self)


def says_and_prints(shown):
    print("printed")
    np.random.rand()
    return "text"


def raises(shown):
    raise ValueError("no text")


def recurses(shown):
    return repr(shown)


def waits(shown):
    time.sleep(60)
    return "late"


@pytest.mark.parametrize("does", [says_and_prints, raises, recurses, waits, lambda shown: 7, lambda shown: exit(3)])
def test_a_text_of_the_users_own_is_not_asked_for(does, capsys):
    """Whatever a user's `__repr__` would do, it is not called: the type's name stands for the object."""
    before = np.random.get_state()[1].copy()
    name = f"{__name__}.Shown"
    assert encode(Shown(does)) == {"$object": name, "text": name}
    assert capsys.readouterr().out == ""
    assert (np.random.get_state()[1] == before).all()


def test_a_fit_with_such_a_param_is_recorded_and_prints_nothing(store, capsys):
    """An estimator's param of the user's own class costs the program nothing."""

    class Mine(Ridge):
        def __init__(self, tool=None):
            super().__init__()
            self.tool = tool

    autolog.enable("sklearn", backend=store, silent=True, log_models=False)
    Mine(Shown(says_and_prints)).fit([[0.0], [1.0]], [0, 1])
    assert capsys.readouterr().out == ""
    assert autolog.get_run(autolog.last_run().run_id).params["tool"] == f"{__name__}.Shown"
    assert isinstance(Mine(), BaseEstimator)


@pytest.mark.parametrize("value", [fractions.Fraction(1, 3), re.compile("a+"), Ridge(alpha=2), slice(1, 2), 3 + 0j])
def test_a_text_that_a_library_makes_is_kept(value):
    """The interpreter's, the standard library's and an installed package's texts say more than a type's name."""
    encoded = encode(value)
    assert "$complex" in encoded or encoded["text"] == repr(value)


class Shaky:
    """Its text is the user's code."""

    def __repr__(self):
        raise ValueError("no text")


def test_a_librarys_text_that_fails_on_a_users_part_is_the_types_name():
    """Where a library's text shows a part that the user wrote, and that fails, the type's name stands for the whole."""
    assert encode(Ridge(alpha=Shaky()))["text"] == "sklearn.linear_model._ridge.Ridge"


class Watched(dict):
    """A dict whose ways of telling what it holds are the user's code."""

    def items(self):
        raise AssertionError("asked")

    __iter__ = __len__ = keys = values = __getitem__ = items


class Listed(list):
    """A list whose way of telling what it holds is the user's code."""

    def __iter__(self):
        raise AssertionError("asked")


class Place(pathlib.PurePosixPath):
    """A path whose text is the user's code."""

    def __str__(self):
        raise AssertionError("asked")

    __fspath__ = __str__


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (Watched(a=1, b="x"), {"a": 1, "b": "x"}),
        (Watched({0: 1.5}), {"$dict": [[0, 1.5]]}),
        (Watched(a=Listed([1, Watched(b=2)])), {"a": [1, {"b": 2}]}),
        (Listed([1, 2]), [1, 2]),
        (Listed(["a", None]), ["a", None]),
        (Place("/a/b"), "/a/b"),
    ],
)
def test_a_users_own_ways_of_a_container_are_not_used(value, form):
    """What a user's dict, list or path holds is read by the interpreter's own ways, and is complete."""
    assert encode(value) == form


def test_a_list_of_the_users_that_holds_itself_ends():
    """It is told once, as a plain list is that holds itself."""
    own, plain = Listed([1]), [1]
    own.append(own)
    plain.append(plain)
    told = encode(own)
    assert (len(told), told[0]) == (len(encode(plain)), 1)
    assert len(str(told)) < 200


class Priced(Ridge):
    """A user's class whose inherited text would read a property of the user's."""

    asked = 0

    @property
    def alpha(self):
        type(self).asked += 1

    @alpha.setter
    def alpha(self, value):
        pass


def test_an_inherited_text_that_reads_a_users_property_is_not_made():
    """A class of the user's is told by its name, whoever wrote its `__repr__`."""
    assert encode(Priced())["text"] == f"{__name__}.Priced"
    assert Priced.asked == 0


TABLE = pd.DataFrame({"name": ["Alice", "Bob"], "salary": [12345.678, 2.0]})


@pytest.mark.parametrize("value", [TABLE, TABLE["name"], TABLE.T])
def test_a_table_as_a_param_shows_no_rows(value):
    """A data frame or a column is told by its type and shape, not by a text that shows what stands in it."""
    told = encode({"table": [value]})
    assert str(value.shape) in str(told)
    assert not any(cell in str(told) for cell in ("Alice", "Bob", "12345"))


def test_no_row_of_a_polars_table_is_shown():
    """Polars' tables are told as those of pandas."""
    polars = pytest.importorskip("polars")
    for value in (polars.DataFrame({"name": ["Alice"]}), polars.Series("name", ["Alice"])):
        assert "Alice" not in str(encode(value))
        assert str(value.shape) in str(encode(value))
