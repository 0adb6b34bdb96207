"""Options that several verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
IMAGES = click.Path(path_type=Path)  # a folder, or a file that holds images

workspace_option = click.option(
    "-w",
    "--workspace",
    type=FOLDER,
    envvar="CURATOR_WORKSPACE",
    help="The workspace; by default the nearest .curator here or above.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
output_option = click.option(
    "-o", "--output", type=FILE, help="Write the table to this file, instead of printing it."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same result."
)
encoder_option = click.option(
    "--encoder",
    metavar="NAME",
    help="One that `curator encoder available` lists, or one's own as MODULE:FUNCTION."
    "  [default: as before; at first bundled]",
)


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What all verbs that make a table take: `output`, `overwrite`, `workspace`, `as_json`."""
    for option in (json_option, workspace_option, overwrite_option, output_option):
        command = option(command)
    return command


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How an encoder is used: `views`, `pooling`, `precision`, `whiten`."""
    for option in reversed(_NETWORK_OPTIONS):
        command = option(command)
    return command


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which machines work: `engine`, `address`."""
    for option in reversed(_ENGINE_OPTIONS):
        command = option(command)
    return command


_ENGINE_OPTIONS = (
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Work in this process, or on the machines of a Ray cluster; the result is the same.",
    ),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="Of the Ray cluster.  [default: RAY_ADDRESS, the one on this machine, or a new one]",
    ),
)
_NETWORK_OPTIONS = (
    click.option(
        "--views",
        type=click.Choice(["one", "flip", "crops"]),
        help="Average over mirror images, or over ten crops.  [default: as before; at first one]",
    ),
    click.option(
        "--pooling",
        type=click.Choice(["class", "patch", "both"]),
        help="Tokens of a vision transformer to take.  [default: as before; at first the network's own]",
    ),
    click.option(
        "--precision",
        type=click.Choice(["float32", "bfloat16"]),
        help="What the network computes in.  [default: as before; at first float32]",
    ),
    click.option(
        "--whiten",
        type=click.IntRange(min=0),
        metavar="D",
        help="Keep D principal components, all equally wide; fitted whenever given; 0 for none.",
    ),
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where the network runs.",
)
