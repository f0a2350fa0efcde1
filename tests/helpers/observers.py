"""Observers of wrapped calls."""

from __future__ import annotations

from typing import Any

from autolog.patching import Called

__all__ = ["Following", "Watch", "nothing"]


class Watch:
    """Observes every call, and changes none."""

    def __init__(self) -> None:
        self.seen: list[Called] = []
        self.ends: list[Any] = []

    def __call__(self, called: Called) -> Following:
        self.seen.append(called)
        return Following(called.args, called.kwargs, self.ends)


class Following:
    """An observation that keeps how calls ended."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], ends: list[Any]) -> None:
        self.args, self.kwargs, self.ends = args, kwargs, ends

    def done(self, result: Any) -> None:
        self.ends.append(result)

    def failed(self, error: BaseException) -> None:
        self.ends.append(error)


def nothing(called: Called) -> None:
    """Find nothing to observe."""
