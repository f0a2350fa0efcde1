"""A PostgreSQL server of a test's own, where the machine has the programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow_server import free_port, wait_until

__all__ = ["is_here", "running"]


def is_here() -> bool:
    """Say whether PostgreSQL is installed."""
    return _programs() is not None


def _programs() -> Path | None:
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run a server, and give its database's URI."""
    programs = _programs()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="postgres-") as place:
        as_whom = _not_root(Path(place))
        data, port = f"{place}/data", free_port()
        subprocess.run([programs / "initdb", "-A", "trust", "-U", "autolog", data], check=True, cwd=place, **as_whom)
        command = [programs / "postgres", "-D", data, "-p", str(port), "-k", place, "-c", "fsync=off"]
        server = subprocess.Popen(command, cwd=place, **as_whom)
        ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        try:
            wait_until(lambda: subprocess.run(ready, check=False, stdout=subprocess.DEVNULL).returncode == 0)
            yield f"postgresql+psycopg2://autolog@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


def _not_root(place: Path) -> Mapping[str, Any]:
    """Say who runs it, since it refuses to be run by root; the folder becomes theirs."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if os.getuid() != 0:
        return quiet
    shutil.chown(place, "postgres", "postgres")
    return {**quiet, "user": "postgres", "group": "postgres"}
