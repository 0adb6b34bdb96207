"""The top-level command: verbs are imported when they are used, so that `--help` is quick."""

import importlib
import keyword
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from curator_cli._configuration import default_map

VERBS = {
    "embed": "Read a folder of images into embeddings, an index and a kNN graph.",
    "label": "Bring labels in and out, see who said what, take it back.",
    "propagate": "Spread the labels at hand over the kNN graph.",
    "query": "Choose the images most worth labelling next.",
    "audit": "Rank the labels most likely to be wrong.",
    "review": "Label and judge images on a page in your browser.",
    "duplicates": "List exact and near duplicates, and which one to keep.",
    "outliers": "List the images that are far from all others.",
    "leakage": "List the images of a test folder that the workspace holds, too.",
    "faults": "List blurred, dark, bright, odd and unreadable images.",
    "finetune": "Fine-tune the encoder on the labels at hand; keep the result only where it is better.",
    "encoder": "List the encoders used here, go back to one, find others.",
    "predict": "Label images outside of the workspace.",
    "export-model": "Write encoder and classifier as safetensors and ONNX.",
    "similar": "List the images most like a given one.",
    "split": "Cut the images into training, validation and test, duplicates kept together.",
    "simulate": "Replay labelling with each query strategy, on the labels at hand.",
    "map": "Draw all images in the plane, as a picture or an interactive page.",
    "report": "Write one HTML file on all of this, to show around.",
    "diff": "Compare two tables of predictions, suspects or images to label.",
    "next": "Say the one thing most worth doing now, and why.",
    "import": "Bring in labels from other tools' files.",
    "export": "Write images, labels and scores for other tools.",
    "config": "Say where each setting comes from.",
    "status": "Say what exists, what is stale, and what to do next.",
    "doctor": "Find what is damaged, decayed or left over, and repair it.",
    "pretrain": "Train the compact encoder on your own unlabelled images.",
}
INTERRUPTED = 130


class _Verbs(click.Group):
    """A group whose commands are found by name in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = importlib.import_module(f"curator_cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "CURATOR"}
)
@click.version_option(package_name="curator", prog_name="curator")
@click.pass_context
def main(context: click.Context) -> None:
    """Label fewer images and find the labels that are wrong.

    \b
    Start with:
        curator embed FOLDER
        curator status
    """
    signal.signal(signal.SIGINT, _interrupted)
    context.default_map = default_map(context)


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    click.echo("\ninterrupted: nothing stored is lost; run the same command to go on", err=True)
    sys.exit(INTERRUPTED)
