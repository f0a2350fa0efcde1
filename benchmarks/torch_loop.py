"""What recording adds to a step of a plain PyTorch loop: loader, loss, backward and optimizer, on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
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

width, pairs, device, batch = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
torch.set_num_threads(1)
torch.manual_seed(0)
data = TensorDataset(torch.randn(200 * batch, 32), torch.randint(0, 10, (200 * batch,)))
loader = DataLoader(data, batch_size=batch)
if device != "cpu":  # what a loader does takes longer than a GPU, and differs more
    loader = [[each.to(device) for each in pair] for pair in loader]
layers = nn.Linear(32, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
model = nn.Sequential(*layers).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

def epoch():
    began = time.perf_counter()
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
    if device != "cpu":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / len(loader) * 1e6

def recorded():
    autolog.enable(silent=True, log_models=False)
    took = epoch()
    autolog.disable()
    return took

epoch(), recorded(), recorded()
print(json.dumps([[recorded(), epoch()] for _ in range(pairs)]))
"""
_SMALL, _LARGE, _WIDE = 64, 1_200, 8_192  # widths: steps of some 0.3 ms, more than 2 ms, and that on a GPU


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Train an epoch with autolog and one without in turn, in one process; several of those."""
    with folder() as here:
        small = [pair for _ in range(3) for pair in program(_PROGRAM, _SMALL, 20, "cpu", 32, cwd=here)]
        large = program(_PROGRAM, _LARGE, 4, "cpu", 32, cwd=here)
        device = program(_PROGRAM, _WIDE, 8, "cuda", 512, cwd=here) if torch.cuda.is_available() else []
    bare = median(off for _, off in small)
    added = median(on - off for on, off in small)
    least = min(on for on, _ in small) - min(off for _, off in small)
    more = f"bare {bare:.0f} us, {added / bare:.1%}; best {least:.1f} us"
    yield Figure("added to a step of a PyTorch loop", added, "us", 20, 10, more)
    yield _share("the same, of a longer step", large, 2)
    if device:
        yield _share("the same, of a step on a GPU", device, 1)


def _share(name: str, pairs: list[list[float]], bar: float) -> Figure:
    bare = median(off for _, off in pairs)
    share = median((on - off) / off for on, off in pairs) * 100
    return Figure(name, share, "%", bar, bar / 2, f"bare {bare / 1000:.2f} ms")


if __name__ == "__main__":
    main(measure)
