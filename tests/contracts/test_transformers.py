"""The plugin of Hugging Face's Trainer keeps what plugins promise."""

from __future__ import annotations

import pytest

from autolog.testing import PluginContract, Run, series


@pytest.mark.slow
class TestTransformers(PluginContract):
    """A tiny model, made from a configuration, and a callback of the user's."""

    plugin = "transformers"
    brings = frozenset({"safetensors"})
    forks = False  # torch's threads have begun by then

    def trainer(self, data: object, **more: object) -> object:
        """Make a trainer that says nothing."""
        import transformers

        transformers.set_seed(1)
        config = transformers.BertConfig(
            vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
        )
        model = transformers.BertForSequenceClassification(config)
        arguments = transformers.TrainingArguments(
            output_dir="out",
            num_train_epochs=2,
            per_device_train_batch_size=4,
            logging_steps=2,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = transformers.Trainer(model, arguments, train_dataset=data, **more)
        trainer.remove_callback(transformers.PrinterCallback)  # which prints how long it took
        return trainer

    def train(self) -> object:
        import torch
        import transformers

        words = torch.randint(0, 30, (8, 6), generator=torch.Generator().manual_seed(0))
        data = [{"input_ids": row, "labels": torch.tensor(number % 2)} for number, row in enumerate(words)]
        callbacks = [transformers.TrainerCallback()]
        trainer = self.trainer(data, callbacks=callbacks)
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        weights = [each.tolist() for each in trainer.model.parameters()]
        return {"losses": losses, "weights": weights, "callbacks": len(callbacks)}

    def check(self, run: Run) -> None:
        assert [step for step, _ in series(run, "loss")] == [2, 4]

    def fail(self) -> object:
        return self.trainer(["no rows"]).train()
