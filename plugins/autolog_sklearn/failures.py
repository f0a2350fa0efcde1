"""The errors of a split that `error_score` lets pass: scikit-learn keeps a fit's as a text, and drops a scorer's."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer

from autolog.patching import UNSEEN, unseen
from autolog.recording.endings import error_facts
from autolog.recording.runs import ActiveRun

__all__ = ["Errors", "passed_error", "watched"]

Errors: TypeAlias = "list[Exception | str]"
"""The errors of scorers, in their order; of several scorers at once scikit-learn may give only the tracebacks."""


class _Watched:
    """Stands in for a callable that scores, and keeps what it raises; for anyone who prints it, it is that callable."""

    def __init__(self, scorer: Callable[..., Any], errors: Errors) -> None:
        self._scorer = scorer
        self._errors = errors

    @unseen
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._scorer(*args, **kwargs)
        except BaseException as error:
            UNSEEN.leave()
            if isinstance(error, Exception):
                self._errors.append(error)
            raise

    def __repr__(self) -> str:
        return repr(self._scorer)

    def __str__(self) -> str:
        return str(self._scorer)


class _WatchedScorers(_MultimetricScorer):  # type: ignore[misc]
    """Stands in for several scorers at once, and keeps the texts that it gives in place of the scores that failed."""

    def __init__(self, scorers: _MultimetricScorer, errors: Errors) -> None:
        self.__dict__.update(vars(scorers))
        self._errors = errors

    @unseen
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            scores = super().__call__(*args, **kwargs)
        except BaseException:
            UNSEEN.leave()
            raise
        self._errors += [score for score in scores.values() if isinstance(score, str)]
        return scores


def watched(scorer: Any, errors: Errors) -> Any:
    """Give what scores as the scorer does, and adds to `errors` those that it lets nobody see.

    Args:
        scorer: what scikit-learn was to score a split with.
        errors: takes them.
    """
    if type(scorer) is dict:  # several at once, before version 1.4
        return {name: _watched_in_place(each, errors) for name, each in scorer.items()}
    if type(scorer) is _MultimetricScorer:
        return _WatchedScorers(scorer, errors)
    return _Watched(scorer, errors) if callable(scorer) and not isinstance(scorer, _MultimetricScorer) else scorer


def _watched_in_place(scorer: Any, errors: Errors) -> Any:
    """Give a scorer of the same type, which is what decides whether several share their predictions."""
    if not isinstance(scorer, _BaseScorer) or type(scorer).__module__ != _BaseScorer.__module__:
        return _Watched(scorer, errors)
    twin = object.__new__(type(scorer))
    twin.__dict__.update(vars(scorer), _score=_Watched(scorer._score, errors))  # noqa: SLF001
    return twin


def passed_error(result: Any, errors: Errors, run: ActiveRun) -> Mapping[str, str] | None:
    """Give the facts of the error that a split went on after: of its fit, else the first of its scorers.

    Args:
        result: what scikit-learn's function for a split returned.
        errors: of the scorers; they are let go of, and with them what their tracebacks hold.
        run: takes notes of what is missing.
    """
    text = result.get("fit_error") if isinstance(result, dict) else None
    first = text if isinstance(text, str) else errors[0] if errors else None
    errors.clear()
    return _read(first) if isinstance(first, str) else error_facts(first, run)


def _read(text: str) -> dict[str, str]:
    """Read an error from its traceback."""
    lines = text.rstrip("\n").split("\n")
    last = max((number for number, line in enumerate(lines) if line.startswith("  File ")), default=0)
    said = [number for number in range(last + 1, len(lines)) if not lines[number].startswith(" ")]
    message = " ".join(" ".join(lines[said[0] if said else -1 :]).split())
    kind = message.partition(": ")[0]
    return {
        "type": f"builtins.{kind}" if hasattr(builtins, kind) else kind,
        "message": message,
        "traceback": text,
    }
