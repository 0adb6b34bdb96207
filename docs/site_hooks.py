"""What mkdocs does for the site beyond its plugins: pages that come from elsewhere than docs/.

README, changelog and contributing are pages, and so is each notebook that `make docs` has run.
"""

import logging
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LOG = logging.getLogger("mkdocs.hooks.curator")
ROOT = Path(__file__).parents[1]
RUN = ROOT / "build" / "notebooks"
FROM_ROOT = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
ALONE = {"index.md", "concepts.md"}  # with no page beside them, so that they need no list of pages


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from the root, and the notebooks as they were run, with what they made."""
    for page, source in FROM_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        # Links are written as GitHub follows them, from the root.
        files.append(File.generated(config, page, content=text.replace("](docs/", "](")))
    for path in sorted(path for path in RUN.rglob("*") if path.is_file()):
        page = f"notebooks/{path.relative_to(RUN).as_posix()}"
        files.append(File.generated(config, page, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to notebooks are written as Jupyter and GitHub follow them; on the site they are pages."""
    if page.file.src_uri in ALONE:
        page.meta["hide"] = ["navigation"]
    return re.sub(r"\]\(((?:notebooks/)?[\w-]+)\.ipynb\)", r"](\1.md)", markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Warn, which ends a strict build, where a page would fetch something from another host."""
    for fetched in re.findall(r'(?:src|<link[^>]+href)="((?:https?:)?//[^"]*)', output):
        LOG.warning("%s would fetch %s", page.file.src_uri, fetched)
    return output
