"""Where the library's errors become what a user sees: one line, an exit code, no traceback."""

import dataclasses
import errno
import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")


def told_plainly(function: Callable[P, R]) -> Callable[P, R]:
    """Turn the library's errors into `Error: ...` on stderr and exit status 1."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        from curator.errors import CuratorError
        from curator_indexes.errors import VectorError

        try:
            return function(*args, **kwargs)
        except (CuratorError, VectorError) as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:  # the reader of a pipe has gone: click ends quietly
            raise
        except OSError as error:
            raise click.ClickException(_describe(error)) from error
        except MemoryError as error:
            raise click.ClickException("out of memory: try a smaller --batch-size") from error

    return wrapped


def tell(message: str) -> None:
    """Say something to the person, on stderr: stdout is for results."""
    click.echo(message, err=True)


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 image", "1,200 images"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def emit_json(**values: Any) -> None:
    """Print one JSON object on stdout: reports as objects, frames as lists of rows."""
    click.echo(json.dumps({name: _plain(value) for name, value in values.items()}, ensure_ascii=False))


def emit_table(frame: Any, output: Path | None) -> None:
    """Print a frame as CSV on stdout, unless it went into a file."""
    if output is None:
        from curator.tables import to_csv

        click.echo(to_csv(frame), nl=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if hasattr(value, "to_dict"):
        return _plain(value.to_dict(orient="records"))
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no NaN
    return value.item() if hasattr(value, "item") else value


def _describe(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where and ':' + where}: free some space and run the same command again"
    return f"{error.strerror or error}{where}"
