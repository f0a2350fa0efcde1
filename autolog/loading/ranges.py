"""Whether a version lies within the range that a requirement states."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["contains", "name_and_range"]

_REQUIREMENT: Final = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*\(?(?P<range>[^)]*)\)?\s*\Z")
_CLAUSE: Final = re.compile(r"\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)*)\s*\Z")
_PLAIN: Final = re.compile(r"\d+(?:\.\d+)*\Z")
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def name_and_range(requirement: str) -> tuple[str, str]:
    """Split a requirement without extras and markers, such as `scikit-learn<2,>=1.3`; "" is any version."""
    found = _REQUIREMENT.match(requirement)
    return (found["name"], found["range"].strip()) if found is not None else (requirement.strip(), "")


def contains(wanted: str, version: str) -> bool:
    """Say whether a range holds a version; pre-releases count.

    Bounds and versions of nothing but numbers compare as these. For all else `packaging` is asked, whose import takes
    longer than all that `enable()` does.
    """
    clauses = [_CLAUSE.match(clause) for clause in wanted.split(",") if clause.strip()]
    if _PLAIN.match(version) and all(clauses):
        return all(_COMPARE[each[1]](_release(version), _release(each[2])) for each in clauses if each)
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(version, prereleases=True)


def _release(text: str) -> tuple[int, ...]:
    """Give the numbers without zeros at the end: 1.0 is 1."""
    numbers = [int(number) for number in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
