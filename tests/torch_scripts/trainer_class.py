# A home-made Trainer class with callbacks (history, printing, early stopping, best checkpoint) on the wine data.
import copy

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Callback:
    def on_train_begin(self, trainer):
        pass

    def on_epoch_begin(self, trainer):
        pass

    def on_batch_end(self, trainer, loss):
        pass

    def on_epoch_end(self, trainer, logs):
        pass

    def on_train_end(self, trainer):
        pass


class PrintLogs(Callback):
    def on_epoch_end(self, trainer, logs):
        parts = " - ".join(f"{k}: {v:.4f}" for k, v in logs.items())
        print(f"Epoch {trainer.epoch + 1}/{trainer.max_epochs} - {parts}")


class BestCheckpoint(Callback):
    def __init__(self, monitor="val_loss"):
        self.monitor = monitor
        self.best = np.inf
        self.best_epoch = -1
        self.state = None

    def on_epoch_end(self, trainer, logs):
        if logs[self.monitor] < self.best:
            self.best = logs[self.monitor]
            self.best_epoch = trainer.epoch
            self.state = copy.deepcopy(trainer.model.state_dict())

    def on_train_end(self, trainer):
        if self.state is not None:
            trainer.model.load_state_dict(self.state)
            print(f"Restored weights of epoch {self.best_epoch + 1} ({self.monitor}={self.best:.4f})")


class EarlyStopping(Callback):
    def __init__(self, monitor="val_loss", patience=3, min_delta=0.0):
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.best = np.inf
        self.wait = 0

    def on_epoch_end(self, trainer, logs):
        current = logs[self.monitor]
        if current < self.best - self.min_delta:
            self.best = current
            self.wait = 0
        else:
            self.wait += 1
            if self.wait >= self.patience:
                print(f"Early stopping at epoch {trainer.epoch + 1}")
                trainer.should_stop = True


class Trainer:
    def __init__(self, model, optimizer, criterion, max_epochs=30, callbacks=None):
        self.model = model
        self.optimizer = optimizer
        self.criterion = criterion
        self.max_epochs = max_epochs
        self.callbacks = callbacks or []
        self.epoch = 0
        self.should_stop = False
        self.history = []

    def _notify(self, hook, *args):
        for cb in self.callbacks:
            getattr(cb, hook)(self, *args)

    def _train_epoch(self, loader):
        self.model.train()
        total, seen = 0.0, 0
        for inputs, targets in loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(inputs), targets)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(inputs)
            seen += len(inputs)
            self._notify("on_batch_end", loss.item())
        return total / seen

    def _validate(self, loader):
        self.model.eval()
        losses = []
        correct = 0
        with torch.no_grad():
            for inputs, targets in loader:
                outputs = self.model(inputs)
                losses.append(self.criterion(outputs, targets).item())
                correct += (outputs.argmax(1) == targets).sum().item()
        return np.mean(losses), correct / len(loader.dataset)

    def fit(self, train_loader, val_loader):
        self._notify("on_train_begin")
        for self.epoch in range(self.max_epochs):
            self._notify("on_epoch_begin")
            train_loss = self._train_epoch(train_loader)
            val_loss, val_acc = self._validate(val_loader)
            logs = {"loss": train_loss, "val_loss": val_loss, "val_acc": val_acc}
            self.history.append(logs)
            self._notify("on_epoch_end", logs)
            if self.should_stop:
                break
        self._notify("on_train_end")
        return self.history


torch.manual_seed(0)
wine = load_wine()
features = torch.from_numpy(wine.data).float()
features = (features - features.mean(0)) / features.std(0)
full = TensorDataset(features, torch.from_numpy(wine.target).long())
train_set, val_set = random_split(full, [0.7, 0.3])

net = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
trainer = Trainer(
    net,
    torch.optim.Adam(net.parameters(), lr=1e-2),
    nn.CrossEntropyLoss(label_smoothing=0.02),
    max_epochs=25,
    callbacks=[PrintLogs(), BestCheckpoint(), EarlyStopping(patience=4)],
)
history = trainer.fit(DataLoader(train_set, batch_size=16, shuffle=True), DataLoader(val_set, batch_size=16))
final_loss, final_acc = trainer._validate(DataLoader(val_set, batch_size=16))
print(f"Ran {len(history)} epochs. Best model: val_loss {final_loss:.4f}, val_acc {final_acc:.4f}")
