"""Delivery of folders that nobody of ours has written: it hands over what there is, or says why not, and ends."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolog.delivery.cursors import Cursors
from autolog.delivery.syncing import Sent, deliver, tasks
from autolog.hookspecs import Batch
from autolog.testing import all_runs
from autolog_files import FolderBackend

TREE, WRITER = "1" * 32, "0123456789abcdef"
HEADER = {"format": 1, "host": "elsewhere", "boot": "x", "pids": None, "pid": 1, "process_start": "0"}

folders = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def line(kind: str, data: str, seq: int = 0) -> bytes:
    """A line under a checksum that fits, whatever its data is."""
    body = f'{{"run":"{TREE}","kind":"{kind}","time":{seq},"writer":"{WRITER}","seq":{seq},"data":{data}'.encode()
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def folder_with(root: Path, journal: bytes, name: str = f"{WRITER}.jsonl") -> Path:
    folder = root / TREE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(journal)
    os.utime(folder / name, (0, 0))
    return folder


def sent(root: Path, to: Path) -> list[Sent]:
    return list(deliver(tasks(root, str(to)), lambda uri: FolderBackend(Path(uri)), lambda count: None))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param('{"a":' * 900 + "1" + "}" * 900, id="deep"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="too deep"),
        pytest.param(json.dumps({"path": "../../../etc/passwd"}), id="upwards"),
        pytest.param(json.dumps({"path": "/etc/passwd"}), id="absolute"),
        pytest.param(json.dumps({"path": {"$file": ["x"]}, "x": {"$file": "../../secret"}}), id="a file that is none"),
        pytest.param(json.dumps({"path": "a\0b"}), id="NUL"),
        pytest.param("null", id="null"),
        pytest.param("1e999", id="infinite"),
    ],
)
def test_hostile_facts_are_copied_and_name_no_file_outside(tmp_path: Path, data: str) -> None:
    """A journal arrives byte for byte, and no file from outside the run's folder goes along."""
    (tmp_path / "secret").write_text("secret")
    journal = line("journal", json.dumps(HEADER)) + line("artifact", data, 1) + line("params", data, 2)
    folder_with(tmp_path / "store", journal)
    assert [each.state for each in sent(tmp_path / "store", tmp_path / "copy")] == ["sent"]
    copied = {path.name: path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {f"{WRITER}.jsonl": journal}
    all_runs(tmp_path / "copy")


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    """An artifact that is a link to a file elsewhere stays behind."""
    (tmp_path / "secret").write_text("secret")
    folder = folder_with(tmp_path / "store", line("artifact", json.dumps({"path": "a"})))
    (folder / "files" / TREE).mkdir(parents=True)
    (folder / "files" / TREE / "a").symlink_to(tmp_path / "secret")
    assert [each.state for each in sent(tmp_path / "store", tmp_path / "copy")] == ["sent"]
    assert not (tmp_path / "copy" / TREE / "files").exists()


def test_a_line_without_end_is_handed_over_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than any line of ours is cut, so that memory stays bounded, and arrives whole."""
    monkeypatch.setattr("autolog.delivery.batches._LONGEST", 1 << 20)
    journal = line("journal", json.dumps(HEADER)) + b"x" * (5 << 20) + b"\n" + line("note", '{"text":"after"}', 3)
    folder_with(tmp_path / "store", journal)
    sizes: list[int] = []

    class Measuring(FolderBackend):
        def deliver(self, batch: Batch) -> Any:
            sizes.append(len(batch.lines))
            return super().deliver(batch)

    list(deliver(tasks(tmp_path / "store", "x"), lambda uri: Measuring(tmp_path / "copy"), lambda count: None))
    assert max(sizes) <= 3 << 20
    assert (tmp_path / "copy" / TREE / f"{WRITER}.jsonl").read_bytes() == journal


@folders
@given(journal=st.binary(max_size=400), ring=st.binary(max_size=400))
def test_any_bytes_can_be_delivered(tmp_path_factory: pytest.TempPathFactory, journal: bytes, ring: bytes) -> None:
    """Whatever stands in a journal and in a ring, the journal is copied and the call ends."""
    root = tmp_path_factory.mktemp("hostile")
    folder = folder_with(root / "store", journal)
    (folder / f"{WRITER}.ring").write_bytes(b"autolog ring 1\n\0" + ring)
    assert {each.state for each in sent(root / "store", root / "copy")} <= {"sent"}
    if journal:
        assert (root / "copy" / TREE / f"{WRITER}.jsonl").read_bytes() == journal


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@folders
@given(
    said=st.dictionaries(st.sampled_from(["to", "delivered", "settled", "ended"]), json_values)
    | json_values
    | st.fixed_dictionaries({"delivered": st.just({WRITER: 1 << 70}), "to": st.text(max_size=9)})
)
def test_any_cursor_file_is_read(tmp_path_factory: pytest.TempPathFactory, said: Any) -> None:
    """Of a cursor file what makes no sense is nothing."""
    root = tmp_path_factory.mktemp("hostile")
    folder = folder_with(root / "store", line("journal", json.dumps(HEADER)))
    cursors = Cursors(folder, str(root / "copy"))
    cursors.begin()
    cursors.path.write_text(json.dumps(said))
    list(Cursors.all_in(folder))
    sent(root / "store", root / "copy")
