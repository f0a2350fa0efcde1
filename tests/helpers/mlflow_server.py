"""A real MLflow server, in an environment of its own, since its pins clash with ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

import platformdirs

from waiting import wait_until

__all__ = ["NEWEST", "OLDER", "environment", "free_port", "mlflow_python", "running"]

NEWEST = "3.17.2"
OLDER = "2.22.5"
_TRIES = 3
_CACHE = platformdirs.user_cache_path("autolog-tests", appauthor=False)  # before a test has one of its own
_MORE_PINS = {OLDER: ["sqlalchemy<2.1"]}  # what it cannot do without, and does not say


def environment(version: str = NEWEST) -> Path:
    """Give the Python of an environment with a version of MLflow, made once, that sees our libraries behind its own."""
    folder = _CACHE / f"mlflow-{version}-{sys.version_info.minor}"
    folder.mkdir(parents=True, exist_ok=True)
    python, ready = folder / "env/bin/python", folder / "ready"
    wanted = [f"mlflow=={version}", "cloudpickle", "psycopg2-binary", *_MORE_PINS.get(version, [])]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        if not ready.exists() or ready.read_text() != str(wanted):
            venv.create(folder / "env", with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
            ready.write_text(str(wanted))
        site = next((folder / "env/lib").glob("python*/site-packages"))
        (site / "behind.pth").write_text("\n".join(_ours()))
    return python


def _ours() -> Sequence[str]:
    """Give the folders that distributions are installed in here; autolog itself is not importable from them."""
    return [path for path in sys.path if any(Path(path).glob("*.dist-info"))]


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, version: str = NEWEST, port: int | None = None, database: str | None = None) -> Iterator[str]:
    """Run a server, and give its address.

    Args:
        folder: where it keeps all that it is given.
        version: of MLflow.
        port: to listen on; one that is free where it is None.
        database: its URI; SQLite in the folder where it is None.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = ["--backend-store-uri", database or f"sqlite:///{folder}/runs.db"]
    place += ["--artifacts-destination", str(folder / "artifacts")]
    command = [str(environment(version)), "-m", "mlflow", "server", *place, "--host", "127.0.0.1", "--workers", "1"]
    uri, server = _started(command, folder, port)
    try:
        yield uri
    finally:
        _end(server)


def _started(command: Sequence[str], folder: Path, port: int | None) -> tuple[str, subprocess.Popen[bytes]]:
    """Start the server; again where it ends at once, as when somebody else took its port meanwhile."""
    for tries in range(_TRIES):
        uri = f"http://127.0.0.1:{port or free_port()}"
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [*command, "--port", uri.rpartition(":")[2]],
                stdout=log,
                stderr=log,
                cwd=folder,
                env=_own_environment(),
                start_new_session=True,
            )
        try:
            _wait_for(uri, server, folder / "log")
        except BaseException as error:
            _end(server)
            if tries + 1 == _TRIES or not isinstance(error, RuntimeError):
                raise
        else:
            break
    return uri, server


def _end(server: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AUTOLOG", "MLFLOW"))}


def _wait_for(uri: str, server: subprocess.Popen[bytes], log: Path) -> None:
    try:
        wait_until(lambda: server.poll() is not None or _answers(uri), 120)
    finally:
        if server.poll() is not None:
            raise RuntimeError(f"the server has ended: {log.read_text()[-2000:]}")


def _answers(uri: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"{uri}/health", timeout=5).read() == b"OK")
    except OSError:
        return False


def mlflow_python(uri: str, program: str, *arguments: str, version: str = NEWEST) -> str:
    """Run a program in MLflow's environment, with its client set to a server, and give what it prints."""
    done = subprocess.run(
        [environment(version), "-c", program, *arguments],
        cwd=environment(version).parent,  # where nothing of ours can be imported from
        env={**_own_environment(), "MLFLOW_TRACKING_URI": uri, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
