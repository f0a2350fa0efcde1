"""How the pages become a site: `python -m sphinx -W docs SITE`; a link that leads nowhere is an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "autolog"
copyright = "the autolog authors"
extensions = ["myst_parser"]
exclude_patterns = ["__pycache__"]
html_theme = "furo"  # loads nothing from other hosts
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
highlight_language = "none"
myst_heading_anchors = 4  # as GitHub makes them
nitpicky = True

_REPOSITORY = "https://github.com/autolog-ml/autolog/blob/main"


def _link_to_repository(app: Sphinx, page: str, source: list[str]) -> None:
    """Lead links out of this folder, which are right in a checkout, to the repository."""
    source[0] = re.sub(r"\]\(\.\./", f"]({_REPOSITORY}/", source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Take part in the build."""
    app.connect("source-read", _link_to_repository)
    return {"parallel_read_safe": True}
