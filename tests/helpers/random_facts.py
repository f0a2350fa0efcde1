"""Facts about a run as hypothesis draws them: of every kind that the merge table knows, and one of a later version."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from autolog.journal import points
from autolog.journal.points import Columns
from autolog.values import encode

__all__ = ["OTHER_HOST", "batch", "facts"]

OTHER_HOST = {"format": 1, "host": "elsewhere", "boot": "x", "pid": 1, "process_start": "1"}
"""The header of a journal whose writer only its beats tell of."""

names = st.sampled_from(["a", "b", "loss \ud800"])
small_int = st.integers(-3, 3)
some_value = small_int | st.floats() | st.text(max_size=3) | st.tuples(small_int)
point_lists = st.lists(st.tuples(small_int, st.floats(), small_int), min_size=1, max_size=4)


def batch(found: list[tuple[int, float, int]]) -> dict[str, Any]:
    """Give points as a series' columns."""
    return points.encode(Columns(*map(list, zip(*found, strict=True))))


facts = st.one_of(
    st.builds(lambda s, n: ("started", {"session": s, "run_name": n, "experiment": "e"}), names, names),
    st.builds(lambda s, e: ("finished", {"status": e, "session": s}), names, st.sampled_from(["FINISHED", "FAILED"])),
    st.builds(lambda k, v: ("params", {"params": {k: encode(v)}}), names, some_value),
    st.builds(lambda k, p: ("points", {"series": {k: batch(p)}}), names, point_lists),
    st.builds(lambda k, v, r: ("tags", {"tags": {k: encode(v)}, "removed": [r]}), names, some_value, names),
    st.builds(lambda k, v: ("environment", {k: encode(v)}), names, some_value),
    st.builds(lambda v: ("signature", {"inputs": encode(v)}), some_value),
    st.builds(lambda n, d: ("dataset", {"name": n, "digest": d}), names, names),
    st.builds(lambda n, d: ("model", {"name": n, "sha256": d}), names, names),
    st.builds(lambda n, s: ("artifact", {"path": n, "size": s}), names, small_int),
    st.builds(
        lambda n, p: ("candidate", {"run_name": n, "experiment": "e", "splits": 2, "tags": {}, "params": {n: p}}),
        names,
        small_int,
    ),
    st.builds(lambda c, s, v: ("split", {"candidate": c, "split": s, "score": v}), small_int, small_int, small_int),
    st.builds(lambda s, v: ("split", {"split": s, "metrics": {"split_a": encode(v)}}), small_int, some_value),
    st.builds(lambda t: ("note", {"text": t}), names),
    st.builds(lambda d: ("deleted", {"deleted": d}), st.booleans()),
    st.just(("beat", {"every": 10.0})),
    st.just(("kind of a later version", {"x": 1})),
)
