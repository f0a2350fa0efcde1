"""What is read of installed distributions is what `importlib.metadata` and `packaging` say."""

from __future__ import annotations

import re
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from autolog.loading import installed
from autolog.loading.ranges import contains, name_and_range

METADATA = (
    "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: numpy>=1; extra == 'x'\n\nName: no\n"
)
ENTRY_POINTS = "[console_scripts]\nno = no:main\n\n[autolog.plugins]\n# comment\nthing = a_b.c : D.e [x]\n;no = no\n"


def install(folder: Path, name: str, version: str) -> Path:
    """Make a folder that a distribution of that name is installed in."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA.format(name=name, version=version))
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def keyed(name: str) -> str:
    """Spell a name in the one form that all spellings have in common."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_versions_agree_with_metadata() -> None:
    """Every distribution here has the version that importlib.metadata gives."""
    names = {keyed(each.metadata["Name"]) for each in metadata.distributions()}
    assert {name: installed.versions(name) for name in names} == {name: metadata.version(name) for name in names}
    assert installed.versions("there-is-no-such-distribution") is None


def test_entry_points_agree_with_metadata() -> None:
    """The entry points found for pytest's plugins are those that importlib.metadata finds."""
    found = [entry for each in installed.distributions("[pytest11]") for entry in each.entries({"pytest11"})]
    theirs = {(each.name, each.value) for each in metadata.entry_points(group="pytest11")}
    assert theirs
    assert {(each.name, each.value) for each in found} == theirs


def test_first_of_a_name_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution further on in sys.path is shadowed by one of its name, however that is spelled."""
    monkeypatch.setattr(
        sys, "path", [str(install(tmp_path / "a", "My-Thing", "2.0")), str(install(tmp_path / "b", "my.thing", "1.0"))]
    )
    (found,) = installed.distributions("[autolog.")
    assert (found.key, found.name, found.version) == ("my-thing", "My-Thing", "2.0")
    assert found.requires == ("numpy>=1; extra == 'x'",)
    (entry,) = found.entries({"autolog.plugins"})
    assert (entry.group, entry.name, entry.value) == ("autolog.plugins", "thing", "a_b.c : D.e")


def test_a_dash_in_a_folders_name_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose name holds dashes of the distribution's is known by its metadata, and hides no other."""
    install(tmp_path, "x", "1.0").joinpath("x-1.0.dist-info").rename(tmp_path / "name-with-dash-1.0.dist-info")
    (tmp_path / "name-with-dash-1.0.dist-info" / "METADATA").write_text(
        METADATA.format(name="name-with-dash", version="1.0")
    )
    (tmp_path / "left-over-2.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed.versions("name-with-dash") == "1.0"
    assert installed.versions("name") is None
    install(tmp_path, "name", "3.0")
    found = {each.name: each.version for each in installed.distributions("[autolog.")}
    assert found == {"name-with-dash": "1.0", "name": "3.0"}


def test_archives_are_searched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution in a zip file on sys.path is found, with the same facts."""
    install(tmp_path / "plain", "my-thing", "2.0")
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (tmp_path / "plain").rglob("*"):
            file.write(path, path.relative_to(tmp_path / "plain"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "plain")])
    plain = installed.distributions("[autolog.")
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert installed.distributions("[autolog.") == plain
    assert installed.versions("my-thing") == "2.0"


def test_an_entry_loads_what_it_points_to() -> None:
    """A value names a module, or something within it."""
    distribution = installed.Distribution("x", "x", "1", (), "[g]\na = os.path\nb = os:path.join\n")
    a, b = distribution.entries({"g"})
    assert a.load() is __import__("os").path
    assert b.load() is __import__("os").path.join


def test_broken_folders_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there, or lists nothing, costs nothing."""
    (tmp_path / "left-1.0.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(tmp_path)])
    assert installed.distributions("[autolog.") == []
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Elsewhere()])
    assert installed.distributions("[autolog.") == []


class Elsewhere:
    """A finder that has distributions of its own."""

    def find_distributions(self, context: object = None) -> list[object]:
        """Give none."""
        return []


RELEASES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
SUFFIXES = st.sampled_from(["", "", "rc1", ".dev0", ".post1", "+cpu"])
CLAUSES = st.tuples(st.sampled_from([">=", "<=", ">", "<", "==", "!=", "~="]), RELEASES).filter(
    lambda clause: clause[0] != "~=" or "." in clause[1]
)


@given(st.lists(CLAUSES, max_size=3), RELEASES, SUFFIXES)
def test_ranges_agree_with_packaging(clauses: list[tuple[str, str]], release: str, suffix: str) -> None:
    """Any range holds just the versions that packaging says it holds."""
    text = "some-thing" + ",".join(operator + bound for operator, bound in clauses)
    name, wanted = name_and_range(text)
    expected = Requirement(text)
    assert name == expected.name
    assert contains(wanted, release + suffix) == expected.specifier.contains(release + suffix, prereleases=True)
