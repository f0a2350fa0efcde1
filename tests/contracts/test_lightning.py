"""The Lightning plugin keeps what plugins promise."""

from __future__ import annotations

import importlib

import pytest

from autolog.testing import PluginContract, Run, series


@pytest.mark.filterwarnings("ignore")
class TestLightning(PluginContract):
    """A Trainer with a callback of the user's."""

    plugin, module = "lightning", "lightning.pytorch"
    brings = frozenset({"cloudpickle", "safetensors"})

    def train(self) -> object:
        import logging
        import warnings

        import torch
        from torch.utils.data import DataLoader, TensorDataset

        pl = importlib.import_module(self.module)

        class Model(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(3, 1)

            def training_step(self, batch, _):
                loss = self.layer(batch[0]).pow(2).mean()
                self.log("train_loss", loss)
                return loss

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.1)

        logging.getLogger(self.module).setLevel(logging.ERROR)
        torch.manual_seed(0)
        model, data = Model(), DataLoader(TensorDataset(torch.randn(16, 3)), batch_size=8)
        callbacks = [pl.callbacks.Timer()]
        quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = pl.Trainer(
                max_epochs=2, accelerator="cpu", logger=False, callbacks=callbacks, log_every_n_steps=1, **quiet
            )
            trainer.fit(model, data)
        weights = [each.tolist() for each in model.parameters()]
        return {"weights": weights, "callbacks": len(callbacks), "theirs": len(trainer.callbacks)}

    def check(self, run: Run) -> None:
        assert run.params["max_epochs"] == 2
        assert series(run, "train_loss")

    def fail(self) -> object:
        pl = importlib.import_module(self.module)
        return pl.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu").fit("no module")


@pytest.mark.slow
class TestOlderName(TestLightning):
    """The same under its older import name."""

    plugin = module = "pytorch_lightning"
