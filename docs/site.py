"""What mkdocs does to a page of docs/ before it becomes one of the site.

The pages are written for the forge, where every file of the repository lies beside them: a link
that leaves docs/ leads to the forge on the site.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)(?P<path>[^)#]+)(?=[^)]*\))")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Return the page's text with the links to other parts of the repository made absolute."""
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_uri))

    def to_forge(link: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(folder, link["path"]))
        if place.startswith("docs/"):
            return link["path"]
        return f"{config.extra['repository']}/blob/main/{place}"

    return _LINK.sub(to_forge, markdown)
