"""A browser that looks at `autolog ui` as a person would, and remembers what no page may do."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--headless",
]


@contextlib.contextmanager
def served(store: Path) -> Iterator[str]:
    """The address at which the command serves a store, while it does."""
    command = [sys.executable, "-m", "autolog", "ui", "--store", str(store), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, line
            yield found[0]
        finally:
            process.terminate()
            process.wait()


@dataclass
class Seen:
    """A page of the browser, and what it did that no page may.

    Args:
        page: it.
        base: the address of the server.
        faults: dialogs, errors, violations of the policy, and requests to other hosts.
    """

    page: Any
    base: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error} {error.stack}"))
        self.page.on("console", self._console)
        self.page.on("request", self._request)

    def go(self, address: str) -> Any:
        """Open one of its addresses anew, and give the page."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.base}{address}")
        return self.page

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        refused = "server responded with a status of 4" in message.text  # the page says so itself
        if message.type == "error" and not refused:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.base).netloc and not request.url.startswith(
            ("data:", "about:")
        ):
            self.faults.append(f"request: {request.url}")
