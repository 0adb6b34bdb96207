"""Completion in the shell, as docs/settings.md says to set it up."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["curator", "prop"], ["propagate"]),
        (["curator", "label", "ex"], ["export"]),
        (["curator", "query", "--strat"], ["--strategy"]),
        (["curator", "map", "--color", "d"], ["doubt"]),
    ],
)
def test_bash_completes_commands_options_and_choices(typed: list[str], offered: list[str]) -> None:
    line = re.search(r"^eval .*bash_source.*$", SETTINGS, re.MULTILINE)
    assert line is not None
    ask = f"COMP_WORDS=({' '.join(typed)}); COMP_CWORD={len(typed) - 1}; _curator_completion curator"
    done = subprocess.run(
        ["bash", "-c", f'{line.group()}\n{ask}; echo "${{COMPREPLY[@]}}"'],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script(shell: str) -> None:
    variable = {"_CURATOR_COMPLETE": f"{shell}_source"}
    assert f"_CURATOR_COMPLETE={shell}_source curator" in SETTINGS
    done = subprocess.run(["curator"], env=ENVIRONMENT | variable, check=True, capture_output=True, text=True)
    assert "_CURATOR_COMPLETE" in done.stdout
