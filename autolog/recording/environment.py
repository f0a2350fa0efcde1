"""What is known of the process: its code, arguments, machine and packages; gathered off the training thread.

All of it is gathered once, but for the packages: a program imports more and more of them.

Nothing here changes the process: no import of a framework, no `chdir`, no signal, no variable. Git's own files tell the
commit and the branch; only the changes since the commit need a `git` process (`changes.py`).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autolog import guard
from autolog.loading.installed import canonical, file_text
from autolog.recording import changes
from autolog.recording.redaction.texts import redact_arguments, redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from importlib.metadata import Distribution

__all__ = ["Environment", "gather", "script_name", "top_level_modules", "with_packages"]


@dataclass(frozen=True)
class Environment:
    """What was found.

    Args:
        facts: values by name; `missing` lists what could not be found, and why.
        diff: the tracked changes against the commit, without secrets; None where there are none or none are known.
        installed: every installed distribution, `name==version` a line.
        versions: every installed distribution by its canonical name.
        owners: for each top-level module that was looked for so far the canonical names of its distributions; the
            thread that gathers adds to it.
    """

    facts: Mapping[str, Any]
    diff: bytes | None
    installed: str
    versions: Mapping[str, _Versioned] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)


class _Missing(list[str]):
    """Takes note of what is missing."""

    def note(self, text: str) -> None:
        self.append(text)


def gather(ending: threading.Event | None = None) -> Environment:
    """Find out what is known of the process. A part that fails is named in `facts["missing"]` and costs no other.

    Args:
        ending: once it is set, git is waited for no longer.
    """
    missing = _Missing()
    facts: dict[str, Any] = {}
    for site, part in _PARTS.items():
        facts.update(guard.call(site, missing, part) or {})
    diff = _add_git(facts, missing, ending or threading.Event())
    versions = guard.call("environment.packages", missing, _versions) or {}
    owners: dict[str, set[str]] = {}
    facts["packages"] = guard.call("environment.imported", missing, _imported, versions, owners) or {}
    facts["missing"] = list(missing)
    return Environment(facts, diff or None, _listed(versions), versions, owners)


def with_packages(known: Environment) -> Environment:
    """Find out which packages have been imported by now."""
    return replace(known, facts={**known.facts, "packages": _imported(known.versions, known.owners)})


def top_level_modules() -> set[str]:
    """Give the top-level modules that were imported from outside the standard library."""
    return {name.partition(".")[0] for name in list(sys.modules)} - sys.stdlib_module_names - {"__main__"}


def _add_git(facts: dict[str, Any], missing: _Missing, ending: threading.Event) -> bytes | None:
    """Add what git knows, and give the changes."""
    repository = guard.call("environment.repository", missing, _find_repository)
    if repository is None:
        missing.note("git: no repository at the script or the working directory")
        return None
    facts.update(guard.call("environment.git", missing, _describe_repository, repository, missing) or {})
    if "git_commit" not in facts:
        return None
    diff = guard.call(
        "environment.diff", missing, changes.since_commit, repository.root, repository.own, ending, missing
    )
    if diff is not None:
        facts["git_dirty"] = diff != b""
    return diff


# ---- the program


def script_name() -> str:
    """Give the program's name in a word: `train.py`, `notebook.ipynb`, `python -m pkg.train`, `python -c`, `python`."""
    path = _notebook() or _script()
    return os.path.basename(path) if os.path.sep in path else path  # noqa: PTH119 (a Path costs more than all else here)


def _script() -> str:
    """Give the script's path, or how else Python was started."""
    program = sys.argv[0] if getattr(sys, "argv", None) else ""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.origin == program:
        return f"python -m {spec.name.removesuffix('.__main__')}"
    if program in ("", "-"):
        return "python"
    return f"python {program}" if program in ("-c", "-m") else program


def _notebook() -> str | None:
    """Give a notebook's path, as far as its server tells it; None outside a notebook."""
    main = vars(sys.modules.get("__main__", sys))
    if "ipykernel.zmqshell" not in sys.modules or "get_ipython" not in main:
        return None
    told = main.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return told if isinstance(told, str) and told.endswith(".ipynb") else "notebook"


def _program() -> dict[str, Any]:
    notebook, script = _notebook(), _script()
    if notebook is not None:
        return {"script": notebook}
    found = os.path.abspath(script) if Path(script).is_file() else script  # noqa: PTH100 (keeps symbolic links)
    return {"script": found, "arguments": redact_arguments(sys.argv[1:])}


def _working_directory() -> dict[str, Any]:
    return {"working_directory": str(Path.cwd())}


# ---- the machine


def _python() -> dict[str, Any]:
    import platform

    return {
        "python_version": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "python_executable": sys.executable,
    }


def _machine() -> dict[str, Any]:
    """`os.uname` tells what `platform.platform` would, which may start a process to find out."""
    system = os.uname()
    return {"platform": f"{system.sysname}-{system.release}-{system.machine}", "host": system.nodename}


def _user() -> dict[str, Any]:
    import getpass

    return {"user": getpass.getuser()}


def _resources() -> dict[str, Any]:
    """The processors that this process may run on, and the machine's memory in bytes."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu_count": usable, "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}


_PARTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "environment.program": _program,
    "environment.directory": _working_directory,
    "environment.python": _python,
    "environment.machine": _machine,
    "environment.user": _user,
    "environment.resources": _resources,
}


# ---- packages


_FIELD = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)


class _Versioned(NamedTuple):
    """A distribution's name and version as it states them, and the distribution."""

    name: str
    version: str
    distribution: Distribution


def _versions() -> dict[str, _Versioned]:
    """Give every installed distribution by its canonical name; of two of one name, the one that is imported from."""
    from importlib.metadata import distributions

    found: dict[str, _Versioned] = {}
    for distribution in distributions():
        each = guard.call("environment.distribution", None, _versioned, distribution)
        if each is not None:
            found.setdefault(canonical(each.name), each)
    return found


def _versioned(distribution: Distribution) -> _Versioned | None:
    """Read the two fields that matter; the standard library's parser of all of them takes many times as long."""
    for is_whole, name in itertools.product((False, True), ("METADATA", "PKG-INFO")):
        text = _text_in(distribution, name, is_whole=is_whole) or ""
        fields = dict(reversed(_FIELD.findall(text)))  # the first of a name counts: the last are the description's
        if fields.keys() >= {"Name", "Version"}:
            return _Versioned(fields["Name"], fields["Version"], distribution)
    return None  # a leftover of an interrupted install


def _listed(versions: Mapping[str, _Versioned]) -> str:
    return "".join(f"{each.name}=={each.version}\n" for _, each in sorted(versions.items()))


def _imported(versions: Mapping[str, _Versioned], owners: dict[str, set[str]]) -> dict[str, str]:
    """Give the versions of the distributions that own a module imported so far, and add to the known `owners`."""
    modules = top_level_modules() - owners.keys()
    owners.update({module: {canonical(module)} & versions.keys() for module in modules})
    unnamed = {module for module in modules if not owners[module]}
    for key in versions.keys() - set().union(*owners.values()) if unnamed else ():
        for module in _owned(versions[key].distribution, unnamed):
            owners[module].add(key)
    return {versions[key].name: versions[key].version for key in sorted(set().union(*owners.values()))}


def _owned(distribution: Distribution, modules: Iterable[str]) -> list[str]:
    """Give those of the top-level modules that were installed with it; a search in the text, as a list may be long."""
    top_level = _text_in(distribution, "top_level.txt")
    if top_level is not None:
        named = top_level.split()
        return [module for module in modules if module in named]
    record = "\n" + (_text_in(distribution, "RECORD") or "")
    return [module for module in modules if f"\n{module}/" in record or f"\n{module}.py," in record]


def _text_in(distribution: Distribution, name: str, *, is_whole: bool = True) -> str | None:
    folder = getattr(distribution, "_path", None)
    if isinstance(folder, Path):
        return file_text(str(folder), name, is_whole=is_whole)
    return distribution.read_text(name)  # in an archive


# ---- git


class _Repository(NamedTuple):
    """Where a work tree is, where its own state is, and where what it shares with other work trees is."""

    root: Path
    own: Path
    common: Path


def _find_repository() -> _Repository | None:
    """Look from the script upward, then from the working directory."""
    for folder in _starts():
        for root in (folder, *folder.parents):
            own = _state_folder(root / ".git")
            if own is not None:
                shared = _text(own / "commondir")
                return _Repository(root, own, own / shared if shared else own)
    return None


def _starts() -> Iterator[Path]:
    """The folder of the program's file, unless it is a command installed beside Python; the working directory."""
    with contextlib.suppress(OSError):
        program = Path(_notebook() or _script()).resolve()
        if program.is_file() and program.parent != Path(sys.prefix, "bin").resolve():
            yield program.parent
    with contextlib.suppress(OSError):
        yield Path.cwd()


def _state_folder(git: Path) -> Path | None:
    """Give the folder with `HEAD`; in a worktree or a submodule `.git` is a file that names it."""
    named = _text(git)
    folder = git if named is None else git.parent / named.removeprefix("gitdir:").strip()
    return folder if _text(folder / "HEAD") is not None else None


def _text(path: Path) -> str | None:
    """Give a small file's text; None where there is none that can be read."""
    try:
        return path.read_text(errors="surrogateescape").strip()
    except OSError:
        return None


def _describe_repository(repository: _Repository, missing: _Missing) -> dict[str, Any]:
    facts: dict[str, Any] = {"git_root": str(repository.root)}
    name, commit = _head(repository)
    if commit is not None:
        facts["git_commit"] = commit
    elif (repository.common / "reftable").is_dir():
        missing.note("the git commit: this repository keeps its references in a reftable")
        return facts
    else:
        missing.note("the git commit: there is none yet")
    if name is not None:
        facts["git_branch"] = name.removeprefix("refs/heads/")
    remote = _remote(repository)
    return facts if remote is None else {**facts, "git_remote": redact_text(remote)}


def _head(repository: _Repository) -> tuple[str | None, str | None]:
    """Give the reference that HEAD stands on, if it does, and the commit; a reference may name another one."""
    name, value = None, _text(repository.own / "HEAD")
    for _ in range(5):  # as git itself
        if value is None or not value.startswith("ref:"):
            break
        target = value.removeprefix("ref:").strip()
        name = name or target
        value = _reference(repository, target)
    return name, value if value is not None and _COMMIT.fullmatch(value) else None


_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _reference(repository: _Repository, name: str) -> str | None:
    return _text(repository.own / name) or _text(repository.common / name) or _packed(repository, name)


def _packed(repository: _Repository, name: str) -> str | None:
    try:
        with (repository.common / "packed-refs").open(errors="surrogateescape") as lines:
            return next((line.split()[0] for line in lines if line.rstrip("\n").endswith(f" {name}")), None)
    except FileNotFoundError:
        return None


def _remote(repository: _Repository) -> str | None:
    """Give the URL of `origin`, else of the first remote."""
    urls: dict[str, str] = {}
    section = ""
    for line in (_text(repository.common / "config") or "").splitlines():
        if line.lstrip().startswith("["):
            section = line.strip()
        key, _, value = line.partition("=")
        if section.startswith('[remote "') and key.strip() == "url":
            urls.setdefault(section[9:].rstrip('"]'), value.strip().strip('"'))
    return urls.get("origin", next(iter(urls.values()), None))
