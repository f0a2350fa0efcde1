# Trains with DistributedDataParallel over gloo; argument 1 says where rank 1 fails: "no", "raise" or "kill".
import os
import signal
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import autolog

autolog.enable(log_system_metrics=True)


def fail(how):
    if how == "raise":
        raise RuntimeError("rank one is tired")
    if how == "kill":
        time.sleep(1)  # the other waits for this one, and has 50 ms to write what it recorded
        os.kill(os.getpid(), signal.SIGKILL)


def main(how):
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(256, 4), torch.randn(256, 1))
    sampler = DistributedSampler(data)
    train_loader = DataLoader(data, batch_size=16, sampler=sampler)
    model = DistributedDataParallel(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for number in range(3):
        sampler.set_epoch(number + 10)
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
        if number == 1 and rank == 1:
            fail(how)
    if rank == 0:
        print(f"last loss {loss.item()}")
    dist.destroy_process_group()


main(sys.argv[1])
