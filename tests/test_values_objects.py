"""Objects without a value form: told by their type, and by a text only where a library makes it."""

from __future__ import annotations

import fractions
import re
import time

import numpy as np
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
