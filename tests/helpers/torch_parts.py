"""A small network, its data and one step of its training, of which tests make loops."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["data", "network", "step"]

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
DataLoader, TensorDataset = torch.utils.data.DataLoader, torch.utils.data.TensorDataset


def data(rows: int = 40, batch: int = 10) -> Any:
    inputs = torch.arange(rows * 4).reshape(rows, 4) / (rows * 4)
    return DataLoader(TensorDataset(inputs, inputs.sum(1, keepdim=True)), batch_size=batch)


def network() -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))


def step(model: Any, optimizer: Any, inputs: Any, targets: Any) -> float:
    optimizer.zero_grad()
    loss = F.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    return loss.item()
