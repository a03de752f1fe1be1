"""Adds the pages beside docs/ to the site, and lets their links lead to pages of the site.

A hook of MkDocs, named in mkdocs.yml. In the repository the pages stay where people look for them.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "index.md": "README.md",
    "SECURITY.md": "SECURITY.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "samples.md": "samples/README.md",
}
"""Page of the site: file of the repository."""


def on_files(files, config):
    """Adds the pages to those of docs/."""
    from mkdocs.structure.files import File

    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Returns the page's text with links that hold within the site."""
    source = PAGES.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return rewrite_links(markdown, source)


def rewrite_links(text: str, source: str) -> str:
    """Turns links between the repository's files into links between the site's pages.

    Args:
        text: Markdown.
        source: The file it is from, below the repository's root, with slashes.

    Returns:
        The text; a link to a file that is no page of the site is left as its words alone.
    """
    sites = {repository: page for page, repository in PAGES.items()}

    def rewrite(match: re.Match) -> str:
        image, words, target, anchor = match.groups()
        if "://" in target or not target:
            return match[0]
        path = ((ROOT / source).parent / target).resolve()
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
        page = sites.get(name, name.removeprefix("docs/") if name.startswith("docs/") else None)
        return f"{image}[{words}]({page}{anchor or ''})" if page else words

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)", rewrite, text)
