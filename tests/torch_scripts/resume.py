# Train 2 epochs, save a checkpoint, rebuild everything from it and go on for 2 more epochs.
# usage: python resume.py [DIR]
import os
import sys

import torch
from sklearn.datasets import load_diabetes
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

ckpt_dir = sys.argv[1] if len(sys.argv) > 1 else "."
ckpt_path = os.path.join(ckpt_dir, "checkpoint.pth.tar")

X, y = load_diabetes(return_X_y=True, scaled=True)
X = torch.tensor(X * 20, dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
train_dl = DataLoader(TensorDataset(X[:340], y[:340]), batch_size=20, shuffle=True)
valid_dl = DataLoader(TensorDataset(X[340:], y[340:]), batch_size=64)


def build():
    m = nn.Sequential(nn.Linear(10, 40), nn.SiLU(), nn.Linear(40, 1))
    o = optim.RMSprop(m.parameters(), lr=2e-3)
    s = optim.lr_scheduler.ExponentialLR(o, gamma=0.8)
    return m, o, s


def run_epoch(model, optimizer):
    model.train()
    tot = 0.0
    for xb, yb in train_dl:
        pred = model(xb)
        loss = nn.functional.smooth_l1_loss(pred, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tot += loss.item()
    return tot / len(train_dl)


def validate(model):
    model.eval()
    with torch.no_grad():
        valid_loss = sum(nn.functional.smooth_l1_loss(model(xb), yb) for xb, yb in valid_dl)
    return (valid_loss / len(valid_dl)).item()


# ---- first session
model, optimizer, scheduler = build()
best_loss = float("inf")
for epoch in range(0, 2):
    tr = run_epoch(model, optimizer)
    va = validate(model)
    scheduler.step()
    best_loss = min(best_loss, va)
    print(f"[{epoch}] train={tr:.5f} valid={va:.5f}")
    torch.save({
        "epoch": epoch + 1,
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "best_loss": best_loss,
    }, ckpt_path)
print("saved", os.path.basename(ckpt_path))

# ---- second session
del model, optimizer, scheduler
model, optimizer, scheduler = build()
checkpoint = torch.load(ckpt_path, map_location="cpu")
start_epoch = checkpoint["epoch"]
best_loss = checkpoint["best_loss"]
model.load_state_dict(checkpoint["state_dict"])
optimizer.load_state_dict(checkpoint["optimizer"])
scheduler.load_state_dict(checkpoint["scheduler"])
print(f"=> loaded checkpoint (epoch {start_epoch}), valid={validate(model):.5f}")

for epoch in range(start_epoch, start_epoch + 2):
    tr = run_epoch(model, optimizer)
    va = validate(model)
    scheduler.step()
    best_loss = min(best_loss, va)
    print(f"[{epoch}] train={tr:.5f} valid={va:.5f}")
print(f"best valid={best_loss:.5f}")
