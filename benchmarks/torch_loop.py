"""What recording adds to a step of a plain PyTorch loop: loader, loss, backward and optimizer, on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_PROGRAM = """
import json, sys, time
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
import autolog

width, pairs = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
torch.manual_seed(0)
data = TensorDataset(torch.randn(6400, 32), torch.randint(0, 10, (6400,)))
loader = DataLoader(data, batch_size=32)
model = nn.Sequential(nn.Linear(32, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

def epoch():
    began = time.perf_counter()
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - began) / len(loader) * 1e6

def recorded():
    autolog.enable(silent=True, log_models=False)
    took = epoch()
    autolog.disable()
    return took

epoch(), recorded(), recorded()
print(json.dumps([[recorded(), epoch()] for _ in range(pairs)]))
"""
_SMALL, _LARGE = 64, 1_200  # widths: steps of some 0.3 ms, and of more than 2 ms


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Train an epoch with autolog and one without in turn, in one process; several of those."""
    with folder() as here:
        small = [pair for _ in range(3) for pair in program(_PROGRAM, _SMALL, 20, cwd=here)]
        large = program(_PROGRAM, _LARGE, 4, cwd=here)
    bare = median(off for _, off in small)
    added = median(on - off for on, off in small)
    least = min(on for on, _ in small) - min(off for _, off in small)
    more = f"bare {bare:.0f} us, {added / bare:.1%}; best {least:.1f} us"
    yield Figure("added to a step of a PyTorch loop", added, "us", 20, 10, more)
    bare = median(off for _, off in large)
    share = median((on - off) / off for on, off in large) * 100
    yield Figure("the same, of a longer step", share, "%", 2, 1, f"bare {bare / 1000:.2f} ms")


if __name__ == "__main__":
    main(measure)
