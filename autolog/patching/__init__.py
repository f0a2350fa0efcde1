"""Wraps callables so that each call of them can be observed, and undoes that exactly; nothing else in autolog wraps.

There are two kinds of patch. A method is replaced, on the class that defines it, by a wrapper. A module's function
stays the same object and gets other code, so that those who hold it by name are caught too. Either way the user's call
is made once, by `make_call`, and nothing of ours is seen around it: from Python 3.11 on our frames are taken out of
tracebacks, and warnings pass over them when they look for the line to blame. `sys._getframe(1)` does see them.
A function may also be only watched: its other code makes the call by itself, and tells of it at little cost.
"""

from autolog.patching.calling import UNSEEN, Called, Observation, Observe, Skips, Watch, caller, is_unseen, unseen
from autolog.patching.functions import bare
from autolog.patching.patcher import Patcher

__all__ = [
    "UNSEEN",
    "Called",
    "Observation",
    "Observe",
    "Patcher",
    "Skips",
    "Watch",
    "bare",
    "caller",
    "is_unseen",
    "unseen",
]
