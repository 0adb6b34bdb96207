"""Options that several verbs share."""

from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

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
    help="bundled, or a timm or torchvision model by name.  [default: as before; at first bundled]",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where the network runs.",
)
