"""The compact network that comes with curator: patches to words, words to a manifold, pooled over the image.

A sparse manifold transform (Chen, Yun, Ma, Olshausen, LeCun 2023, arXiv 2209.15261) written as a feed-forward
network: every patch is given the nearest word of a dictionary, every word has a place in a space where words
that occur in the same images lie close together, and an image is the mean place of its neighbourhoods, part
by part. Before all that, images are mirrored until they face one way. All weights are found from unlabelled
images without gradients, see `curator.pretraining`.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from curator.errors import CuratorError
from curator_indexes.files import atomic_path

# The filters have zero mean and the nearest word does not depend on scale: pixels simply stay in [0, 1].
MEAN = (0.0, 0.0, 0.0)
STD = (1.0, 1.0, 1.0)
INPUT_SIZE = 32
DESCRIPTION = "curator"  # the entry of a weights file's metadata that describes the network
BLOCK_ROWS = 128  # patches compared with the dictionary at once: their scores stay in the processor's cache
GROUP = 64  # words of which only the best score is kept at first: any of 16 to 128 is as fast
SHORTEST = 1e-3  # what is divided by at least: gradients through blank parts of an image stay finite
CONTRAST = 0.25  # of a whitened patch; below it, a patch is blank and belongs to no word


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network."""

    patch: int = 6  # pixels a side (the paper's)
    stride: int = 1  # 2 takes a quarter of the time and is 6 points worse
    channels: int = (
        32  # principal components kept of a patch's 108 numbers: 64 are 3 points worse, and slower
    )
    words: int = 8192  # more words are better and slower
    places: int = 256  # dimensions of the manifold
    window: int = 4  # patches a side of a neighbourhood, whose mean place is scaled to unit length
    step: int = 2  # patches from one neighbourhood to the next
    grid: int = 4  # neighbourhoods are pooled over grid x grid parts of the image: 2 is 4 points worse
    dim: int = 384


class CompactNet(nn.Module):
    """Features of images: float32 [b, 3, h, w] in [0, 1] to [b, dim], not of unit length."""

    filters: Tensor
    dictionary: Tensor
    table: Tensor
    center: Tensor
    projection: Tensor

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.dim = config.dim
        pooled = config.grid**2 * config.places
        self.register_buffer("filters", torch.zeros(config.channels, 3, config.patch, config.patch))
        self.register_buffer("dictionary", torch.zeros(config.channels, config.words))  # unit columns
        self.register_buffer("table", torch.zeros(config.words + 1, config.places))  # last row: blank
        self.register_buffer("center", torch.zeros(pooled))
        self.register_buffer("projection", torch.zeros(pooled, config.dim))

    def forward(self, images: Tensor) -> Tensor:
        """Features [b, dim] of images [b, 3, h, w]; zero where none of an image's words has a place."""
        pooled = self.pooled(self.words(facing(images)))  # [b, grid grid places]
        lengths = pooled.norm(dim=1, keepdim=True)
        features: Tensor = (pooled / lengths.clamp(min=1e-12) - self.center) @ self.projection
        return torch.where(lengths > 0, features, torch.zeros_like(features))

    def words(self, images: Tensor) -> Tensor:
        """Word of each patch, int64 [b, h', w']: the nearest by cosine, `config.words` where it is blank."""
        maps = functional.conv2d(images, self.filters, stride=self.config.stride)  # [b, channels, h', w']
        b, channels, height, width = maps.shape
        patches = maps.permute(0, 2, 3, 1).reshape(-1, channels)
        nearest = nearest_word(patches, self.dictionary)
        blank = patches.norm(dim=1) < CONTRAST
        return nearest.masked_fill(blank, self.config.words).view(b, height, width)

    def pooled(self, words: Tensor) -> Tensor:
        """Mean place of the neighbourhoods in each part, [b, grid grid places], of words [b, h', w'].

        Neighbourhoods count alike, however much their words agree, and of the means the signed roots are
        kept: what many patches share would drown the rest (Perronnin et al. 2010, section 3).
        """
        places = functional.embedding(words, self.table).permute(0, 3, 1, 2)  # [b, places, h', w']
        window = min(self.config.window, *words.shape[1:])
        near = functional.normalize(functional.avg_pool2d(places, window, self.config.step), eps=SHORTEST)
        return signed_root(self.parts(near).flatten(1))

    def parts(self, maps: Tensor) -> Tensor:
        """Means of maps [b, places, h", w"] over the parts of the image, [b, places, grid, grid]."""
        return functional.adaptive_avg_pool2d(maps, self.config.grid)


def facing(images: Tensor) -> Tensor:
    """Images [b, 3, h, w], mirrored where their edges lean to the left: an image and its mirror image agree.

    Edges lean by the sum of the products of horizontal and vertical differences, which mirroring negates.
    """
    grey = images.float().mean(1)  # [b, h, w]
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    lean = (across * down).sum((1, 2))
    return torch.where((lean < 0)[:, None, None, None], images.flip(3), images)


def signed_root(numbers: Tensor) -> Tensor:
    """Square roots that keep their signs, with a finite slope at zero."""
    return numbers / (numbers.abs() + SHORTEST**2).sqrt()


def nearest_word(points: Tensor, dictionary: Tensor) -> Tensor:
    """Column [m] of the dictionary [d, words] with the largest product with each point [m, d]."""
    words = dictionary.shape[1]
    group = math.gcd(words, GROUP)
    # One buffer for the scores of every block: fresh ones would cost more in page faults than in products.
    scores = points.new_empty(min(BLOCK_ROWS, len(points)), words)
    nearest = torch.empty(len(points), dtype=torch.int64, device=points.device)
    for start in range(0, len(points), BLOCK_ROWS):
        part = points[start : start + BLOCK_ROWS]
        torch.mm(part, dictionary, out=scores[: len(part)])
        nearest[start : start + BLOCK_ROWS] = _best(scores[: len(part)].view(len(part), group, -1))
    return nearest


def _best(scores: Tensor) -> Tensor:
    """Index [m] of the largest of the scores [m, group, columns], counted over both.

    Maxima along the middle compare whole rows at once; argmax goes number by number, so it gets few of them.
    """
    columns = scores.shape[2]
    column = scores.amax(1).argmax(1)  # [m]
    in_column = torch.take_along_dim(scores, column[:, None, None].expand(-1, scores.shape[1], 1), 2)
    return in_column[:, :, 0].argmax(1) * columns + column


def save_network(network: CompactNet, path: Path, facts: dict[str, str]) -> None:
    """Write the weights in float16, with the configuration and `facts` (data, method) beside them."""
    weights = {name: value.half().contiguous().cpu() for name, value in network.state_dict().items()}
    write_weights(path, weights, DESCRIPTION, {"network": asdict(network.config), "trained": facts})


def write_weights(path: Path, weights: dict[str, Tensor], entry: str, about: dict[str, object]) -> None:
    """Write tensors as safetensors, and in an entry beside them what they are about; or CuratorError."""
    # One entry: the format keeps several in no fixed order, and the same network should be the same bytes.
    description = json.dumps(about, sort_keys=True)
    try:
        with atomic_path(path) as temporary:
            safetensors.torch.save_file(weights, temporary, {entry: description})
    except (safetensors.SafetensorError, OSError) as error:
        raise CuratorError(f"cannot write the weights to {path}: {error}") from error


def load_network(path: Path) -> CompactNet:
    """Read what `save_network` wrote, in eval mode, float32; CuratorError naming a file that does not fit."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (safetensors.SafetensorError, OSError) as error:
        raise CuratorError(f"{path} is not a whole safetensors file ({error}): fetch it again") from error
    if DESCRIPTION not in metadata:
        raise CuratorError(
            f"{path} does not say which network it belongs to: name the architecture with --encoder"
        )
    try:
        shape = json.loads(metadata[DESCRIPTION])["network"]
        config = NetworkConfig(**shape)
        if asdict(config) != shape:  # of another version: defaults would make another network of it
            raise ValueError(f"they say {shape}, this version of curator needs {asdict(config)}")
        network = CompactNet(config)
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise CuratorError(f"the weights in {path} do not fit their own description: {error}") from error
    return network.eval()
