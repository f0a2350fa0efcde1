"""What is found out about the process, and that nothing of it goes wrong or is felt where something is missing."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import warnings
from importlib import metadata
from pathlib import Path

import pytest

import autolog
from autolog.recording import changes
from autolog.recording.environment import gather, script_name

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch, tmp_path):
    """Run as a script that is no file, in a folder outside of any repository."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["-c"])
    monkeypatch.chdir(tmp_path)


def _git(*arguments: str, folder: Path | None = None) -> str:
    who = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "protocol.file.allow=always",
    )
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A repository with one committed file, as the working directory."""
    folder = tmp_path / "repository"
    folder.mkdir()
    _git("init", folder=folder)
    (folder / "train.py").write_text("lr = 0.1\n")
    _git("add", ".", folder=folder)
    _git("commit", "-m", "first", folder=folder)
    monkeypatch.chdir(folder)
    return folder


def _python(*arguments: str, folder: Path | None = None, **options) -> str:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, check=True, capture_output=True, text=True, **options
    ).stdout.strip()


def test_the_process_is_described():
    """Interpreter, machine, user and resources are there with the right types, and agree with the standard library."""
    facts = gather().facts
    assert facts["python_version"].split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    assert facts["python_implementation"] == "CPython"
    assert facts["host"] == os.uname().nodename
    assert facts["platform"].startswith(os.uname().sysname)
    assert facts["working_directory"] == str(Path.cwd())
    assert 1 <= facts["cpu_count"] <= os.cpu_count()
    assert facts["memory_bytes"] > 1 << 20
    assert facts["user"]
    assert facts["script"] == "python -c"


def test_arguments_are_redacted(monkeypatch):
    """A password on the command line is not recorded; the rest is."""
    monkeypatch.setattr(sys, "argv", ["train.py", "--password", "hunter2", "--lr", "0.1", "https://a:hunter2@b"])
    assert gather().facts["arguments"] == ["--password", "[redacted]", "--lr", "0.1", "https://[redacted]@b"]


def test_packages_are_those_of_imported_modules_and_installed_lists_all():
    """The versions are those that the metadata give; what is not imported stands in the whole list only."""
    found = gather()
    assert found.facts["packages"]["pytest"] == metadata.version("pytest")
    assert found.facts["packages"]["hypothesis"] == metadata.version("hypothesis")
    lines = found.installed.splitlines()
    assert f"pytest=={metadata.version('pytest')}" in lines
    assert {line.partition("==")[0].lower() for line in lines} == {
        each.metadata["Name"].lower() for each in metadata.distributions()
    }


def test_a_package_is_found_by_its_modules_whatever_its_name(tmp_path, monkeypatch):
    """A distribution owns the modules it lists, by top_level.txt or by its record; a broken one is passed over."""
    for name, file, content in [
        ("Some_Thing-1.5", "top_level.txt", "thing_module\n"),
        ("other-2.0", "RECORD", "other-2.0.dist-info/METADATA,,\nother_module/__init__.py,sha256=x,1\nlone.py,,\n"),
        ("unused-3.0", "RECORD", "unused_module/__init__.py,,\n"),
    ]:
        folder = tmp_path / "site" / f"{name}.dist-info"
        folder.mkdir(parents=True)
        title, version = name.split("-")
        head = f"Metadata-Version: 2.1\nName: {title}\nVersion: {version}\nSummary: x\n\nName: not this\n"
        (folder / "METADATA").write_text(head)
        (folder / file).write_text(content)
    (tmp_path / "site" / "broken-1.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for module in ("thing_module", "other_module.part"):
        monkeypatch.setitem(sys.modules, module, sys)
    found = gather()
    assert found.facts["packages"].items() >= {"Some_Thing": "1.5", "other": "2.0"}.items()
    assert "unused" not in found.facts["packages"]
    assert "unused==3.0\n" in found.installed
    assert "broken" not in found.installed


def test_all_distributions_that_share_a_module_are_packages(tmp_path, monkeypatch):
    """As those of one namespace do; and a version is whole, wherever in the metadata it stands."""
    for number, name in enumerate(["space-auth", "space-cloud", "space-other"]):
        folder = tmp_path / "site" / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir(parents=True)
        head = f"Metadata-Version: 2.1\nName: {name}\n"
        filled = (16 << 10) - len(head) - len("Summary: \nVersion: 1.") if number else 1
        (folder / "METADATA").write_text(f"{head}Summary: {'x' * filled}\nVersion: 1.25\n\ntext")
        (folder / "RECORD").write_text(f"sharedspace/part{number}.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setitem(sys.modules, "sharedspace", sys)
    found = gather().facts["packages"]
    assert {name: found.get(name) for name in ("space-auth", "space-cloud", "space-other")} == {
        "space-auth": "1.25",
        "space-cloud": "1.25",
        "space-other": "1.25",
    }


def test_a_run_has_the_packages_imported_before_it(tmp_path):
    """Also those that no earlier run of the process knew; all else is found out once."""
    (tmp_path / "train.py").write_text(
        "import autolog, time\n"
        "autolog.enable(backend='runs', silent=True)\n"
        "for name in ('xgboost', 'lightgbm', None, None):\n"
        "    with autolog.start_run(run_name=str(name)): pass\n"
        "    if name is not None: __import__(name)\n"
        "while not all(run.environment for run in autolog.search_runs(output_format='list')): time.sleep(0.1)\n"
    )
    _python("train.py", folder=tmp_path)
    runs = autolog.search_runs(store=tmp_path / "runs", output_format="list", order_by=["start_time ASC"])
    known = [set(run.environment["packages"]) for run in runs]
    assert "xgboost" in known[1]
    assert all(each >= {"xgboost", "lightgbm"} for each in known[2:])
    assert {run.environment["python_version"] for run in runs} == {sys.version.split()[0]}


def test_a_clean_repository(repository):
    """Commit and branch are git's own, nothing is dirty, and there is no diff."""
    found = gather()
    assert found.facts["git_commit"] == _git("rev-parse", "HEAD")
    assert found.facts["git_branch"] == "main"
    assert found.facts["git_root"] == str(repository)
    assert found.facts["git_dirty"] is False
    assert found.diff is None
    assert "git_remote" not in found.facts
    assert found.facts["missing"] == []


def test_changes_are_a_diff_against_the_commit_without_secrets(repository):
    """Staged and unstaged changes of tracked files are in it, and can be applied; secrets are not."""
    (repository / "train.py").write_text('lr = 0.2\napi_key = "hunter2"\n')
    _git("add", ".")
    (repository / "train.py").write_text('lr = 0.3\napi_key = "hunter2"\n')
    (repository / "untracked.txt").write_text("x")
    found = gather()
    assert found.facts["git_dirty"] is True
    assert b"-lr = 0.1\n+lr = 0.3\n" in found.diff
    assert b'+api_key = "[redacted]"\n' in found.diff
    assert b"untracked" not in found.diff
    (repository / "train.py").write_text("lr = 0.1\n")
    subprocess.run(["git", "apply"], input=found.diff, check=True)
    assert (repository / "train.py").read_text() == 'lr = 0.3\napi_key = "[redacted]"\n'


def test_a_change_right_after_the_commit_is_seen(repository):
    """Also one that leaves size and second of the file as they were."""
    (repository / "train.py").write_text("lr = 0.1")
    _git("commit", "-qam", "another")
    (repository / "train.py").write_text("lr = 0.2")
    time.sleep(1.1)  # git's index is a second older than a copy that is made now
    assert gather().facts["git_dirty"] is True


def test_gathering_leaves_the_repository_as_it_is(repository):
    """Not even git's index is refreshed, nor a lock taken, though a file's time has changed."""
    os.utime(repository / "train.py", (1, 1))
    before = {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()}
    assert gather().facts["git_dirty"] is False
    assert {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()} == before


def test_a_large_diff_is_cut_at_a_line_and_says_so(repository):
    """At most a mebibyte is kept, whole lines, and the last line tells."""
    (repository / "train.py").write_text("".join(f"line {number}\n" for number in range(200_000)))
    diff = gather().diff
    assert len(diff) < (1 << 20) + 100
    *lines, last = diff.decode().splitlines()
    assert last == f"[cut by autolog after {len(diff) - len(last) - 1} bytes]"
    assert lines[-1] == f"+line {len(lines) - 7}"


def test_bytes_that_are_no_text_survive_in_the_diff(repository):
    """A change in another encoding comes back byte for byte."""
    (repository / "train.py").write_bytes(b"caf\xe9 \xc3\xa9\n")
    assert b"+caf\xe9 \xc3\xa9\n" in gather().diff


def test_the_users_git_settings_do_not_change_the_diff(repository):
    """No external diff, colour or text conversion of theirs is run."""
    ran = repository.parent / "ran"
    tool = repository.parent / "tool"
    tool.write_text(f"#!/bin/sh\ntouch {ran}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    _git("config", "diff.external", str(tool))
    _git("config", "diff.text.textconv", str(tool))
    _git("config", "core.fsmonitor", str(tool))
    _git("config", "core.pager", str(tool))
    _git("config", "color.ui", "always")
    (repository / ".git" / "info" / "attributes").write_text("*.py diff=text\n")
    (repository / "train.py").write_text("lr = 0.2\n")
    ran.unlink(missing_ok=True)
    assert b"\n-lr = 0.1\n+lr = 0.2\n" in gather().diff
    assert not ran.exists()


def test_variables_that_name_another_repository_are_not_followed(repository, monkeypatch):
    """Within a git hook, git's variables speak of the hook's repository."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert gather().facts["git_dirty"] is False


def test_packed_references_are_read(repository):
    """After `git gc` a branch has no file of its own."""
    _git("branch", "other/main")
    _git("pack-refs", "--all")
    assert not (repository / ".git" / "refs" / "heads" / "main").exists()
    assert gather().facts["git_commit"] == _git("rev-parse", "HEAD")


def test_a_detached_head_has_a_commit_and_no_branch(repository):
    """After `git checkout <commit>` there is no branch to name."""
    _git("checkout", "--detach")
    facts = gather().facts
    assert facts["git_commit"] == _git("rev-parse", "HEAD")
    assert "git_branch" not in facts


def test_a_worktree_has_its_own_branch_and_shared_references(repository, monkeypatch):
    """In a linked worktree `.git` is a file; references and settings lie with the main one, packed or not."""
    _git("remote", "add", "origin", "https://me:hunter2@example.com/a.git")
    _git("worktree", "add", "-b", "side/way", "../linked")
    monkeypatch.chdir(repository.parent / "linked")
    Path("train.py").write_text("lr = 0.9\n")
    _git("commit", "-a", "-m", "second")
    for _ in range(2):
        facts = gather().facts
        assert facts["git_commit"] == _git("rev-parse", "HEAD") != _git("rev-parse", "HEAD", folder=repository)
        assert facts["git_branch"] == "side/way"
        assert facts["git_root"] == str(repository.parent / "linked")
        assert facts["git_remote"] == "https://[redacted]@example.com/a.git"
        _git("pack-refs", "--all")


def test_a_submodule_is_a_repository_of_its_own(repository, monkeypatch):
    """Inside a submodule its own commit counts."""
    inner = repository.parent / "inner"
    inner.mkdir()
    _git("init", folder=inner)
    _git("commit", "--allow-empty", "-m", "inner", folder=inner)
    _git("submodule", "add", str(inner), "sub")
    monkeypatch.chdir(repository / "sub")
    facts = gather().facts
    assert facts["git_commit"] == _git("rev-parse", "HEAD", folder=inner)
    assert facts["git_root"] == str(repository / "sub")


def test_a_repository_without_a_commit(tmp_path):
    """Its branch is known, and the missing commit is named."""
    _git("init")
    facts = gather().facts
    assert facts["git_branch"] == "main"
    assert "git_commit" not in facts
    assert "git_dirty" not in facts
    assert facts["missing"] == ["the git commit: there is none yet"]


def test_a_reftable_is_no_branch_called_invalid(tmp_path):
    """Where git keeps its references in a form of its own, nothing is guessed."""
    (tmp_path / ".git" / "reftable").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    facts = gather().facts
    assert "git_branch" not in facts
    assert "git_commit" not in facts
    assert facts["missing"] == ["the git commit: this repository keeps its references in a reftable"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (COMMIT, COMMIT),
        (COMMIT * 2, None),
        ("ref: HEAD", None),
        ("", None),
        ("ref: a/b", COMMIT),
        ("ref: missing", None),
    ],
)
@pytest.mark.autolog_swallows
def test_any_head_is_read_or_passed_over(tmp_path, head, expected):
    """A commit, a reference to one over other references, a circle, and what is none of these."""
    (tmp_path / ".git" / "a").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text(head)
    (tmp_path / ".git" / "a" / "b").write_text("ref: c")
    (tmp_path / ".git" / "c").write_text(f"{COMMIT}\n")
    assert gather().facts.get("git_commit") == expected


def test_the_script_says_which_repository(repository, monkeypatch, tmp_path):
    """A script's own repository counts, wherever it was started from; a command's installed beside Python does not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(repository / "train.py")])
    facts = gather().facts
    assert facts["git_root"] == str(repository)
    assert facts["script"] == str(repository / "train.py")
    monkeypatch.setattr(sys, "prefix", str(repository / "venv"))
    (repository / "venv" / "bin").mkdir(parents=True)
    (repository / "venv" / "bin" / "pytest").write_text("")
    monkeypatch.setattr(sys, "argv", [str(repository / "venv" / "bin" / "pytest")])
    assert "git_root" not in gather().facts


def test_without_git_the_commit_is_still_known(repository, monkeypatch, tmp_path):
    """Only the changes need the program; that they are missing, and why, is named."""
    commit = _git("rev-parse", "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = gather()
    assert found.facts["git_commit"] == commit
    assert "git_dirty" not in found.facts
    assert found.diff is None
    assert found.facts["missing"] == ["the changes since the commit: git is not installed"]


def test_a_handler_for_ended_children_is_never_called(repository):
    """A program that handles SIGCHLD itself sees no child of ours; what is missing is named."""
    calls = []
    before = signal.signal(signal.SIGCHLD, lambda *_: calls.append(1))
    try:
        facts = gather().facts
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert calls == []
    assert "git_dirty" not in facts
    assert [reason for reason in facts["missing"] if "SIGCHLD" in reason]


def _fake_git(folder: Path, script: str, monkeypatch) -> None:
    (folder / "bin").mkdir()
    program = folder / "bin" / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.autolog_swallows
def test_a_git_that_fails_says_nothing_about_changes(repository, monkeypatch, swallowed):
    """Where git refuses, as in a folder of another user, the run is not called clean."""
    _fake_git(repository.parent, "exit 128", monkeypatch)
    facts = gather().facts
    assert "git_dirty" not in facts
    assert facts["missing"] == ["environment.diff failed: OSError: git ended with 128"]
    assert swallowed == ["autolog: environment.diff failed: OSError: git ended with 128"]


@pytest.mark.autolog_swallows
def test_a_git_that_hangs_is_stopped(repository, monkeypatch):
    """After the time allowed git is killed, and what it wrote so far is not taken for all."""
    monkeypatch.setattr(changes, "_PATIENCE", 0.2)
    _fake_git(repository.parent, "echo half; exec sleep 60", monkeypatch)
    found = gather()
    assert found.diff is None
    assert found.facts["missing"] == ["environment.diff failed: TimeoutError: git took longer than 0 s"]


ENDING = """
import json, sys, time
import autolog
autolog.enable(backend=sys.argv[1], silent=True)
with autolog.start_run():
    time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize(("slow", "lasts"), [(0.3, 0.05), (0.3, 0.2), (0.2, 0.5), (9, 0.05)])
def test_a_program_that_ends_before_git_invents_no_changes(repository, tmp_path, monkeypatch, slow, lasts):
    """A clean work tree is clean, or not known, however short the program; the rest is known, and nothing left over."""
    (tmp_path / "temporary").mkdir()
    _fake_git(tmp_path, f'sleep {slow}; exec {shutil.which("git")} "$@"', monkeypatch)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    _python("-c", ENDING, str(tmp_path / "runs"), str(lasts), folder=repository)
    (run,) = autolog.search_runs(store=tmp_path / "runs", output_format="list")
    assert run.artifacts == {}
    assert run.environment["python_version"]
    assert run.environment.get("git_dirty", False) is False
    assert ("git_dirty" in run.environment) is (slow < 1)
    late = ["the changes since the commit: the program ended before git did"]
    assert run.environment["missing"] == ([] if slow < 1 else late)
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.autolog_swallows
@pytest.mark.parametrize("harm", ['rm "$GIT_INDEX_FILE"', 'echo >> "$GIT_INDEX_FILE"', 'rm -r "${GIT_INDEX_FILE%/*}"'])
def test_a_comparison_without_its_index_is_thrown_away(repository, tmp_path, monkeypatch, harm):
    """Where something cleans up or writes what git reads, the run is not called dirty."""
    _fake_git(tmp_path, f'{harm}; {shutil.which("git")} "$@"; exit 0', monkeypatch)
    found = gather()
    assert found.diff is None
    assert "git_dirty" not in found.facts
    assert "the copy of the index was changed or removed" in found.facts["missing"][0]


@pytest.mark.autolog_swallows
def test_a_removed_working_directory(tmp_path, monkeypatch):
    """All else is found, and the missing directory is named."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    facts = gather().facts
    assert facts["python_version"]
    assert "working_directory" not in facts
    assert facts["missing"][0].startswith("environment.directory failed: FileNotFoundError")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_an_unreadable_repository(repository):
    """A `.git` that may not be read is as none."""
    (repository / ".git").chmod(0)
    try:
        assert "git_commit" not in gather().facts
    finally:
        (repository / ".git").chmod(0o755)


@pytest.mark.autolog_swallows
def test_one_failing_part_costs_no_other(repository, monkeypatch):
    """What a broken part would have told is missing; the rest is there."""
    monkeypatch.delenv("LOGNAME", raising=False)
    monkeypatch.setattr(sys, "argv", [3])
    facts = gather().facts
    assert "script" not in facts
    assert facts["python_version"]
    assert facts["packages"]["pytest"]
    assert facts["missing"][0].startswith("environment.program failed: ")


def test_gathering_on_a_thread_leaves_the_process_as_it_is(repository):
    """Directory, variables, handlers, filters and imported frameworks are the same afterwards; no thread is left."""
    state = lambda: (  # noqa: E731
        Path.cwd(),
        dict(os.environ),
        [signal.getsignal(number) for number in signal.valid_signals()],
        list(warnings.filters),
        logging.getLogger("autolog").handlers[:],
        threading.active_count(),
    )
    before, modules = state(), set(sys.modules)
    thread = threading.Thread(target=gather)
    thread.start()
    thread.join()
    assert state() == before
    assert {name.partition(".")[0] for name in set(sys.modules) - modules} <= sys.stdlib_module_names


WHO = (
    "from autolog.recording.environment import gather, script_name; "
    "print(script_name(), gather().facts['script'], sep='|')"
)


def test_the_name_of_a_script(tmp_path):
    """A script goes by its file's name, and its whole path is a fact."""
    (tmp_path / "my train.py").write_text(f"import sys; {WHO}")
    assert _python("my train.py") == f"my train.py|{tmp_path / 'my train.py'}"
    assert _python(str(tmp_path / "my train.py"), folder=Path("/")) == f"my train.py|{tmp_path / 'my train.py'}"


def test_the_name_of_a_module(tmp_path):
    """`python -m` names the module, a package too."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(f"import sys; {WHO}")
    (tmp_path / "package" / "train.py").write_text(f"import sys; {WHO}")
    assert _python("-m", "package") == "python -m package|python -m package"
    assert _python("-m", "package.train") == "python -m package.train|python -m package.train"


def test_the_name_of_a_program_without_a_file():
    """`-c`, standard input, and an interpreter that knows no arguments."""
    assert _python("-c", f"import sys; {WHO}") == "python -c|python -c"
    assert _python("-", input=f"import sys; {WHO}") == "python|python"
    assert _python(input=f"import sys; {WHO}") == "python|python"
    assert (
        _python(
            "-c",
            "import sys; del sys.argv; from autolog.recording.environment import script_name; print(script_name())",
        )
        == "python"
    )


def test_a_child_process_goes_by_its_parents_script(tmp_path):
    """A process that multiprocessing spawned is named after the program, not after multiprocessing."""
    (tmp_path / "train.py").write_text(
        "import multiprocessing\n"
        "def name():\n    from autolog.recording.environment import script_name\n    print(script_name())\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=name)\n    child.start()\n    child.join()\n"
    )
    assert _python("train.py") == "train.py"


def test_the_name_of_a_notebook():
    """A notebook goes by what its server or editor tells, else by that word; its kernel's arguments are not its own."""
    from nbclient import NotebookClient
    from nbformat import v4

    code = (
        "from autolog.recording.environment import gather, script_name\nscript_name(), gather().facts.get('arguments')"
    )
    cells = [
        v4.new_code_cell(code),
        v4.new_code_cell(f"import os; os.environ['JPY_SESSION_NAME'] = '/home/me/work/study.ipynb'\n{code}"),
        v4.new_code_cell(f"__vsc_ipynb_file__ = '/home/me/other.ipynb'\n{code}"),
    ]
    book = NotebookClient(v4.new_notebook(cells=cells), kernel_name="python3").execute()
    said = [cell.outputs[-1]["data"]["text/plain"] for cell in book.cells]
    assert said == ["('notebook', None)", "('study.ipynb', None)", "('other.ipynb', None)"]


def test_a_notebooks_variable_does_not_name_the_scripts_it_starts(monkeypatch):
    """A script that a notebook started inherits the variable, and is no notebook."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/study.ipynb")
    assert script_name() == "python -c"
