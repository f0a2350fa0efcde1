"""Processes that train one model together: one run, which the first records, and a shard of it from each other one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import autolog
from autolog.testing import only_run, series

pytest.importorskip("torch")

PROGRAMS = Path(__file__).parent / "torch_programs"


def run(store: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AUTOLOG_BACKEND": str(store), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=120, cwd=store.parent
    )


def torchrun(store: Path, ranks: int, how: str) -> subprocess.CompletedProcess[str]:
    launch = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}")
    return run(store, *launch, str(PROGRAMS / "ddp.py"), how)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("autolog:")]


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_of_torchrun_are_one_run(tmp_path: Path, ranks: int) -> None:
    """The first rank records the run, with the world's size; each other one says where it is, in a file of its own."""
    store = tmp_path / "runs"
    done = torchrun(store, ranks, "no")
    assert done.returncode == 0, done.stderr
    found = only_run(store)
    assert (found.status, found.notes) == ("FINISHED", [])
    assert found.params["world_size"] == ranks
    assert [step for step, _ in series(found, "loss_epoch")] == [10, 11, 12]
    assert f"last loss {series(found, 'loss')[-1][1]}" in done.stdout
    assert {tag for tag in found.tags if tag.startswith("rank")} == {f"rank{number}" for number in range(1, ranks)}
    assert len(list((store / found.run_id).glob("*.jsonl"))) == ranks
    assert len(said(done)) == 2  # where it records, and the run's end; from one rank each


def test_the_model_of_ranks_is_saved_without_its_wrapper(tmp_path: Path) -> None:
    """The weights have the names of the module inside of DistributedDataParallel."""
    store = tmp_path / "runs"
    assert torchrun(store, 2, "no").returncode == 0
    weights = autolog.load_model(f"runs:/{only_run(store).run_id}/model", store=store)
    assert sorted(weights) == ["0.bias", "0.weight", "2.bias", "2.weight"]


def test_a_rank_that_raises_says_so_in_the_run(tmp_path: Path) -> None:
    """The run has failed, and a note names the rank and its error."""
    store = tmp_path / "runs"
    assert torchrun(store, 2, "raise").returncode != 0
    found = only_run(store)
    assert found.status in ("FAILED", "LOST")
    assert "rank 1 failed: RuntimeError: rank one is tired" in found.notes


def test_a_rank_that_is_killed_leaves_a_run_that_failed(tmp_path: Path) -> None:
    """The others fail at their next exchange, and the run says so; what was recorded before is there."""
    store = tmp_path / "runs"
    assert torchrun(store, 2, "kill").returncode != 0
    found = only_run(store)
    assert found.status in ("FAILED", "LOST")
    assert len(series(found, "loss")) == 16


@pytest.mark.parametrize("where", ["top", "main"])
def test_processes_that_torch_spawns_are_one_run(tmp_path: Path, where: str) -> None:
    """So they are where the children import the line that enables autolog, and where only the parent runs it."""
    store = tmp_path / "runs"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = run(store, str(PROGRAMS / "spawn.py"), where, str(port))
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    found = only_run(store)
    assert (found.status, found.params["world_size"], len(series(found, "loss"))) == ("FINISHED", 2, 5)
    assert "rank1" in found.tags
    assert len(said(done)) == 2
