"""A program under `autolog run` sees, writes and ends as it does under plain Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from autolog.cli import main
from autolog.store.journals import JournalStore
from autolog_files import LocalFiles


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    out: bytes
    err: bytes


def _run(command: list[str], folder: Path, **variables: str) -> Ended:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, input=b"typed\n", capture_output=True, timeout=60
    )
    theirs = [line for line in done.stderr.splitlines(keepends=True) if not line.startswith(b"autolog:")]
    untimed = re.sub(rb"in \d+\.\d+s", b"in a moment", b"".join(theirs))
    return Ended(done.returncode, done.stdout, untimed)


def _assert_same(folder: Path, *program: str, flags: tuple[str, ...] = (), **variables: str) -> Ended:
    plain = _run([sys.executable, *flags, *program], folder, **variables)
    recorded = _run([sys.executable, *flags, "-m", "autolog", "run", *program], folder, **variables)
    assert recorded == plain
    return plain


SEEN = """
import atexit, os, signal, sys, threading, warnings
print(sys.argv, sys.path, sys.orig_argv, sys.flags, sys.warnoptions, __file__, __name__, __builtins__)
print(__doc__, __package__, getattr(__spec__, "name", __spec__))
print(sorted(globals()), type(__loader__), sys.modules["__main__"].__dict__ is globals())
print(sorted(os.environ.items()), os.getcwd(), "sitecustomize" in sys.modules)
print(sys.excepthook is sys.__excepthook__, signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPIPE))
print(warnings.filters, threading.active_count(), sys.stdin.readline(), getattr(sys, "customized", None))
print([path for path in [*sys.path, *sys.path_importer_cache] if "launch" in path])
"""

PROGRAMS = {
    "what it sees": SEEN,
    "exit code": "raise SystemExit(3)",
    "exit text": "import sys; sys.exit('no data')",
    "exit with something else": "raise SystemExit(2.5)",
    "exit at once": "import os; print('gone', flush=True); os._exit(5)",
    "uncaught": "def f():\n    1 / 0\ntry:\n    f()\nexcept ArithmeticError as e:\n    raise KeyError('k') from e\n",
    "syntax error": "print('never')\ndef f(:\n    pass\n",
    "bytes that are no text": b"x = '\xff'\n",
    "interrupted": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(5)\n",
    "own excepthook": "import sys\nsys.excepthook = lambda *e: print('hook', e[0], e[2].tb_lineno)\nx\n",
    "warnings": "import warnings\ndef f():\n    warnings.warn('mind', UserWarning, stacklevel=2)\nf()\n1 is 1\n",
    "threads and exit handlers": """
import atexit, threading, time
atexit.register(print, "registered first, runs last")
atexit.register(print, "registered last, runs first")
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
threading.Thread(target=lambda: 1 / 0, name="failing").start()
""",
    "processes": """
import multiprocessing, pickle, sys
class Point:
    pass
def describe(x):
    return (__name__ == "__mp_main__", sys.argv[1:], type(x).__module__, __file__.endswith("program.py"))
if __name__ == "__main__":
    assert isinstance(pickle.loads(pickle.dumps(Point())), Point)
    for method in ("spawn", "fork"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.apply(describe, (Point(),)))
""",
    "unittest": """
import unittest
class T(unittest.TestCase):
    def test_a(self): self.assertEqual(1, 2)
unittest.main(argv=["x"])
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_sees_writes_and_ends_as_under_python(name: str, tmp_path: Path) -> None:
    """Output, error output and exit code are those of plain Python, byte for byte."""
    program = PROGRAMS[name]
    (tmp_path / "program.py").write_bytes(program if isinstance(program, bytes) else program.encode())
    ended = _assert_same(tmp_path, "program.py", "-m", "--silent", "two words")
    assert ended.code or ended.out or ended.err


def test_the_interpreters_flags_are_the_programs(tmp_path: Path) -> None:
    """What Python was started with holds for the program too, also where `-m` is glued to another flag."""
    (tmp_path / "program.py").write_text(SEEN)
    plain = _run([sys.executable, "-W", "error", "-X", "utf8", "-Ou", "program.py"], tmp_path)
    glued = ["-W", "error", "-X", "utf8", "-Oum", "autolog", "run"]
    assert _run([sys.executable, *glued, "program.py"], tmp_path) == plain


@pytest.mark.parametrize(
    "program", [("missing.py",), ("-m", "missing"), ("-m", "package"), ("-m", "package.sub", "-m", "x"), ("folder",)]
)
def test_modules_folders_and_what_is_missing_are_found_as_python_does(program: tuple[str, ...], tmp_path: Path) -> None:
    """`-m` and folders mean what they mean to Python, and so do its messages and codes for what is not there."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "sub.py").write_text(SEEN)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__main__.py").write_text(SEEN)
    _assert_same(tmp_path, *program)


def test_the_machines_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    """A `sitecustomize` on PYTHONPATH has its turn, and the variable is as it was."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import sys\nsys.customized = 'so'\n")
    (tmp_path / "program.py").write_text(SEEN)
    path = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    ended = _assert_same(tmp_path, "program.py", PYTHONPATH=os.pathsep.join(path))
    assert b" so\n" in ended.out


def test_an_unmodified_program_is_recorded_with_the_options_given(tmp_path: Path) -> None:
    """The program's fits are runs named, tagged and placed as the options say, with its own name and arguments."""
    (tmp_path / "train.py").write_text(
        "from sklearn.dummy import DummyRegressor\nDummyRegressor().fit([[1], [2]], [1, 2])\n"
    )
    options = ["--experiment", "fraud", "--backend", "kept", "--silent", "--plugin", "sklearn"]
    typed = ["-o", "extra_tags=team=risk", "-o", "log-models=off"]
    ended = _run([sys.executable, "-m", "autolog", "run", *options, *typed, "train.py", "--silent"], tmp_path)
    assert ended == (0, b"", b"")
    (run,) = JournalStore("kept", LocalFiles(tmp_path / "kept")).runs()
    assert (run.run_name, run.experiment, run.tags["team"], run.models) == ("DummyRegressor", "fraud", "risk", [])
    assert run.environment["script"] == str(tmp_path / "train.py")
    assert run.environment["arguments"] == ["--silent"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'PROGRAM'"),
        (["-o", "log_models", "x.py"], "given as NAME=VALUE"),
        (["-o", "log_model=1", "x.py"], "did you mean 'log_models'?"),
        (["-o", "log_models=maybe", "x.py"], "log_models must be True or False"),
        (["-o", "max_model_mb=-1", "x.py"], "max_model_mb must be a number, 0 or more"),
        (["--backend", "nowhere://x", "x.py"], "no backend for 'nowhere' URIs"),
        (["--plugin", "nothing", "x.py"], "no plugin 'nothing' is installed"),
    ],
)
def test_what_is_wrong_with_the_options_is_said_before_the_program_starts(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the mistake, and the code is not 0."""
    assert main(["run", *arguments]) in (1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("autolog: ")
    assert message in said.err
    assert said.err.count("\n") == 1


def test_it_says_so_where_it_cannot_work(tmp_path: Path) -> None:
    """Under `python -I` nothing could be switched on, so the program is not started unrecorded."""
    (tmp_path / "program.py").write_text("print('never')")
    done = subprocess.run(
        [sys.executable, "-I", "-m", "autolog", "run", "program.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("autolog: autolog run cannot work under python -S, -E or -I")
