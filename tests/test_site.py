"""The site of the documentation shows every page, and its links lead to pages of the site."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOOK = runpy.run_path(str(ROOT / "docs" / "site_pages.py"))
CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation_once():
    listed = re.findall(r"^ +- .+: (\S+\.md)$", CONFIG, flags=re.MULTILINE)
    there = {path.name for path in ROOT.glob("docs/*.md")} | HOOK["PAGES"].keys()
    assert sorted(listed) == sorted(there)


def test_every_markdown_file_is_a_page():
    pages = {*HOOK["PAGES"].values(), *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))}
    found = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*.md")}
    assert found <= pages
    assert all((ROOT / page).is_file() for page in pages)


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("README.md", "[Tour](docs/tour.md)", "[Tour](tour.md)"),
        ("README.md", "![x](docs/screenshots/a.png)", "![x](screenshots/a.png)"),
        ("README.md", "[MIT](LICENSE)", "MIT"),
        (
            "docs/tour.md",
            "[why](surroundings.md#what-is-left)",
            "[why](surroundings.md#what-is-left)",
        ),
        ("docs/deployment.md", "[S](../SECURITY.md)", "[S](SECURITY.md)"),
        ("docs/training.md", "[home](../README.md)", "[home](index.md)"),
        ("samples/README.md", "[home](../README.md)", "[home](index.md)"),
        ("SECURITY.md", "[`limits`](pneumo/reading/limits.py)", "`limits`"),
        (
            "README.md",
            "[a](https://example.org/docs/tour.md)",
            "[a](https://example.org/docs/tour.md)",
        ),
        ("docs/tour.md", "[below](#exports)", "[below](#exports)"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(source, text, expected):
    assert HOOK["rewrite_links"](text, source) == expected
