"""A pytest plugin that runs a test suite with autolog on, and writes down every error that autolog swallowed.

Loaded with `-p enabled`. AUTOLOG_UPSTREAM_SCRATCH names the folder for the runs, AUTOLOG_UPSTREAM_ERRORS the file.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

import autolog

__all__: list[str] = []


class _Errors(logging.Handler):
    """Writes each line of ours once, with the test that it came up in."""

    def emit(self, record: logging.LogRecord) -> None:
        with Path(os.environ["AUTOLOG_UPSTREAM_ERRORS"]).open("a") as file:
            file.write(f"{record.getMessage()} [{os.environ.get('PYTEST_CURRENT_TEST')}]\n")


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Switch autolog on before anything of the suite is imported."""
    logger = logging.getLogger("autolog")
    logger.addHandler(_Errors(logging.WARNING))
    logger.propagate = False  # tests that look at logging see their own
    autolog.enable(backend=str(Path(os.environ["AUTOLOG_UPSTREAM_SCRATCH"], "runs")), silent=True)


def pytest_sessionfinish() -> None:
    """Switch it off, so that what is left of it can be seen."""
    autolog.disable()
