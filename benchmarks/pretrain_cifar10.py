"""Make the bundled weights: the compact network from the unlabelled training images of CIFAR-10.

python -m benchmarks.pretrain_cifar10 --images build/cifar10/cifar10/train --output bundled.safetensors
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from curator.encoders._network import INPUT_SIZE
from curator.images import decode_image, read_image
from curator.pretraining import pretrain


def main() -> None:
    """Read the images, train, say how long it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=Path, required=True, help="folder of WebP images, in any sub-folders"
    )
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    paths = sorted(options.images.rglob("*.webp"))
    with ThreadPoolExecutor() as pool:
        pixels = np.stack(list(pool.map(read, paths)))
    started = time.perf_counter()
    with tqdm(unit=" images") as bar:
        pretrain(pixels, options.output, report=lambda stage, done, total: advance(bar, stage, done, total))
    print(f"{len(pixels):,} images, {time.perf_counter() - started:.0f} s: {options.output}")


def read(path: Path) -> npt.NDArray[np.uint8]:
    """Pixels uint8 [s, s, 3] of one image."""
    return decode_image(read_image(path), INPUT_SIZE).pixels


def advance(bar: Any, stage: str, done: int, total: int) -> None:
    """Show a stage's progress."""
    bar.set_description(stage)
    bar.total, bar.n = total, done
    bar.refresh()


if __name__ == "__main__":
    main()
