"""Fitting a checkpoint to a network: finding the encoder inside a whole training run's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curator.errors import CuratorError

if TYPE_CHECKING:
    import torch

State = Mapping[str, "torch.Tensor"]
Adapt = Callable[[State], State]

# Self-supervised training keeps two copies of a network. The one that papers evaluate: DINO's teacher and
# averaged weights; MoCo's and BYOL's query/base/online encoder, not its momentum copy.
_PREFERRED = ("teacher", "ema")
_AVOIDED = ("student", "encoder_k", "momentum", "target")
# What sits on top of an encoder and plays no part in its features, by the first word of the name.
_HEADS = frozenset(
    {"head", "heads", "head_dist", "fc", "classifier", "linear", "last_linear", "mlp", "mask_token", "queue"}
    | {"queue_ptr", "projector", "projection", "projection_head", "prototypes", "predictor"}
    | {"aux1", "aux2", "AuxLogits"}
)
_HEAD_STARTS = ("decoder", "proj_head", "pred_head", "classifier_head", "online_head")


def fit_weights(
    model: torch.nn.Module, tensors: State, path: Path, *, name: str, adapt: Adapt | None = None
) -> None:
    """Load `tensors` into `model`, or raise `CuratorError` listing what is missing, left over, misshapen.

    Prefixes such as "module.", "state_dict.module.encoder_q." (MoCo), "teacher.backbone." (DINO) are found
    by counting which one makes the most names agree. `adapt` rewrites foreign names, and is tried only if
    needed.
    """
    wanted = {key: value for key, value in model.state_dict().items() if not _is_counter(key)}
    state: State = _under(tensors, best_prefix(tensors, wanted))
    if adapt is not None and _problems(state, wanted):
        state = adapt(state)
    problems = _problems(state, wanted)
    if problems:
        raise CuratorError(
            f"the weights in {str(path)!r} do not fit encoder {name}: {'; '.join(problems)}. "
            "Give the architecture that the file was made with: --encoder NAME"
        )
    complete = model.state_dict()  # a mapping that also carries the versions of the layers
    complete.update({key: state[key] for key in wanted})
    model.load_state_dict(complete)


def best_prefix(tensors: State, wanted: State) -> str:
    """The prefix under which most of the wanted names are found; "" where none is."""
    agreeing: Counter[str] = Counter()
    for have in tensors:
        agreeing.update(prefix for prefix in _prefixes(have) if have[len(prefix) :] in wanted)
    return max(agreeing, key=lambda prefix: (agreeing[prefix], _rank(prefix), -len(prefix)), default="")


def _prefixes(name: str) -> list[str]:
    places = [place + 1 for place, letter in enumerate(name) if letter == "."]
    return ["", *(name[:place] for place in places)]


def _rank(prefix: str) -> int:
    if any(word in prefix for word in _AVOIDED):
        return -1
    return int(any(word in prefix for word in _PREFERRED))


def _under(tensors: State, prefix: str) -> dict[str, torch.Tensor]:
    inside = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    return {key: value for key, value in inside.items() if not _is_counter(key)}


def _problems(state: State, wanted: State) -> list[str]:
    missing = [key for key in wanted if key not in state]
    extra = [key for key in state if key not in wanted and not _is_head(key)]
    misshapen = [
        f"{key} {tuple(state[key].shape)} where {tuple(value.shape)} is wanted"
        for key, value in wanted.items()
        if key in state and state[key].shape != value.shape
    ]
    kinds = (("missing", missing), ("left over", extra), ("of another shape", misshapen))
    return [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in kinds if keys]


def _is_counter(key: str) -> bool:
    return key.endswith("num_batches_tracked")


def _is_head(key: str) -> bool:
    return key.split(".")[0] in _HEADS or key.startswith(_HEAD_STARTS)


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")
