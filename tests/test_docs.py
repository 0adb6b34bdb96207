"""The documentation cannot drift: every command line in it runs, every name and link in it exists."""

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.datasets import load_digits

import curator
import curator_indexes
from curator.audits import SIGNALS
from curator.queries import STRATEGIES
from curator_cli import main
from curator_cli._group import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
GUIDES = [page for page in PAGES if "```console" in page.read_text(encoding="utf-8")]


def blocks(page: Path, language: str) -> list[str]:
    """The contents of a page's fenced blocks of one language."""
    return re.findall(
        rf"^```{language}(?: [^\n]*)?\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def fill_in(table: Path) -> None:
    """Answer a to-label list, or a list of suspects, as a person who knows would: by the folder."""
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    rows["label"] = [path.split("/")[0] for path in rows["path"]]
    rows.to_csv(table, index=False)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_command_line_runs_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    digits = load_digits()
    (tmp_path / "photos_test").mkdir()
    for number in range(150):
        path = tmp_path / "photos" / str(digits.target[number]) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(digits.images[number] * 15.9)).save(path)
    Image.fromarray(np.uint8(digits.images[0] * 15.9)).save(tmp_path / "photos_test" / "0.png")
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    commands = [line.removeprefix("$ curator ").split() for line in lines if line.startswith("$ curator ")]
    assert len(commands) >= 2
    for command in commands:
        if command[:2] == ["label", "import"]:
            fill_in(tmp_path / command[2])
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, f"{command}: {result.output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_example_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}  # one for a page: what it has shown, it goes on with
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), names)
    assert "Error" not in capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_command_has_its_section() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"## curator {verb}\n" in page for verb in VERBS)


def test_every_query_strategy_is_told_of() -> None:
    for name in STRATEGIES:
        assert re.search(
            rf"\b{name}\b", " ".join(CliRunner().invoke(main, ["query", "--help"]).output.split())
        ), name
        assert f'"{name}"' in (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), name


def test_the_table_of_doubt_signals_has_each() -> None:
    page = (ROOT / "docs" / "find-wrong-labels.md").read_text(encoding="utf-8")
    table = page[page.index("| signal |") :].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(SIGNALS)


def test_every_file_and_name_of_how_it_is_built_exists() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r"  (\S+\.(?:py|js))  (\w+)$", page, re.MULTILINE)
    assert len(steps) > 35
    for file, name in steps:
        code = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"(?:def|class) {name}\b|^  {name}\(", code, re.MULTILINE), f"{file} has no {name}"
    for name, file in re.findall(r"`(\w+)` in `([\w/.]+)`", page):
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8")), f"{file} has no {name}"
    for place in re.findall(r"`([\w/.]+/[\w.]*)`", page):
        assert (ROOT / place).exists(), place


def test_every_room_stands_in_how_it_is_built() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [path.parent.name for path in (ROOT / "curator").glob("*/__init__.py")]
    assert all(f"`curator/{room}/`" in page for room in rooms), rooms


def test_every_public_name_is_documented() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    documented = re.findall(r"^## `(\w+)", page, re.MULTILINE)
    assert sorted(documented) == sorted(curator.__all__)


def test_every_public_name_has_its_signature_on_the_site() -> None:
    shown = re.findall(r"^::: ([\w.]+)$", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"), re.M)
    names = {name.rsplit(".", 1)[-1] for name in shown}
    assert {f"curator.{name}" for name in curator.__all__} <= set(shown)
    assert set(curator_indexes.__all__) <= names


def test_what_the_overview_says_of_a_signature_is_true() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## `(\w+)\((.*)\)`$", page, re.MULTILINE)
    assert len(headings) > 15
    for name, said in headings:
        written: dict[str, Callable[..., None]] = {}
        exec(f"def shown({said.removesuffix(', ...')}): ...", {"Path": Path}, written)
        real = inspect.signature(getattr(curator, name)).parameters
        for parameter in inspect.signature(written["shown"]).parameters.values():
            assert parameter == real[parameter.name].replace(annotation=inspect.Parameter.empty), name


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
