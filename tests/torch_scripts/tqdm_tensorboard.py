# Digits MLP with a tqdm bar, TensorBoard scalars, torchmetrics accuracy and a per-batch OneCycleLR.
import tempfile

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Subset, TensorDataset
from torch.utils.tensorboard import SummaryWriter
from torchmetrics.classification import MulticlassAccuracy
from tqdm import tqdm

torch.manual_seed(0)
NUM_EPOCHS = 4

raw = load_digits()
ds = TensorDataset(torch.tensor(raw.data / 16.0).float(), torch.tensor(raw.target).long())
order = torch.randperm(len(ds)).tolist()
train_loader = DataLoader(Subset(ds, order[:1437]), batch_size=64, shuffle=True, drop_last=False)
valid_loader = DataLoader(Subset(ds, order[1437:]), batch_size=128, shuffle=False)

model = nn.Sequential(
    nn.Linear(64, 128), nn.LayerNorm(128), nn.ReLU(), nn.Dropout(p=0.1),
    nn.Linear(128, 10),
)
optimizer = torch.optim.Adam([
    {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 1e-4},
    {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
], lr=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=1e-2, epochs=NUM_EPOCHS, steps_per_epoch=len(train_loader))
loss_fn = nn.CrossEntropyLoss()
val_acc = MulticlassAccuracy(num_classes=10, average="micro")

log_dir = tempfile.TemporaryDirectory()
writer = SummaryWriter(log_dir=log_dir.name)
global_step = 0

for epoch in range(NUM_EPOCHS):
    model.train()
    correct = total = 0
    loss_sum = 0.0
    pbar = tqdm(train_loader, desc=f"Epoch {epoch + 1}/{NUM_EPOCHS}")
    for x, y in pbar:
        logits = model(x)
        loss = loss_fn(logits, y)

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()

        correct += (logits.argmax(dim=1) == y).sum().item()
        total += y.size(0)
        loss_sum += loss.item()
        pbar.set_postfix(loss=f"{loss.item():.4f}", acc=f"{correct / total:.3f}")
        writer.add_scalar("train/loss", loss.item(), global_step)
        writer.add_scalar("train/lr", scheduler.get_last_lr()[0], global_step)
        global_step += 1

    model.eval()
    val_acc.reset()
    val_loss, batches = 0.0, 0
    with torch.inference_mode():
        for x, y in valid_loader:
            logits = model(x)
            val_loss += loss_fn(logits, y).item()
            batches += 1
            val_acc.update(logits, y)
    val_loss /= batches
    acc = val_acc.compute().item()
    writer.add_scalar("val/loss", val_loss, epoch)
    writer.add_scalar("val/acc", acc, epoch)
    print(f"epoch {epoch + 1}: train_loss={loss_sum / len(train_loader):.4f} "
          f"train_acc={correct / total:.4f} val_loss={val_loss:.4f} val_acc={acc:.4f}")

writer.close()
log_dir.cleanup()
