"""Journals in segments: any cut of them reads as the journal, wherever the pieces lie."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autolog
from autolog.store import segments
from autolog.store.journals import JournalStore
from autolog.store.segments import Segment, pack
from autolog_files import LocalFiles
from recorded import facts

WRITER = "ab" * 16


def cut(data: bytes, pieces: Sequence[tuple[int, int]]) -> dict[str, bytes]:
    """The files of the pieces of a journal."""
    return {Segment(WRITER, start, end).name: pack(data[start:end]) for start, end in pieces}


def listed(files: dict[str, bytes]) -> list[Segment]:
    """What a listing of the files gives."""
    return [piece for piece in map(Segment.of, files) if piece is not None]


def read(files: dict[str, bytes], journal: str, start: int = 0) -> bytes:
    return segments.read(listed(files), journal, start, lambda names: [files[name] for name in names])


WHOLE = bytes(range(200))
PLACES = st.integers(0, len(WHOLE))


@settings(deadline=None)
@given(st.sets(PLACES, max_size=8), st.sets(st.tuples(PLACES, PLACES), max_size=8), st.randoms(), PLACES)
def test_any_cut_reads_as_the_whole(
    seams: set[int], more: set[tuple[int, int]], order: random.Random, start: int
) -> None:
    """Pieces that cover a journal, in any order and with any overlap, give its bytes from any place on."""
    cover = itertools.pairwise(sorted({0, len(WHOLE), *seams}))
    pieces = [*cover, *((min(pair), max(pair)) for pair in more if pair[0] != pair[1])]
    order.shuffle(pieces)
    files = cut(WHOLE, pieces)
    assert segments.sizes(listed(files)) == {f"{WRITER}@0.jsonl": len(WHOLE)}
    assert read(files, f"{WRITER}@0.jsonl", start) == WHOLE[start:]


@settings(deadline=None)
@given(st.sets(st.tuples(PLACES, PLACES), min_size=1, max_size=12), PLACES)
def test_no_more_is_fetched_than_is_needed(more: set[tuple[int, int]], start: int) -> None:
    """Every piece that is fetched has bytes that no other one of them has, and reaches beyond the start."""
    files = cut(WHOLE, [(0, 40), *((min(pair), max(pair)) for pair in more if pair[0] != pair[1])])
    fetched: list[str] = []

    def fetch(names: Sequence[str]) -> list[bytes]:
        fetched.extend(names)
        return [files[name] for name in names]

    segments.read(listed(files), f"{WRITER}@0.jsonl", start, fetch)
    taken = [piece for piece in map(Segment.of, fetched) if piece is not None]
    assert all(piece.end > start for piece in taken)
    for piece in taken:
        others = {at for other in taken if other != piece for at in range(other.start, other.end)}
        assert not set(range(piece.start, piece.end)) <= others


@pytest.mark.parametrize(
    "name",
    [
        "../00000000000000000000-1.jsonl.gz",
        f"{WRITER}/0-1.jsonl.gz",
        f"{WRITER}/00000000000000000000-0.jsonl.gz",
        f"{WRITER}/00000000000000000000-999999999.jsonl.gz",
        f"{WRITER}/00000000000000000000-1.jsonl.gz\n",
        f"{WRITER}/x/00000000000000000000-1.jsonl.gz",
        f"{'A' * 32}/00000000000000000000-1.jsonl.gz",
        "files/00000000000000000000-1.jsonl.gz",
    ],
)
def test_other_names_are_no_segments(name: str) -> None:
    """What does not have the form of a segment's name, or claims to be beyond all measure, is passed over."""
    assert Segment.of(name) is None


def test_a_segment_is_named_by_its_place() -> None:
    """The name tells writer, place and length, and sorts by the place."""
    piece = Segment(WRITER, 1000, 1234)
    assert piece.name == f"{WRITER}/00000000000000001000-234.jsonl.gz"
    assert Segment.of(piece.name) == piece


# ---- in a folder: the copy of a bucket


def record(store: Path) -> str:
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(run_name="cut") as run:
        for step in range(300):
            autolog.log_params({f"p{step}": step})
            autolog.log_metric("loss", 1 / (step + 1), step=step)
        autolog.log_text("hello", "notes/hello.txt")
    return run.run_id


def cut_up(folder: Path, lines_each: int) -> list[Path]:
    """Replace the one journal in a folder by segments of so many lines."""
    (journal,) = folder.glob("*.jsonl")
    start, made = 0, []
    lines = journal.read_bytes().splitlines(keepends=True)
    for at in range(0, len(lines), lines_each):
        piece = b"".join(lines[at : at + lines_each])
        path = folder / Segment(journal.stem, start, start + len(piece)).name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pack(piece))
        start += len(piece)
        made.append(path)
    journal.unlink()
    return made


@pytest.mark.parametrize("lines_each", [1, 7, 10_000])
def test_a_folder_of_segments_reads_as_the_run(store: Path, tmp_path: Path, lines_each: int) -> None:
    """A run whose journal was cut reads as before, and as one run where both forms lie side by side."""
    run_id = record(store)
    expected = facts(autolog.get_run(run_id, store=store))
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    cut_up(copy / run_id, lines_each)
    assert facts(autolog.get_run(run_id, store=copy)) == expected
    shutil.copytree(store, copy, dirs_exist_ok=True)
    autolog.session.get()._stores.clear()
    (run,) = autolog.search_runs(store=copy, output_format="list")
    assert facts(run) == expected
    assert run.artifact_path("notes/hello.txt").read_text() == "hello"


@pytest.mark.parametrize("harm", ["missing", "cut short", "other bytes"])
def test_a_damaged_segment_costs_itself(store: Path, harm: str) -> None:
    """What lies behind a gap or a damaged piece is read, and the damage is counted; once it is mended all is there."""
    run_id = record(store)
    expected = autolog.get_run(run_id, store=store)
    pieces = cut_up(store / run_id, 7)
    victim = random.Random(1).choice(pieces[5:-5])
    sound = victim.read_bytes()
    victim.unlink() if harm == "missing" else victim.write_bytes(sound[:-20] if harm == "cut short" else sound[::-1])
    harmed = autolog.get_run(run_id, store=store)
    lost = expected.params.keys() - harmed.params.keys()
    assert (0 < len(lost) <= 7, harmed.unreadable, harmed.status) == (True, 1, "FINISHED")
    if harm == "missing":
        victim.write_bytes(sound)
        assert facts(autolog.get_run(run_id, store=store)) == facts(expected)


def test_a_run_in_segments_is_followed(store: Path) -> None:
    """A store that has read some pieces reads of the next ones only, and sees what they say."""
    run_id = record(store)
    pieces = cut_up(store / run_id, 100)
    later = [(path, path.read_bytes()) for path in pieces[1:]]
    for path, _ in later:
        path.unlink()
    reads: list[str] = []

    class Counting(LocalFiles):
        def read(self, tree: str, name: str, start: int) -> bytes:
            reads.extend([f"{name} from {start}"] if "@" in name else [])
            return super().read(tree, name, start)

    followed = JournalStore("here", Counting(store))
    begun = followed.run(run_id)
    for path, data in later:
        path.write_bytes(data)
    ended = followed.run(run_id)
    assert begun.params.items() < ended.params.items()
    assert ended.status == "FINISHED"
    assert sum(each.endswith(" from 0") for each in reads) == 1
