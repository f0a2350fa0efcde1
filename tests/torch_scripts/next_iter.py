# Iteration-based training (no epochs): cycle the loader with next() and validate every eval_every iterations.
import torch as th
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import Dataset, DataLoader

th.manual_seed(0)

cfg = dict(bs=48, max_iter=120, eval_every=30, print_every=10, lr=0.02, momentum=0.9)


class CancerData(Dataset):
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, idx):
        return {
            "features": th.as_tensor(self.x[idx], dtype=th.float32),
            "label": th.as_tensor(self.y[idx], dtype=th.float32),
        }


x, y = load_breast_cancer(return_X_y=True)
x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.25, random_state=0)
sc = StandardScaler().fit(x_tr)
train_loader = DataLoader(CancerData(sc.transform(x_tr), y_tr), batch_size=cfg["bs"], shuffle=True)
val_loader = DataLoader(CancerData(sc.transform(x_va), y_va), batch_size=50)

mlp = nn.Sequential(nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
sgd = th.optim.SGD(mlp.parameters(), lr=cfg["lr"], momentum=cfg["momentum"], nesterov=True)
sched = th.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=cfg["max_iter"])

data_iter = iter(train_loader)
restarts = 0
best = float("inf")
it = 0
while it < cfg["max_iter"]:
    try:
        batch = next(data_iter)
    except StopIteration:
        restarts += 1
        data_iter = iter(train_loader)
        batch = next(data_iter)

    mlp.train()
    logit = mlp(batch["features"]).squeeze(1)
    loss = F.binary_cross_entropy_with_logits(logit, batch["label"])
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    sched.step()
    it += 1

    if it % cfg["print_every"] == 0:
        print("iter", it, "loss", round(loss.item(), 5), "lr", round(sgd.param_groups[0]["lr"], 6))

    if it % cfg["eval_every"] == 0:
        mlp.eval()
        losses, hits, n = [], 0, 0
        with th.no_grad():
            for vb in val_loader:
                out = mlp(vb["features"]).squeeze(1)
                losses.append(F.binary_cross_entropy_with_logits(out, vb["label"]).item())
                hits += ((out > 0).float() == vb["label"]).sum().item()
                n += len(out)
        val_loss = sum(losses) / len(losses)
        flag = ""
        if val_loss < best:
            best = val_loss
            flag = " *"
        print("=> val @", it, "loss", round(val_loss, 5), "acc", round(hits / n, 4), flag)

print("finished after", it, "iterations,", restarts, "restarts, best val loss", round(best, 5))
