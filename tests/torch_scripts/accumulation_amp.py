# Mixed precision (bf16 autocast) regression with gradient accumulation over 4 micro batches and grad clipping.
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

BATCH = 32
ACCUM = 4
EPOCHS = 3
MAX_NORM = 1.0

# synthetic nonlinear regression
g = torch.Generator().manual_seed(1234)
X = torch.randn(1024, 16, generator=g)
W = torch.randn(16, 1, generator=g)
Y = torch.sin(X @ W) + 0.1 * (X ** 2).sum(dim=1, keepdim=True)
Y = (Y - Y.mean()) / Y.std()

loader = DataLoader(TensorDataset(X, Y), batch_size=BATCH, shuffle=True, drop_last=True)

net = nn.Sequential(
    nn.Linear(16, 128), nn.GELU(),
    nn.Linear(128, 128), nn.GELU(),
    nn.Linear(128, 1),
)
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
criterion = nn.MSELoss()

step = 0
opt.zero_grad(set_to_none=True)
for epoch in range(EPOCHS):
    net.train()
    window = 0.0
    for i, (xb, yb) in enumerate(loader):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pred = net(xb)
        loss = criterion(pred.float(), yb)
        loss = loss / ACCUM
        scaler.scale(loss).backward()
        window += loss.item() * ACCUM

        if (i + 1) % ACCUM == 0:
            scaler.unscale_(opt)
            norm = nn.utils.clip_grad_norm_(net.parameters(), MAX_NORM)
            scaler.step(opt)
            scaler.update()
            opt.zero_grad(set_to_none=True)
            step += 1
            print(f"epoch {epoch} step {step:3d} | loss {loss.item() * ACCUM:.4f} "
                  f"| avg {window / ACCUM:.4f} | grad norm {norm.item():.3f}")
            window = 0.0

net.eval()
with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
    final = criterion(net(X).float(), Y)
print(f"done. full train mse {final.item():.4f}, scale {scaler.get_scale():.0f}")
