"""Real object stores on loopback: moto's and rclone's S3, Azurite, and a proxy that counts what they are asked."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest

__all__ = ["KEYS", "Azurite", "CountingProxy", "Moto", "Rclone", "Server", "XmlOfGoogle", "running", "use"]

_BIN = Path(sys.executable).parent
_AZURITE = "azurite@3.37.0"
_ACCOUNT = "devstoreaccount1"  # with its key, both in Azurite's documentation
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Keys(NamedTuple):
    """What a server knows its one user by."""

    access: str = "AKIDEXAMPLE"
    secret: str = "not-so-secret-key"


KEYS = Keys()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """A server process on one port, which can be stopped and started again."""

    scheme = "s3"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, (self.folder / "log.txt").read_text()
            time.sleep(0.05)
        raise AssertionError(f"{self.command()[0]} does not listen")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def make_bucket(self, name: str) -> None:
        keys = {"aws_access_key_id": KEYS.access, "aws_secret_access_key": KEYS.secret}
        client = boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", **keys)
        client.create_bucket(Bucket=name)

    def uri(self, place: str) -> str:
        """The address of a place in it; `place` begins with the bucket."""
        return f"{self.scheme}://{place}"

    def environment(self) -> dict[str, str]:
        """What a program needs to use it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEYS.access,
            "AWS_SECRET_ACCESS_KEY": KEYS.secret,
        }


class Moto(Server):
    """moto's server; all that it holds is in memory, and it checks no signature."""

    def command(self) -> list[str]:
        return [str(_BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(self.port)]


class Rclone(Server):
    """rclone's server over a folder; it checks signatures."""

    def command(self) -> list[str]:
        served = self.folder / "served"
        served.mkdir(exist_ok=True)
        options = ["--addr", f"127.0.0.1:{self.port}", "--auth-key", ",".join(KEYS)]
        return [str(_BIN / "rclone"), "serve", "s3", str(served), *options]


class XmlOfGoogle(Rclone):
    """rclone's server, asked in the XML protocol that Google shares with S3; it is no emulator of Google's storage."""

    scheme = "gs"

    def command(self) -> list[str]:
        return super().command()[:-2]  # anyone may ask

    def uri(self, place: str) -> str:
        return f"gs://{place}?endpoint_url={self.endpoint}"

    def environment(self) -> dict[str, str]:
        """Google's library would ask Google for a token, unless the key says that none is needed."""
        key = {"gcs_base_url": self.endpoint, "disable_oauth": True}
        unused = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps({**key, **unused})}


class Azurite(Server):
    """Azure's own emulator of its blobs."""

    scheme = "az"

    def command(self) -> list[str]:
        script = _azurite() / "node_modules" / ".bin" / "azurite-blob"
        options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
        return ["node", str(script), "--blobPort", str(self.port), *options]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{_ACCOUNT}"

    def make_bucket(self, name: str) -> None:
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        lines = [f"{key}:{value}" for key, value in headers.items()]
        signed = "\n".join(["PUT", *[""] * 11, *lines, f"/{_ACCOUNT}/{_ACCOUNT}/{name}", "restype:container"])
        digest = hmac.new(base64.b64decode(_KEY), signed.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}"
        url = f"{self.endpoint}/{name}?restype=container"
        urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers), timeout=30).close()

    def environment(self) -> dict[str, str]:
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": _KEY,
            "AZURE_STORAGE_ENDPOINT": self.endpoint,
        }


def _azurite() -> Path:
    """The folder that Azurite is installed in, once for all tests on this machine."""
    folder = Path(os.environ.get("AUTOLOG_TEST_CACHE", "~/.cache/autolog-tests")).expanduser() / "azurite"
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("Azurite needs node and npm, which are not here")
    if not (folder / "node_modules" / ".bin" / "azurite-blob").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-fund", "--no-audit", "--prefix", str(folder), _AZURITE]
        made = subprocess.run(command, capture_output=True, timeout=600, check=False)
        if made.returncode:
            pytest.skip(f"npm cannot install {_AZURITE}: {made.stderr[-300:]!r}")
    return folder


def use(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process and its children use a server, and nothing else that the machine may know."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)


class CountingProxy:
    """Forwards to a server, and keeps the first line of each request."""

    def __init__(self, port: int) -> None:
        self.requests: list[str] = []
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def count(self, method: str, of: str = "") -> int:
        return sum(line.startswith(method) and of in line for line in self.requests)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who waits in accept
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._listening.accept()[0]
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self._port)) as far:
            back = threading.Thread(target=_forward, args=(far, near, lambda data: None), daemon=True)
            back.start()
            _forward(near, far, self._note)
            back.join()

    def _note(self, data: bytes) -> None:
        found = re.findall(rb"(?:^|\n)((?:PUT|GET|HEAD|POST|DELETE) /[^ ]*) HTTP/1.1\r\n", data)
        self.requests += [line.decode() for line in found]


def _forward(source: socket.socket, target: socket.socket, note: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError):
        for data in iter(lambda: source.recv(1 << 16), b""):
            note(data)
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def running(kind: type[Server], folder: Path) -> Iterator[Server]:
    """A server while the block runs."""
    server = kind(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
