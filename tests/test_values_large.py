"""Large values: typed, redacted and written at once where they are alike, with the very result of one by one."""

from __future__ import annotations

import collections
import json
import math
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autolog
from autolog import values
from autolog.recording.redaction.names import is_secret_name
from autolog.recording.redaction.shapes import REDACTED
from autolog.recording.redaction.suspects import EVERYTHING, suspects
from autolog.recording.redaction.texts import redact_text
from autolog.recording.redaction.values import _within, redact
from autolog.values import encode, is_cut, revive, to_bytes

TELLING = [
    *("password", "api_key", "token", "n_tokens", "--password", "-u", "--user", "bob:hunter2", "password=x", "a=b"),
    *(
        "https://u:p@h",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.d",
    ),
    *(
        "ya29." + "a" * 24,
        "?sig=abc",
        "?\u017fig=abc",
        "?\u017f\u0130gnature=abc",
        "mysql -psecret",
        "curl -u bob:x",
        "card_pin",
        "my card_pin: 1",
    ),
    *(
        "Bearer abcdefghijklmnop1234",
        "-----BEGIN PRIVATE KEY-----\nMIIE",
        "\u0130\u0130\u0130 password=x",
        "a\0password=x",
    ),
    *("$bytes", "$dict", "$tuple", "names", "text", ""),
]
words = st.sampled_from(TELLING) | st.text(max_size=12) | st.text(string.printable, max_size=40)
scalars = words | st.none() | st.booleans() | st.integers() | st.floats() | st.integers(min_value=1 << 1020)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(words, inner, max_size=6) | st.lists(words, max_size=6),
    max_leaves=30,
)
anything = st.recursive(
    scalars | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(scalars, inner, max_size=5)
        | st.tuples(inner, inner)
        | st.frozensets(words, max_size=3)
        | st.builds(collections.namedtuple("login", "user password"), inner, inner)
    ),
    max_leaves=30,
)


def one_by_one(value, extra):
    """Redact with every text read in earnest."""
    return _within(value, extra, EVERYTHING, ())


@settings(max_examples=400, deadline=None)
@given(value=plain | anything, extra=st.sampled_from([(), ("*_pin",), ("x*", "*[ab]")]))
@example(value={"password": None, "n_tokens": {"$bytes": "00000"}}, extra=())
@example(value={"$bytes": "İİİ password=x"}, extra=())
@example(value={"$tuple": 5, "names": 3}, extra=())
@example(value={"$tuple": ["password=x"], "names": []}, extra=())
def test_the_quick_look_misses_nothing(value, extra):
    """Raw or typed, a value redacted by what is suspect is the value with every text read, and as untouched."""
    for given_value in (value, encode(value)):
        expected = one_by_one(given_value, extra)
        found = redact("param", given_value, extra)
        assert repr(found) == repr(expected)
        if isinstance(given_value, (dict, list)):
            assert (found is given_value) == (expected is given_value)


@pytest.mark.parametrize("text", TELLING)
def test_what_is_redacted_alone_is_redacted_among_many(text):
    """A secret stands out of ten thousand harmless words, as an item, a key and a value."""
    many = [f"word{number}" for number in range(10_000)]
    assert redact("words", [*many, text]) == [*many, redact_text(text)] or text in ("-u", "--user")
    found = redact("words", dict.fromkeys([*many, text], 7))
    assert found == {
        **dict.fromkeys(many, 7),
        redact_text(text): REDACTED if is_secret_name(text) and text != "n_tokens" else 7,
    }


def test_few_of_many_words_are_read():
    """Of a vocabulary only the words with a telling piece are read one by one; that is what makes it quick."""
    words = [f"word{number}" for number in range(1_000)]
    assert suspects(dict.fromkeys([*words, "monkey"], 1), ()) == {"monkey"}
    assert suspects([*words, "bank card_pin"], ("*_pin",)) == {"bank card_pin"}
    assert suspects(words, ()) == set()


@settings(max_examples=300, deadline=None)
@given(anything)
def test_what_is_alike_is_typed_as_one_by_one(value):
    """The quick way for values that are JSON as they are gives what the slow way gives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_are_json", lambda values: False)
        expected = encode(value)
    assert repr(encode(value)) == repr(expected)


@pytest.mark.parametrize(
    "value",
    [[1, math.nan], [1.0, math.inf], [1, 1 << 2000], [-(1 << 2000), 1], {"$float": "nan"}, {"a": 1 << 2000}, [True, 1]],
)
def test_values_that_json_lacks_are_marked_in_lists_too(value):
    """Not-a-number, infinities, huge integers and keys that look like marks keep their type among others."""
    text = json.dumps(encode(value), allow_nan=False)
    assert repr(revive(json.loads(text))) == repr(value)


def test_a_typed_value_is_a_copy():
    """What the user changes later does not change what was taken."""
    for value in ([1, 2], ["a"], {"a": 1}):
        assert encode(value) is not value


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(words, plain, max_size=20))
def test_a_dict_written_in_pieces_has_the_same_bytes(value):
    """The pieces that keep the garbage collector out join to what `json.dumps` gives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_PIECE", 3)
        assert to_bytes(value) == json.dumps(value).encode("ascii")


def test_a_cut_is_found_at_any_depth():
    """A value inside itself is said to be cut, however many others lie around it."""
    loop: list = []
    loop.append([*range(10), {"a": loop}])
    assert is_cut(encode({"x": [1, 2, loop]}))
    assert not is_cut(encode({"x": [1, {"text": "fine"}, [[]], "…"]}))


def test_a_large_vocabulary_comes_back_whole_and_without_its_secret(store):
    """A dict of 100,000 words keeps its order and types; the one value that is a secret is taken out."""
    autolog.enable(backend=store, silent=True)
    vocabulary = {f"word{number}": number for number in range(100_000)} | {"https://u:hunter2@h": 1, "last": 2}
    with autolog.start_run() as run:
        autolog.log_param("vocabulary", vocabulary)
    found = autolog.get_run(run.run_id)
    expected = [(redact_text(key), item) for key, item in vocabulary.items()]
    assert list(found.whole(found.params["vocabulary"]).items()) == expected
    assert not [path for path in store.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
