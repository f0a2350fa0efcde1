"""obstore's threads are missing in a forked child, where a call would never end: a fresh process delivers there."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from autolog.hookspecs import Batch, Delivery
from autolog.journal.events import decode_lines
from autolog_s3.address import Address

__all__ = ["deliver", "is_cut_off"]

_home: int | None = None
_START: Final = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from autolog_s3 import forked; forked.main()"
_PATIENCE: Final = 600.0  # seconds


def is_cut_off() -> bool:
    """Say whether this process was forked from one that obstore is at work in; to be asked before each use of it."""
    global _home
    _home = _home or os.getpid()
    return _home != os.getpid()


def deliver(address: Address, batch: Batch) -> Delivery:
    """Deliver by a process that was not forked."""
    command, packed = [sys.executable, "-c", _START, json.dumps(sys.path)], _packed(address, batch)
    try:
        ended = subprocess.run(command, input=packed, capture_output=True, timeout=_PATIENCE, check=True)  # noqa: S603
        return Delivery(**json.loads(ended.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        return Delivery(
            "retry", f"this process was forked, and one that delivers for it fails ({type(error).__name__})"
        )


def _packed(address: Address, batch: Batch) -> bytes:
    files = {name: str(path) for name, path in batch.files.items()}
    place = [batch.tree, batch.writer, batch.offset, str(batch.folder)]
    return json.dumps([address, place, files, base64.b64encode(batch.lines).decode()]).encode()


def main() -> None:
    """Take a batch from stdin, and write what became of it to stdout."""
    from autolog_s3.delivering import BucketBackend

    address, (tree, writer, offset, folder), files, text = json.load(sys.stdin)
    lines = base64.b64decode(text)
    paths = {name: Path(path) for name, path in files.items()}
    batch = Batch(tree, writer, offset, lines, tuple(decode_lines(lines)[0]), paths, Path(folder), {})
    said = BucketBackend(Address(*address)).deliver(batch)
    sys.stdout.write(json.dumps({"state": said.state, "reason": said.reason, "aside": list(said.aside)}))
