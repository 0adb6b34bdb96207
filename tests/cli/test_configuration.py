"""curator.toml: who wins, and what is said of a key that nobody knows."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from curator_cli import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder that one stands in, and a user's folder beside it."""
    (tmp_path / "user").mkdir()
    (tmp_path / "project" / "below").mkdir(parents=True)
    monkeypatch.setattr(click, "get_app_dir", lambda _name: str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path / "project" / "below")
    return tmp_path / "project"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def shown(command: str, option: str) -> tuple[object, str]:
    rows = json.loads(run("config", "show", "--json").stdout)["settings"]
    found = next(row for row in rows if (row["command"], row["option"]) == (command, option))
    return found["value"], found["origin"]


def test_environment_beats_project_beats_user_beats_default(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = project.parent / "user" / "curator.toml"
    assert shown("query", "seed") == (0, "default")
    user.write_text("[query]\nseed = 1\nbudget = 5\n")
    assert shown("query", "seed") == (1, str(user))
    (project / "curator.toml").write_text("[query]\nseed = 2\n")
    assert shown("query", "seed") == (2, str(project / "curator.toml"))
    assert shown("query", "budget") == (5, str(user))
    monkeypatch.setenv("CURATOR_QUERY_SEED", "3")
    assert shown("query", "seed") == ("3", "environment")


@pytest.mark.parametrize(
    ("flags", "environment", "wanted"),
    [((), None, "margin"), ((), "entropy", "entropy"), (("--strategy", "badge"), "entropy", "badge")],
)
def test_command_uses_what_is_shown(
    flags: tuple[str, ...],
    environment: str | None,
    wanted: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    (project / "curator.toml").write_text('[query]\nstrategy = "margin"\nbudget = 5\n')
    if environment:
        monkeypatch.setenv("CURATOR_QUERY_STRATEGY", environment)
    command = main.get_command(click.Context(main), "query")
    assert command is not None
    monkeypatch.setattr(command, "callback", lambda **options: seen.append(options["strategy"]))
    assert run("query", *flags).exit_code == 0
    assert seen == [wanted]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[query]\nseeed = 1", "[query] has no 'seeed'; there are: budget, strategy"),
        ("[quary]\nseed = 1", "[quary] is no table of a command"),
        ("seed = 1", "[seed] is no table of a command"),
        ("query = 1", "[query] is no table of a command"),
        ('[query]\nseed = "many"', "[query] seed = 'many': 'many' is not a valid integer"),
        ("[label.import]\nfile = 'x'", "[label.import] has no 'file'; there are: annotator"),
        ("[query", "cannot read"),
    ],
)
def test_unknown_key_or_unfit_value_is_an_error(text: str, complaint: str, project: Path) -> None:
    (project / "curator.toml").write_text(text)
    result = run("config", "show")
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert str(project / "curator.toml") in result.stderr


def test_shown_as_lines_too(project: Path) -> None:
    (project / "curator.toml").write_text('[label.import]\nannotator = "ann"\n')
    line = f"label import --annotator = ann  ({project / 'curator.toml'})"
    assert line in run("config", "show").stdout.splitlines()
