"""Which variable of the user's counts the epochs: one that does at this place, not one that a loop has left behind."""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType, FrameType
from typing import Final, NamedTuple

from autolog.capture.frames import values
from autolog_torch.sites import own_attributes, users

__all__ = ["epoch_at"]

_EPOCHS: Final = (
    *("epoch", "current_epoch", "cur_epoch", "n_epoch", "epoch_idx", "epoch_id", "epoch_i", "i_epoch", "iepoch"),
    *("epoch_num", "epoch_number", "ep", "e"),
)

_STORES: Final = ("STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF")


def epoch_at(frame: FrameType | None) -> int | None:
    """Give the number of the epoch, by the loop variable or attribute in which the user counts them."""
    for each in users(frame):
        code = each.f_code
        known = {*code.co_varnames, *code.co_cellvars, *code.co_freevars, *code.co_names}
        numbers = values(each, [name for name in _EPOCHS if name in known and _counts(code, name, each.f_lasti)])
        numbers += [value for name, value in own_attributes(each).items() if name.lstrip("_") in _EPOCHS]
        for value in numbers:
            if type(value) is int:
                return value
    return None


class _Loop(NamedTuple):
    """A loop in a function's code, from its first instruction to the last."""

    first: int
    last: int

    def has(self, place: int) -> bool:
        return self.first <= place <= self.last


def _counts(code: CodeType, name: str, place: int) -> bool:
    """Say whether a variable counts at a place: not where a loop that is over has set it last, nor where the loops
    around the place do not set it. What the function does not set at all, as a parameter, its caller counts."""
    loops, stores = _loops(code), _stores(code, name)
    around = [loop for loop in loops if loop.has(place)]
    last = max((store for store in stores if store < place), default=None)
    if last is not None and any(loop.has(last) and loop not in around for loop in loops):
        return False
    return not stores or not around or any(loop.has(store) for loop in around for store in stores)


@lru_cache(maxsize=256)
def _loops(code: CodeType) -> tuple[_Loop, ...]:
    last: dict[int, int] = {}
    for each in dis.get_instructions(code):
        jumps = each.opcode in dis.hasjrel or each.opcode in dis.hasjabs
        if jumps and each.argval < each.offset:
            last[each.argval] = each.offset
    return tuple(_Loop(*each) for each in last.items())


@lru_cache(maxsize=256)
def _stores(code: CodeType, name: str) -> tuple[int, ...]:
    return tuple(each.offset for each in dis.get_instructions(code) if name in _stored(each))


def _stored(instruction: dis.Instruction) -> tuple[str, ...]:
    """Give the variables that an instruction sets; there are some for two of them, and for one that is set and another
    that is read."""
    if not instruction.opname.startswith(_STORES):
        return ()
    names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
    return names[:1] if "LOAD" in instruction.opname else names
