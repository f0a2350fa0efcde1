"""Our backends keep what backends promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from autolog.testing import BackendContract


class TestFiles(BackendContract):
    """A folder."""

    @pytest.fixture
    def uri(self, tmp_path: Path) -> str:
        return str(tmp_path / "there")

    @pytest.fixture
    def away(self, tmp_path: Path) -> str:
        (tmp_path / "file").write_text("no folder")
        return str(tmp_path / "file")


class TestMemory(BackendContract):
    """This process."""

    @pytest.fixture
    def uri(self, tmp_path: Path) -> str:
        return f"memory:{tmp_path}"
