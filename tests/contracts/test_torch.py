"""The PyTorch plugin keeps what plugins promise."""

from __future__ import annotations

from autolog.testing import PluginContract, Run, series


class TestTorch(PluginContract):
    """A plain loop."""

    plugin = "torch"
    brings = frozenset({"numpy", "safetensors"})

    def train(self) -> object:
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        torch.manual_seed(0)
        rows = torch.randn(16, 3)
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for _ in range(2):
            for (x,) in DataLoader(TensorDataset(rows), batch_size=8):
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(x), x[:, :1])
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        weights = [each.tolist() for each in model.parameters()]
        hooks = [len(model._forward_hooks), len(optimizer._optimizer_step_post_hooks)]
        return {"losses": losses, "weights": weights, "hooks": hooks}

    def check(self, run: Run) -> None:
        assert run.params["optimizer.lr"] == 0.1
        assert len(series(run, "loss")) in (2, 4)

    def fail(self) -> object:
        import torch

        return torch.nn.functional.mse_loss(torch.ones(2), "no tensor")
