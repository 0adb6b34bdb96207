"""curator config show."""

from collections.abc import Iterator
from typing import Any, TypedDict

import click

from curator_cli._configuration import commands_in, files, options_of, read
from curator_cli._edge import emit_json
from curator_cli._options import json_option

PLAIN = (str, int, float, bool)


class Setting(TypedDict):
    """One option of one command: its value, and where that comes from."""

    command: str
    option: str
    value: Any
    origin: str


@click.group("config")
def command() -> None:
    """Say where each setting comes from."""


@command.command("show")
@json_option
@click.pass_context
def show_command(context: click.Context, as_json: bool) -> None:
    """List the options that have a value, and where it comes from.

    A flag on the command line wins over the environment (CURATOR_QUERY_SEED), that over curator.toml in this
    folder or the nearest above, that over the user's curator.toml, that over the default.

    \b
    Example:
        curator config show --json
    """
    root = context.find_root()
    settings = [row for row in _settings(root.command, root, ()) if row["value"] is not None]
    if as_json:
        emit_json(files=[str(file) for file in files()], settings=settings)
        return
    for row in settings:
        click.echo(f"{row['command']} --{row['option']} = {row['value']}  ({row['origin']})")


def _settings(command: click.Command, context: click.Context, path: tuple[str, ...]) -> Iterator[Setting]:
    if isinstance(command, click.Group):
        for name, inner in commands_in(command, context):
            yield from _settings(inner, click.Context(inner, info_name=name, parent=context), (*path, name))
        return
    for name, option in options_of(command):
        value, origin = _found(option, context, path)
        yield Setting(command=" ".join(path), option=name, value=value, origin=origin)


def _found(option: click.Option, context: click.Context, path: tuple[str, ...]) -> tuple[Any, str]:
    """The value of an option that no flag sets, and where it comes from."""
    environment = option.resolve_envvar_value(context)
    if environment is not None:
        return environment, "environment"
    for file in reversed(files()):
        table: Any = read(file, context.find_root())
        for name in path:
            table = table.get(name, {})
        if option.name in table:
            return table[option.name], str(file)
    default = option.get_default(context, call=True)
    return (default if isinstance(default, PLAIN) else None), "default"
