"""The encoder that a workspace goes by: how it was chosen, remembered from one run to the next."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from curator.encoders import DEFAULT_ENCODER, Encoder, load_encoder
from curator.encoders.options import whitened
from curator.errors import CuratorError
from curator.jobs._whitening import stored_whitening
from curator.store.workspace import Workspace


class Choice(NamedTuple):
    """What an embed run remembers for the next one; `whiten` 0 is not at all."""

    encoder: str = DEFAULT_ENCODER
    weights: Path | None = None
    k: int = 50
    follow_symlinks: bool = False
    views: str = "one"
    pooling: str | None = None
    whiten: int = 0
    precision: str = "float32"

    @property
    def plain(self) -> bool:
        """Whether the encoder is used as it comes."""
        return self == Choice(*self[:4])


def remembered_encoder(workspace: Workspace, *, device: str = "auto") -> Encoder:
    """The encoder that made the current embeddings; CuratorError where what is at hand is another one."""
    choice = current_choice(workspace)
    network = chosen_network(choice, None, device)
    whitening = stored_whitening(workspace, network.spec, choice.whiten) if choice.whiten else None
    if whitening is not None:
        network = whitened(network, whitening)
    if network.spec.fingerprint != workspace.encoder:
        raise CuratorError(
            f"{choice.encoder} or the image decoder is not what the embeddings here were made with: "
            f"run `{workspace.embed_command}`"
        )
    return network


def current_choice(workspace: Workspace) -> Choice:
    """What is remembered of the run that made the current embeddings; the defaults before the first."""
    stored = workspace.find_setting(_setting(workspace.encoder)) or workspace.find_setting("embed")
    try:
        choice = Choice(**json.loads(stored)) if stored else Choice()
    except (ValueError, TypeError) as error:
        damaged = (
            f"what was chosen in {workspace.folder} is damaged ({error}): restore curator.db from a copy"
        )
        raise CuratorError(damaged) from error
    return choice._replace(weights=workspace.folder / choice.weights if choice.weights else None)


def has_choice(workspace: Workspace, fingerprint: str) -> bool:
    """Whether it is known how the embeddings of this encoder were made."""
    return workspace.find_setting(_setting(fingerprint)) is not None


def remember_choice(workspace: Workspace, fingerprint: str, choice: Choice) -> None:
    """Keep it for the next run with this encoder; weights inside the workspace move along with it."""
    weights = choice.weights
    if weights is not None and weights.is_relative_to(workspace.folder):
        choice = choice._replace(weights=weights.relative_to(workspace.folder))
    workspace.set(_setting(fingerprint), json.dumps(choice._asdict(), default=str))


def _setting(fingerprint: str | None) -> str:
    return f"embed {fingerprint}"


def new_choice(workspace: Workspace, asked: dict[str, Any]) -> Choice:
    """What was asked for (is not None), and for the rest what was chosen the last time."""
    before = current_choice(workspace)
    if asked["encoder"] is not None or asked["weights"] is not None:
        before = Choice(k=before.k, follow_symlinks=before.follow_symlinks)
    choice = before._replace(**{name: value for name, value in asked.items() if value is not None})
    return choice._replace(weights=None if choice.weights is None else choice.weights.resolve())


def chosen_network(choice: Choice, batch_size: int | None, device: str) -> Encoder:
    """The encoder as it was chosen, not whitened."""
    return load_encoder(
        choice.encoder,
        weights=choice.weights,
        device=device,
        batch_size=batch_size,
        views=choice.views,
        pooling=choice.pooling,
        precision=choice.precision,
    )
