"""The option that names a format of another tool."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def format_option(direction: str) -> Callable[[Command], Command]:
    """`--format` of the formats that have a direction: "read" or "write"."""
    from curator.formats import FORMATS

    names = [each.name for each in FORMATS.values() if getattr(each, direction)]
    return click.option(
        "--format", "format_name", required=True, type=click.Choice(names), help="See docs/formats.md."
    )
