"""The suite that a framework plugin's author subclasses: what autolog promises to programs, held up to one plugin."""

from __future__ import annotations

import contextlib
import copy
import pickle
import pickletools
import re
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, ClassVar, Final

import pytest

import autolog
from autolog import guard, hookimpl, session
from autolog.capture.calls import Call
from autolog.hookspecs import Outcome, Patches
from autolog.loading.loader import PLUGINS
from autolog.store.run import Run
from autolog.testing.census import Place, calls_of, census, changes, code_of
from autolog.testing.observed import Observed, differences, observed, package_of
from autolog.testing.program import variables
from autolog.testing.recorded import in_thread, only_top_run, top_runs
from autolog.testing.world import fingerprint

__all__ = ["PluginContract"]

_MODES: Final = ("early", "late")
_SHARES: Final = 6


class PluginContract:
    """What a framework plugin must hold; derive a `Test…` class, name the plugin, fill in `train` and `check`.

    Attributes:
        plugin: its name: the framework's top-level import name. It has to be installed.
        calls: the names of wrapped functions that the plugin calls by itself, such as `predict` for a metric of the
            training data; all others must be called exactly as often as without autolog.
        brings: the top-level names of libraries that the plugin is made with, and imports once it needs them.
        forks: whether the framework can be used in a forked child at all.
    """

    plugin: ClassVar[str]
    calls: ClassVar[frozenset[str]] = frozenset()
    brings: ClassVar[frozenset[str]] = frozenset()
    forks: ClassVar[bool] = hasattr(__import__("os"), "fork")

    pytestmark: ClassVar[Any] = [pytest.mark.usefixtures("autolog_guard", "autolog_process")]

    def train(self) -> object:
        """Train once, in a moment, as a user would write it; it comes out the same each time.

        Import the framework in here, since some processes look at what is imported before. End with
        `return locals()`: what it made and used, such as a list of callbacks, is then compared with and without.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no train(): a small training of {self.plugin}")

    def check(self, run: Run) -> None:
        """Assert what must have been captured of `train`; on whatever run it is recorded, so leave its name alone."""
        raise NotImplementedError(f"{type(self).__qualname__} has no check(run): what must be captured of train()")

    def fail(self) -> object:
        """Raise what the framework raises for a bad argument; where this is left out, that is not tested."""
        pytest.skip(f"{type(self).__qualname__} has no fail(): a training that raises")

    # ---- what is recorded

    def test_what_must_be_captured_is(self, autolog_recording: str) -> None:
        """A training is one run, which ends well and says what `check` asks for."""
        assert self.train() is not None, "train() gives nothing to compare: end it with `return locals()`"
        run = self._only_run()
        assert run.status == "FINISHED"
        self.check(run)

    @pytest.mark.parametrize("mode", _MODES)
    def test_the_order_of_imports_does_not_matter(self, mode: str) -> None:
        """It is recorded whether autolog is switched on before the framework is imported or after it."""
        self.check(top_runs(self._observed(mode).runs)[0])

    def test_an_explicit_run_takes_the_first_training_and_has_the_next_as_a_child(self, autolog_recording: str) -> None:
        """Inside `start_run` there is no other top-level run."""
        with autolog.start_run():
            self.train()
            self.train()
        run = self._only_run()
        self.check(run)
        self.check(run.children()[-1])

    def test_a_training_inside_a_recorded_call_is_part_of_it(self, autolog_recording: str) -> None:
        """It opens no top-level run of its own."""
        autolog.register(_Around, "around")
        assert _Around.outermost(self.train) is not None
        assert self._only_run().run_name == "around"

    def test_a_training_in_a_thread_is_recorded(self, autolog_recording: str) -> None:
        """On a thread of its own as on the main one."""
        in_thread(self.train)
        self.check(self._only_run())

    def test_nothing_is_recorded_while_paused(self, autolog_recording: str) -> None:
        """Inside `autolog.paused()` there is no run."""
        with autolog.paused():
            self.train()
        assert self._runs() == []

    # ---- the program

    @pytest.mark.parametrize("mode", _MODES)
    def test_a_program_notices_nothing(self, mode: str) -> None:
        """What it makes, the random states, warnings, threads, modules and the like are as without autolog."""
        without, recorded = self._observed("plain"), self._observed(mode)
        found = differences(without.seen["world"], recorded.seen["world"])
        assert not found, found
        assert (recorded.out, recorded.err, recorded.code) == (without.out, without.err, without.code)

    def test_nothing_is_imported_before_the_framework_is(self) -> None:
        """Switching on imports neither the plugin nor its framework, nor anything else that autolog does not need."""
        seen = self._observed("early").seen
        assert seen["before"] == [], "import the framework inside of train(), not at the top of the file"
        assert (seen["after"], seen["brought in"]) == ([], [])

    def test_a_forked_child_trains_as_without(self) -> None:
        """It makes the same, ends well, and has a run of its own."""
        without = self._observed("plain").seen["fork"]
        if without is None:
            pytest.skip(f"{self.plugin} is not used in forked children")
        for mode in _MODES:
            found = self._observed(mode)
            assert found.seen["fork"] == without
            runs = top_runs(found.runs)
            assert len(runs) == len(("parent", "child"))
            self.check(runs[-1])

    def test_what_is_made_pickles_and_copies_as_without(self, autolog_store: Path) -> None:
        """Pickles name nothing of ours; a copy, a deep copy and scikit-learn's clone are those of a program without."""
        self.train()
        without = self._copies()
        autolog.enable(backend=autolog_store, silent=True)
        assert self._copies() == without
        names = {name for value in variables(self.train()).values() for name in _named_in(value)}
        assert [name for name in names if self._is_ours(name)] == []

    def test_an_exception_is_as_without(self, autolog_store: Path) -> None:
        """Type, message, cause and the frames of its traceback are those of a program without autolog."""
        without = _raised(self.fail)
        autolog.enable(backend=autolog_store, silent=True)
        assert _raised(self.fail) == without

    def test_each_call_is_made_once(self, autolog_store: Path) -> None:
        """What is wrapped is called as often as without autolog, but for what the plugin says that it `calls`."""
        self.train()
        before = census(self.plugin)
        autolog.enable(backend=autolog_store, silent=True)
        codes = self._counted(changes(before, census(self.plugin)))
        recorded = calls_of(codes, self.train)
        autolog.disable()
        assert recorded == calls_of(codes, self.train)

    # ---- patches

    def test_undo_restores_by_identity(self, autolog_store: Path) -> None:
        """After `disable()` each function of the framework is the one that was there, also the second time."""
        self.train()
        before = census(self.plugin)
        for _ in range(2):
            autolog.enable(backend=autolog_store, silent=True)
            self.train()
            autolog.disable()
            assert _names(changes(before, census(self.plugin))) == []
        count = len(self._runs())
        self.train()
        assert len(self._runs()) == count

    @pytest.mark.autolog_swallows
    def test_a_framework_that_lacks_something_is_left_alone(self, autolog_store: Path) -> None:
        """Where a function that is wrapped is missing, the plugin does without, or is off with one line."""
        self.train()
        before = census(self.plugin)
        autolog.enable(backend=autolog_store, silent=True)
        patched = changes(before, census(self.plugin))
        autolog.disable()
        replaced = [place for place in patched if place.code is not None and (id(place.holder), place.name) in before]
        for names in _shares({place.name for place in replaced}):
            with _without([place for place in replaced if place.name in names]), session.fresh():
                autolog.enable(backend=autolog_store, silent=True)
                record = session.get().loader.find(PLUGINS, self.plugin)
                assert record is not None
                assert record.state == "loaded" or (record.state == "failed" and "\n" not in record.reason)
        assert _names(changes(before, census(self.plugin))) == []

    @pytest.mark.autolog_swallows
    def test_a_piece_that_fails_costs_only_its_record(
        self, autolog_store: Path, autolog_guard: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each guarded piece of the plugin fails once: the training is the same, its run ends, one line names it."""
        without = self._fingerprints()
        for site in sorted(self._sites(autolog_store, monkeypatch)):
            autolog_guard.clear()
            with session.fresh(), monkeypatch.context() as patch:
                patch.setattr(guard, "call", _failing(site))
                autolog.enable(backend=autolog_store, silent=True)
                assert self._fingerprints() == without
                assert [run.status for run in self._runs() if run.status == "RUNNING"] == []
            assert autolog_guard == [f"autolog: {site} failed: RuntimeError: injected"]

    # ---- parts of these

    def _observed(self, mode: str) -> Observed:
        found = observed(type(self))[mode]
        assert found.code == 0, found.err
        return found

    def _runs(self) -> list[Run]:
        """Give the top-level runs, as they are when the process has ended."""
        session.get().end()
        return top_runs()

    def _only_run(self) -> Run:
        session.get().end()
        return only_top_run()

    def _fingerprints(self) -> dict[str, str]:
        return {name: fingerprint(value) for name, value in variables(self.train()).items()}

    def _copies(self) -> dict[str, list[str]]:
        made = variables(self.train())
        return {name: [fingerprint(each(value)) for each in _copiers(value)] for name, value in made.items()}

    def _is_ours(self, name: str) -> bool:
        return name.partition(".")[0] in ("autolog", "wrapt", package_of(self.plugin))

    def _counted(self, patched: list[Place]) -> dict[CodeType, str]:
        """Name the code of each patched function, but for those that the plugin calls by itself."""
        codes: dict[CodeType, set[str]] = {}
        for place in patched:
            code = place.code or code_of(getattr(place.value, "__wrapped__", None))
            if code is not None:
                codes.setdefault(code, set()).add(place.name)
        return {code: "/".join(sorted(names)) for code, names in codes.items() if names.isdisjoint(self.calls)}

    def _sites(self, store: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        """Name the guarded places of the plugin that a training reaches, and those around each handler."""
        reached: set[str] = set()
        call, package = guard.call, package_of(self.plugin)

        def noting(site: str, run: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            callers = (_module(frame) for frame, _ in traceback.walk_stack(sys._getframe(1)))  # noqa: SLF001
            if site in ("calls.before", "calls.after") or next(callers, "").partition(".")[0] == package:
                reached.add(site)
            return call(site, run, function, *args, **kwargs)

        with session.fresh(), monkeypatch.context() as patch:
            patch.setattr(guard, "call", noting)
            autolog.enable(backend=store, silent=True)
            self.train()
            session.get().end()
        return reached


class _Around:
    """A plugin, and the class whose calls it records."""

    @staticmethod
    @hookimpl
    def autolog_patches(patches: Patches) -> None:
        """Record each call of `outermost`."""
        patches.method(_Around, "outermost", _Around.handler)

    @staticmethod
    def handler(call: Call) -> Generator[None, Outcome, None]:
        """Open a run."""
        call.start_run("around")
        yield

    @staticmethod
    def outermost(work: Callable[[], object]) -> object:
        """Do some work inside of a recorded call."""
        return work()


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _shares(names: set[str]) -> list[set[str]]:
    """Divide names among a few, each of which is tried at once."""
    shares = (set(sorted(names)[number::_SHARES]) for number in range(_SHARES))
    return [share for share in shares if share]


def _names(places: list[Place]) -> list[str]:
    return [f"{getattr(place.holder, '__name__', '')}.{place.name}" for place in places]


def _failing(site: str) -> Callable[..., Any]:
    call = guard.call

    def failing(reached: str, run: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return call(reached, run, _fail if reached == site else function, *args, **kwargs)

    return failing


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("injected")


def _copiers(value: object) -> Iterator[Callable[[Any], Any]]:
    if not _pickled(value):
        return
    yield from (copy.copy, copy.deepcopy)
    sklearn = sys.modules.get("sklearn")
    if sklearn is not None and hasattr(type(value), "get_params"):
        yield sklearn.clone


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001  it does not pickle, for whatever reason
        return b""


def _named_in(value: object) -> Iterator[str]:
    """Give what may be names of modules in a value's pickle."""
    data = _pickled(value)
    texts = (argument for _, argument, _ in pickletools.genops(data)) if data else ()
    words = (word for text in texts if isinstance(text, str) for word in text.split(" "))
    return (word for word in words if re.fullmatch(r"\w+(\.\w+)*", word))


def _raised(work: Callable[[], object]) -> dict[str, Any]:
    """Tell of an error what a program could see of it."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  whatever the framework raises
        chain = [type(each).__qualname__ for each in (error.__cause__, error.__context__)]
        frames = [(each.filename, each.lineno, each.name) for each in traceback.extract_tb(error.__traceback__)[1:]]
        told = {"type": type(error), "message": str(error), "chain": chain, "notes": getattr(error, "__notes__", [])}
        return {**told, "frames": frames if sys.version_info >= (3, 11) else []}  # before, ours show among them
    pytest.fail("fail() raises nothing")


@contextlib.contextmanager
def _without(places: list[Place]) -> Iterator[None]:
    """Take functions away for the body of a `with`."""
    for place in places:
        delattr(place.holder, place.name)
    try:
        yield
    finally:
        for place in places:
            setattr(place.holder, place.name, place.value)
