"""Charts as data: tables that say what they show, written as JSON and drawn when somebody looks.

A file `charts/….json` holds `{"charts": [chart, …]}`. A chart is a table as `log_table` writes it (`columns`, `data`),
with its `kind`, what it is `of` (the data's name, `training`, or `model`) and what else drawing it needs. Nothing in it
is a row of the data: it holds counts, rates, scores, and what the model has learned.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from autolog import guard
from autolog.recording import afterwards
from autolog.recording.redaction.texts import redact_text
from autolog.values import JSON, encode

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["MOST", "Chart", "chart", "log_charts"]

Chart: TypeAlias = "dict[str, JSON]"

MOST: Final = 1_000
"""Points of a table at most."""


def chart(kind: str, columns: Mapping[str, Any], **more: Any) -> Chart:
    """Make a chart.

    Args:
        kind: what it shows, e.g. "roc_curve".
        columns: arrays or lists of one length, by name; NaN and infinity keep their form of `autolog.values`.
        more: what else the one who draws it needs.
    """
    further = {name: _listed(value) if isinstance(value, list) else value for name, value in more.items()}
    rows = zip(*map(_listed, columns.values()), strict=True)
    return {"kind": kind, **further, "columns": list(columns), "data": list(rows)}


def _listed(values: Any) -> Sequence[JSON]:
    """Give values as JSON, and text without secrets; an array is as good as a list."""
    listed: list[JSON] = values if isinstance(values, list) else values.tolist()
    kinds = set(map(type, listed))
    if kinds <= _PLAIN or (kinds == {float} and all(map(math.isfinite, listed))):
        return listed
    return list(map(encode, _without_secrets(listed)))


_PLAIN: Final = frozenset({int, bool})


def _without_secrets(values: Sequence[Any]) -> Sequence[Any]:
    """Take secrets out of names; looked for in all of them at once, which is faster, as there are hardly ever any."""
    joined = "\n".join(dict.fromkeys(value for value in values if isinstance(value, str)))
    if not joined or redact_text(joined) == joined:
        return values
    return [redact_text(value) if isinstance(value, str) else value for value in values]


def log_charts(
    run: ActiveRun, name: str, of: str, made: Iterable[Chart], make: Callable[..., Iterable[Chart]], *given: Any
) -> None:
    """Have charts of one prediction, or of one model, made and written to a file, on a thread of ours.

    Args:
        run: whose they are.
        name: the file's.
        of: what they show something of.
        made: those that are made already.
        make: gives the others; where there are none at all, nothing is written.
        given: its arguments, which nobody changes any more.
    """
    afterwards.do((run.run_id, name), run, f"charts of {of}", _write, run, name, of, list(made), make, given)


def _write(
    run: ActiveRun, name: str, of: str, made: list[Chart], make: Callable[..., Iterable[Chart]], given: Any
) -> None:
    charts = [*(guard.call("charts.make", run, _made, make, given) or []), *made]
    document = [{"kind": each["kind"], "of": of, **each} for each in charts]
    if document:
        run.add_file(f"charts/{name}.json", json.dumps({"charts": document}).encode("ascii"))


def _made(make: Callable[..., Iterable[Chart]], given: Any) -> list[Chart]:
    return list(make(*given))
