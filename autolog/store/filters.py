"""The filter language of `search_runs`: reads the text of a filter or an order; docs/filters.md describes it.

What the nodes mean is in expressions.py, how values compare in comparing.py; both are exported here.
"""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, cast

from autolog.exceptions import FilterError, UsageError
from autolog.store.comparing import TESTS, Scalar, Value, number
from autolog.store.expressions import (
    ATTRIBUTES,
    TIMES,
    And,
    Comparison,
    Expression,
    Filter,
    Kind,
    Name,
    Not,
    Operator,
    Or,
    Order,
    OrderKey,
    Searchable,
    milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lark import Lark, Token, Transformer
    from lark.exceptions import UnexpectedToken

__all__ = [
    "And",
    "Comparison",
    "Expression",
    "Filter",
    "Kind",
    "Name",
    "Not",
    "Operator",
    "Or",
    "Order",
    "OrderKey",
    "Scalar",
    "Searchable",
    "Value",
    "parse_filter",
    "parse_order",
]

_LAST_KEYS: Final = OrderKey(Name("attributes", "start_time"), True), OrderKey(Name("attributes", "run_id"))

_STATUS: Final = Name("attributes", "status")  # written in capitals, or as the page shows it

_NESTING_LIMIT = 50  # parentheses; what walks the tree may recurse


def parse_filter(text: str) -> Filter:
    """Read a filter such as `metrics.auc > 0.9 and params.model = 'rf'`; a blank one matches every run.

    Args:
        text: the filter; docs/filters.md describes the language.

    Raises:
        FilterError: it cannot be read; points at the place.
    """
    if not isinstance(text, str):
        raise UsageError(f'a filter is text such as "metrics.auc > 0.9", not {type(text).__name__}')
    expression = _read(text, "filter")
    _refuse_deep_nesting(text)
    return Filter(expression)


def parse_order(order_by: Sequence[str]) -> Order:
    """Read an order such as `["metrics.auc DESC"]`; what it leaves equal goes by `start_time DESC`, then `run_id`.

    Args:
        order_by: names, each with ASC (the default) or DESC, the most important first.

    Raises:
        FilterError: an item cannot be read; points at the place.
        UsageError: it is not a list of texts.
    """
    if isinstance(order_by, str) or not all(isinstance(item, str) for item in order_by):
        raise UsageError(f'order_by is a list such as ["metrics.auc DESC", "start_time"], not {order_by!r}')
    return Order((*(_read(item, "order") for item in order_by), *_LAST_KEYS))


class _Misread(Exception):  # noqa: N818 - never leaves this module
    """A `FilterError` to be, by code that does not know the whole text."""

    def __init__(self, message: str, position: int) -> None:
        self.message, self.position = message, position


@functools.lru_cache(maxsize=1)
def _parser() -> Lark:
    from lark import Lark

    grammar = Path(__file__).with_name("filter.lark").read_text(encoding="utf-8")
    # The builder is called as the parser goes along: no tree to recurse into, so no depth of parentheses hurts.
    builder = cast("Transformer[Token, Any]", _Builder())
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=["filter", "order"],
        maybe_placeholders=False,
        transformer=builder,
    )


def _read(text: str, start: Literal["filter", "order"]) -> Any:
    parser = _parser()
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    try:
        return parser.parse(text, start=start)
    except _Misread as error:
        message, position = error.message, error.position
    except UnexpectedCharacters as error:
        position = cast("int", error.pos_in_stream)
        message = _unreadable(text[position])
    except UnexpectedToken as error:
        position = len(text.rstrip()) if error.token.type == "$END" else _position(error.token)
        message = _misplaced(error)
    raise FilterError(message, text, position)


def _refuse_deep_nesting(text: str) -> None:
    depth = 0
    for token in _parser().lex(text):
        depth += (token.value == "(") - (token.value == ")")
        if depth > _NESTING_LIMIT:
            message = f"more than {_NESTING_LIMIT} parentheses stand inside each other; leave out those not needed"
            raise FilterError(message, text, _position(token))


def _unreadable(character: str) -> str:
    if character == "`":
        return "backticks quote a name, in pairs after the dot: params.`a-b`; a text stands in quotes: 'a-b'"
    if character in "'\"":
        return f"this {character} opens what is never closed; a quote inside quotes is doubled"
    return f"{character!r} means nothing here; a name with such a character is quoted: params.`a{character}b`"


# By a terminal that is expected in that state and in none of those below it.
_MISSING: Mapping[str, str] = {
    "DESC": "a name is followed by ASC, DESC or nothing; each name is an item of its own in the list",
    "OPERATOR": "a comparator is missing: = != < <= > >= LIKE ILIKE IN, NOT IN, IS NULL or IS NOT NULL",
    "LIKE": "NOT is followed by IN, LIKE or ILIKE; to turn a whole comparison round, write `not` before it",
    "QUALIFIED": "a name is missing, such as metrics.auc; a comparison is written: name, comparator, value",
    "STRING": "a value is missing: a number, a text in quotes, true, false or null",
    "NULL": "IS is followed by NULL or NOT NULL",
    "_AND": "two comparisons are joined by `and` or `or`, and a text of several words is quoted",
    "COMMA": "a list ends with ), and its values are separated by commas",
    "RPAR": "a parenthesis is never closed",
    "$END": "nothing may follow here; take this away",
}


def _misplaced(error: UnexpectedToken) -> str:
    message = next(text for terminal, text in _MISSING.items() if terminal in error.expected)
    return message if error.token.type == "$END" else f"{message} (found {str(error.token)!r})"


# ---- the meaning of names and values

_ENTITIES: Mapping[str, Kind] = {
    "metrics": "metrics", "metric": "metrics",
    "params": "params", "param": "params", "parameters": "params", "parameter": "params",
    "tags": "tags", "tag": "tags",
    "attributes": "attributes", "attribute": "attributes", "attr": "attributes", "run": "attributes",
}  # fmt: skip
_OTHER_LANGUAGES = {"==": "=", "<>": "!=", "=>": ">=", "=<": "<="}
_CONSTANTS: Mapping[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}


@dataclass(frozen=True)
class _Operand:
    value: Any  # a scalar, None for null, or a tuple of operands
    position: int


class _Builder:
    """Makes the nodes; the methods are named as the grammar's rules and take what the parser found."""

    def filter(self, children: list[Expression]) -> Expression:
        return children[0] if children else And(())

    def disjunction(self, children: list[Expression]) -> Expression:
        return Or(tuple(children))

    def conjunction(self, children: list[Expression]) -> Expression:
        return And(tuple(children))

    def negated(self, children: list[Any]) -> Expression:
        operand: Expression = children[-1]
        return operand.operand if isinstance(operand, Not) else Not(operand)

    def comparison(self, children: list[Any]) -> Expression:
        return _comparison(*children)

    def null_test(self, children: list[Any]) -> Expression:
        return Comparison(children[0], "IS NULL" if len(children) == 3 else "IS NOT NULL", None)

    def operator(self, children: list[Token]) -> Token:
        return children[0].update(value=" ".join(token.upper() for token in children))

    def value(self, children: list[Token]) -> _Operand:
        return _operand(children[0])

    item = value

    def values(self, children: list[Any]) -> _Operand:
        return _Operand(tuple(children[1:]), _position(children[0]))

    def name(self, children: list[Token]) -> Name:
        return _name(children[0])

    def order(self, children: list[Token]) -> OrderKey:
        return OrderKey(_name(children[0]), len(children) == 2 and children[1].type == "DESC")


def _position(token: Token) -> int:
    return cast("int", token.start_pos)


def _name(token: Token) -> Name:
    prefix, dot, key = str(token).partition(".")
    position = _position(token)
    if not dot:
        return _attribute(prefix, position)
    if prefix not in _ENTITIES:
        near = _nearest(prefix.lower(), _ENTITIES)
        raise _Misread(f"there is no {prefix!r} to look in; {near}it is metrics, params, tags or attributes", position)
    key = _unquote(key) if token.type == "QUALIFIED" else key
    position += len(prefix) + 1
    if not key:
        raise _Misread(f"a name is missing after {prefix!r} and its dot", position)
    kind = _ENTITIES[prefix]
    return _attribute(key, position) if kind == "attributes" else Name(kind, key)


def _attribute(key: str, position: int) -> Name:
    if key in ATTRIBUTES:
        return Name("attributes", key)
    near, known = _nearest(key.lower(), ATTRIBUTES), ", ".join(ATTRIBUTES)
    hint = "a metric is written metrics.<name>, a param params.<name>, a tag tags.<name>"
    raise _Misread(f"a run has no attribute {key!r}; {near}it has {known}; {hint}", position)


def _nearest(word: str, known: Iterable[str]) -> str:
    return "".join(f"did you mean {near!r}? " for near in difflib.get_close_matches(word, known, n=1))


def _unquote(text: str) -> str:
    r"""Take the quotes off: inside them a doubled quote is one, and `\` makes a quote or a `\` stand for itself."""
    return re.sub(rf"\\([\\'\"`])|{text[0]}({text[0]})", r"\1\2", text[1:-1])


def _operand(token: Token) -> _Operand:
    position = _position(token)
    if token.type == "BARE":
        raise _Misread(f"a value is a number, a text in quotes, true, false or null: write '{token}'", position)
    if token.type in _CONSTANTS:
        return _Operand(_CONSTANTS[token.type], position)
    return _Operand(number(token) if token.type == "NUMBER" else _unquote(token), position)


def _comparison(name: Name, sign: Token, operand: _Operand) -> Comparison:
    if sign not in TESTS:
        right = _OTHER_LANGUAGES.get(sign, "one of = != < <= > >=")
        raise _Misread(f"{str(sign)!r} is no comparator; write {right}", _position(sign))
    comparator = cast("Operator", str(sign))
    if operand.value is None and comparator in ("=", "!="):
        return Comparison(name, "IS NULL" if comparator == "=" else "IS NOT NULL", None)
    return Comparison(name, comparator, _value(name, comparator, operand))


def _value(name: Name, comparator: Operator, operand: _Operand) -> Value:
    """Give the operand's value as the comparator and the name want it."""
    takes_list, is_list = comparator in ("IN", "NOT IN"), isinstance(operand.value, tuple)
    if takes_list and not (is_list and operand.value):
        _refuse(operand, f"{comparator} takes a list of at least one value: {comparator} ('a', 'b')")
    if is_list and not takes_list:
        _refuse(operand, f"{comparator} takes one value; a list goes with IN")
    if is_list:
        return tuple(_scalar(name, comparator, item) for item in operand.value)
    return _scalar(name, comparator, operand)


def _scalar(name: Name, comparator: Operator, operand: _Operand) -> Scalar:
    if operand.value is None:
        _refuse(operand, f"null does not go with {comparator}; write {name} IS NULL")
    if name == _STATUS and isinstance(operand.value, str):
        operand = replace(operand, value=operand.value.upper())
    if comparator.endswith("LIKE"):
        return _pattern(name, comparator, operand)
    if isinstance(operand.value, bool) and comparator not in ("=", "!=", "IN", "NOT IN"):
        _refuse(operand, f"true and false have no order; compare them with = or !=, not {comparator}")
    return _number_for(name, operand) if name.is_number else cast("Scalar", operand.value)


def _pattern(name: Name, comparator: Operator, operand: _Operand) -> str:
    if name.is_number:
        _refuse(operand, f"{comparator} compares text, and {name} is a number; use = != < <= > >=")
    if not isinstance(operand.value, str):
        _refuse(operand, f"{comparator} takes a text in quotes: {comparator} 'a%'")
    return operand.value


def _number_for(name: Name, operand: _Operand) -> int | float:
    value = number(operand.value) if isinstance(operand.value, str) else operand.value
    if value is None and _is_time(name):
        value = milliseconds(_iso_time(operand.value))
    if value is None or isinstance(value, bool):
        time = ": milliseconds since the epoch; or with a time such as '2026-01-31T12:00:00Z'"
        _refuse(operand, f"{name} is compared with a number{time if _is_time(name) else ''}")
    return cast("int | float", value)


def _is_time(name: Name) -> bool:
    return name.kind == "attributes" and name.key in TIMES


def _refuse(operand: _Operand, message: str) -> NoReturn:
    raise _Misread(message, operand.position)


_ISO_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,6})\d*)?)?\s*([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)


def _iso_time(text: str) -> datetime | None:
    """Read ISO 8601, alike on all versions of Python; without a zone it is UTC, without a time midnight."""
    match = _ISO_TIME.fullmatch(text)
    if not match:
        return None
    day, minute, second, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else f"{zone[:3]}:{zone[-2:]}"
    try:
        time = f"{day}T{minute or '00:00'}{second or ':00'}.{(fraction or '').ljust(6, '0')}{zone}"
        return datetime.fromisoformat(time)
    except ValueError:  # the 31st of February
        return None
