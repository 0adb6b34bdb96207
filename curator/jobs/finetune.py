"""Fine-tune the encoder on the workspace's labels; what is there is replaced only by what is better."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import numpy.typing as npt

from curator.encoders import Encoder, load_encoder
from curator.encoders.finetuned import Description, read_description, save_finetuned
from curator.errors import CuratorError, MissingWorkError
from curator.finetuning import FinetuneConfig, Material, Moment, Tuned
from curator.finetuning import finetune as tune
from curator.jobs._artifacts import load_embeddings
from curator.jobs._pixels import write_pixels
from curator.jobs._propagation import store_propagation
from curator.jobs._verdicts import checked_labels
from curator.jobs.chosen_encoder import Choice, current_choice, remembered_encoder
from curator.jobs.embed import embed
from curator.jobs.encoders import ID_LENGTH
from curator.jobs.progress import Progress, silent
from curator.jobs.state import State, load_state
from curator.store.runs import recorded
from curator.store.workspace import Workspace

WEIGHTS_FOLDER = "finetuned"
_SCRATCH = "finetuning-"


@dataclass(frozen=True)
class FinetuneReport:
    """What a fine-tune did. `kept`: whether it was better, and its embeddings are the current ones now.

    `before` and `after` are the shares of `held_out` labels that propagation from the others gets right on
    the embeddings that it started from and the new ones; `gained` and `lost` those that only one of them
    does; `p_value` the chance of such a lead by luck; `head_accuracy` that of the new head alone. `former`
    and `current` are encoder ids.
    """

    kept: bool
    train: str
    labels: int
    held_out: int
    before: float
    after: float
    gained: int
    lost: int
    p_value: float
    head_accuracy: float
    unreadable: int
    former: str
    current: str


def finetune(
    workspace: Workspace,
    *,
    config: FinetuneConfig | None = None,
    device: str = "auto",
    progress: Progress = silent,
    tell: Callable[[Moment], None] = lambda _moment: None,
) -> FinetuneReport:
    """Fine-tune the encoder on given and propagated labels; keep the result where held-out labels say so.

    The new encoder, its embeddings, index, graph and propagation stand beside the old ones, which
    `use_encoder` goes back to. Killed at any moment, or no better, it leaves the old ones in use.
    """
    config = config or FinetuneConfig()
    with recorded(workspace.database, "finetune", asdict(config)) as outcome:
        with workspace.locked("finetune"), _scratch(workspace) as scratch:
            encoder, base, state = _start(workspace, device)
            description = _description(encoder, base, state.names, config)
            pixels, readable = write_pixels(scratch / "pixels.npy", state, encoder.spec, progress)
            material = _material(state, encoder, pixels, readable)
            tuned = tune(material, description, config, watch=progress, tell=tell)
            path = _store(workspace, tuned, description)
        former = workspace.setting("encoder")
        if path is not None:
            embed(workspace, weights=path, device=device, progress=progress)
            with workspace.locked("propagate"):
                store_propagation(load_state(workspace))
        labels, unreadable = int((material.labels >= 0).sum()), int((~readable).sum())
        report = _report(tuned, config.train, labels, unreadable, former, workspace.setting("encoder"))
        outcome |= asdict(report)
    return report


def _start(workspace: Workspace, device: str) -> tuple[Encoder, Choice, State]:
    """The encoder to start from, how it was chosen, and what is known by its embeddings.

    That is the current one, or what the current one was fine-tuned from: a fine-tuned encoder has learned the
    labels that are to judge, and tops upon tops would add up errors.
    """
    choice = current_choice(workspace)
    described = None if choice.weights is None else read_description(choice.weights)
    if described is None and not choice.plain:
        raise CuratorError(
            "fine-tuning starts from an encoder as it comes, not with --views, --pooling, --precision or "
            "--whiten: run "
            f"`{workspace.embed_command} --encoder {choice.encoder}"
            + (f" --weights {choice.weights}`" if choice.weights else "`")
            + " first"
        )
    if described is None:
        return remembered_encoder(workspace, device=device), choice, load_state(workspace)
    weights = Path(described.base_weights) if described.base_weights else None
    encoder = load_encoder(described.base, weights=weights, device=device)
    made_from = load_embeddings(workspace, encoder.fingerprint).inputs["catalog"]
    if made_from != workspace.catalog.digest():
        raise MissingWorkError(
            f"images have come or gone since {described.base} embedded them: run `curator encoder use "
            f"{encoder.fingerprint[:ID_LENGTH]}`, then `{workspace.embed_command}`, and fine-tune from there"
        )
    base = choice._replace(encoder=described.base, weights=weights)
    return encoder, base, load_state(workspace, encoder.fingerprint)


def _description(
    encoder: Encoder, base: Choice, classes: Sequence[str], config: FinetuneConfig
) -> Description:
    return Description(
        base=base.encoder,
        base_weights=None if base.weights is None else str(base.weights),
        base_fingerprint=encoder.fingerprint,
        train=config.train,
        classes=list(classes),
        temperature=config.temperature,
        lora_rank=config.lora_rank,
    )


def _material(
    state: State, encoder: Encoder, pixels: npt.NDArray[np.uint8], readable: npt.NDArray[np.bool_]
) -> Material:
    return Material(
        pixels=pixels,
        encoder=encoder,
        embeddings=state.embeddings,
        graph=state.graph,
        labels=np.where(readable, state.labels, -1),
        classes=state.names,
        checked=checked_labels(state),
    )


def _store(workspace: Workspace, tuned: Tuned, description: Description) -> Path | None:
    """Write a network worth keeping under a name of its own: no earlier one is overwritten."""
    if tuned.network is None:
        return None
    folder = workspace.folder / WEIGHTS_FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / "new.safetensors"
    fitted = tuned.calibration
    description = replace(
        description,
        temperature=tuned.temperature,
        calibration=[fitted.sharpness, fitted.prior_weight, fitted.head_weight, fitted.held_out],
    )
    save_finetuned(tuned.network.cpu(), path, description)
    return path.replace(folder / f"{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.safetensors")


@contextmanager
def _scratch(workspace: Workspace) -> Iterator[Path]:
    """A folder for what is needed only now; what a killed run left of its own goes, too."""
    for left in workspace.folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=_SCRATCH, dir=workspace.folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _report(
    tuned: Tuned, train: str, labels: int, unreadable: int, former: str, current: str
) -> FinetuneReport:
    verdict = tuned.verdict
    return FinetuneReport(
        kept=tuned.network is not None,
        train=train,
        labels=labels,
        held_out=verdict.count,
        before=verdict.before,
        after=verdict.after,
        gained=verdict.gained,
        lost=verdict.lost,
        p_value=verdict.p_value,
        head_accuracy=tuned.head_accuracy,
        unreadable=unreadable,
        former=former[:ID_LENGTH],
        current=current[:ID_LENGTH],
    )
