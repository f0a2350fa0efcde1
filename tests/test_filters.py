"""The filter language and orders: each statement of docs/filters.md, and that only FilterError comes out."""

from __future__ import annotations

import datetime
import math
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolog.exceptions import FilterError, UsageError
from autolog.store.filters import (
    And,
    Comparison,
    Filter,
    Name,
    Not,
    Or,
    OrderKey,
    parse_filter,
    parse_order,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """A run as a filter sees it."""

    run_id: str = "0" * 32
    run_name: str | None = None
    experiment: str | None = "fraud"
    parent_run_id: str | None = None
    status: str | None = "FINISHED"
    start_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)


def found(text: str, **facts: Any) -> bool:
    """Tell whether a filter finds a run of these facts."""
    return parse_filter(text).matches(Run(**facts))


def param(value: Any, comparison: str) -> bool:
    """Tell whether a comparison holds for a param's value."""
    return found(f"params.x {comparison}", params={"x": value})


# ---- names


def test_the_example_of_the_page_finds_the_run_it_describes():
    """Metrics, params, tags and attributes can be asked for in one filter."""
    text = "metrics.auc > 0.9 and params.model = 'rf' and tags.team != 'x' and attributes.status = 'FINISHED'"
    facts = {"metrics": {"auc": 0.95}, "params": {"model": "rf"}, "tags": {"team": "y"}}
    assert found(text, **facts)
    assert not found(text, **facts | {"tags": {"team": "x"}})


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_a_blank_filter_finds_every_run(text):
    """Text without a comparison is the conjunction of nothing."""
    assert parse_filter(text) == Filter(And(()))
    assert found(text)


@pytest.mark.parametrize(
    ("prefixes", "kind", "key"),
    [
        (["metrics.", "metric."], "metrics", "C"),
        (["params.", "param.", "parameters.", "parameter."], "params", "C"),
        (["tags.", "tag."], "tags", "C"),
        (["attributes.", "attribute.", "attr.", "run.", ""], "attributes", "duration"),
    ],
)
def test_every_prefix_of_mlflow_names_its_kind(prefixes, kind, key):
    """The long and short prefixes, and a bare attribute, are the same name."""
    for prefix in prefixes:
        assert parse_filter(f"{prefix}{key} = 1") == Filter(Comparison(Name(kind, key), "=", 1))


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("params.lr-scheduler", "lr-scheduler"),
        ("params.ndcg@10", "ndcg@10"),
        ("params.mlflow.source.name", "mlflow.source.name"),
        ("params.clf__C", "clf__C"),
        ("params.a/b:c", "a/b:c"),
        ("params.größe", "größe"),
        ("params.सटीकता", "सटीकता"),
        ("params.1", "1"),
        ("params.and", "and"),
        ("params.order", "order"),
        ("params.`a-b`", "a-b"),
        ("params.`a b (c) = 'd'`", "a b (c) = 'd'"),
        ('params."f1 score"', "f1 score"),
        ('params."f1 ""score"""', 'f1 "score"'),
        ("params.`a``b`", "a`b"),
        (r"params.`a\`b`", "a`b"),
    ],
)
def test_names_of_any_script_and_quoted_names_are_read_whole(written, key):
    """Letters, digits and _ . - / : @ need no quotes; everything else works in backticks or double quotes."""
    assert parse_filter(f"{written}='v'") == Filter(Comparison(Name("params", key), "=", "v"))


def test_a_comparator_ends_a_name_without_spaces():
    """Spaces round a comparator are optional, also before a negative number."""
    left, right = Comparison(Name("metrics", "a"), "<", -1), Comparison(Name("metrics", "b"), ">=", 0.5)
    assert parse_filter("metrics.a<-1 and(metrics.b>=.5)").expression == And((left, right))


def test_names_gives_everything_the_filter_looks_at():
    """Each (kind, key) once, wherever in the tree it stands."""
    names = parse_filter("metrics.a > 1 and (tags.t = 'x' or not status = 'x') and metrics.a < 2").names()
    assert names == {("metrics", "a"), ("tags", "t"), ("attributes", "status")}


# ---- the tree


def test_not_binds_tighter_than_and_and_that_tighter_than_or():
    """Precedence is that of SQL, and parentheses override it."""
    a, b, c = (Comparison(Name("params", key), "=", 1) for key in "abc")
    assert parse_filter("params.a=1 or params.b=1 and not params.c=1").expression == Or((a, And((b, Not(c)))))
    assert parse_filter("(params.a=1 or params.b=1) and not (params.c=1)").expression == And((Or((a, b)), Not(c)))


def test_keywords_are_read_in_any_case():
    """AND, Or, nOt, IN, LIKE, IS NULL, TRUE and DESC mean the same in capitals or not."""
    upper = "NOT params.a IN (TRUE, NAN) AND params.b NOT ILIKE 'x' OR params.c IS NOT NULL OR params.d = NONE"
    assert repr(parse_filter(upper)) == repr(parse_filter(upper.lower()))
    assert parse_order(["params.a DESC"]) == parse_order(["params.a desc"])


_keys = st.text(min_size=1, max_size=6)
_scalars = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text(max_size=6),
    st.sampled_from(["'", '"', "\\", "1"]),
)
_comparisons = st.one_of(
    st.builds(
        Comparison, st.builds(Name, st.sampled_from(["params", "tags"]), _keys), st.sampled_from(["=", "!="]), _scalars
    ),
    st.builds(Comparison, st.builds(Name, st.just("metrics"), _keys), st.sampled_from(["<", ">="]), st.integers()),
    st.builds(Comparison, st.builds(Name, st.just("params"), _keys), st.sampled_from(["LIKE", "NOT ILIKE"]), st.text()),
    st.builds(
        Comparison,
        st.builds(Name, st.just("params"), _keys),
        st.sampled_from(["IN", "NOT IN"]),
        st.lists(_scalars, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Comparison, st.builds(Name, st.just("tags"), _keys), st.sampled_from(["IS NULL", "IS NOT NULL"]), st.none()
    ),
)
_expressions = st.recursive(
    _comparisons,
    lambda inner: st.one_of(
        inner.filter(lambda node: not isinstance(node, Not)).map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda nodes: And(tuple(nodes))),
        st.lists(inner, min_size=2, max_size=3).map(lambda nodes: Or(tuple(nodes))),
    ),
    max_leaves=8,
)


def quoted(text: str, quote: str = "'") -> str:
    """Write a text in quotes, as the language wants it."""
    return quote + text.replace("\\", "\\\\").replace(quote, quote * 2) + quote


def written(node: Any) -> str:
    """Write a tree as text."""
    if isinstance(node, Not):
        return f"not ({written(node.operand)})"
    if isinstance(node, (And, Or)):
        return {And: " and ", Or: " or "}[type(node)].join(f"({written(operand)})" for operand in node.operands)
    if isinstance(node, Comparison):
        value = "" if node.value is None else written(node.value)
        return f"{node.name.kind}.{quoted(node.name.key, '`')} {node.operator} {value}"
    if isinstance(node, tuple):
        return f"({', '.join(map(written, node))})"
    return quoted(node) if isinstance(node, str) else repr(node)


@settings(max_examples=150, deadline=None)
@given(_expressions)
def test_a_tree_written_as_text_is_read_back(tree):
    """Names, texts and numbers of any kind survive quoting, and parentheses give the tree its shape."""
    assert parse_filter(written(tree)).expression == tree


# ---- what compares with what


@pytest.mark.parametrize(
    ("stored", "yes", "no"),
    [
        (0.1, ["= 0.1", "= '0.1'", "= '0.10'", "= 1e-1", "!= 'x'", "< 1", "< '1'", "> -1"],
         ["= 'x'", "< 'x'", "> 'x'"]),
        (1, ["= 1", "= 1.0", "= '1.0'", "= '1'", "!= true", "in (2, '1.0')"], ["= true", "= 'true'", "!= 1.0"]),
        (1.0, ["= 1", "= '1.0'", "= '1'", "<= 1", ">= 1"], ["= true", "< 1", "> 1"]),
        (10, ["> 9", "> '9'", "not in (9, 'x')"], ["< '9'", "in (9, 11)"]),
        (2**60 + 1, [f"= {2**60 + 1}", f"= '{2**60 + 1}'"], [f"= {2**60}"]),
        ("1.0", ["= '1.0'", "= 1", "= 1.0", "< 2", "!= '1'"], ["= '1'", "= true", "< '0'"]),
        ("rf", ["= 'rf'", '= "rf"', "> 'ra'", "< 'rg'", "!= 1", "!= true"], ["= 'RF'", "< 1", "> 1", "= 1", "= true"]),
        (True, ["= true", "= 'true'", "= 'True'", "!= 1", "!= false", "in (true)"],
         ["= 1", "= '1'", "= 'yes'", "> 0", "> 'a'"]),
        (False, ["= false", "= 'False'", "!= 0"], ["= 0", "= true", "< 1", "< 'true'", ">= 'False'"]),
        ("True", ["= 'True'", "= true"], ["= 'true'", "= 1"]),
        (None, ["is null", "= null", "= none", "= 'None'", "!= 'x'", "!= 1", "not in (1)"],
         ["= 'null'", "< 1", "> 1", "<= 'None'", "like '%'", "!= null", "is not null", "= false", "!= 'None'"]),
        ("None", ["= 'None'", "is not null", "!= null"], ["is null", "= null"]),
        (math.nan, ["= nan", "= 'nan'", "!= 1", "in (1, nan)", "not in (1)"],
         ["= 0", "> 0", "< 0", "<= nan", ">= nan", "!= nan", "> -inf"]),
        (math.inf, ["= inf", "> 1e308", "= 'Infinity'"], ["= -inf", "= nan"]),
        ([100, 50], ["= '[100,50]'", "like '%50%'", "!= 'x'"], ["= '[100, 50]'", "= 100", "> 1", "= true"]),
        ((100, 50), ["= '[100,50]'"], ["= '(100,50)'"]),
        ({"a": [1, None], "é": True}, ["= '{\"a\":[1,null],\"é\":true}'"], ["= '{}'"]),
        ({2, 1}, ["= '[1,2]'"], []),
        ({(1, 2): 3}, ["= '{(1, 2): 3}'"], []),
        (datetime.date(2026, 1, 31), ["= '2026-01-31'", "> '2026-01-30'"], ["> 1"]),
        (datetime.datetime(2026, 1, 31, 12), ["= '2026-01-31T12:00:00'"], []),
    ],
)  # fmt: skip
def test_values_compare_by_their_type(stored, yes, no):
    """A quoted literal is read as what is stored, a stored text as what an unquoted literal is."""
    assert [comparison for comparison in yes if not param(stored, comparison)] == []
    assert [comparison for comparison in no if param(stored, comparison)] == []


@pytest.mark.parametrize(
    "comparison",
    ["= 'x'", "!= 'x'", "= 1", "!= 1", "< 1", ">= 1", "= 'None'", "!= 'None'", "like '%'", "not like 'x'", "ilike '%'",
     "in (1)", "not in (1)", "is not null", "!= null", "= nan", "!= nan", "= true", "!= true"],
)  # fmt: skip
def test_of_an_absent_name_every_comparison_is_false(comparison):
    """Also != and NOT IN: nothing is claimed of what the run does not have; `not` turns the whole round."""
    assert not found(f"params.x {comparison}")
    assert not found(f"tags.x {comparison}")
    assert found(f"not params.x {comparison}")


def test_is_null_is_true_of_absent_names_and_of_none():
    """IS NULL and = null mean the same, IS NOT NULL and != null too."""
    for text in ("params.x is null", "params.x = null", "parent_run_id is null", "metrics.x = null"):
        assert found(text)
    facts = {"params": {"x": 0}, "parent_run_id": "a", "metrics": {"x": math.nan}}
    for text in ("params.x is not null", "params.x != none", "parent_run_id is not null", "metrics.x != null"):
        assert found(text, **facts)
        assert not found(text)


def test_an_attribute_that_is_none_is_absent():
    """A top-level run has no parent, so nothing but IS NULL is true of its parent."""
    assert not found("parent_run_id != 'x'")
    assert not found("parent_run_id = 'None'")
    assert found("parent_run_id != 'x'", parent_run_id="y")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a%", ["a", "abc", "a\nb"], ["ba", "A"]),
        ("%a", ["a", "ba"], ["ab"]),
        ("%a%b%", ["ab", "xaxbx", "aab"], ["ba"]),
        ("a_c", ["abc", "a\nc"], ["ac", "abbc"]),
        ("%", ["", "x"], []),
        ("", [""], ["x"]),
        ("a.c*", ["a.c*"], ["abc", "abcc"]),
        (r"100\%", ["100%"], ["100x"]),
        (r"a\_b%", ["a_bc"], ["axbc"]),
        (r"a\b", [r"a\b"], ["ab"]),
        ("%aXa", ["aXa", "aXaXa"], ["aXaX"]),
    ],
)
def test_like_knows_percent_underscore_and_their_escapes(pattern, yes, no):
    """% is any text, _ one character, a backslash before them makes them plain; capitals count."""
    assert [text for text in yes if not param(text, f"like '{pattern}'")] == []
    assert [text for text in no if param(text, f"like '{pattern}'")] == []
    assert [text for text in no if not param(text, f"not like '{pattern}'")] == []


def test_ilike_does_not_tell_capitals():
    """ILIKE 'RF%' finds 'rf-1', LIKE does not."""
    assert param("rf-1", "ilike 'RF%'")
    assert not param("rf-1", "like 'RF%'")
    assert not param("rf-1", "not ilike 'RF%'")


def test_like_sees_numbers_and_booleans_as_json_writes_them():
    """1.5 is like '1%', and True like 'true'."""
    assert param(1.5, "like '1%'")
    assert param(True, "like 'true'")


def like_by_definition(text: str, pattern: str) -> bool:
    """Match LIKE by trying everything."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like_by_definition(text[i:], pattern[1:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like_by_definition(text[1:], pattern[1:])


@settings(deadline=None)
@given(st.text("ab", max_size=8), st.text("ab%_", max_size=6))
def test_like_agrees_with_its_definition(text, pattern):
    """Matching pieces at their first place gives what trying every place gives."""
    assert param(text, f"like '{pattern}'") == like_by_definition(text, pattern)


def test_a_hostile_pattern_is_matched_without_trying_every_split():
    """Thirty % over two thousand characters would take longer than the universe by backtracking."""
    assert not param("a" * 2000, f"like '{'%a' * 30}%b'")


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        ('"it\'s"', "it's"),
        ('"say ""hi"""', 'say "hi"'),
        (r"'C:\new'", r"C:\new"),
        (r"'C:\\'", "C:\\"),
        ("'a and b = ('", "a and b = ("),
        ("''", ""),
        ("'多\n行'", "多\n行"),
    ],
)
def test_quotes_inside_text_are_doubled_or_escaped(literal, text):
    """Two backslashes are one, and a backslash before anything else is itself."""
    assert parse_filter(f"params.x = {literal}").expression == Comparison(Name("params", "x"), "=", text)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("+2", 2),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("1.", 1.0),
        ("inf", math.inf),
        ("-Inf", -math.inf),
    ],
)
def test_numbers_are_read_with_their_type(literal, value):
    """A whole number is an int, everything else a float."""
    read = parse_filter(f"params.x = {literal}").expression.value
    assert (read, type(read)) == (value, type(value))


def test_a_number_of_any_length_is_read():
    """Python's own limit on digits is no error of the filter's."""
    assert found(f"metrics.x < {'9' * 5000}", metrics={"x": 1.0})


# ---- attributes


def test_text_attributes_compare_as_text():
    """run_id, run_name, experiment, parent_run_id and status are found by their text."""
    facts = {"run_id": "ab", "run_name": "a-1", "parent_run_id": "cd"}
    assert found("run_id in ('ab', 'x') and run_name like 'a%' and experiment = 'fraud'", **facts)
    assert found("parent_run_id = 'cd' and status != 'FAILED'", **facts)
    assert found(
        "status = 'finished' and status IN ('failed', 'Finished') and status != 'failed' and status LIKE 'fin%'"
    )


@pytest.mark.parametrize(
    "moment",
    [
        "1769860800123.456", "'1769860800123.456'", "'2026-01-31T12:00:00.123456Z'", "'2026-01-31 12:00:00.123456'",
        "'2026-01-31T14:00:00.123456+02:00'", "'2026-01-31T14:00:00,123456+0200'", "'2026-01-31t12:00:00.123456z'",
    ],
)  # fmt: skip
def test_times_compare_with_milliseconds_and_iso_8601(moment):
    """Both writings of a moment are the same number of milliseconds, exact to the microsecond; no zone is UTC."""
    assert found(f"start_time = {moment} and end_time > {moment}", start_time=NOON, end_time=NOON.replace(second=1))
    assert not found(f"start_time = {moment}", start_time=NOON.replace(microsecond=123457))


def test_a_day_is_its_midnight_in_utc():
    """'2026-01-31' is 2026-01-31T00:00:00Z, and the tree holds it as milliseconds."""
    assert parse_filter("start_time >= '2026-01-31'").expression.value == 1769817600000
    assert parse_filter("start_time >= '2026-01-31T00:00'").expression.value == 1769817600000


def test_duration_is_in_seconds_and_absent_without_an_end():
    """A run that still goes on has no duration."""
    assert found("duration = 2.5", start_time=NOON, end_time=NOON + datetime.timedelta(seconds=2.5))
    assert not found("duration >= 0", start_time=NOON)
    assert found("duration is null", start_time=NOON)


def test_a_quoted_number_is_a_number_where_the_name_is_one():
    """The tree holds a number for a metric and the duration, so that another evaluator need not know."""
    assert parse_filter("metrics.a = '0.90'").expression.value == 0.9
    assert parse_filter("duration in ('1', 2)").expression.value == (1, 2)


# ---- errors


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("metrics.auc", "", "a comparator is missing"),
        ("metrics.auc >", "", "a value is missing"),
        ("metrics.auc > and", "and", "a value is missing"),
        ("metrics.auc > 1 x", "x", "joined by `and` or `or`"),
        ("metrics.a = 1 metrics.b = 2", "metrics.b", "joined by `and` or `or`"),
        ("metrics.a b = 1", "b", "a comparator is missing"),
        ("metrics.a not = 3", "= 3", "NOT is followed by IN, LIKE or ILIKE"),
        ("metrics.a is 3", "3", "IS is followed by NULL or NOT NULL"),
        ("(metrics.a = 1", "", "never closed"),
        ("status = 'a')", ")", "nothing may follow"),
        ("0.9 < metrics.a", "0.9", "a name is missing"),
        ("metrics.a = 1 and", "", "a name is missing"),
        ("()", ")", "a name is missing"),
        ("params.a in (1 2)", "2)", "separated by commas"),
        ("params.a in (1", "", "ends with )"),
        ("params.a in ()", "()", "list of at least one value"),
        ("params.a in 'x'", "'x'", "IN takes a list"),
        ("params.a = (1, 2)", "(1", "= takes one value"),
        ("params.a in (1, null)", "null", "IS NULL"),
        ("params.a < null", "null", "IS NULL"),
        ("params.a >= true", "true", "no order"),
        ("params.a like 3", "3", "LIKE takes a text in quotes"),
        ("params.a not like true", "true", "NOT LIKE takes a text in quotes"),
        ("metrics.a like 'x'", "'x'", "metrics.a is a number"),
        ("duration like 'x'", "'x'", "attributes.duration is a number"),
        ("metrics.a = 'x'", "'x'", "compared with a number"),
        ("metrics.a = true", "true", "compared with a number"),
        ("metrics.a in (1, 'x')", "'x'", "compared with a number"),
        ("start_time > 'x'", "'x'", "2026-01-31T12:00:00Z"),
        ("start_time > '2026-02-31'", "'2026-02-31'", "2026-01-31T12:00:00Z"),
        ("start_time = true", "true", "2026-01-31T12:00:00Z"),
        ("params.a = rf", "rf", "write 'rf'"),
        ("params.a = 2026-01-31", "2026", "write '2026-01-31'"),
        ("params.a = 'rf", "'rf", "never closed"),
        ("params.`a = 1", "`a", "backticks"),
        ("params.a = `b`", "`b`", "a text stands in quotes"),
        ("metrics.a == 1", "==", "write ="),
        ("metrics.a <> 1", "<>", "write !="),
        ("metrics.a =! 1", "=!", "one of = != <"),
        ("params.a = 1; drop", ";", "means nothing here"),
        ("metrics.a+b = 1", "+b", "params.`a+b`"),
        ("foo.x = 1", "foo", "metrics, params, tags or attributes"),
        ("metrix.x = 1", "metrix", "did you mean 'metric'"),
        ("Params.x = 1", "Params", "did you mean 'params'"),
        ("auc > 1", "auc", "metrics.<name>"),
        ("status = 'a' or attr.statsu = 'a'", "statsu", "did you mean 'status'"),
        ("params. = 1", " = 1", "a name is missing after 'params'"),
        ("params.`` = 1", "`` = 1", "a name is missing after 'params'"),
    ],
)
def test_a_bad_filter_points_at_the_place_and_says_what_would_be_right(text, at, says):
    """The error's position is that of the first thing that makes no sense, or the end where something is missing."""
    with pytest.raises(FilterError, match=re.escape(says)) as caught:
        parse_filter(text)
    assert text[caught.value.position :].startswith(at)
    assert caught.value.position == (text.index(at) if at else len(text))
    assert caught.value.text == text


def test_deep_nesting_is_refused_or_read_but_never_recursed_into():
    """Ten thousand parentheses are an error at the first too many; that many `not`s and terms are read."""
    with pytest.raises(FilterError, match="50 parentheses") as caught:
        parse_filter("(" * 10_000 + "metrics.a = 1" + ")" * 10_000)
    assert caught.value.position == 50
    with pytest.raises(FilterError, match="50 parentheses"):
        parse_filter("params.a = 1 and (params.b = 1 or (" * 5_000 + "status = 'x'" + "))" * 5_000)
    with pytest.raises(FilterError, match="never closed"):
        parse_filter("(" * 10_000 + "metrics.a = 1")
    assert found("not " * 3_000 + "status = 'FINISHED'")
    assert found(" or ".join(["params.a = 1"] * 3_000 + ["status = 'FINISHED'"]))
    assert found("(" * 50 + "status = 'FINISHED'" + ")" * 50)


_words = st.sampled_from(
    ["metrics.a", "params.`b c`", "status", "start_time", "foo.x", "=", "!=", "<>", "<", "LIKE", "in", "not", "NOT",
     "is", "null", "and", "or", "(", ")", ",", "'x'", '"y"', "1", "-2e3", "nan", "true", "'", '"', "`", "\\", ";", "é",
     "2026", "'2026-01-01'", "desc"]
)  # fmt: skip


def misread_at(read: Callable[[], Any]) -> int:
    """Give the place where reading failed, 0 where it did not."""
    try:
        read()
    except FilterError as error:
        return error.position
    return 0


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(_words, max_size=12).map(" ".join), st.text(max_size=20)))
def test_any_text_is_read_or_refused_with_a_place_inside_it(text):
    """Nothing but FilterError comes out, for filters and orders, and what is read can be evaluated."""
    run = Run(start_time=NOON, params={"b c": 1}, metrics={"a": math.nan})
    for read in (lambda: parse_filter(text).matches(run), lambda: parse_order([text]).sort([run])):
        assert 0 <= misread_at(read) <= len(text)


def test_a_filter_that_is_no_text_is_a_usage_error():
    """None is not taken for a blank filter."""
    with pytest.raises(UsageError, match="NoneType"):
        parse_filter(None)


def test_importing_the_module_does_not_import_lark():
    """The parser's library is loaded at the first filter, not with the package."""
    code = (
        "import sys, autolog.store.filters as f; assert 'lark' not in sys.modules; f.parse_filter('status = \\'a\\'')"
    )
    subprocess.run([sys.executable, "-c", f"{code}; assert 'lark' in sys.modules"], check=True)


# ---- orders


def ids(order_by: list[str], *runs: Run) -> str:
    """Give the run ids, sorted."""
    return "".join(run.run_id for run in parse_order(order_by).sort(runs))


def test_an_order_is_names_with_asc_or_desc():
    """ASC is the default; names are written as in filters."""
    assert parse_order(["metrics.auc DESC", "params.`a b`", "start_time asc"]).keys[:3] == (
        OrderKey(Name("metrics", "auc"), descending=True),
        OrderKey(Name("params", "a b")),
        OrderKey(Name("attributes", "start_time")),
    )


def test_the_first_key_matters_most_and_equal_runs_go_by_their_ids():
    """Whatever order they came in, and in both directions."""
    runs = [
        Run(name, metrics={"m": m}, params={"p": p})
        for name, m, p in [("a", 1, 2), ("b", 2, 1), ("c", 1, 1), ("d", 1, 2)]
    ]
    assert ids(["metrics.m", "params.p"], *reversed(runs)) == "cadb"
    assert ids(["metrics.m DESC", "params.p DESC"], *runs) == "badc"


@pytest.mark.parametrize(("direction", "first"), [("ASC", "ab"), ("DESC", "ba")])
def test_absent_none_and_nan_come_last_either_way(direction, first):
    """Among themselves they go by their ids."""
    missing = [Run("z"), Run("y", params={"p": None}), Run("x", params={"p": math.nan})]
    assert (
        ids([f"params.p {direction}"], *missing, Run("a", params={"p": 1}), Run("b", params={"p": 2})) == first + "xyz"
    )


def test_values_of_several_types_have_one_order():
    """Numbers, texts, false and true, then everything else by its JSON text."""
    values = {"a": -1, "b": 2.5, "c": 3, "d": "B", "e": "a", "f": False, "g": True, "h": [1], "i": {"k": 1}}
    runs = [Run(name, params={"p": value}) for name, value in values.items()]
    assert ids(["params.p"], *reversed(runs)) == "abcdefghi"
    assert ids(["params.p DESC"], *runs) == "ihgfedcba"


def test_without_an_order_the_newest_run_comes_first_then_the_least_id():
    """The default is start_time DESC, run_id; a run without a start comes last."""
    later = NOON + datetime.timedelta(microseconds=1)
    runs = [Run("n"), Run("c", start_time=NOON), Run("b", start_time=NOON), Run("d", start_time=later)]
    assert ids([], *runs) == "dbcn"


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans(), st.lists(st.integers()))
    )
)
def test_any_values_can_be_sorted(values):
    """Every run comes out once, and sorting again changes nothing."""
    order = parse_order(["params.p DESC"])
    runs = [Run(str(i), params={"p": value}) for i, value in enumerate(values)]
    once = order.sort(runs)
    assert sorted(int(run.run_id) for run in once) == list(range(len(runs)))
    assert order.sort(once) == once


@pytest.mark.parametrize(
    ("item", "at", "says"),
    [
        ("metrics.a DESCC", "DESCC", "ASC, DESC or nothing"),
        ("metrics.a, metrics.b", ", ", "an item of its own"),
        ("metrics.a desc asc", "asc", "nothing may follow"),
        ("auc", "auc", "metrics.<name>"),
        ("", "", "a name is missing"),
    ],
)
def test_a_bad_order_points_at_the_place(item, at, says):
    """An order is refused as a filter is."""
    with pytest.raises(FilterError, match=re.escape(says)) as caught:
        parse_order([item])
    assert caught.value.position == (item.index(at) if at else len(item))


def test_what_is_missing_at_the_end_is_missing_before_trailing_spaces():
    """The place is right after the last word."""
    with pytest.raises(FilterError) as caught:
        parse_filter("metrics.a >  ")
    assert caught.value.position == len("metrics.a >")


@pytest.mark.parametrize("order_by", ["metrics.auc DESC", [1]])
def test_an_order_that_is_no_list_of_texts_is_a_usage_error(order_by):
    """A single text would otherwise be taken apart into letters."""
    with pytest.raises(UsageError, match="order_by is a list"):
        parse_order(order_by)
