"""A million points and a model of 200 MB to S3 on loopback: the memory that delivery adds, and what it asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from buckets import bucket
from measuring import Figure, main, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_PROGRAM = """
import json, os, resource, sys, time
from pathlib import Path
import autolog
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
os.environ.update(json.loads(sys.argv[1]))
model = Path("model.bin")
block = os.urandom(1_000_000)
with model.open("wb") as file:
    for _ in range(200):
        file.write(block)
autolog.enable(backend=sys.argv[2:], silent=True, exit_timeout=120)
with autolog.start_run() as run:
    autolog.log_metric("loss", 1.0, step=0)
    before, began = peak(), time.monotonic()
    for step in range(1, 1_000_000):
        autolog.log_metric("loss", 1.0 / step, step=step)
    logged = time.monotonic() - began
    autolog.log_artifact(model)
autolog.session.get().end()
print(json.dumps([peak() - before, logged, time.monotonic() - began, run.run_id]))
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Record in a fresh process, with the bucket and without."""
    with bucket() as (place, proxy, told):
        bare, _, _, _ = program(_PROGRAM, json.dumps(told), "alone", cwd=str(place))
        memory, logged, took, run_id = program(_PROGRAM, json.dumps(told), "runs", "s3://bucket/team", cwd=str(place))
        parts, puts = (proxy.count("PUT", of) for of in ("partNumber=", ".jsonl.gz"))
        arrived = (place / "served" / "bucket" / "team" / run_id / "files" / run_id / "model.bin").stat().st_size
    yield Figure("1,000,000 points and 200 MB to S3, memory added", memory - bare, "MiB", 100, 60, f"alone {bare:.0f}")
    yield Figure("… segments put", puts, "PUTs", more=f"in {took:.1f} s, of which logging {logged:.1f}")
    yield Figure("… parts of the model put", parts, "PUTs", more=f"{arrived:,} bytes arrived")


if __name__ == "__main__":
    main(measure)
