"""Write docs/cli.md from the commands themselves; with --check, fail where the page has drifted."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from curator_cli import main

PAGE = Path(__file__).with_name("cli.md")
INTRODUCTION = """# Commands

This page is made from the commands by `make cli-docs`.

Every command prints its result to stdout and all else to stderr, and ends with status 0 on success, 1 on
failure, 2 on wrong usage, 3 with `--strict` when some images could not be read, 130 when interrupted.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *sections(main, "curator")])


def sections(command: click.Command, name: str) -> Iterator[str]:
    """One section for a command, then one for each of its own."""
    context = click.Context(
        command,
        info_name=name,
        terminal_width=100,
        max_content_width=100,
        help_option_names=["-h", "--help"],
    )
    yield f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from sections(found, f"{name} {child}")


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
            sys.exit("docs/cli.md is not what the commands say: run `make cli-docs`")
    else:
        PAGE.write_text(page(), encoding="utf-8")
