"""Makes distributions on the fly."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

__all__ = ["distribution"]


def distribution(
    folder: Path,
    name: str,
    entry_points: Mapping[str, Mapping[str, str]] = {},
    modules: Mapping[str, str] = {},
    version: str = "1.0",
    requires: tuple[str, ...] = (),
) -> None:
    """Install a distribution into a folder, as pip leaves it behind."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    needed = "".join(f"Requires-Dist: {each}\n" for each in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")
    groups = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in each.items()) for group, each in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join(groups))
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(text))
    (info / "RECORD").write_text("".join(f"{module}.py,,\n" for module in modules))
