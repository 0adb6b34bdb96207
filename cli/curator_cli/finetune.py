"""curator finetune."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import device_option, json_option, seed_option, workspace_option

if TYPE_CHECKING:
    from curator.finetuning import Moment
    from curator.jobs.finetune import FinetuneReport


@click.command("finetune")
@click.option(
    "--train",
    type=click.Choice(["head", "last-block", "lora", "all"]),
    default="head",
    show_default=True,
    help="Which part of the network learns: an adapter and a head on top, or more of it as well.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Of training.  [default: 600 for head, else 150]")
@click.option("--flip/--no-flip", default=True, help="Whether a mirror image is of the same class.")
@seed_option
@device_option
@workspace_option
@json_option
@told_plainly
def command(
    train: str, steps: int | None, flip: bool, seed: int, device: str, workspace: Path | None, as_json: bool
) -> None:
    """Fine-tune the encoder on the labels at hand and the propagated ones.

    Some labels are held out. Only where the new embeddings get more of these right than the old, by more
    than luck, do they take their place; the old ones are kept beside them.

    \b
    Example:
        curator finetune --train head
    """
    from curator.finetuning.config import tuned_for
    from curator.jobs.finetune import finetune
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report = finetune(
            Workspace.open(workspace),
            config=tuned_for(train, steps=steps, flip=flip, seed=seed),
            device=device,
            progress=progress,
            tell=_tell_moment,
        )
    tell(_sentence(report))
    if report.unreadable:
        tell(f"{counted(report.unreadable, 'image')} could not be read any more and had no part in it")
    if as_json:
        emit_json(finetune=report)


def _tell_moment(moment: "Moment") -> None:
    tell(
        f"trial {moment.trial} of {moment.trials}, step {moment.step:,} of {moment.steps:,}: "
        f"loss {moment.loss:.3f}, head {moment.accuracy:.1%} on held-out labels"
    )


def _sentence(report: "FinetuneReport") -> str:
    shares = f"{report.before:.1%} before, {report.after:.1%} after"
    judged = f"{counted(report.held_out, 'held-out label')}: {shares}"
    odds = f"{report.gained:,} gained, {report.lost:,} lost, p = {report.p_value:.2g}"
    if report.kept:
        back = f"to go back: curator encoder use {report.former}"
        return f"{judged} ({odds}); the new embeddings are in use\n{back}"
    return f"{judged} ({odds}): no better than luck; nothing was replaced"
