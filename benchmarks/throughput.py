"""How many images a second: the bare network, `curator embed`, decoders, and ways to run a network on a CPU.

python -m benchmarks.throughput --images photos [--parts embed,decoders,runtimes] [--encoder bundled]

Everything compared is measured by turns, a short stretch each, again and again: what else the machine does
slows all alike, and the ratios stand. Processor seconds are printed beside the clock's.
"""

import argparse
import importlib
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.cpu_runtimes import RUNTIMES, Job
from curator.encoders import Encoder, load_encoder
from curator.images import decode_image
from curator.jobs.embed import embed
from curator.store import Workspace
from curator_indexes.runtime import load_torch, usable_cpus

SIDE = 224


@dataclass
class Timing:
    """Seconds of each turn, by the clock and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, job: Job) -> None:
        """Run it once."""
        processor, clock = time.process_time(), time.perf_counter()
        job()
        self.clock.append(time.perf_counter() - clock)
        self.processor.append(time.process_time() - processor)


def by_turns(jobs: Mapping[str, Job], turns: int) -> dict[str, Timing]:
    """Warm all up, then measure one after the other, `turns` times over."""
    timings = {name: Timing() for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(turns):
        for name, job in jobs.items():
            timings[name].add(job)
    return timings


def table(timings: Mapping[str, Timing], images: int, more: Mapping[str, str] | None = None) -> None:
    """Print images a second by the median of the turns, and ratios to the first line."""
    first = next(iter(timings.values()))
    print(f"{'':28} {'images/s':>9} {'ratio':>7} {'per cpu s':>10} {'ratio':>7}")
    for name, timing in timings.items():
        clock, processor = np.median(timing.clock), np.median(timing.processor)
        ratio = np.median(np.array(first.clock) / np.array(timing.clock))  # turn by turn
        spent = np.median(np.array(first.processor) / np.array(timing.processor))
        note = (more or {}).get(name, "")
        print(f"{name:28} {images / clock:9.1f} {ratio:7.2f} {images / processor:10.1f} {spent:7.2f}  {note}")


def main() -> None:
    """Read the arguments, measure the parts asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=Path, required=True, help="folder of JPEGs, which are brought to 500 pixels"
    )
    parser.add_argument("--count", type=int, default=300, help="images used, at most")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--parts", default="embed,decoders,runtimes")
    options = parser.parse_args()
    parts = {"embed": measure_embed, "decoders": measure_decoders, "runtimes": measure_runtimes}
    found = [path for path in sorted(options.images.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg")]
    files = [
        as_jpeg(path.read_bytes(), 500)
        for path in found[:: max(1, len(found) // options.count)][: options.count]
    ]
    print(
        f"{len(files)} JPEGs of {np.mean([len(data) for data in files]) / 1000:.0f} kB, {usable_cpus()} CPUs"
    )
    for part in options.parts.split(","):
        print(f"\n# {part}")
        parts[part](files, options)


# --- the embed command against the bare network -------------------------------------------------------------


def measure_embed(files: Sequence[bytes], options: argparse.Namespace) -> None:
    """The network on pixels in memory, and `embed` from the files, small and large, to committed vectors."""
    encoder = load_encoder(options.encoder, weights=options.weights, device="cpu")
    kinds = {"500-pixel JPEG": list(files), "32-pixel PNG": [as_png(data, 32) for data in files]}
    for kind, contents in kinds.items():
        with TemporaryDirectory() as folder:
            place = Path(folder)
            store(contents, place / "photos")
            pixels = np.stack([encoder.spec.decode(data).pixels for data in contents])
            jobs: dict[str, Job] = {"bare network": partial(bare, encoder, pixels)}
            jobs["curator embed"] = embedding(place, options)
            jobs["embed, nothing new"] = embedding(place, options, again=True)
            jobs["decoding alone"] = partial(all_of, encoder.spec.decode, contents)
            print(kind)
            table(by_turns(jobs, options.turns), len(contents))


def bare(encoder: Encoder, pixels: npt.NDArray[np.uint8]) -> None:
    """The network alone, in as many threads as `embed` uses."""
    from concurrent.futures import ThreadPoolExecutor

    batches = [pixels[at : at + encoder.batch_size] for at in range(0, len(pixels), encoder.batch_size)]
    with ThreadPoolExecutor(usable_cpus()) as pool:
        list(pool.map(encoder.encode, batches))


def all_of(decode: Callable[..., Any], contents: Sequence[bytes], *more: Any) -> None:
    """Decode them one after the other."""
    for data in contents:
        decode(data, *more)


def embedding(place: Path, options: argparse.Namespace, *, again: bool = False) -> Job:
    """Embed the photos in a new workspace: scan, read, decode, network, vectors, index and graph.

    `again` does so where all was embedded before: what a run costs however many images are new.
    """
    numbers = iter(range(10_000))

    def run() -> None:
        name = "again" if again else f"workspace{next(numbers)}"
        workspace = Workspace.create(place / name, place / "photos")
        embed(workspace, encoder=options.encoder, weights=options.weights, device="cpu", k=10)

    return run


def as_jpeg(data: bytes, side: int) -> bytes:
    """The image as a JPEG whose longer side has `side` pixels."""
    image, file = Image.open(io.BytesIO(data)).convert("RGB"), io.BytesIO()
    factor = side / max(image.size)
    size = (round(image.width * factor), round(image.height * factor))
    image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def as_png(data: bytes, side: int) -> bytes:
    """The image as a PNG of `side` x `side` pixels."""
    file = io.BytesIO()
    Image.fromarray(decode_image(data, side).pixels).save(file, "PNG")
    return file.getvalue()


def store(contents: Sequence[bytes], folder: Path) -> None:
    """Write the contents as JPEG and PNG files."""
    folder.mkdir()
    for number, data in enumerate(contents):
        suffix = "jpg" if data.startswith(b"\xff\xd8") else "png"
        (folder / f"{number:05}.{suffix}").write_bytes(data)


# --- decoders -----------------------------------------------------------------------------------------------


def measure_decoders(files: Sequence[bytes], options: argparse.Namespace) -> None:
    """Bytes to a square of RGB pixels by each decoder that is installed; all but ours resize by Pillow."""
    sets = {"500-pixel JPEG": list(files), "32-pixel PNG": [as_png(data, 32) for data in files]}
    for kind, contents in sets.items():
        side = 32 if kind.startswith("32") else SIDE
        jobs: dict[str, Job] = {
            name: partial(all_of, decode, contents, side) for name, decode in decoders(kind).items()
        }
        print(kind)
        table(by_turns(jobs, options.turns), len(contents))


def decoders(kind: str) -> dict[str, Callable[[bytes, int], Any]]:
    """Those that can be imported here."""
    found: dict[str, Callable[[bytes, int], Any]] = {
        "curator (Pillow, draft)": lambda data, side: decode_image(data, side).pixels,
        "Pillow without draft": pillow_whole,
    }
    wanted = {"torchvision": torchvision_io, "pyvips": vips}
    if "JPEG" in kind:
        wanted["simplejpeg"] = simplejpeg
    for name, decode in wanted.items():
        try:
            importlib.import_module(name)
            found[name] = decode
        except (ImportError, OSError) as error:
            print(f"without {name}: {str(error)[:60]}")
    return found


def pillow_whole(data: bytes, side: int) -> Any:
    """Every pixel is decoded, then resized."""
    return resized(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), side)


def simplejpeg(data: bytes, side: int) -> Any:
    """libjpeg-turbo, scaled while decoding."""
    library = importlib.import_module("simplejpeg")
    return resized(library.decode_jpeg(data, min_height=2 * side, min_width=2 * side, min_factor=1), side)


def torchvision_io(data: bytes, side: int) -> Any:
    """libjpeg-turbo or libpng by torchvision."""
    library = importlib.import_module("torchvision.io")
    buffer = load_torch().frombuffer(bytearray(data), dtype=load_torch().uint8)
    return resized(library.decode_image(buffer, library.ImageReadMode.RGB).permute(1, 2, 0).numpy(), side)


def vips(data: bytes, side: int) -> Any:
    """Libvips' thumbnail, which scales while decoding."""
    image = importlib.import_module("pyvips").Image.thumbnail_buffer(data, side, height=side, crop="centre")
    return image.numpy()


def resized(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """The centred square by the kernel that curator uses."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=3.0)
    return np.asarray(image)


# --- ways to run a network on a CPU -------------------------------------------------------------------------


def measure_runtimes(files: Sequence[bytes], options: argparse.Namespace) -> None:
    """One thread each; the note is the worst cosine to float32, eager. Random weights will do for speed."""
    torch = load_torch()
    torch.set_num_threads(1)
    pixels = np.stack([decode_image(data, SIDE).pixels for data in files[:8]])
    batch = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.45) / 0.22
    for name in ("resnet18", "resnet50", "vit_small_patch16_224"):
        jobs: dict[str, Job] = {}
        torch.manual_seed(0)
        model = importlib.import_module("timm").create_model(name, num_classes=0).eval()
        with torch.inference_mode():
            for way, make in RUNTIMES.items():
                try:
                    jobs[way] = make(model, batch)
                    jobs[way]()
                except (
                    Exception
                ) as error:  # a runtime that is absent, or cannot run this network, is left out
                    jobs.pop(way, None)
                    print(f"without {way}: {str(error).strip().splitlines()[0][:70]}")
            exact = jobs["eager"]()
            cosines = {way: f"cosine {worst_cosine(exact, job()):.5f}" for way, job in jobs.items()}
            print(name)
            table(by_turns(jobs, options.turns), len(batch), cosines)


def worst_cosine(exact: Any, found: Any) -> float:
    """The smallest of the rows' cosines."""
    torch = load_torch()
    rows = torch.as_tensor(found).float()
    return float(torch.nn.functional.cosine_similarity(exact.double(), rows.double()).min())


if __name__ == "__main__":
    main()
