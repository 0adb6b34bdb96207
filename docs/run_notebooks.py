"""Run the notebooks in docs/notebooks and write each with its outputs as a page, for `make docs`.

python docs/run_notebooks.py build/notebooks

The first cell that fails ends it. A page is Markdown, with its pictures and the HTML files that the notebook
made beside it.
"""

import base64
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

NOTEBOOKS = Path(__file__).with_name("notebooks")
SECONDS = 120  # a cell that takes longer has hung
READER = "/home/ann"  # a workspace names its folder, which is a passing one here


def run(notebook: Path, output: Path) -> str:
    """Run one notebook in a folder of its own; returns what to print of it."""
    start = time.monotonic()
    cells = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        # Sockets in files: ports, which every process of the machine may speak to, make the kernel warn.
        sockets = Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})
        place = {"metadata": {"path": folder}}
        NotebookClient(cells, timeout=SECONDS, resources=place, config=sockets).execute()
        for page in Path(folder).rglob("*.html"):
            kept = output / page.relative_to(folder)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, kept)
    parts = [part for cell in cells.cells for part in _cell(cell, notebook.stem, output)]
    page = "\n\n".join(parts).replace(folder, READER) + "\n"
    (output / f"{notebook.stem}.md").write_text(page, encoding="utf-8")
    return f"{notebook.name}: {time.monotonic() - start:.0f} s"


def _cell(cell: Any, name: str, output: Path) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source
        return
    yield f"```python\n{cell.source}\n```"
    for number, shown in enumerate(cell.outputs):
        yield _output(shown, output, f"{name}-{cell.id}-{number}.png")


def _output(shown: Any, output: Path, picture: str) -> str:
    """One output as Markdown: a picture before a table, a table before text."""
    if shown.output_type == "stream":
        if shown.name == "stderr":
            raise ValueError(f"a cell wrote to stderr, which its page would show: {shown.text}")
        return _text(shown.text)
    if "image/png" in shown.data:
        (output / picture).write_bytes(base64.b64decode(shown.data["image/png"]))
        return f'![]({picture}){{ width="{shown.metadata.get("image/png", {}).get("width", 700)}" }}'
    if "text/html" in shown.data:
        return _html(shown.data["text/html"])
    return _text(shown.data["text/plain"])


def _text(said: str) -> str:
    return f"```{{ .text .output .no-copy }}\n{said.rstrip()}\n```"


def _html(said: str) -> str:
    """HTML on lines that Markdown takes for nothing else: no blank one, none that is indented."""
    lines = (line.strip() for line in re.sub(r"<style.*?</style>", "", said, flags=re.DOTALL).splitlines())
    return f'<div class="output">\n{" ".join(filter(None, lines))}\n</div>'


def main() -> None:
    """Run all notebooks, two at a time."""
    output = Path(sys.argv[1])
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    with ThreadPoolExecutor(2) as pool:
        for said in pool.map(lambda notebook: run(notebook, output), sorted(NOTEBOOKS.glob("*.ipynb"))):
            print(said)


if __name__ == "__main__":
    main()
