"""Places in the user's code, and what they tell of a loop: names of losses, numbers of epochs, what data is for."""

from __future__ import annotations

import linecache
import re
import weakref
from collections.abc import Iterator, Mapping
from itertools import islice
from types import CodeType, FrameType
from typing import Any, Final

from torch import Tensor

from autolog.capture.frames import module_of, name_in, users_outwards, values
from autolog.patching import is_unseen

__all__ = [
    "Site",
    "attributes",
    "divisor_at",
    "known_sites",
    "name_of",
    "own_attributes",
    "site_at",
    "split_at",
    "users",
    "users_frame",
]

_DEEPEST: Final = 8  # frames outwards in which something is looked for
_MOST: Final = 4_096
_ABOVE: Final = 40  # lines in which a division is looked for
_SPLIT: Final = re.compile(
    r"(?:(?<![A-Za-z])|(?=[TVDE]))(?:(?P<test>[Tt]est)|(?P<val>[Vv]al|[Dd]ev|[Ee]val)|(?P<train>[Tt]rain))"
)
_LIBRARIES: Final = ("torch", "autolog", "autolog_torch")
_DOORS: Final = frozenset(("torch._tensor", "torch.overrides", "torch.autograd"))
_PHASES: Final = ("split", "phase", "mode", "stage", "subset")
_BEFORE: Final = re.compile(
    r"(?<![\w)\].])(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*\.\s*backward\s*\("
    r"|(?<![\w)\]])\(\s*(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*/\s*[\w.]+\s*\)\s*\.\s*backward\s*\("
)
"""`loss.backward(`, `self.losses["a"].backward(`, `(loss / 4).backward(`; where more stands there, that is no name."""


class Site:
    """A place in the user's code from which `backward` is called.

    Args:
        name: what the user calls the loss there.
        code: holds the function's code, by whose identity the place is known.
    """

    __slots__ = ("code", "is_plain", "is_shared", "leaf", "name", "path", "undivided")

    def __init__(self, name: str, code: CodeType) -> None:
        self.name = name
        self.code = code
        self.path: list[int] = []  # through a loss's graph, to a parameter
        self.leaf: weakref.ref[Tensor] | None = None  # that parameter, as it was found last
        self.undivided = 0  # losses in a row that were not divided
        self.is_plain = False  # none is to be expected that is
        self.is_shared = False  # losses from here wait together that depend on other parameters each


known_sites: dict[tuple[int, int], Site] = {}
"""The places that have been looked at, by the identity of their code and the place in it."""
_kinds: dict[int, tuple[CodeType, str]] = {}


def users_frame(frame: FrameType | None, *, through: bool = True) -> FrameType | None:
    """Give the frame of the user's that lies next outwards: none of torch's, and none of ours.

    Args:
        frame: where to begin.
        through: torch's own code may lie between; else, where it does and it is not just a door of `Tensor`, None is
            given: it is not the user who calls.
    """
    while frame is not None:
        known = _kinds.get(id(frame.f_code)) or _kind_of(frame)
        if known[1] == "user":
            return frame
        if known[1] == "torch" and not through:
            return None
        frame = frame.f_back
    return None


def _kind_of(frame: FrameType) -> tuple[CodeType, str]:
    """Say whose a function is, and remember it by the identity of its code, which is held for that."""
    module, code = module_of(frame), frame.f_code
    if next(users_outwards(frame, *_LIBRARIES), None) is frame:
        kind = "door" if code.co_name == "__torch_function__" else "user"
    else:
        ours = is_unseen(code) or module.partition(".")[0] != "torch"
        kind = "door" if ours or module in _DOORS else "torch"
    if len(_kinds) < _MOST:
        _kinds[id(code)] = code, kind
    return code, kind


def site_at(frame: FrameType, loss: Tensor) -> Site:
    """Give the place where a frame stands, and the loss's name there, which is looked for once."""
    key = id(frame.f_code), frame.f_lasti
    found = known_sites.get(key)
    if found is None:
        found = Site(_loss_name(frame, loss), frame.f_code)
        if len(known_sites) < _MOST:
            known_sites[key] = found
    return found


def _loss_name(frame: FrameType, loss: Tensor) -> str:
    return name_in(frame, loss) or _undivided_name(frame, loss) or _written_name(frame) or "loss"


def _undivided_name(frame: FrameType, loss: Tensor) -> str | None:
    """Find the variable that was divided by something: `(loss / 4).backward()`."""
    divided = type(loss.grad_fn).__name__ == "DivBackward0"
    before = loss.grad_fn.next_functions if divided and loss.grad_fn is not None else ()
    roots = {id(node) for node, _ in before if node is not None}
    names = frame.f_code.co_varnames + frame.f_code.co_names
    for name, value in zip(names, values(frame, names), strict=True):
        if type(value) is Tensor and value.grad_fn is not None and id(value.grad_fn) in roots:
            return name
    return None


def _written_name(frame: FrameType) -> str | None:
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
    found = _BEFORE.search(line)
    name = (found[1] or found[2]) if found is not None else None
    return None if name == "autograd" else name  # a module of torch's


def divisor_at(frame: FrameType, site: Site) -> float | None:
    """Give the number by which the code before a place divides its loss: that in `loss = loss / accumulated`.

    Args:
        frame: that stands there.
        site: the place.
    """
    name, first = re.escape(site.name), frame.f_code.co_firstlineno
    ended = r"\s*([\w.]+)\s*(?:#.*)?$"
    wanted = re.compile(rf"\(\s*{name}\s*/\s*([\w.]+)\s*\)|^\s*{name}\s*/={ended}|^\s*{name}\s*=.*/{ended}")
    for number in range(frame.f_lineno, max(first, frame.f_lineno - _ABOVE) - 1, -1):
        found = wanted.search(linecache.getline(frame.f_code.co_filename, number, frame.f_globals))
        if found is not None:
            return _number_at(frame, next(filter(None, found.groups())))
    return None


def _number_at(frame: FrameType, written: str) -> float | None:
    """Give what a number, a variable or an attribute such as `args.steps` is; no code of the user's is run for it."""
    if written.replace(".", "", 1).isdigit():
        return float(written)
    name, *parts = written.split(".")
    value: Any = values(frame, [name])[0]
    value = frame.f_globals.get(name) if value is None else value
    for part in parts:
        value = attributes(value).get(part)
    return float(value) if type(value) in (int, float) else None


# ---- names and numbers


def users(frame: FrameType | None, most: int = _DEEPEST) -> Iterator[FrameType]:
    """Give the frames of the user's from that one outwards, not more than so many."""
    return islice(users_outwards(frame, *_LIBRARIES), most)


def name_of(value: object, frame: FrameType | None) -> str | None:
    """Give the user's name for an object: a variable's, or that of an attribute of the `self` of a method."""
    for each in users(frame):
        found = _name_at(each, value)
        if found is not None and found != "self":
            return found
    return None


def _name_at(frame: FrameType, value: object) -> str | None:
    """Give the name of a variable, or else of an attribute of the method's `self`."""
    own = (name for name, each in own_attributes(frame).items() if each is value)
    return name_in(frame, value) or next(own, None)


def own_attributes(frame: FrameType) -> Mapping[str, Any]:
    """Give the attributes of the `self` of a method."""
    return attributes(values(frame, ["self"])[0])


def attributes(value: object) -> Mapping[str, Any]:
    """Give an object's own attributes without running code of its class."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def split_at(frame: FrameType | None, loader: object = None) -> str | None:
    """Say what data is used for, by the user's own words: `val`, `test` or `train`; None where they do not tell.

    The words are the loader's name, then the text in a variable such as `phase`, then the names of functions.

    Args:
        frame: where to begin.
        loader: what the data comes from, if anything.
    """
    frames = list(users(frame))
    words = [
        *(_name_at(each, loader) for each in frames if loader is not None),
        *(_phase(each) for each in frames),
        *(each.f_code.co_name for each in frames),
    ]
    return next(filter(None, map(_split, words)), None)


def _phase(frame: FrameType) -> str | None:
    return next((value for value in values(frame, _PHASES) if type(value) is str), None)


def _split(word: str | None) -> str | None:
    found = _SPLIT.search(word or "")
    return None if found is None else found.lastgroup
