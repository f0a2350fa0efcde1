"""The index says what the journals say: the same runs, found by the same filters, whatever comes in when."""

from __future__ import annotations

import itertools
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autolog
from autolog.exceptions import JournalError, RunNotFoundError
from autolog.journal import points
from autolog.journal.events import Event, encode_line
from autolog.journal.points import Columns
from autolog.journal.process import identity, process_start
from autolog.store.base import Look
from autolog.store.index import store as indexed
from autolog.store.index.database import path_for
from autolog.store.index.store import IndexedStore
from autolog.store.journals import JournalStore
from autolog.store.run import Run
from autolog.store.search import find, search, still
from autolog.store.thinning import join, pack, thin, unpack
from autolog.values import encode
from autolog_files import LocalFiles
from random_facts import OTHER_HOST, facts

TREES = ("ab" * 16, "cd" * 16)
RUNS = (*TREES, "12" * 16, "34" * 16)
THIS_PROCESS = {"format": 1, **identity(), "pid": os.getpid(), "process_start": process_start(os.getpid())}
NEWER = {**OTHER_HOST, "format": 2}

drawn = settings(suppress_health_check=list(HealthCheck), max_examples=40, deadline=None)


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a store of any size an index."""
    monkeypatch.setattr(indexed, "_LARGE", 0)


def indexed_store(root: Path, files: LocalFiles | None = None) -> IndexedStore:
    """Give a store that reads by the index of that folder."""
    return IndexedStore(str(root), files or LocalFiles(root), str(root))


def folding_store(root: Path) -> JournalStore:
    """Give a store that has read nothing and folds everything."""
    return JournalStore(str(root), LocalFiles(root))


def sorted_in(value: Any) -> Any:
    """Give a value with all mappings in the order of their names."""
    if isinstance(value, dict):
        return {name: sorted_in(each) for name, each in sorted(value.items(), key=repr)}
    return [sorted_in(each) for each in value] if isinstance(value, list) else value


def shown(run: Run) -> str:
    """Give all that a run says as a text."""
    run.params  # noqa: B018 - a run of a list reads the rest with the first thing that it lacks
    fields = {name: sorted_in(value) for name, value in vars(run).items() if not name.startswith("_")}
    return repr((sorted_in(fields), {key: run.history(key) for key in sorted(run.metrics)}))


def all_shown(runs: Any) -> list[str]:
    """Give all that runs say, in an order of their own."""
    return sorted(map(shown, runs))


# ---- against the fold

starts = st.builds(
    lambda kind, parent, session, splits: (
        kind,
        {"run_name": "n", "experiment": "e", "parent": parent, "session": session, "splits": splits, "tags": {}},
    ),
    st.sampled_from(["started", "candidate"]),
    st.sampled_from([None, *RUNS]),
    st.sampled_from(["a", "b"]),
    st.integers(0, 2),
)
headers = st.sampled_from([OTHER_HOST, THIS_PROCESS, OTHER_HOST, THIS_PROCESS, NEWER])


@st.composite
def journals(draw: st.DrawFn) -> list[tuple[str, str, list[bytes]]]:
    """Draw journals: each its tree, its name, and its lines."""
    found = []
    for writer in ("1a", "2b", "3c", "4d")[: draw(st.integers(1, 4))]:
        time = draw(st.integers(1, 5))
        events = [Event(TREES[0], "journal", time, writer, 0, draw(headers))]
        for seq, (kind, data) in enumerate(draw(st.lists(facts | starts, max_size=9)), start=1):
            time += draw(st.integers(0, 2))
            events.append(Event(draw(st.sampled_from(RUNS)), kind, time, writer, seq, data))
        found.append((draw(st.sampled_from(TREES)), f"{writer}.jsonl", list(map(encode_line, events))))
    return found


FILTERS = (
    "",
    "params.a > 0",
    "params.a = 1 or params.b = 'x'",
    "not params.a = 'nan'",
    "params.b IS NULL and status != 'LOST'",
    "params.b IS NOT NULL or tags.a LIKE '%'",
    "metrics.a >= 0 or metrics.b = nan",
    "params.a IN (0, 1, '-0.0', 'inf', '[1]')",
    "params.a NOT ILIKE '%N%'",
    "tags.b != true",
    "status = 'RUNNING'",
    "parent_run_id IS NULL and end_time IS NOT NULL",
    "duration >= 0 and start_time < '2000-01-01'",
    "attributes.run_id < '4'",
)
ORDERS = ("params.a", "params.a DESC", "metrics.a DESC", "tags.b", "status", "end_time DESC", "duration", "run_name")


def found(store: JournalStore, text: str, order: str) -> list[tuple[str, str | None]]:
    """Give which runs a filter finds, in an order that leaves none open."""
    return [tuple(head) for head in find(store, text, [order, "run_id", "params.b"]).heads]  # type: ignore[misc]


@drawn
@given(journals(), st.data())
def test_the_index_says_what_the_fold_says(tmp_path: Path, written: list[Any], data: st.DataObject) -> None:
    """Whatever journals hold, and however they grow between two looks, lists and searches are those of the fold."""
    root = Path(tempfile.mkdtemp(dir=tmp_path))
    store = indexed_store(root)
    for _ in range(data.draw(st.integers(1, 3))):
        for tree, name, lines in written:
            (root / tree).mkdir(exist_ok=True)
            count = data.draw(st.integers(0, len(lines)))
            with (root / tree / name).open("ab") as file:
                file.writelines(lines[:count])
            del lines[:count]
        folded = folding_store(root)
        assert all_shown(store.runs()) == all_shown(folded.runs())
        assert all_shown(store.runs(deleted=True)) == all_shown(folded.runs(deleted=True))
        again = indexed_store(root)
        text, order = data.draw(st.sampled_from(FILTERS)), data.draw(st.sampled_from(ORDERS))
        assert sorted(found(again, text, order), key=repr) == sorted(found(folded, text, order), key=repr)
        assert find(again, text, max_results=1).tally() == find(folded, text).tally()
        assert all_shown(again.runs()) == all_shown(folded.runs())


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), 2**53 + 1, float(2**53)]),
    st.floats(),
    st.sampled_from(["", "1", "1.0", "True", "true", "None", "nan", "rf", "RF", "a\0b", "é", "\ud800", "\U0001f600"]),
    st.text(max_size=3),
    st.tuples(st.integers(0, 1)),
)
literals = st.sampled_from(
    ["1", "1.0", "-1", "nan", "inf", "'1'", "'1.0'", "'true'", "'None'", "'rf'", "'nan'", "'[1]'", "''", "'a'", "'é'"]
) | st.sampled_from(["9223372036854775808", "-9223372036854775808", "9007199254740993", "9007199254740993.0"])
patterns = st.sampled_from(["%", "1%", "_", "r_"])
comparisons = st.one_of(
    st.builds("params.p {} {}".format, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), literals),
    st.builds("params.p {} ({}, {})".format, st.sampled_from(["IN", "NOT IN"]), literals, literals),
    st.builds("params.p {} '{}'".format, st.sampled_from(["LIKE", "NOT ILIKE"]), patterns),
    st.sampled_from(["params.p IS NULL", "params.p IS NOT NULL", "params.p = true", "params.p NOT IN (true, 1)"]),
)


@drawn
@given(st.lists(values, min_size=1, max_size=12), st.lists(comparisons, min_size=3, max_size=8), st.booleans())
def test_values_of_all_types_compare_and_order_alike(
    tmp_path: Path, logged: list[Any], texts: list[str], descending: bool
) -> None:
    """A filter finds the same runs by SQL as by Python, and an order of all types is the same."""
    root = Path(tempfile.mkdtemp(dir=tmp_path))
    for number, value in enumerate(logged):
        write_run(root, f"{number:032x}", {"p": encode(value)})
    store, folded = indexed_store(root), folding_store(root)
    for text in [*texts, f"({texts[0]}) or not ({texts[1]} and {texts[2]})"]:
        assert found(store, text, "run_id") == found(folded, text, "run_id"), text
    order = ["params.p DESC" if descending else "params.p", "run_id"]
    heads = find(folded, "", order).heads
    assert find(store, "", order).heads == heads
    for skip, most in ((0, 2), (1, None), (2, 3), (len(heads), 1)):
        cut = heads[skip:][:most]
        assert find(store, "", order, None, most, skip).heads == cut == find(folded, "", order, None, most, skip).heads


def write_run(root: Path, run: str, params: dict[str, Any], *more: tuple[str, dict[str, Any]], at: int = 5) -> None:
    """Write the journal of a finished run."""
    started = {"run_name": "n", "experiment": "e", "parent": None, "session": "s", "tags": {}}
    told: list[tuple[str, Any]] = [("journal", OTHER_HOST), ("started", started), ("params", {"params": params}), *more]
    told.append(("finished", {"session": "s", "status": "FINISHED", "error": None}))
    (root / run).mkdir(parents=True)
    events = [Event(run, kind, at, "1a", seq, data) for seq, (kind, data) in enumerate(told)]
    (root / run / "1a.jsonl").write_bytes(b"".join(map(encode_line, events)))


def long_points(count: int, begin: int = 0) -> tuple[str, dict[str, Any]]:
    """Give a series of points that go up and down, with a peak that is one point wide."""
    values = [100.0 if step == begin + count // 3 else math.sin(step / 50) for step in range(begin, begin + count)]
    columns = Columns(range(begin, begin + count), values, range(begin * 7, (begin + count) * 7, 7))
    return "points", {"series": {"loss": points.encode(columns)}}


# ---- while others write

WRITER = """
import sys, autolog
autolog.enable(backend=sys.argv[1], silent=True)
run = autolog.start_run(run_name="a")
with autolog.start_run(run_name="child", nested=True):
    autolog.log_params({"a": 1})
print(run.run_id, flush=True)
for line in sys.stdin:
    for step in range(1000):
        autolog.log_metric("loss", float(line) + step, step=step)
    print("more", flush=True)
"""


@pytest.fixture
def writer(store: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that has begun a run and waits; a number on its stdin has it log 1000 points."""
    command = [sys.executable, "-c", WRITER, str(store)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, cwd=store.parent) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def log_more(writer: subprocess.Popen[str], first: float) -> None:
    """Have the writer log, and wait until it has."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write(f"{first}\n")
    writer.stdin.flush()
    writer.stdout.readline()


def test_a_living_writer_is_followed_and_its_death_is_seen(store: Path, writer: subprocess.Popen[str]) -> None:
    """Points come in as they are logged, those in a ring too; a killed writer's run is LOST with no file changed."""
    index = indexed_store(store)
    assert [run.status for run in search(index, "attributes.run_name = 'a'")] == ["RUNNING"]
    for first in (0.0, 5000.0):
        log_more(writer, first)
        (run,) = search(index, f"metrics.loss = {first + 999}")
        assert run.metrics == {"loss": first + 999}
        assert len(run.history("loss")) == (1000 if first == 0 else 2000)
    writer.kill()
    writer.wait()
    assert [run.run_name for run in search(index, "status = 'LOST'")] == ["a"]
    assert all_shown(index.runs()) == all_shown(folding_store(store).runs())
    assert all_shown(indexed_store(store).runs()) == all_shown(folding_store(store).runs())


class CountingFiles(LocalFiles):
    """Local files that count what is read."""

    taken = 0

    def read(self, tree: str, name: str, start: int) -> bytes:
        data = super().read(tree, name, start)
        self.taken += len(data)
        return data


def append(root: Path, event: Event) -> bytes:
    """Write an event behind what a journal has, and give its line."""
    line = encode_line(event)
    with (root / event.run / f"{event.writer}.jsonl").open("ab") as file:
        file.write(line)
    return line


def test_nothing_is_read_twice(tmp_path: Path) -> None:
    """A further look, by the same reader or by another, reads what was appended and nothing else."""
    for number in range(5):
        write_run(tmp_path, f"{number:032x}", {"a": number}, long_points(1000))
    files = CountingFiles(tmp_path)
    index = indexed_store(tmp_path, files)
    assert len(index.runs()) == 5
    for seq, store in enumerate((index, indexed_store(tmp_path, files)), start=90):
        files.taken = 0
        line = append(tmp_path, Event(f"{3:032x}", "tags", 9, "1a", seq, {"tags": {"late": seq}}))
        assert [run.run_id for run in search(store, f"tags.late = {seq}")] == [f"{3:032x}"]
        assert files.taken == len(line)


def test_a_tree_at_rest_is_looked_at_from_outside_only(tmp_path: Path) -> None:
    """Of a folder in which nobody writes any more only the time is asked, until a file comes or goes."""
    write_run(tmp_path, TREES[0], {"a": 1})
    os.utime(tmp_path / TREES[0], (1000, 1000))
    index = indexed_store(tmp_path)
    assert [run.status for run in index.runs()] == ["FINISHED"]
    with sqlite3.connect(path_for(str(tmp_path))) as database:
        assert database.execute("SELECT mark FROM trees").fetchall() == [(1000 * 10**9,)]
    assert LocalFiles(tmp_path).look({TREES[0]: 1000 * 10**9}) == {TREES[0]: None}
    append(tmp_path, Event(TREES[0], "deleted", 9, "2b", 1, {"deleted": True}))
    assert index.runs() == []
    assert [run.run_id for run in index.runs(deleted=True)] == [TREES[0]]


def test_a_folder_that_changes_now_has_no_mark(tmp_path: Path) -> None:
    """A folder that might change again within the same tick of its clock is looked at whole the next time."""
    write_run(tmp_path, TREES[0], {})
    (look,) = LocalFiles(tmp_path).look({}).values()
    assert look == Look({"1a.jsonl": (tmp_path / TREES[0] / "1a.jsonl").stat().st_size}, None)


def test_what_goes_away_is_no_longer_listed(tmp_path: Path) -> None:
    """A folder that was removed, or replaced by another of its name, leaves nothing behind."""
    for tree in TREES:
        write_run(tmp_path, tree, {"a": 1, "b": 2})
    index = indexed_store(tmp_path)
    assert len(search(index, "params.b = 2")) == 2
    for tree in TREES:
        shutil.rmtree(tmp_path / tree)
    write_run(tmp_path, TREES[1], {"a": 3})
    assert [run.params for run in index.runs()] == [{"a": 3}]
    assert search(index, "params.b = 2") == []
    with pytest.raises(RunNotFoundError, match=TREES[0]):
        index.run(TREES[0])


def test_many_readers_build_one_index(tmp_path: Path) -> None:
    """Processes that list a store for the first time at once all say the same."""
    for number in range(300):
        write_run(tmp_path, f"{number:032x}", {"a": number})
    program = (
        "import sys; from pathlib import Path; from autolog_files import LocalFiles\n"
        "from autolog.store.index import store; store._LARGE = 0\n"
        "root = Path(sys.argv[1]); s = store.IndexedStore(str(root), LocalFiles(root), str(root))\n"
        "print(len(s.runs()), sum(run.params['a'] for run in s.runs()))"
    )
    readers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=-1, text=True) for _ in range(4)]
    assert [reader.communicate()[0] for reader in readers] == [f"300 {sum(range(300))}\n"] * 4


def test_an_index_that_is_damaged_or_deleted_is_made_again(tmp_path: Path) -> None:
    """Rubbish in the file costs nothing but the time to read the journals anew; so does its being deleted."""
    write_run(tmp_path, TREES[0], {"a": 1})
    path = path_for(str(tmp_path))
    assert len(indexed_store(tmp_path).runs()) == 1
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(b"rubbish" * 1000)
    assert len(indexed_store(tmp_path).runs()) == 1
    assert not path.exists()
    assert len(indexed_store(tmp_path).runs()) == 1
    assert path.exists()


def test_where_no_index_can_be_kept_there_is_one_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that cannot be written costs the next reader time, and the store is never written to."""
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "taken"))
    write_run(tmp_path / "runs", TREES[0], {"a": 1})
    before = sorted(tmp_path.rglob("*"))
    assert [run.params for run in search(indexed_store(tmp_path / "runs"), "params.a = 1")] == [{"a": 1}]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_forked_child_reads_by_itself(tmp_path: Path) -> None:
    """A child of a fork opens the index anew: two processes on one connection would damage it."""
    write_run(tmp_path, TREES[0], {"a": 1})
    index = indexed_store(tmp_path)
    index.runs()
    child = os.fork()
    if child == 0:
        os._exit(0 if [run.params for run in index.runs()] == [{"a": 1}] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(index.runs()) == 1


def test_threads_share_a_store(tmp_path: Path) -> None:
    """A store may be asked by several threads at once, as a server asks it."""
    for number in range(40):
        write_run(tmp_path, f"{number:032x}", {"a": number})
    index = indexed_store(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(lambda _: [run.params["a"] for run in search(index, "params.a >= 20")], range(8)))
    assert [sorted(each) for each in said] == [list(range(20, 40))] * 8


def test_a_folder_of_a_newer_version_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Runs that a newer version wrote are named in a warning, and asking for one says what to do."""
    for tree in TREES:
        write_run(tmp_path, tree, {})
    append(tmp_path, Event(TREES[1], "journal", 1, "2b", 0, NEWER))
    index = indexed_store(tmp_path)
    assert [run.run_id for run in index.runs()] == [TREES[0]]
    assert [head.run_id for head in find(index).heads] == [TREES[0]]
    assert caplog.text.count(TREES[1]) == 1
    with pytest.raises(JournalError, match="upgrade"):
        index.run(TREES[1])


def test_children_are_found_by_the_index(store: Path) -> None:
    """A child run is read by its id alone, its parent names it, and deleting the parent takes it along."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run() as parent, autolog.start_run(nested=True) as child:
        autolog.log_metric("loss", 1.0)
    index = indexed_store(store)
    assert [run.run_id for run in index.children(parent.run_id)] == [child.run_id]
    assert index.run(child.run_id).metrics == {"loss": 1.0}
    assert index.tree(child.run_id) == parent.run_id
    autolog.delete_run(parent.run_id)
    assert index.runs() == []
    assert all_shown(index.runs(deleted=True)) == all_shown(folding_store(store).runs(deleted=True))


def test_what_is_asked_within_one_moment_sees_one_store(tmp_path: Path) -> None:
    """A run that begins between two questions is in neither answer, and in the next."""
    index = indexed_store(tmp_path)
    write_run(tmp_path, "1" * 32, {})
    with still(index):
        assert len(index.runs()) == 1
        write_run(tmp_path, "2" * 32, {})
        assert len(index.runs()) == len(find(index).heads) == find(index).tally().total() == 1
    assert len(index.runs()) == find(index).tally().total() == 2


def test_large_values_are_compared_whole(store: Path) -> None:
    """A value that lies in a file of its own is found by what the file holds."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run():
        autolog.log_params({"text": "x" * 70_000 + "needle"})
    assert len(search(indexed_store(store), "params.text LIKE '%needle'", ["params.text"])) == 1
    assert search(indexed_store(store), "params.text LIKE '%haystack'") == []


def test_a_filter_of_any_size_is_answered(tmp_path: Path) -> None:
    """What is too much for SQLite is not too much for us."""
    write_run(tmp_path, TREES[0], {f"p{number}": number for number in range(100)})
    index = indexed_store(tmp_path)
    assert len(search(index, " and ".join(f"params.p{number} = {number}" for number in range(100)))) == 1
    assert search(index, " or ".join(["params.p1 = 7"] * 1500)) == []


def test_a_small_store_needs_no_index(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few runs are folded, and nothing is written anywhere."""
    monkeypatch.setattr(indexed, "_LARGE", 500)
    write_run(store, TREES[0], {"a": 1})
    assert len(search(indexed_store(store), "params.a = 1")) == 1
    assert not path_for(str(store)).exists()


# ---- series


def test_a_list_opens_no_series(tmp_path: Path) -> None:
    """What is listed comes from the index alone; the points are read when somebody asks for them."""
    write_run(tmp_path, TREES[0], {"a": 1}, long_points(20_000))
    indexed_store(tmp_path).runs()
    files = CountingFiles(tmp_path)
    (run,) = search(indexed_store(tmp_path, files), "metrics.loss < 1")
    assert (run.params, list(run.metrics)) == ({"a": 1}, ["loss"])
    assert files.taken == 0
    assert run.history("loss") == folding_store(tmp_path).run(TREES[0]).history("loss")


def test_a_thinned_series_follows_the_points(tmp_path: Path) -> None:
    """What is kept of a series goes on with new points, and is what thinning all of them gives."""
    write_run(tmp_path, TREES[0], {}, long_points(20_000))
    (run,) = indexed_store(tmp_path).runs()
    assert max(bucket.high for bucket in run.thinned("loss", 300).buckets) == 100.0
    files = CountingFiles(tmp_path)
    (run,) = indexed_store(tmp_path, files).runs()
    line = append(tmp_path, Event(TREES[0], "points", 9, "1a", 70, long_points(9_000, begin=20_000)[1]))
    whole = folding_store(tmp_path).run(TREES[0])
    for count in (2, 7, 300, 1000):
        assert run.thinned("loss", count) == whole.thinned("loss", count)
    assert files.taken == len(line)
    for first, last in ((0, 100), (19_000, 21_000), (30_000, None), (None, -1)):
        assert run.thinned("loss", 1000, first, last) == whole.thinned("loss", 1000, first, last)


edges = st.integers(-50, 50) | st.integers(-(2**63), 2**63 - 1)
drawn_points = st.lists(st.tuples(edges, st.integers(0, 9), st.floats()), min_size=1, max_size=40)


@given(drawn_points, st.integers(2, 9), st.integers(0, 40))
def test_no_peak_is_lost(given_points: list[tuple[int, int, float]], count: int, cut: int) -> None:
    """Each bucket has the extremes and the last of its points, and parts that are joined are what the whole gives."""
    ordered = sorted(given_points, key=lambda point: point[:2])
    thinned = thin(as_columns(ordered), count)
    assert len(thinned.buckets) <= count
    by_bucket = {
        number: list(own) for number, own in itertools.groupby(ordered, lambda point: point[0] // thinned.width)
    }
    assert [bucket.step // thinned.width for bucket in thinned.buckets] == list(by_bucket)
    for bucket, own in zip(thinned.buckets, by_bucket.values(), strict=True):
        known = [value for _, _, value in own if value == value] or [math.nan]
        wanted = (own[-1][0], own[-1][1], min(known), max(known), own[-1][2])
        assert repr(tuple(bucket)) == repr(wanted)
    joined = join(thin(as_columns(ordered[:cut]), count), thin(as_columns(ordered[cut:]), count), count)
    assert repr(joined) == repr(thinned)
    assert repr(unpack(pack(thinned))) == repr(thinned)


def as_columns(found: list[tuple[int, int, float]]) -> Columns:
    """Give points as columns."""
    return Columns(*([point[place] for point in found] for place in (0, 2, 1)))
