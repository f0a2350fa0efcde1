"""`autolog sync`, and the folder in which runs wait for a destination that keeps no journals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import autolog
from autolog.delivery.cursors import Cursors, public_uri
from autolog.delivery.lease import lease
from autolog.journal.events import decode_lines, encode_line
from autolog.testing import all_runs, series
from late import wait_for_environment

FAR = '''
"""A destination that keeps no journals: it copies into a folder, unless a file `away` is there."""

import pathlib
import shutil

import autolog
from autolog.hookspecs import Delivery
from autolog_files import FolderBackend


class Far(FolderBackend):
    def deliver(self, batch):
        with (self.root.parent / "asked").open("a") as asked:
            asked.write("x")
        if (self.root.parent / "away").exists():
            return Delivery("retry", "the destination is away", 0.0)
        if (self.root.parent / "deletes").exists():
            shutil.rmtree(batch.folder)
            return Delivery("retry", "the user deletes the run", 0.0)
        return super().deliver(batch)


@autolog.hookimpl
def autolog_open_backend(uri):
    return Far(pathlib.Path(uri.removeprefix("far://")))
'''

TRAIN = """
import sys, autolog
autolog.enable(backend=sys.argv[1], exit_timeout=float(sys.argv[2]))
with autolog.start_run(run_name="trained"):
    autolog.log_param("C", 1.0)
    for step in range(300):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
    autolog.log_text("hello", "notes.txt")
    if sys.argv[3:] == ["die"]:
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the destination `far://` is installed; what it holds is in `kept` below."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    info = tmp_path / "far-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[autolog.backends]\nfar = far_backend\n")
    (tmp_path / "far_backend.py").write_text(FAR)
    return tmp_path


def python(far: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(far), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def train(far: Path, timeout: float = 10.0, *how: str) -> subprocess.CompletedProcess[str]:
    return python(far, "-c", TRAIN, f"far://{far}/kept", str(timeout), *how)


def sync(far: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    wait_for_environment()
    return python(far, "-m", "autolog", "sync", *arguments)


def waiting(far: Path) -> list[Path]:
    return sorted((far / "state" / "autolog" / "runs").glob("*"))


def assert_whole(run: autolog.Run) -> None:
    assert run.params == {"C": 1.0}
    assert series(run, "loss") == [(step, 1 / (step + 1)) for step in range(300)]
    assert run.artifact_path("notes.txt").read_text() == "hello"


def test_runs_wait_in_the_state_folder_and_leave_it_when_delivered(far: Path) -> None:
    """Nothing is written to the working directory, and nothing is kept of what the only destination has."""
    done = train(far)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"autolog: recording to far://{far}/kept" in done.stderr
    (run,) = all_runs(far / "kept")
    assert_whole(run)
    assert waiting(far) == []
    assert not (far / "autolog-runs").exists()


def test_what_an_outage_left_is_sent_by_sync_once(far: Path) -> None:
    """The program says what is left and ends in time; sync sends it; a second sync sends nothing."""
    (far / "away").touch()
    began = time.monotonic()
    done = train(far, 1.0)
    assert time.monotonic() - began < 30
    assert "1 run not yet delivered to far://" in done.stderr
    assert "autolog sync" in done.stderr
    (folder,) = waiting(far)
    (far / "away").unlink()
    first = sync(far)
    assert (first.returncode, first.stdout) == (0, f"run {folder.name}: delivered to far://{far}/kept\n")
    assert_whole(*all_runs(far / "kept"))
    assert waiting(far) == []
    asked = (far / "asked").read_text()
    assert "nothing is left" in sync(far).stdout
    assert (far / "asked").read_text() == asked


def test_sync_brings_what_a_killed_process_had_not_sealed(far: Path) -> None:
    """Points that lay in a ring when the process was killed arrive as well, and the run is LOST there too."""
    (far / "away").touch()
    assert train(far, 1.0, "die").returncode == -9
    (far / "away").unlink()
    assert sync(far).returncode == 0
    (run,) = all_runs(far / "kept")
    assert run.status == "LOST"
    assert len(series(run, "loss")) == 300


def test_a_destination_that_stays_away_leaves_what_there_is_and_says_so(far: Path) -> None:
    """The exit code is 1, the reason is told, and the run is still there for the next try."""
    (far / "away").touch()
    train(far, 0.5)
    failed = sync(far)
    assert failed.returncode == 1
    assert "is left for far://" in failed.stderr
    assert "the destination is away" in failed.stderr
    assert len(waiting(far)) == 1


def test_a_local_store_moves_to_another_place(tmp_path: Path) -> None:
    """`sync PATH --to URI` gives all runs of a folder to a destination that they were never meant for."""
    store = tmp_path / "store"
    autolog.enable(backend=str(store), silent=True)
    for number in range(3):
        with autolog.start_run():
            autolog.log_param("number", number)
    done = sync(tmp_path, str(store), "--to", str(tmp_path / "other"))
    assert done.returncode == 0, done.stderr
    assert sorted(run.params["number"] for run in all_runs(tmp_path / "other")) == [0, 1, 2]
    assert "nothing is left" in sync(tmp_path, str(store), "--to", str(tmp_path / "other")).stdout


def test_one_run_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    """A run whose journal is a folder is left, with a line that says so; the rest is delivered."""
    store = tmp_path / "store"
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run():
        autolog.log_param("good", 1)
    bad = store / ("0" * 32)
    (bad / "0123456789abcdef.jsonl").mkdir(parents=True)
    done = sync(tmp_path, str(store), "--to", str(tmp_path / "other"))
    assert done.returncode == 1
    assert f"run {bad.name} is left" in done.stderr
    assert [run.params for run in all_runs(tmp_path / "other")] == [{"good": 1}]


def test_a_run_that_goes_on_is_sent_as_far_as_it_is(tmp_path: Path) -> None:
    """Sync may come in the middle of a run, and again after its end."""
    store, other = tmp_path / "store", tmp_path / "other"
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        autolog.log_param("early", 1)
        assert sync(tmp_path, str(store), "--to", str(other)).returncode == 0
        assert autolog.get_run(run.run_id, store=other).params == {"early": 1}
        autolog.log_param("late", 2)
    assert sync(tmp_path, str(store / run.run_id), "--to", str(other)).returncode == 0
    assert autolog.get_run(run.run_id, store=str(other)).params == {"early": 1, "late": 2}


@pytest.mark.parametrize(
    ("place", "days", "stays"), [("elsewhere", 6, True), ("elsewhere", 8, False), ("here", 0, False)]
)
def test_a_run_of_another_host_stays_until_it_was_silent_for_long(
    far: Path, place: str, days: int, stays: bool
) -> None:
    """Whether its process lives cannot be asked from here: it may only be held up, and goes on writing then."""
    (far / "away").touch()
    train(far, 0.2)
    (far / "away").unlink()
    (folder,) = waiting(far)
    (journal,) = folder.glob("*.jsonl")
    if place == "elsewhere":
        header, *others = journal.read_bytes().splitlines(keepends=True)
        (said,) = decode_lines(header)[0]
        journal.write_bytes(encode_line(said._replace(data={**said.data, "host": place})) + b"".join(others))
    os.utime(journal, (time.time() - days * 86_400,) * 2)
    assert sync(far).returncode == 0
    assert_whole(*all_runs(far / "kept"))
    assert (waiting(far) == [folder]) is stays


MANY = """
import sys, autolog
autolog.enable(backend=sys.argv[1], exit_timeout=0.2)
for number in range(40):
    with autolog.start_run():
        autolog.log_param("number", number)
"""


def test_syncs_at_once_send_each_run_once(far: Path) -> None:
    """What one of them delivers, and then removes, the others leave alone; all of them succeed."""
    (far / "away").touch()
    python(far, "-c", MANY, f"far://{far}/kept")
    (far / "away").unlink()
    (far / "asked").unlink()
    journals = sum(len(list(run.glob("*.jsonl"))) for run in waiting(far))
    command = [sys.executable, "-m", "autolog", "sync"]
    environment = {**os.environ, "PYTHONPATH": str(far)}
    all_at_once = [subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True) for _ in range(3)]
    said = [each.communicate(timeout=120) for each in all_at_once]
    assert [each.returncode for each in all_at_once] == [0, 0, 0], said
    assert waiting(far) == []
    assert sorted(run.params["number"] for run in all_runs(far / "kept")) == [*range(40)]
    assert len((far / "asked").read_text()) == journals


@pytest.mark.parametrize("who", ["sync", "training"])
def test_a_run_that_a_killed_sync_was_removing_goes_with_the_next(far: Path, who: str) -> None:
    """It stands under a name that no run has, and nothing of it is delivered again, whoever comes by."""
    (far / "away").touch()
    train(far, 0.2)
    (whole,) = waiting(far)
    shutil.copytree(whole, whole.with_name(f".away-{'0' * 32}"))
    (far / "away").unlink()
    done = sync(far) if who == "sync" else train(far)
    assert done.returncode == 0, done.stderr
    assert waiting(far) == []
    assert len(list((far / "kept").iterdir())) == {"sync": 1, "training": 2}[who]


def test_a_run_that_is_deleted_meanwhile_is_not_said_to_be_delivered(far: Path) -> None:
    """Sync says that it is there no more; nothing can be left to be done."""
    (far / "away").touch()
    train(far, 0.2)
    (far / "away").unlink()
    (far / "deletes").touch()
    done = sync(far)
    assert done.returncode == 0, done.stderr
    assert "is there no more; another process has delivered it, or it was deleted" in done.stdout
    assert not (far / "kept").exists()


def test_a_lease_is_held_by_one_and_goes_with_its_process(tmp_path: Path) -> None:
    """A second process is refused while the first holds it, and takes it once that is killed."""
    hold = (
        "import sys, pathlib\nfrom autolog.delivery.lease import lease\n"
        "with lease(pathlib.Path(sys.argv[1])) as held:\n    print(held, flush=True)\n    sys.stdin.read()\n"
    )
    lock = tmp_path / ".sent" / "x.lock"
    with subprocess.Popen([sys.executable, "-c", hold, str(lock)], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with lease(lock) as held:
            assert not held
        other.kill()
    with lease(lock) as held:
        assert held


FORK = """
import os, sys
from pathlib import Path
from autolog.delivery.lease import lease

lock = Path(sys.argv[1])
reading, writing = os.pipe()
told, telling = os.pipe()
with lease(lock) as held:
    if os.fork() == 0:
        os.close(writing)
        with lease(lock) as again:
            os.write(telling, str(again).encode())
        os.read(reading, 1)  # until the parent has gone
        os._exit(0)
    print(held, os.read(told, 9).decode(), flush=True)
with lease(lock) as held:
    print(held, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_has_no_part_in_a_lease(tmp_path: Path) -> None:
    """It is refused the one that its parent holds, and living on it does not keep it from the parent afterwards."""
    command = [sys.executable, "-c", FORK, str(tmp_path / ".sent" / "x.lock")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "False", "True"], done.stderr


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("https://user:secret@host:5000/x", "https://host:5000/x"),
        (
            "s3://key:secret@bucket/team?endpoint_url=http://h:9&token=abc",
            "s3://bucket/team?endpoint_url=http%3A%2F%2Fh%3A9",
        ),
        ("./autolog-runs", "./autolog-runs"),
        ("/a/b@c", "/a/b@c"),
    ],
)
def test_secrets_of_a_destination_are_not_written_down(tmp_path: Path, uri: str, public: str) -> None:
    """User, password and tokens are taken out of a URI before it is kept or shown."""
    assert public_uri(uri) == public
    cursors = Cursors(tmp_path, public_uri(uri))
    cursors.begin()
    assert "secret" not in cursors.path.read_text()


def test_an_error_about_a_place_shows_no_password(far: Path) -> None:
    """A backend that cannot read runs back is named by the address alone."""
    done = python(far, "-m", "autolog", "runs", "--store", "far://user:secret@host/x?token=hidden")
    assert done.returncode == 1
    assert "'far://host/x' cannot read runs back" in done.stderr
    assert "secret" not in done.stderr + done.stdout and "hidden" not in done.stderr + done.stdout
