"""The site that `make site` writes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a link or a heading that is not there, or a page that no menu
    has, ends it."""
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", place],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


class _Fetched(HTMLParser):
    """Collects what a browser fetches to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.addresses.append(given.get("href") or "")
        elif tag in ("script", "img", "iframe", "object"):
            self.addresses.append(given.get("src") or given.get("data") or "")


def fetched(page: Path) -> Iterator[str]:
    parser = _Fetched()
    parser.feed(page.read_text())
    yield from filter(None, parser.addresses)


def test_every_page_is_there(site: Path) -> None:
    """One for each of docs/, and the search knows it."""
    pages = {path.relative_to(REPOSITORY / "docs") for path in (REPOSITORY / "docs").rglob("*.md")}
    index = json.loads((site / "search/search_index.json").read_text())
    known = {one["location"].partition("#")[0] for one in index["docs"]}
    for page in pages:
        address = "" if page.name == "index.md" else f"{page.with_suffix('')}/"
        assert (site / address / "index.html").exists(), page
        assert address in known, page


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No fonts, scripts or pictures of others: a reader is seen by nobody else."""
    for page in site.rglob("*.html"):
        assert [address for address in fetched(page) if re.match("(https?:)?//", address)] == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text())


def test_what_is_fetched_is_there(site: Path) -> None:
    """Style sheets, scripts and pictures, from wherever the page is."""
    for page in site.rglob("*.html"):
        for address in fetched(page):
            root = address.removeprefix("/aws-role-exec/")
            place = site / root if root != address else page.parent / address
            assert place.exists(), f"{page}: {address}"


def test_links_out_of_the_docs_lead_to_the_forge(site: Path) -> None:
    """To files that are in the repository."""
    prefix = "https://github.com/scttfrdmn/aws-role-exec/blob/main/"
    targets = {
        target
        for page in site.rglob("*.html")
        for target in re.findall(rf'href="{prefix}([^"#]+)', page.read_text())
    }
    assert len(targets) > 30
    for target in targets:
        assert (REPOSITORY / target).exists(), target
