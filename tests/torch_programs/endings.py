# Trains and ends in a way of its own, which argument 1 names.
import gc
import os
import signal
import sys
import threading
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import autolog

autolog.enable(silent=True)
HOW = sys.argv[1]


def steps(model, optimizer, count):
    for _ in range(count):
        optimizer.zero_grad()
        loss = model(torch.randn(8, 4)).pow(2).mean()
        loss.backward()
        optimizer.step()


def made():
    model = nn.Linear(4, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.01)


def killed():
    model, optimizer = made()
    steps(model, optimizer, 300)
    time.sleep(0.3)
    steps(model, optimizer, 10)
    os.kill(os.getpid(), signal.SIGKILL)


def raising():
    model, optimizer = made()
    steps(model, optimizer, 5)
    raise RuntimeError("enough")


def interrupted():
    model, optimizer = made()
    steps(model, optimizer, 5)
    raise KeyboardInterrupt


def forking():
    """A child that lets go of all, one that trains on, and the parent."""
    model, optimizer = made()
    steps(model, optimizer, 5)
    for which in ("lets go", "trains on"):
        pid = os.fork()
        if pid == 0:
            if which == "trains on":
                steps(model, optimizer, 3)
            del model, optimizer
            gc.collect()
            autolog.session.get().end() if which == "trains on" else None
            os._exit(0)
        os.waitpid(pid, 0)
    steps(model, optimizer, 5)
    print(os.getpid())


kept = []


def threads():
    """Two threads train at the same time, and end before the program; what they trained lives on."""
    barrier = threading.Barrier(2)

    def train(number):
        model = nn.Sequential(nn.Linear(4, number))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1 * number)
        barrier.wait()
        for _ in range(50 * number):
            steps(model, optimizer, 1)
        kept.append((model, optimizer))

    both = [threading.Thread(target=train, args=(number,)) for number in (1, 2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    gc.collect()  # the threads' loops


def cyclic():
    """Models that only the garbage collector can free, at any moment."""
    for _ in range(4):
        model, optimizer = made()
        model.own = [model]
        steps(model, optimizer, 20)
        del model, optimizer
    gc.collect()


class Stream(IterableDataset):
    def __iter__(self):
        yield from torch.randn(8, 4)


DATA = TensorDataset(torch.randn(32, 4), torch.randn(32, 1))


def loaders():
    """Many loaders with workers, while two threads log."""
    count, workers, context = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    done = threading.Event()

    def log():
        with autolog.start_run(run_name="pressure"):
            number = 0
            while not done.is_set():
                autolog.log_metric("pressure", number, step=number)
                number += 1
                if number % 500 == 0:
                    time.sleep(0.001)

    logging = [threading.Thread(target=log) for _ in range(2)]
    for each in logging:
        each.start()
    model, optimizer = made()
    for number in range(count):
        for x, y in DataLoader(DATA, batch_size=4, num_workers=workers, multiprocessing_context=context):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            if number % 3 == 2:
                break
    done.set()
    for each in logging:
        each.join()


def working():
    """A loader with workers before the first step, and, with an argument, a handler of the program's own before it."""
    seen = []
    if sys.argv[2:]:
        signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
    model, optimizer = made()
    for x, y in DataLoader(DATA, batch_size=4, num_workers=2):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()


if __name__ == "__main__":
    globals()[HOW]()
    if HOW == "loaders":
        print("done")
