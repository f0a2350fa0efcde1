"""The store: it reads while others write, nothing twice, and a run's folder is the run wherever it lies."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import autolog
from autolog.exceptions import RunNotFoundError, UsageError
from autolog.journal import process
from autolog.journal.events import Event, encode_line
from autolog.journal.writer import Journal
from autolog.store.gc import find_garbage
from autolog.store.journals import JournalStore
from autolog.store.run import Run
from autolog.store.search import search
from autolog_files import LocalFiles


class CountingFiles(LocalFiles):
    """Local files that count what is read of journals and of rings."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.journals = self.rings = 0

    def read(self, tree: str, name: str, start: int) -> bytes:
        data = super().read(tree, name, start)
        if name.endswith(".ring"):
            self.rings += len(data)
        else:
            self.journals += len(data)
        return data

    def taken(self) -> tuple[int, int]:
        """Give the bytes read since the last time."""
        found, self.journals, self.rings = (self.journals, self.rings), 0, 0
        return found


def opened(store: Path) -> JournalStore:
    """Give a store that has read nothing yet."""
    return JournalStore(str(store), LocalFiles(store))


def shown(run: Run) -> str:
    """Give all that a run says as a text."""
    fields = {name: value for name, value in vars(run).items() if not name.startswith("_")}
    return repr((fields, {key: run.history(key) for key in sorted(run.metrics)}))


WRITER = """
import sys, autolog
autolog.enable(backend=sys.argv[1], silent=True)
run = autolog.start_run(run_name="a")
autolog.log_params({"a": 1})
for step in range(1000):
    autolog.log_metric("loss", 1.0, step=step)
print(run.run_id, flush=True)
for line in sys.stdin:
    for step in range(1000, 1500):
        autolog.log_metric("loss", 1.0, step=step)
    print("more", flush=True)
"""


@pytest.fixture
def writer(store: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that has logged 1000 points and is alive; a line on its stdin has it log 500 more."""
    command = [sys.executable, "-c", WRITER, str(store)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, cwd=store.parent) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def more(writer: subprocess.Popen[str]) -> None:
    """Have the writer log 500 points more."""
    assert writer.stdin is not None and writer.stdout is not None
    writer.stdin.write("\n")
    writer.stdin.flush()
    writer.stdout.readline()


def test_a_live_run_is_read_as_it_grows(store: Path, writer: subprocess.Popen[str]) -> None:
    """Every point whose call has returned is read at once, sealed or not, and no byte of a journal is read twice."""
    files = CountingFiles(store)
    reader = JournalStore(str(store), files)
    (run,) = reader.runs()
    assert (run.status, len(run.history("loss")), run.params) == ("RUNNING", 1000, {"a": 1})
    more(writer)
    (later,) = reader.runs()
    assert [step for step, _, _ in later.history("loss")] == list(range(1500))
    assert len(run.history("loss")) == 1000
    writer.kill()
    writer.wait()
    (lost,) = reader.runs()
    assert (lost.status, len(lost.history("loss"))) == ("LOST", 1500)
    (journal,) = store.glob("*/*.jsonl")
    assert files.journals == journal.stat().st_size
    files.taken()
    assert shown(reader.runs()[0]) == shown(lost) == shown(opened(store).runs()[0])
    assert files.taken() == (0, 0)


def test_nothing_is_folded_anew_that_did_not_change(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading again folds only the runs that something was added to."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as parent:
        for _ in range(20):
            with autolog.start_run(nested=True):
                autolog.log_param("a", 1)
    reader = opened(store)
    assert len(reader.runs()) == 21
    folded: list[str] = []
    fold = sys.modules["autolog.store.tree"].fold
    monkeypatch.setattr("autolog.store.tree.fold", lambda run, events: (folded.append(run), fold(run, events))[1])
    parent.set_tags({"t": 1})
    assert len(reader.runs()) == 21
    assert folded == [parent.run_id]


def test_a_run_copied_elsewhere_is_the_same_run(store: Path, tmp_path: Path, writer: subprocess.Popen[str]) -> None:
    """A copy made while the run goes on, and one made later, give what was logged when they were made."""
    (tree,) = store.iterdir()
    shutil.copytree(tree, tmp_path / "early" / tree.name)
    more(writer)
    shutil.copytree(tree, tmp_path / "late" / tree.name)
    writer.kill()
    writer.wait()
    early, late, here = (opened(place).run(tree.name) for place in (tmp_path / "early", tmp_path / "late", store))
    assert len(early.history("loss")) == 1000
    assert shown(late) == shown(here)


def test_a_finished_run_is_the_same_without_its_files_of_the_moment(store: Path, tmp_path: Path) -> None:
    """After its end a run has no ring: its journals and files are all of it."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        for step in range(300):
            autolog.log_metric("loss", 1.0, step=step)
        autolog.log_text("text", "a.txt")
        autolog.log_param("large", "x" * 100_000)
    autolog.session.get().end()  # the facts of the process have arrived
    assert not list(store.glob("**/*.ring"))
    shutil.copytree(store, tmp_path / "copy")
    copy, here = opened(tmp_path / "copy").run(run.run_id), opened(store).run(run.run_id)
    assert shown(copy) == shown(here)
    assert copy.artifact_path("a.txt").read_text() == "text"
    assert copy.whole(copy.params["large"]) == "x" * 100_000


def test_a_torn_end_counts_once_its_writer_is_gone(store: Path, writer: subprocess.Popen[str]) -> None:
    """While the writer lives a line without its end is one that is still being written."""
    (journal,) = store.glob("*/*.jsonl")
    reader = opened(store)
    while not reader.runs()[0].environment:  # the last that the writer has to say
        time.sleep(0.01)
    with journal.open("ab") as file:
        file.write(b'{"run":"')
    assert reader.runs()[0].unreadable == 0
    writer.kill()
    writer.wait()
    (run,) = reader.runs()
    assert run.unreadable == 1
    assert "1 damaged pieces of its journal could not be read" in run.notes


def test_a_journal_that_was_replaced_is_read_anew(store: Path) -> None:
    """A file that has become shorter is another one; nothing of the old is kept."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run():
        autolog.log_param("a", 1)
    process.close()
    reader = opened(store)
    (run,) = reader.runs()
    (journal,) = store.glob("*/*.jsonl")
    journal.write_bytes(encode_line(Event(run.run_id, "params", 1, "ff", 0, {"params": {"b": 2}})))
    assert reader.runs()[0].params == {"b": 2}
    shutil.rmtree(journal.parent)
    assert reader.runs() == []
    with pytest.raises(RunNotFoundError):
        reader.run(run.run_id)


def test_five_hundred_runs_are_listed(store: Path) -> None:
    """Each is there once, with what was logged to it, and listing them again reads nothing."""
    for number in range(500):
        run_id, now = f"{number:032x}", 1_790_000_000_000_000 + number
        facts = [
            ("started", {"session": "s", "run_name": f"run {number}"}),
            ("params", {"params": {"n": number}}),
            ("finished", {"session": "s", "status": "FINISHED"}),
        ]
        lines = [
            encode_line(Event(run_id, kind, now, f"{number:x}", seq, data)) for seq, (kind, data) in enumerate(facts)
        ]
        (store / run_id).mkdir(parents=True)
        (store / run_id / f"{number:x}.jsonl").write_bytes(b"".join(lines))
    files = CountingFiles(store)
    reader = JournalStore(str(store), files)
    assert sorted(run.params["n"] for run in reader.runs()) == list(range(500))
    assert {run.status for run in reader.runs()} == {"FINISHED"}
    files.taken()
    assert len(reader.runs()) == 500
    assert files.taken() == (0, 0)


def test_a_search_of_a_thousand_children_lists_in_linear_work(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the writer lives is asked once for each open run and torn file, not once for each event or pair."""
    tree = "ab" * 16
    children = [(f"{number:032x}", seq) for seq, number in enumerate(range(1000), start=1)]
    events = [Event(run, "started", 1, "1a", seq, {"session": "s", "parent": tree}) for run, seq in children]
    (store / tree).mkdir(parents=True)
    lines = b"".join(map(encode_line, [Event(tree, "started", 1, "1a", 0, {"session": "s"}), *events]))
    (store / tree / "1a.jsonl").write_bytes(lines)
    asked: list[None] = []
    monkeypatch.setattr("autolog.journal.liveness.is_lost", lambda *said: asked.append(None) or True)
    reader = opened(store)
    assert len(reader.runs()) == 1001
    assert len(reader.children(tree)) == 1000
    assert len(asked) <= 2 * 1001


def test_children_and_deletion(store: Path) -> None:
    """Children come oldest first; a deleted run is listed apart with its children, and can still be read."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run(run_name="parent") as parent:
        for name in "abc":
            with autolog.start_run(nested=True, run_name=name) as child:
                autolog.start_run(nested=True, run_name=f"{name} of {name}").end()
    reader = opened(store)
    assert [run.run_name for run in reader.run(parent.run_id).children()] == ["a", "b", "c"]
    assert [run.run_name for run in reader.children(child.run_id)] == ["c of c"]
    autolog.delete_run(child.run_id)
    assert [run.run_name for run in reader.children(parent.run_id)] == ["a", "b"]
    assert sorted(str(run.run_name) for run in reader.runs(deleted=True)) == ["c", "c of c"]
    assert reader.run(child.run_id).run_name == "c"
    autolog.delete_run(parent.run_id)
    assert reader.runs() == []
    assert len(reader.runs(deleted=True)) == 7


def test_unsealed_points_count_as_later_than_sealed_ones(store: Path) -> None:
    """Of points of one step and time the one logged last is a metric's value, wherever it lies."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run():
        for value in range(100):
            autolog.log_metric("loss", float(value), step=1, timestamp=1000)
        process.flush()
        autolog.log_metric("loss", 100.0, step=1, timestamp=1000)
        assert opened(store).runs()[0].metrics == {"loss": 100.0}
    assert opened(store).runs()[0].metrics == {"loss": 100.0}


def test_a_ring_that_goes_while_the_folder_is_listed_takes_no_points_along(store: Path) -> None:
    """A listing that shows the ring no more, and the journal as it was before, still leads to every point."""
    autolog.enable(backend=str(store), silent=True)
    files = LocalFiles(store)
    reader = JournalStore(str(store), files)
    with autolog.start_run() as run:
        for step in range(300):
            autolog.log_metric("loss", 1.0, step=step)
        process.flush()
        assert reader.runs()
        autolog.log_metric("loss", 1.0, step=300)
        assert len(reader.runs()[0].history("loss")) == 301
        before = {name: size for name, size in files.sizes(run.tree).items() if name.endswith(".jsonl")}
        process.journal(run.folder, run.tree).close_ring()
        files.sizes = lambda tree: before  # type: ignore[method-assign]
        assert len(reader.runs()[0].history("loss")) == 301


def test_readers_in_the_middle_of_sealing_see_each_point_once(store: Path) -> None:
    """However often a live run is read, its points are there from the first to the latest, none missing or double."""
    body = WRITER.replace("for line in sys.stdin", "for line in range(400)").replace("range(1000, 1500)", "range(1000)")
    body = body.replace("step=step", "step=(count := globals().get('count', -1) + 1)")
    command = [sys.executable, "-c", body, str(store)]
    with subprocess.Popen(command, stdout=-1, text=True, cwd=store.parent) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        reader, latest, began = opened(store), 0, time.monotonic()
        while writer.poll() is None and time.monotonic() < began + (1.5 if latest > 1000 else 60):
            (run,) = reader.runs()
            found = [step for step, _, _ in run.history("loss")]
            assert found == list(range(len(found)))
            assert len(found) >= latest
            latest = len(found)
        writer.kill()
    assert latest > 1000


def test_a_large_value_is_compared_whole(store: Path) -> None:
    """A filter finds a value over 64 KiB by all of it and not by its beginning; where its file is gone, by nothing."""
    text = "x" * 100_000
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        autolog.log_params({"large": text})
        autolog.set_tags({"large": text, "small": "y"})

    def found(filter_string: str) -> bool:
        return bool(search(opened(store), filter_string))

    read = opened(store).run(run.run_id)
    assert (read.whole(read.params["large"]), read.whole(read.tags["large"]), read.whole(1)) == (text, text, 1)
    assert read.params["large"] != text[:1024]
    for kind in ("params", "tags"):
        assert found(f"{kind}.large = '{text}'")
        assert found(f"{kind}.large LIKE '%x'")
        assert not found(f"{kind}.large = '{text[:1024]}'")
    shutil.rmtree(store / run.run_id / "values")
    assert found("params.large IS NOT NULL and tags.small = 'y'")
    assert not found("params.large LIKE '%'") and not found("params.large != 'z'")


def test_what_was_cut_is_noted(store: Path) -> None:
    """A value that is nested too deeply, or holds itself, is named in the run's notes."""
    itself: list[object] = []
    itself.append(itself)
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        autolog.log_params({"itself": {"a": itself}, "flat": [{"a": [1]}]})
    (note,) = opened(store).run(run.run_id).notes
    assert note.startswith("'itself' is cut")


def test_a_long_error_is_kept_whole(store: Path) -> None:
    """The message of an exception may be longer than what a param may have in a line."""
    autolog.enable(backend=str(store), silent=True)
    with pytest.raises(ValueError, match="xx"), autolog.start_run() as run:
        raise ValueError("x" * 200_000)
    error = opened(store).run(run.run_id).error
    assert error is not None
    assert error["message"].count("x") == 200_000


def test_an_error_lists_few_names(store: Path) -> None:
    """Of many names an error's message gives the first, and says how many there are besides."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        autolog.log_metrics({f"m{number:03}": 1.0 for number in range(100)})
    with pytest.raises(UsageError, match="m019, and 80 more"):
        opened(store).run(run.run_id).history("none")


def test_a_tree_that_many_killed_forks_wrote_to_is_read(store: Path, tmp_path: Path) -> None:
    """Hundreds of rings left by children that ended at once hold their points, also for a reader that comes again."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        autolog.log_param("a", 1)
    process.close()
    for number in range(200):
        journal = Journal(store / run.run_id, run.run_id, {**process.identity(), "pid": 1 << 22}, lambda: None, 16)
        log = journal.point_log(run.run_id)
        log.write(log.add("loss"), number, 1.0, time.time_ns())
        journal.drop()
    reader = opened(store)
    for _ in range(2):
        assert len(reader.run(run.run_id).history("loss")) == 200
    assert find_garbage(reader) == []
    autolog.delete_run(run.run_id)
    (garbage,) = find_garbage(reader)
    reader.remove(garbage.run.run_id)
    assert not (store / run.run_id).exists()
