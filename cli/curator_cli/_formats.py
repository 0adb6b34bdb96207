"""The option that names a format of another tool, and the help that lists them."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from curator.formats import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])
_NAME = "format_name"


def format_option(direction: str) -> Callable[[Command], Command]:
    """`--format` of the formats that have a direction: "read" or "write"."""
    return click.option(
        "--format",
        _NAME,
        required=True,
        type=click.Choice([each.name for each in FORMATS.values() if getattr(each, direction)]),
        metavar="NAME",
        help="One of the formats below; docs/formats.md tells more.",
    )


class FormatCommand(click.Command):
    """A command with `--format`, whose help ends in a list of the formats to choose from."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the formats."""
        super().format_options(ctx, formatter)
        kinds = [option.type for option in self.params if option.name == _NAME]
        names = [name for kind in kinds if isinstance(kind, click.Choice) for name in kind.choices]
        with formatter.section("Formats"):
            formatter.write_dl([(name, FORMATS[name].summary) for name in names])
