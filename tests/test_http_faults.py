"""Delivery through faults: the program goes on as it would, and later the server has everything, exactly once."""

from __future__ import annotations

import base64
import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import mlflow_server
from at_mlflow import assert_all_there, runs_at
from autolog.testing import all_runs, only_run
from autolog_http.client import Client, ServerError
from faulty_proxy import (
    Fault,
    FaultyProxy,
    black_hole,
    cut_answer,
    drop_answer,
    faulty_proxy,
    late,
    own_certificate,
    reset,
    says,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are those of Unix")

TRAIN = """
import sys, time
import autolog
import numpy as np
from sklearn.linear_model import LogisticRegression

autolog.enable(backend=sys.argv[1:3], experiment=sys.argv[3], exit_timeout=float(sys.argv[4]))
data = np.random.RandomState(0).rand(60, 3)
model = LogisticRegression(C=0.5).fit(data, data.sum(1) > 1.5)
with autolog.start_run(run_name="loop"):
    autolog.log_params({"C": 1.0, "layers": (3, 4), "name": "x"})
    for step in range(1500):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
        if step % 300 == 0:
            time.sleep(0.1)
    autolog.log_text("hello", "notes/a.txt")
    with autolog.start_run(run_name="child", nested=True):
        autolog.log_metric("auc", 0.5)
print("trained", model.coef_.round(12).tolist())
"""

ENDLESS = """
import sys, time, autolog
autolog.enable(backend=sys.argv[1:3], experiment=sys.argv[3], silent=True)
with autolog.start_run(run_name="endless"):
    autolog.log_param("C", 1.0)
    print("begun", flush=True)
    for step in range(10_000_000):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
        time.sleep(0.001)
"""


@pytest.fixture
def proxy(mlflow_uri: str) -> Iterator[FaultyProxy]:
    """A proxy to the server."""
    with faulty_proxy(mlflow_uri) as between:
        yield between


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    """An experiment that only this test writes to."""
    return f"{request.node.name} {os.getpid()}".replace("/", " ")


def command(program: str, store: Path, uri: str, experiment: str, *more: object) -> list[str]:
    return [sys.executable, "-c", program, str(store), uri, experiment, *map(str, more)]


def train(
    store: Path, uri: str, experiment: str, timeout: float = 1.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the training, which records into a folder and delivers to `uri`; it ends as it would without any of that."""
    arguments = command(TRAIN, store, uri, experiment, timeout)
    done = subprocess.run(arguments, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == bare() != ""
    assert all(line.startswith("autolog: ") for line in done.stderr.splitlines()), done.stderr
    return done


@functools.cache
def bare() -> str:
    """Give what the training prints where autolog is switched off."""
    arguments = command(TRAIN, Path("no store"), "http://nowhere", "none", 1)
    return subprocess.run(arguments, env={**os.environ, "AUTOLOG": "0"}, capture_output=True, text=True).stdout


def syncing(store: Path) -> list[str]:
    return [sys.executable, "-m", "autolog", "sync", str(store)]


def sync(store: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Deliver what is left; it must succeed."""
    done = subprocess.run(
        syncing(store), env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


# ---- the network


@pytest.mark.parametrize(
    ("fault", "every", "among"),
    [
        (black_hole, 1, ""),
        (reset, 1, ""),
        (reset, 2, "log-batch"),
        (drop_answer, 1, "experiments/create"),
        (drop_answer, 1, "runs/create"),
        (drop_answer, 2, "log-batch"),
        (drop_answer, 2, "artifacts"),
        (cut_answer, 3, ""),
        (says(429, Retry_After="1"), 2, ""),
        (says(500), 1, ""),
        (late(0.3), 1, ""),
        (late(10), 1, ""),
    ],
    ids=lambda value: getattr(value, "__qualname__", str(value)).partition(".")[0],
)
def test_a_fault_on_the_way(
    proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str, fault: Fault, every: int, among: str
) -> None:
    """Training goes on; once the fault is healed the server gets the rest, and nothing twice."""
    proxy.fail(fault, every, among)
    train(store, proxy.url, experiment)
    assert proxy.requests.total() < 200
    proxy.heal()
    sync(store)
    assert_all_there(mlflow_uri, experiment, store)
    assert proxy.requests.total() < 100


def test_a_network_that_never_heals(proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str) -> None:
    """Where one answer of four is always lost, everything arrives nevertheless, in one go."""
    proxy.refuse()
    train(store, proxy.url, experiment)
    proxy.heal()
    proxy.fail(drop_answer, 4)
    sync(store)
    assert_all_there(mlflow_uri, experiment, store)
    assert proxy.requests.total() < 200


def test_connections_refused(proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str) -> None:
    """Where nobody listens the program says what is left, and ends within its time."""
    proxy.refuse()
    done = train(store, proxy.url, experiment)
    assert f"2 runs not yet delivered to {proxy.url}" in done.stderr
    proxy.heal()
    sync(store)
    assert_all_there(mlflow_uri, experiment, store)


def test_an_outage_in_the_middle(proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str) -> None:
    """A server that goes away and comes back during training misses nothing, and needs no sync."""
    with subprocess.Popen(command(TRAIN, store, proxy.url, experiment, 60), stdout=-1, stderr=-1, text=True) as program:
        for _ in range(600):
            if proxy.requests.total() > 3:
                break
            time.sleep(0.02)
        proxy.refuse()
        time.sleep(0.5)
        proxy.heal()
        assert program.communicate(timeout=120)[0] == bare()
    assert_all_there(mlflow_uri, experiment, store)
    assert "nothing is left" in sync(store).stdout


def test_a_wrong_certificate(mlflow_uri: str, store: Path, experiment: str, tmp_path: Path) -> None:
    """Nothing is sent to a server that cannot show who it is, until its certificate is trusted."""
    context, trusted = own_certificate(tmp_path)
    with faulty_proxy(mlflow_uri, context) as proxy:
        done = train(store, proxy.url, experiment)
        assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
        assert proxy.requests == {}
        sync(store, MLFLOW_TRACKING_SERVER_CERT_PATH=str(trusted))
    assert_all_there(mlflow_uri, experiment, store)


def test_the_server_comes_up_after_training(store: Path, experiment: str, tmp_path: Path) -> None:
    """What was recorded while there was no server arrives when there is one."""
    port = mlflow_server.free_port()
    train(store, f"http://127.0.0.1:{port}", experiment)
    with mlflow_server.running(tmp_path / "server", port=port) as uri:
        sync(store)
        assert_all_there(uri, experiment, store)


# ---- the trainer


def kill_and_sync(proxy: FaultyProxy, store: Path, experiment: str, after: float) -> None:
    """Kill the trainer so many seconds after its run has begun, and deliver once the network is well."""
    with subprocess.Popen(command(ENDLESS, store, proxy.url, experiment), stdout=-1, stderr=-1, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        time.sleep(after)
        program.send_signal(signal.SIGKILL)
    proxy.heal()
    sync(store)


@pytest.mark.parametrize("number", range(3))
def test_a_killed_trainer(proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str, number: int) -> None:
    """Whenever it is killed, what it had recorded arrives once, however much of that was sent before."""
    kill_and_sync(proxy, store, experiment, random.Random(number).uniform(0, 3))
    assert_all_there(mlflow_uri, experiment, store)
    assert "nothing is left" in sync(store).stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", range(50))
def test_a_killed_trainer_behind_a_bad_network(
    proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str, number: int
) -> None:
    """Likewise fifty times, where every fourth answer was lost while it trained."""
    proxy.fail(drop_answer, 4)
    kill_and_sync(proxy, store, experiment, random.Random(number).uniform(0, 5))
    assert_all_there(mlflow_uri, experiment, store)


def spooled(program: str, uri: str, experiment: str, state: Path) -> tuple[int, str]:
    """Run a program that keeps no files, and its children, to the end; give its exit status and what it says."""
    command = [sys.executable, "-W", "ignore", "-c", program, uri, experiment]
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


INHERITED = """
import os, sys, time
import autolog

autolog.enable(backend=sys.argv[1], experiment=sys.argv[2], silent=True)
run = autolog.start_run(run_name="inherited")
autolog.log_metric("of parent", 1.0)
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        time.sleep(0.01)
    time.sleep(0.5)  # a process has children no more a moment before it is seen to have ended
    autolog.log_metric("of child", 2.0)
"""


def test_a_forked_child_outlives_the_run(mlflow_uri: str, experiment: str, tmp_path: Path) -> None:
    """What it logs to the run of a parent that has gone meanwhile is delivered at its own end, and nothing is kept."""
    assert spooled(INHERITED, mlflow_uri, experiment, tmp_path) == (0, "")
    (run,) = runs_at(mlflow_uri, experiment).values()
    assert {each["key"]: each["value"] for each in run["data"]["metrics"]} == {"of parent": 1.0, "of child": 2.0}
    assert list((tmp_path / "autolog/runs").iterdir()) == []


KILLED = INHERITED.replace("if os.fork() == 0", "child = os.fork()\nif child == 0").replace(
    '    autolog.log_metric("of child", 2.0)\n',
    """    autolog.log_metric("of child", 2.0)
else:
    os.kill(parent, 9)
""",
)


def test_a_forked_child_outlives_a_killed_parent(mlflow_uri: str, experiment: str, tmp_path: Path) -> None:
    """The record stays until a process that comes later has told the server how the run ended."""
    assert spooled(KILLED, mlflow_uri, experiment, tmp_path) == (-signal.SIGKILL, "")
    sync(tmp_path / "autolog/runs", XDG_STATE_HOME=str(tmp_path))
    (run,) = runs_at(mlflow_uri, experiment).values()
    assert run["info"]["status"] == "KILLED"
    assert {each["key"] for each in run["data"]["metrics"]} == {"of parent", "of child"}


BESIDE = """
import os, subprocess, sys
import autolog

autolog.enable(backend=sys.argv[1], experiment=sys.argv[2], silent=True)
with autolog.start_run():
    autolog.log_metric("m", 1.0)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=-1, stdout=-3, stderr=-3)
autolog.session.get().end()
other.communicate()
"""


def test_other_programs_do_not_keep_what_was_delivered(mlflow_uri: str, experiment: str, tmp_path: Path) -> None:
    """What waits for forked children that may log is not kept for a program that was merely started."""
    assert spooled(BESIDE, mlflow_uri, experiment, tmp_path) == (0, "")
    assert len(runs_at(mlflow_uri, experiment)) == 1
    assert list((tmp_path / "autolog/runs").iterdir()) == []


LOCAL_FIRST = """
import sys
import autolog

autolog.enable(backend=sys.argv[1], experiment="local only", silent=True)
with autolog.start_run():
    autolog.log_metric("m", 1.0)
autolog.enable(backend=sys.argv[1:3], experiment=sys.argv[3], silent=True)
with autolog.start_run():
    autolog.log_metric("m", 2.0)
"""


def test_a_run_goes_where_it_was_meant_to(mlflow_uri: str, experiment: str, store: Path) -> None:
    """A server that is added later gets the runs from then on, and not those before."""
    subprocess.run(command(LOCAL_FIRST, store, mlflow_uri, experiment), check=True, timeout=120)
    only = next(run for run in all_runs(store) if run.experiment == experiment)
    assert set(runs_at(mlflow_uri, experiment)) == {only.run_id}
    with closing(Client(mlflow_uri)) as client, pytest.raises(ServerError, match="RESOURCE_DOES_NOT_EXIST"):
        client.get("mlflow/experiments/get-by-name", experiment_name="local only")


def test_two_at_once(proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str) -> None:
    """Two processes that deliver the same folder at the same time send nothing twice."""
    proxy.refuse()
    train(store, proxy.url, experiment)
    proxy.heal()
    both = [subprocess.Popen(syncing(store), stdout=-1, stderr=-1, text=True) for _ in range(2)]
    for each in both:
        _, said = each.communicate(timeout=120)
        assert each.returncode == 0, said
    assert_all_there(mlflow_uri, experiment, store)


# ---- the machine


def run(program: str, store: Path, uri: str, experiment: str) -> list[str]:
    """Run a program that records into a folder and delivers to `uri`, and give what it prints."""
    head = "import resource, sys, time, autolog\nautolog.enable(backend=sys.argv[1:3], experiment=sys.argv[3])\n"
    done = subprocess.run(command(head + program, store, uri, experiment), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_long_outage_takes_no_memory(proxy: FaultyProxy, store: Path, experiment: str) -> None:
    """Points wait in the journal, not in memory: half a million of them take no more than the first fifty thousand."""
    proxy.fail(says(503))
    program = """
def log(count):
    for step in range(count):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
    time.sleep(2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
with autolog.start_run():
    print(-log(50_000) + log(500_000))
"""
    (grown,) = run(program, store, proxy.url, experiment)
    assert int(grown) < 16
    assert len(only_run(store).history("loss")) == 550_000
    assert proxy.requests.total() < 100


def test_a_full_disk(proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str) -> None:
    """What could be written while the disk was full arrives, and the note of what could not."""
    program = """
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
with autolog.start_run():
    autolog.log_param("C", 1.0)
    limit(30_000)
    for step in range(3000):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
        time.sleep(0.0005)
    limit(resource.RLIM_INFINITY)
    time.sleep(1.5)
    autolog.log_metric("after", 1.0)
"""
    run(program, store, proxy.url, experiment)
    sync(store)
    assert len(only_run(store).history("after")) == 1
    assert_all_there(mlflow_uri, experiment, store)


def test_a_clock_that_jumps(proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str) -> None:
    """An hour back and a day forth, in the middle of delivering, lose nothing and double nothing."""
    program = """
from autolog import clock
real, real_ns = time.time, time.time_ns
with autolog.start_run():
    for number, jump in enumerate((0, -3600, 86_400, 0)):
        time.time, clock.now = lambda: real() + jump, lambda: real_ns() + jump * 10**9
        for step in range(300):
            autolog.log_metric("loss", 1 / (step + 1), step=step)
        autolog.log_params({f"p{number}": jump})
        time.sleep(1.2)
"""
    run(program, store, proxy.url, experiment)
    sync(store)
    assert len(only_run(store).history("loss")) == 1200
    assert_all_there(mlflow_uri, experiment, store)


# ---- secrets


@pytest.mark.parametrize("fault", [None, says(401)], ids=["healthy", "401"])
def test_credentials_are_written_nowhere(
    proxy: FaultyProxy, mlflow_uri: str, store: Path, experiment: str, tmp_path: Path, fault: Fault | None
) -> None:
    """Neither a password in the URI nor a token of the environment is in a file, a line, or at the server."""
    if fault is not None:
        proxy.fail(fault)
    secrets = {"MLFLOW_TRACKING_TOKEN": "token-gr33n", "MLFLOW_TRACKING_PASSWORD": "pass-y3llow"}
    with_password = proxy.url.replace("//", "//someone:pass-r3d@")
    said = [
        train(store, with_password, experiment, **secrets).stderr,
        train(store, proxy.url, experiment, **secrets).stderr,
    ]
    proxy.heal()
    said.append(sync(store, **secrets).stdout)
    show = [sys.executable, "-m", "autolog", "show", "--store", with_password]
    run_id = next(run.run_id for run in all_runs(store) if run.models)
    said.append(subprocess.run([*show, run_id], capture_output=True, text=True, timeout=120, check=True).stdout)
    assert len(runs_at(mlflow_uri, experiment)) == len(all_runs(store))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.parent.name == ".sent" for path in files)
    texts = [*(path.read_bytes().decode("latin-1") for path in files), *said, str(runs_at(mlflow_uri, experiment))]
    words = ("pass-r3d", "gr33n", "y3llow", base64.b64encode(b"someone:pass-r3d").decode())
    assert [word for word in words for text in texts if word in text] == []
