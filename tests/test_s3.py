"""Object stores: what is delivered to them is what was recorded, and is read back as from a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

import autolog
from autolog import session
from autolog.cli import main
from autolog.delivery import courier as couriers
from autolog.delivery.courier import Courier
from autolog.exceptions import PluginError, RunNotFoundError, UsageError
from autolog.hookspecs import Batch
from autolog.store.index.database import path_for
from autolog.store.index.store import IndexedStore
from autolog.store.journals import JournalStore
from autolog.store.search import find
from autolog.store.segments import Segment
from autolog_s3.address import Address
from autolog_s3.delivering import BucketBackend
from autolog_s3.errors import BucketError
from autolog_s3.reading import BucketFiles
from late import wait_for_environment
from object_stores import KEYS, Azurite, CountingProxy, Moto, Rclone, Server, XmlOfGoogle, running, use
from recorded import facts
from waiting import wait_until

ALL = [Moto, Rclone, Azurite, XmlOfGoogle]


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once, and neither read nor write what the user of this machine has."""
    monkeypatch.setattr(couriers, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[type[Server], Server]]:
    """The servers that tests have asked for so far."""
    started: dict[type[Server], Server] = {}
    yield started
    for each in started.values():
        each.stop()


class Place:
    """A new bucket at a server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.bucket = f"b-{uuid.uuid4().hex[:12]}"
        server.make_bucket(self.bucket)
        self.uri = server.uri(f"{self.bucket}/team")

    @property
    def address(self) -> Address:
        return Address.of(self.uri)

    @property
    def folder(self) -> Path:
        """Where rclone keeps what is at the address."""
        return self.server.folder / "served" / self.bucket / "team"


def at(
    kind: type[Server],
    servers: dict[type[Server], Server],
    make: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    if kind not in servers:
        server = kind(make.mktemp(kind.__name__))
        server.start()
        servers[kind] = server
    use(servers[kind], monkeypatch)
    return Place(servers[kind])


@pytest.fixture(params=ALL, ids=lambda kind: kind.__name__)
def place(
    request: pytest.FixtureRequest,
    servers: dict[type[Server], Server],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    """A new bucket at each kind of server."""
    return at(request.param, servers, tmp_path_factory, monkeypatch)


@pytest.fixture
def served(
    servers: dict[type[Server], Server], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A new bucket at rclone's server, whose files can be looked at."""
    return at(Rclone, servers, tmp_path_factory, monkeypatch)


@pytest.fixture
def counted(served: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingProxy]:
    """What is asked of rclone's server from now on."""
    proxy = CountingProxy(served.server.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    yield proxy
    proxy.close()


def record(name: str = "delivered") -> str:
    with autolog.start_run(run_name=name, tags={"team": "risk"}) as run:
        autolog.log_params({"C": 1.0, "deep": {"a": (1, None)}, "long": ["x"] * 100_000})
        for step in range(500):
            autolog.log_metric("loss", 1 / (step + 1), step=step)
        autolog.log_text("hello", "notes/größe + 100%.txt")
        with autolog.start_run(run_name="child", nested=True):
            autolog.log_metric("auc", 0.5)
    return run.run_id


def deliver(store: Path, run_id: str, place: Place) -> None:
    """Deliver a run that nobody writes to any more; the environment above all comes late."""
    wait_for_environment()
    courier = Courier(place.uri, BucketBackend(place.address))
    courier.follow(store / run_id)
    courier.begin_end(time.monotonic() + 60).join()
    assert courier.left() == 0


def test_everything_recorded_is_read_back(place: Place, store: Path) -> None:
    """Params with their types, series, tags, files, children and models are those of the local folder."""
    from sklearn.linear_model import LogisticRegression

    autolog.enable(backend=[store, place.uri], silent=True)
    run_id = record()
    data, labels = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    fitted = LogisticRegression(C=0.5).fit(data, labels)
    session.get().end()
    ours = {run.run_id: run for run in autolog.search_runs(store=store, output_format="list")}
    theirs = {run.run_id: run for run in autolog.search_runs(store=place.uri, output_format="list")}
    assert {name: facts(run) for name, run in ours.items()} == {name: facts(run) for name, run in theirs.items()}
    read = theirs[run_id]
    assert read.artifact_path("notes/größe + 100%.txt").read_text() == "hello"
    assert read.whole(read.params["long"]) == ["x"] * 100_000
    assert [child.run_name for child in read.children()] == ["child"]
    (trained,) = (run for run in theirs.values() if run.models)
    loaded = autolog.load_model(f"runs:/{trained.run_id}/model", store=place.uri, trusted=True)
    assert (loaded.predict_proba(data) == fitted.predict_proba(data)).all()


def test_removed_is_removed(place: Place, store: Path) -> None:
    """A run's files, and then the whole run, can be removed; another one stays."""
    autolog.enable(backend=[store, place.uri], silent=True)
    first, second = record(), record()
    session.get().end()
    there = session.get().new_store(place.uri)
    there.remove(first)
    assert {run.run_id for run in there.runs() if run.parent_run_id is None} == {second}
    BucketFiles(place.address).remove(second, "files")
    with pytest.raises(RunNotFoundError, match="is missing"):
        there.run(second).artifact_path("notes/größe + 100%.txt")


def test_the_command_line_reads_a_bucket(served: Place, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`runs` and `show` take a bucket as they take a folder, and say in one line what is wrong with it."""
    autolog.enable(backend=[store, served.uri], silent=True)
    run_id = record()
    session.get().end()
    assert main(["runs", "--store", served.uri]) == 0
    assert main(["show", "last", "--store", served.uri]) == 0
    said = capsys.readouterr()
    assert run_id[:8] in said.out
    assert "loss" in said.out
    assert main(["runs", "--store", "s3://no-such-bucket/x"]) == 1
    assert "there is no such bucket" in capsys.readouterr().err


# ---- what is at the store


def segments_of(folder: Path) -> bytes:
    """The journals that the segments below a folder hold, put together by their names alone."""
    import gzip

    whole = b""
    for path in sorted(folder.glob("*/*.jsonl.gz")):
        piece = Segment.of(f"{path.parent.name}/{path.name}")
        assert piece is not None
        whole = whole[: piece.start] + gzip.decompress(path.read_bytes())
    return whole


def test_a_bucket_holds_the_journals_bytes(served: Place, store: Path) -> None:
    """The segments are the journal, cut, and files have the names that they have in the run's folder."""
    autolog.enable(backend=store, silent=True)
    run_id = record()
    session.get().end()
    deliver(store, run_id, served)
    (journal,) = (store / run_id).glob("*.jsonl")
    assert segments_of(served.folder / run_id) == journal.read_bytes()
    for kind in ("files", "values"):
        local, there = store / run_id / kind, served.folder / run_id / kind
        names = [path.relative_to(local) for path in local.rglob("*") if path.is_file()]
        assert names
        assert all((there / name).read_bytes() == (local / name).read_bytes() for name in names)


def remote(place: Place) -> str:
    """The address as rclone's own client takes it."""
    return f":s3,provider=Other,env_auth,endpoint='{place.server.endpoint}':{place.bucket}/team"


def copy(source: str | Path, target: str | Path) -> None:
    command = [Path(sys.executable).parent / "rclone", "copy", source, target]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("kind", [Moto, Rclone])
def test_a_copy_of_the_bucket_is_a_folder_of_runs(
    kind: type[Server],
    servers: dict[type[Server], Server],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    store: Path,
    tmp_path: Path,
) -> None:
    """What `rclone copy` makes of a bucket reads as the store that was recorded into."""
    place = at(kind, servers, tmp_path_factory, monkeypatch)
    autolog.enable(backend=[store, place.uri], silent=True)
    record()
    session.get().end()
    copy(remote(place), tmp_path / "copy")
    ours, theirs = (autolog.search_runs(store=each, output_format="list") for each in (store, tmp_path / "copy"))
    assert [facts(run) for run in ours] == [facts(run) for run in theirs]
    assert len(ours) == 2


def test_a_local_folder_copied_into_a_bucket_reads_too(served: Place, store: Path) -> None:
    """The other way round: a folder that was copied into a bucket as it is."""
    autolog.enable(backend=store, silent=True)
    run_id = record()
    session.get().end()
    copy(store, remote(served))
    assert facts(autolog.get_run(run_id, store=served.uri)) == facts(autolog.get_run(run_id, store=store))


WRITER = """
import sys, autolog
autolog.enable(backend=sys.argv[1:3], silent=True)
with autolog.start_run(run_name=sys.argv[3]) as run:
    for step in range(200):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
"""


def test_many_writers_share_a_bucket(served: Place, store: Path) -> None:
    """Processes that know nothing of each other write to one address at once, and all is there."""
    command = [sys.executable, "-c", WRITER, str(store), served.uri]
    writers = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [each.wait(120) for each in writers] == [0] * 4
    runs = autolog.search_runs(store=served.uri, output_format="list")
    assert sorted(run.run_name or "" for run in runs) == ["0", "1", "2", "3"]
    assert all(len(run.history("loss")) == 200 for run in runs)


# ---- while a run is written


def test_a_run_is_followed_while_it_is_written(
    served: Place, store: Path, counted: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader sees more and more of it and lists that run only; nothing is fetched twice, nor by the next one."""
    monkeypatch.setattr(BucketBackend, "pause", 0.05)
    reader = JournalStore(served.uri, BucketFiles(served.address))
    autolog.enable(backend=[store, served.uri], silent=True)
    with autolog.start_run() as run:
        wait_until(lambda: is_there(reader, run.run_id), 60)
        before = len(counted.requests)
        for number in range(3):
            autolog.log_param(f"p{number}", number)
            wait_until(lambda wanted=f"p{number}": wanted in reader.run(run.run_id).params, 60)
        assert reader.run(run.run_id).status == "RUNNING"
    session.get().end()
    ended = reader.run(run.run_id)
    assert ended.status == "FINISHED"
    fetched = [line for line in counted.requests if line.startswith("GET ") and ".jsonl.gz" in line]
    assert len(fetched) == len(set(fetched)) >= 3
    assert facts(JournalStore(served.uri, BucketFiles(served.address)).run(run.run_id)) == facts(ended)
    assert len([line for line in counted.requests if line.startswith("GET ") and ".jsonl.gz" in line]) == len(fetched)
    listings = [line for line in counted.requests[before:] if "list-type=2" in line]
    assert listings
    assert all(run.run_id in line for line in listings)


def test_a_bucket_has_an_index_too(served: Place, counted: CountingProxy, store: Path) -> None:
    """A list is one listing of the bucket; the next reader fetches what is new alone, and says what the fold says."""
    autolog.enable(backend=store, silent=True)
    ids = [record() for _ in range(3)]
    for run_id in ids[:2]:
        deliver(store, run_id, served)
    path_for(repr(served.address)).parent.mkdir(parents=True)
    path_for(repr(served.address)).touch()  # as where it is large, and somebody has listed it before

    def index() -> IndexedStore:
        return IndexedStore(served.uri, BucketFiles(served.address), repr(served.address))

    assert len(find(index(), "params.C = 1").heads) == 2
    deliver(store, ids[2], served)
    counted.requests.clear()
    assert len(find(index(), "params.C = 1").heads) == 3
    fetched = [line for line in counted.requests if line.startswith("GET ") and ".jsonl.gz" in line]
    assert len([line for line in counted.requests if "list-type=2" in line]) == 1
    assert fetched
    assert all(ids[2] in line for line in fetched)
    folded = JournalStore(served.uri, BucketFiles(served.address))
    assert sorted(repr(facts(run)) for run in index().runs()) == sorted(repr(facts(run)) for run in folded.runs())


def is_there(reader: JournalStore, run_id: str) -> bool:
    try:
        return reader.run(run_id) is not None
    except RunNotFoundError:
        return False


def test_one_object_a_pause_is_put(
    served: Place, store: Path, counted: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is logged in however many runs, a process puts no more segments than pauses have passed."""
    assert BucketBackend.pause == 5.0
    monkeypatch.setattr(couriers, "_PAUSE", 0.01)
    monkeypatch.setattr(BucketBackend, "pause", 0.5)
    autolog.enable(backend=[store, served.uri], silent=True)
    begin = time.monotonic()
    with autolog.start_run(), autolog.start_run(nested=True):
        for step in range(300):
            autolog.log_params({f"p{step}": step})
            time.sleep(0.01)
        pauses = (time.monotonic() - begin) / 0.5
        assert 2 <= counted.count("PUT") <= pauses + 1
    session.get().end()
    assert counted.count("PUT") <= pauses + 4


# ---- files


def batch_with(folder: Path, run_id: str, data: bytes) -> Batch:
    """A batch that speaks of one file."""
    from hashlib import sha256

    from autolog.journal.events import Event, encode_line

    path = folder / run_id / "files" / run_id / "a.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    fact = {"path": "a.bin", "sha256": sha256(data).hexdigest(), "size": len(data)}
    event = Event(run_id, "artifact", 1, "ab" * 16, 1, fact)
    name = f"files/{run_id}/a.bin"
    return Batch(run_id, "ab" * 16, 0, encode_line(event), (event,), {name: path}, folder / run_id, {})


def test_a_file_is_sent_once(served: Place, counted: CountingProxy, tmp_path: Path) -> None:
    """A batch that comes again puts its lines again and not its file; other bytes of that size replace it."""
    backend, run_id = BucketBackend(served.address), "1" * 32
    there = served.folder / run_id / "files" / run_id / "a.bin"
    for data, puts in ((b"old", 2), (b"old", 3), (b"new", 5), (b"new", 6)):
        assert backend.deliver(batch_with(tmp_path, run_id, data)).state == "done"
        assert there.read_bytes() == data
        assert counted.count("PUT") == puts


def test_a_large_file_goes_in_parts(place: Place, tmp_path: Path) -> None:
    """30 MB arrive whole at each kind of server, and come back so."""
    run_id, data = "2" * 32, os.urandom(30_000_000)
    assert BucketBackend(place.address).deliver(batch_with(tmp_path, run_id, data)).state == "done"
    assert BucketFiles(place.address).local(run_id, f"files/{run_id}/a.bin").read_bytes() == data


MEASURED = """
import resource, sys
from pathlib import Path
from autolog_s3.address import Address
from autolog_s3.delivering import BucketBackend
from autolog.hookspecs import Batch
from autolog_s3.reading import BucketFiles

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

address, path, run = Address.of(sys.argv[1]), Path(sys.argv[2]), "3" * 32
small = Batch(run, "ab", 0, b"x", (), {}, path.parent, {})
assert BucketBackend(address).deliver(small).state == "done"
before = peak()
large = Batch(run, "ab", 0, b"x", (), {"files/large": path}, path.parent, {})
assert BucketBackend(address).deliver(large).state == "done"
BucketFiles(address).local(run, "files/large")
print(peak() - before)
"""


@pytest.mark.slow
def test_a_file_of_any_size_takes_little_memory(served: Place, tmp_path: Path) -> None:
    """200 MB are sent and fetched with less than 100 MB in memory."""
    (tmp_path / "large").write_bytes(os.urandom(200_000_000))
    command = [sys.executable, "-c", MEASURED, served.uri, str(tmp_path / "large")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert float(ended.stdout) < 100


def test_a_name_that_no_object_can_have_is_kept_aside(served: Place, tmp_path: Path) -> None:
    """A file named with a line end is refused for good, by name; the lines that speak of it arrive."""
    path = tmp_path / "a"
    path.write_bytes(b"1")
    batch = Batch("4" * 32, "ab", 0, b"line\n", (), {"files/a\nb": path, "files/fine": path}, tmp_path, {})
    said = BucketBackend(served.address).deliver(batch)
    assert (said.state, len(said.aside)) == ("done", 1)
    assert r"files/a\nb" in said.aside[0]
    assert (served.folder / batch.tree / "files" / "fine").read_bytes() == b"1"


# ---- faults


def test_a_server_that_is_away_gets_everything_when_it_is_back(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is recorded meanwhile arrives byte for byte, and the program has not noticed."""
    with running(Rclone, tmp_path) as server:
        use(server, monkeypatch)
        place = Place(server)
        server.stop()
        autolog.enable(backend=[store, place.uri], silent=True)
        run_id = record()
        courier = session.get().recorder._couriers[place.uri]
        wait_until(lambda: courier._tries > 0, 60)
        server.start()
        session.get().end()
        (journal,) = (store / run_id).glob("*.jsonl")
        assert segments_of(place.folder / run_id) == journal.read_bytes()


KILLED = """
import sys, autolog
from autolog_s3.delivering import BucketBackend
BucketBackend.pause = 0.0
autolog.enable(backend=sys.argv[1:], silent=True)
run = autolog.start_run(run_name="killed")
print(run.run_id, flush=True)
step = 0
while True:
    step += 1
    autolog.log_param(f"p{step}", "x" * 1000)
    autolog.log_metric("loss", 1 / step, step=step)
"""


def test_what_a_killed_process_had_begun_is_finished_by_another(served: Place, store: Path) -> None:
    """After kill -9 in the middle of delivering, a second delivery has all of the journal there, each event once."""
    with subprocess.Popen([sys.executable, "-c", KILLED, str(store), served.uri], stdout=-1, text=True) as writer:
        assert writer.stdout is not None
        run_id = writer.stdout.readline().strip()
        wait_until(lambda: len(list((served.folder / run_id).glob("*/*.gz"))) > 1, 60)
        writer.send_signal(signal.SIGKILL)
    autolog.enable(backend=store, silent=True)
    deliver(store, run_id, served)
    ours, theirs = (autolog.get_run(run_id, store=each) for each in (store, served.uri))
    assert facts(ours) == facts(theirs)
    assert len(theirs.history("loss")) == len({step for step, _, _ in theirs.history("loss")}) > 0


FORKED = """
import os, sys, time, autolog
from autolog import session
autolog.enable(backend=sys.argv[1:], silent=True)
with autolog.start_run(run_name="parent"):
    pass
while session.get().recorder._couriers[sys.argv[2]]._lags():
    time.sleep(0.02)
child = os.fork()
if not child:
    with autolog.start_run(run_name="child"):
        pass
    session.get().end()
    try:
        autolog.search_runs(store=sys.argv[2])
    except autolog.AutologError as error:
        print("forked" in str(error), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_forked_child_delivers_too(served: Place, store: Path) -> None:
    """Its own runs arrive, though the library that speaks to the store does not outlive a fork; reading says so."""
    command = [sys.executable, "-c", FORKED, str(store), served.uri]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout == "True\n"
    runs = autolog.search_runs(store=served.uri, output_format="list")
    assert {run.run_name: run.status for run in runs} == {"parent": "FINISHED", "child": "FINISHED"}


ENDS = """
import sys, autolog
autolog.enable(backend=sys.argv[1:], exit_timeout=0.5)
with autolog.start_run():
    pass
"""


def test_a_server_that_never_answers_does_not_hold_up_the_end(served: Place, store: Path) -> None:
    """The program ends with its own exit code, and one line says what is left."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = {**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        command = [sys.executable, "-c", ENDS, str(store), served.uri]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert "1 run not yet delivered" in ended.stderr
    assert all(line.startswith("autolog:") for line in ended.stderr.splitlines())


def test_switching_on_asks_no_network(served: Place, store: Path, counted: CountingProxy) -> None:
    """A destination is opened without a request, so an outage cannot hold up `enable()`."""
    autolog.enable(backend=[store, served.uri], silent=True)
    autolog.disable()
    assert counted.requests == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", "a-wrong-secret", "access is denied (403"),
        ("AWS_ACCESS_KEY_ID", "NOBODYISTHIS", "access is denied (403"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "the server cannot be reached"),
        ("AWS_ENDPOINT_URL", "http://nowhere.invalid:9", "the server's name is not known"),
    ],
)
def test_what_can_be_mended_is_tried_again(
    served: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """Each such failure says plainly what it is, without a secret, and is gone once it is mended."""
    backend, batch = BucketBackend(served.address), batch_with(tmp_path, "5" * 32, b"1")
    with monkeypatch.context() as wrong:
        wrong.setenv(name, value)
        answer = backend.deliver(batch)
    assert answer.state == "retry"
    assert said in answer.reason
    assert not any(each in answer.reason for each in ("a-wrong-secret", KEYS.secret, KEYS.access, "NOBODYISTHIS"))
    assert backend.deliver(batch).state == "done"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_missing_bucket_is_said(
    kind: type[Server],
    servers: dict[type[Server], Server],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Delivery waits for somebody to make it; reading is an error of ours."""
    server = at(kind, servers, tmp_path_factory, monkeypatch).server
    address = Address.of(server.uri("not-made-yet/x"))
    answer = BucketBackend(address).deliver(batch_with(tmp_path, "6" * 32, b"1"))
    assert (answer.state, "there is no such bucket" in answer.reason) == ("retry", True)
    with pytest.raises(BucketError, match="there is no such bucket"):
        JournalStore("there", BucketFiles(address)).runs()


# ---- addresses and credentials


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://AKID:hidden@bucket/x", "do not belong"),
        ("s3://bucket/x?endpoint_url=http://me:hidden@host", "do not belong"),
        ("s3:///x", "does not name a bucket"),
        ("s3://bucket/../x", "inside the run's folder"),
        ("s3://bucket/x?secret_key=hidden", "secret_key"),
        ("s3://bucket/x?endpoint_url=ftp://host", "is no URL of a server"),
        ("s3://[bucket/x", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_at_the_door(store: Path, uri: str, said: str) -> None:
    """The error says what is wrong, and repeats no secret."""
    with pytest.raises(UsageError, match=said) as error:
        autolog.enable(backend=[store, uri], silent=True)
    assert "hidden" not in str(error.value)


def test_one_program_may_use_all_schemes(store: Path) -> None:
    """One module speaks them all, whichever of them comes first."""
    autolog.enable(backend=[store, "gs://bucket/x", "s3://bucket/x", "az://bucket/x"], silent=True)
    schemes = {
        record.name: record.state for record in session.get().loader.records if record.name in ("s3", "gs", "az")
    }
    assert schemes == {"s3": "loaded", "gs": "loaded", "az": "loaded"}


def test_without_obstore_the_door_says_what_to_install(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named, and nothing else is lost."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(PluginError, match=r"pip install 'autolog-ml\[s3\]'"):
        autolog.enable(backend=[store, "s3://bucket/x"], silent=True)


def write_profile(home: Path, secret: str, endpoint: str) -> None:
    (home / ".aws").mkdir(parents=True, exist_ok=True)
    (home / ".aws" / "config").write_text(f"[profile team]\nregion = eu-west-1\nendpoint_url = {endpoint}\n")
    keys = f"aws_access_key_id = {KEYS.access}\naws_secret_access_key = {secret}\n"
    (home / ".aws" / "credentials").write_text(f"[team]\n{keys}")


def test_a_profile_is_read_and_read_again(served: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and endpoint of a profile are used; where they are refused, those of the next try are what it says then."""
    for name in served.server.environment():
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "team")
    backend, batch = BucketBackend(served.address), batch_with(tmp_path, "7" * 32, b"1")
    write_profile(tmp_path / "home", "expired", served.server.endpoint)
    assert "access is denied" in backend.deliver(batch).reason
    write_profile(tmp_path / "home", KEYS.secret, served.server.endpoint)
    assert backend.deliver(batch).state == "done"


PROCESS = '{{"Version": 1, "AccessKeyId": "{0}", "SecretAccessKey": "{1}"}}'


def test_a_profile_that_asks_a_program_is_resolved(
    served: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only AWS' own library can find out, it is asked for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "keys.json").write_text(PROCESS.format(*KEYS))
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path / 'keys.json'}\n")
    batch = batch_with(tmp_path, "8" * 32, b"1")
    assert BucketBackend(served.address).deliver(batch).state == "done"


def test_the_endpoint_may_stand_in_the_address(served: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wins over the environment's."""
    uri = f"{served.uri}?endpoint_url={served.server.endpoint}&region=eu-west-1"
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert BucketBackend(Address.of(uri)).deliver(batch_with(tmp_path, "9" * 32, b"1")).state == "done"


# ---- strangers' buckets


def put_raw(place: Place, key: str) -> None:
    """Put an object of any name, past what our library takes for one."""
    options = {"endpoint_url": place.server.endpoint, "region_name": "us-east-1"}
    boto3.client("s3", **options).put_object(Bucket=place.bucket, Key=f"team/{key}", Body=b"evil")


@pytest.fixture
def strange(
    servers: dict[type[Server], Server],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    store: Path,
) -> tuple[Place, str]:
    """A bucket at moto's server, which takes any name, with one sound run."""
    place = at(Moto, servers, tmp_path_factory, monkeypatch)
    autolog.enable(backend=[store, place.uri], silent=True)
    run_id = record()
    session.get().end()
    return place, run_id


@pytest.mark.parametrize("key", ["../up", "/abs", "a//b", "nul\0x", "ab/../../../up", "x" * 400])
def test_a_strange_name_hides_no_other_run(strange: tuple[Place, str], tmp_path: Path, key: str) -> None:
    """Whatever stands in a run's folder, the other runs are read, and nothing is written outside the cache."""
    place, run_id = strange
    put_raw(place, f"{'e' * 32}/{key}")
    put_raw(place, f"{'e' * 32}/ab/{0:020d}-4.jsonl.gz")
    before = set(tmp_path.rglob("*"))
    runs = autolog.search_runs(store=place.uri, output_format="list")
    assert {run.run_id for run in runs if run.parent_run_id is None} == {run_id}
    assert all(path.is_relative_to(tmp_path / "cache") for path in set(tmp_path.rglob("*")) - before)


@pytest.mark.parametrize("path", ["../up", "/abs", "files/../../up", "files/nul\0x", "files/con.txt", "x" * 400])
def test_a_file_with_a_strange_name_is_not_fetched(strange: tuple[Place, str], path: str) -> None:
    """A name that leads out of the folder, or that some system cannot take, is refused before it is asked for."""
    place, run_id = strange
    with pytest.raises(UsageError):
        BucketFiles(place.address).local(run_id, path)
    with pytest.raises(UsageError):
        BucketFiles(place.address).remove(run_id, path)


def test_a_name_beside_the_runs_that_is_no_path_is_said(strange: tuple[Place, str]) -> None:
    """Where nothing can be listed for it, the error says why and what to do."""
    place, _ = strange
    put_raw(place, "/lead")
    with pytest.raises(BucketError, match="remove it, or give another prefix"):
        autolog.search_runs(store=place.uri)


def test_an_object_that_is_replaced_is_fetched_anew(served: Place, tmp_path: Path) -> None:
    """The cache knows an object by its version, so an artifact that was logged again is what it is now."""
    backend, files, run_id = BucketBackend(served.address), BucketFiles(served.address), "a" * 32
    for data in (b"old", b"new"):
        backend.deliver(batch_with(tmp_path, run_id, data))
        assert files.local(run_id, f"files/{run_id}/a.bin").read_bytes() == data


def test_a_cut_download_leaves_nothing(served: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk refuses in the middle, no part of the file is taken for it later."""
    run_id = "b" * 32
    BucketBackend(served.address).deliver(batch_with(tmp_path, run_id, b"1" * 1000))
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        with pytest.raises(BucketError, match="File too large"):
            BucketFiles(served.address).local(run_id, f"files/{run_id}/a.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert BucketFiles(served.address).local(run_id, f"files/{run_id}/a.bin").read_bytes() == b"1" * 1000
