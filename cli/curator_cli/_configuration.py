"""curator.toml: defaults of options, in the project and for the user."""

import tomllib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click

FILE_NAME = "curator.toml"
Values = dict[str, Any]  # of options by parameter name, in a dict for each command: click's default map


def default_map(context: click.Context) -> Values:
    """The defaults of all files together: the project's before the user's."""
    merged: Values = {}
    for file in files():
        _merge(merged, read(file, context))
    return merged


def files() -> list[Path]:
    """The files that exist, the later the stronger: the user's, then the nearest here or above."""
    here = Path.cwd()
    user = Path(click.get_app_dir("curator")) / FILE_NAME
    nearby = filter(Path.is_file, (folder / FILE_NAME for folder in (here, *here.parents)))
    return [*filter(Path.is_file, [user]), *islice(nearby, 1)]


def read(file: Path, context: click.Context) -> Values:
    """What one file says, by parameter names; ClickException names the key that is unknown or unfit."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        return _values(tables, context.command, context)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise click.ClickException(f"cannot read {file}: {error}") from error
    except click.UsageError as error:
        raise click.ClickException(f"{file}: {error.message}") from error


def options_of(command: click.Command) -> Iterator[tuple[str, click.Option]]:
    """The options of a command that a file can set, by the name they have there."""
    for option in command.params:
        if isinstance(option, click.Option) and option.expose_value:
            yield max(option.opts, key=len).lstrip("-"), option


def commands_in(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """The commands of a group, by name."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            yield name, command


def _values(table: Mapping[str, Any], command: click.Command, context: click.Context) -> Values:
    return dict(_value(key, value, command, context) for key, value in table.items())


def _value(key: str, value: Any, command: click.Command, context: click.Context) -> tuple[str, Any]:
    """One key of a table: a command with a table of its own, or an option with a value."""
    if isinstance(command, click.Group):
        inner = command.get_command(context, key)
        if inner is None or not isinstance(value, Mapping):
            known = ", ".join(command.list_commands(context))
            raise click.UsageError(f"[{key}] is no table of a command; there are: {known}")
        return key, _values(value, inner, click.Context(inner, info_name=key, parent=context))
    options = dict(options_of(command))
    option = options.get(key.replace("_", "-"))
    if option is None or option.name is None:
        raise click.UsageError(f"[{_section(context)}] has no {key!r}; there are: {', '.join(options)}")
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise click.UsageError(f"[{_section(context)}] {key} = {value!r}: {error.message}") from error
    return option.name, value


def _section(context: click.Context) -> str:
    names: list[str] = []
    while context.parent is not None:
        names.insert(0, str(context.info_name))
        context = context.parent
    return ".".join(names)


def _merge(into: Values, more: Values) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
