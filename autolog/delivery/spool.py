"""The folder that journals wait in where no destination keeps them: in the user's state folder, until all have all."""

from __future__ import annotations

import contextlib
import shutil
from functools import partial
from pathlib import Path
from typing import Final

from autolog.delivery.batches import is_abandoned, is_own, journals
from autolog.delivery.cursors import Cursors
from autolog.delivery.lease import lease
from autolog.delivery.route import remaining, unless_gone

__all__ = ["spool_folder", "sweep"]

_AWAY: Final = ".away-"  # before a run's id, while its files are removed


def spool_folder() -> Path:
    """Give the folder, whether it is there or not."""
    import platformdirs  # by whom only a server is written to

    return platformdirs.user_state_path("autolog", appauthor=False) / "runs"


def sweep(folder: Path) -> None:
    """Remove the runs that all of their destinations have whole, and that nobody writes to.

    A run of which something was refused for good stays: it is the only place that has that.

    Args:
        folder: the spool. Any other folder of runs is the user's.
    """
    if folder == spool_folder() and folder.is_dir():
        for each in folder.iterdir():
            unless_gone(each, None, partial(_remove_if_delivered, each))  # another process sweeps too


def _remove_if_delivered(folder: Path) -> None:
    if folder.name.startswith(_AWAY):
        shutil.rmtree(folder, ignore_errors=True)  # who was about to was killed
        return
    known = list(Cursors.all_in(folder))
    if not known or any(each.aside.exists() for each in known) or not all(map(_is_done, journals(folder))):
        return
    with contextlib.ExitStack() as leases:
        held = [leases.enter_context(lease(each.lock)) for each in known]
        if all(held) and all(each.is_settled and not remaining(each) for each in known):
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a run at once: who waits for its lease is to find nothing, and not the half of it."""
    away = folder.with_name(_AWAY + folder.name)
    try:
        folder.rename(away)
    except OSError:  # on Windows, since it holds the leases, which nobody else can get there until they are closed
        away = folder
    shutil.rmtree(away, ignore_errors=True)


def _is_done(journal: Path) -> bool:
    """Say whether nobody writes to a journal any more; this process asks when it ends."""
    return is_own(journal) or is_abandoned(journal)
