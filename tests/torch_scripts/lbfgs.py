# Full-batch L-BFGS fit of a small tanh network to a noisy sine wave.
import numpy as np
import torch

np.random.seed(0)
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)

t = np.linspace(-3, 3, 200)
signal = np.sin(2 * t) + 0.3 * t + 0.05 * np.random.randn(200)
inp = torch.from_numpy(t).view(-1, 1)
tgt = torch.from_numpy(signal).view(-1, 1)
# every 4th point is held out
mask = torch.arange(200) % 4 == 0
x, y = inp[~mask], tgt[~mask]
x_test, y_test = inp[mask], tgt[mask]

seq = torch.nn.Sequential(
    torch.nn.Linear(1, 20),
    torch.nn.Tanh(),
    torch.nn.Linear(20, 20),
    torch.nn.Tanh(),
    torch.nn.Linear(20, 1),
)
criterion = torch.nn.MSELoss()
# use LBFGS as optimizer since we can load the whole data to train
optimizer = torch.optim.LBFGS(seq.parameters(), lr=0.8, max_iter=10, history_size=10, line_search_fn="strong_wolfe")

calls = 0
# begin to train
for i in range(8):
    print('STEP: ', i)

    def closure():
        global calls
        calls += 1
        optimizer.zero_grad()
        out = seq(x)
        loss = criterion(out, y)
        print('loss:', loss.item())
        loss.backward()
        return loss

    start = optimizer.step(closure)
    print('loss at start of step:', start.item())
    # begin to predict, no need to track gradient here
    with torch.no_grad():
        pred = seq(x_test)
        loss = criterion(pred, y_test)
        print('test loss:', loss.item())

print('closure evaluations:', calls)
