"""Pickles of objects whose classes are not here, written from what is known of them.

Each function gives the instructions that leave one object on the unpickler's stack.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["CALL_WITH_ONE", "END", "START", "bytes_head", "call", "named", "value", "with_attribute", "with_state"]

START: Final = pickle.PROTO + b"\x04"
END: Final = pickle.STOP
CALL_WITH_ONE: Final = pickle.TUPLE1 + pickle.REDUCE
"""Calls what lies below the last object, with that."""


def value(plain: Any) -> bytes:
    """Give a plain value: what the second protocol writes keeps its memo to itself, also among others."""
    return pickle.dumps(plain, 2)[2:-1]


def named(path: str) -> bytes:
    """Give a class or function by its full name."""
    module, _, name = path.rpartition(".")
    return pickle.GLOBAL + f"{module}\n{name}\n".encode("ascii")


def call(path: str, *arguments: bytes) -> bytes:
    """Give what a function returns."""
    return named(path) + pickle.MARK + b"".join(arguments) + pickle.TUPLE + pickle.REDUCE


def with_state(made: bytes, state: Mapping[str, bytes]) -> bytes:
    """Give an object with attributes, as pickle sets them."""
    pairs = b"".join(value(name) + each for name, each in state.items())
    return made + pickle.EMPTY_DICT + pickle.MARK + pairs + pickle.SETITEMS + pickle.BUILD


def with_attribute(made: bytes, name: str, each: bytes) -> bytes:
    """Give an object with one attribute, set as anybody would."""
    kept, again = pickle.BINPUT + b"\0", pickle.BINGET + b"\0"
    setting = named("builtins.setattr") + pickle.MARK + again + value(name) + each + pickle.TUPLE + pickle.REDUCE
    return made + kept + setting + pickle.POP


def bytes_head(size: int) -> bytes:
    """Give what stands before the bytes of a bytes object."""
    return pickle.BINBYTES8 + struct.pack("<Q", size)
