"""Runs code in another process."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["python"]


def python(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with further variables in its environment."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100)
