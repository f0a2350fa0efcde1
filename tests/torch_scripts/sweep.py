# quick and dirty sweep: learning rates in a module-level loop, then hidden widths through a function
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

# two moons by hand
theta = torch.rand(600) * torch.pi
upper = torch.stack([theta.cos(), theta.sin()], 1)
lower = torch.stack([1 - theta.cos(), 0.5 - theta.sin()], 1)
cls = (torch.arange(600) % 2)
pts = torch.where(cls[:, None] == 0, upper, lower) + 0.1 * torch.randn(600, 2)

dl = DataLoader(TensorDataset(pts, cls), batch_size=50, shuffle=True)
loss_fn = nn.CrossEntropyLoss()

results = {}
for lr in [0.3, 0.1, 0.01]:
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(3):
        epoch_losses = []
        for a, b in dl:
            optimizer.zero_grad()
            loss = loss_fn(model(a), b)
            loss.backward()
            optimizer.step()
            epoch_losses.append(loss.item())
        print("lr=%g epoch %d mean loss %.4f" % (lr, epoch, sum(epoch_losses) / len(epoch_losses)))
    results[lr] = epoch_losses[-1]

best_lr = min(results, key=results.get)
print("best lr:", best_lr, {k: round(v, 4) for k, v in results.items()})


def run_trial(width):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 2))
    opt = torch.optim.Adam(model.parameters(), lr=0.01)
    for ep in range(3):
        running = 0.0
        for a, b in dl:
            out = model(a)
            l = loss_fn(out, b)
            opt.zero_grad()
            l.backward()
            opt.step()
            running += l.item() * a.shape[0]
        print(f"  width {width} epoch {ep}: {running / len(dl.dataset):.4f}")
    with torch.no_grad():
        acc = (model(pts).argmax(-1) == cls).float().mean().item()
    return acc


for w in (4, 32):
    print(f"width {w}: train acc {run_trial(w):.3f}")
