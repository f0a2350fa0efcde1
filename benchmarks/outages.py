"""What training beside an MLflow server takes longer while each request to it meets a fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faulty_proxy import Fault

__all__ = ["measure"]

_FITS = """
import json, sys, time, warnings
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
import autolog
warnings.simplefilter("ignore")
X, y = load_digits(return_X_y=True)
def fit():
    began, used = time.perf_counter(), time.thread_time()
    MLPClassifier((200,), max_iter=400, n_iter_no_change=400, random_state=0).fit(X, y)
    return [time.perf_counter() - began, time.thread_time() - used]
fit()
took = []
for _ in range(5):
    bare = fit()
    autolog.enable(backend=sys.argv[1], silent=True, exit_timeout=0)
    took.append([fit(), bare])
    autolog.disable()
    autolog.session.get().end()
print(json.dumps(took))
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Let each request to a real server meet one fault after the other."""
    import faulty_proxy as faults
    from mlflow_server import running

    with folder() as place, running(Path(place) / "server") as server:
        yield _under(None, "with none", server, place)
        for fault, name in (
            (faults.black_hole, "never answered"),
            (faults.reset, "reset mid-body"),
            (faults.drop_answer, "done, and its answer lost"),
            (faults.says(429, Retry_After="1"), "429, Retry-After: 1"),
            (faults.says(500), "500"),
            (faults.late(10), "10 s late"),
        ):
            yield _under(fault, name, server, place)
        yield _figure("connections refused", program(_FITS, "http://127.0.0.1:9", cwd=place))


def _under(fault: Fault | None, name: str, server: str, place: str) -> Figure:
    from faulty_proxy import faulty_proxy

    with faulty_proxy(server) as proxy:
        if fault is not None:
            proxy.fail(fault)
        return _figure(name, program(_FITS, proxy.url, cwd=place))


def _figure(name: str, took: list[list[list[float]]]) -> Figure:
    """Make a line of what five fits took with autolog and without, in seconds that passed and of the thread's own."""
    passed, used = (median((on[each] - off[each]) / off[each] for on, off in took) * 100 for each in (0, 1))
    bare = median(off[0] for _, off in took)
    more = f"{used:.1f} % of its own; bare {bare:.2f} s"
    return Figure(f"a fit while requests meet a fault: {name}", passed, "%", 2, 1, more)


if __name__ == "__main__":
    main(measure)
