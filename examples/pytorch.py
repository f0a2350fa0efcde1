"""Trains a small network on handwritten digits in a plain loop, and shows what autolog has recorded of it."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

import autolog

autolog.enable(backend="./autolog-runs", experiment="digits")


def train(model: nn.Module, train_loader: DataLoader, optimizer: torch.optim.Optimizer) -> None:  # type: ignore[type-arg]
    """Train for one epoch."""
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def test(model: nn.Module, test_loader: DataLoader) -> float:  # type: ignore[type-arg]
    """Give the mean loss over the batches that were not trained on."""
    with torch.no_grad():
        losses = [nn.functional.cross_entropy(model(images), labels).item() for images, labels in test_loader]
    return sum(losses) / len(losses)


def main() -> None:
    """Train, and read the run back."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    digits = TensorDataset(torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels))
    learned, kept = random_split(digits, [0.8, 0.2])
    train_loader, test_loader = DataLoader(learned, batch_size=32, shuffle=True), DataLoader(kept, batch_size=100)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for epoch in range(1, 6):
        train(model, train_loader, optimizer)
        print(f"epoch {epoch}: test loss {test(model, test_loader):.4f}")
    autolog.end_run()

    run = autolog.search_runs(max_results=1, output_format="list")[0]
    print("\nrecorded, without a line of logging:")
    print({name: run.params[name] for name in ("model", "optimizer", "optimizer.lr", "batch_size", "seed", "epochs")})
    for key in ("loss_epoch", "test_loss"):
        print(key, [f"{value:.4f}" for _, value, _ in run.history(key)])
    weights = autolog.load_model(f"runs:/{run.run_id}/model")
    print({name: tuple(tensor.shape) for name, tensor in weights.items()})


if __name__ == "__main__":
    main()
