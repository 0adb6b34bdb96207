"""Planted copies, outliers and faulty pictures: what curator and its peers find, miss and list falsely.

    python -m benchmarks.faults --images FOLDER --outliers FOLDER [--peers PYTHON ...]

FOLDER holds images in class folders. Copies are re-encoded, resized, cropped, mirrored or brightened;
outliers are drawn from the other folder and from handwritten digits; faults are made of images of the folder.
PYTHON is the interpreter of an environment with cleanlab, imagededup, cleanvision or fastdup (which cannot
all be installed together); each method runs in a process of its own. cleanlab is given the same embeddings as
curator works on.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

import curator
from benchmarks.fault_peers import METHODS, peak_memory
from curator.jobs.embed import embed
from curator.jobs.state import load_state
from curator.store import Workspace

Picture = Image.Image
ALONE = 5  # outliers of a kind: more of them, and they are neighbours to one another


def cropped(picture: Picture) -> Picture:
    """Without a twentieth of each side."""
    width, height = picture.size
    return picture.crop((width // 20, height // 20, width - width // 20, height - height // 20))


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "re-encoded": lambda picture: picture,
    "resized": lambda picture: picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)),
    "cropped": cropped,
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "brightened": lambda picture: ImageEnhance.Brightness(picture).enhance(1.3),
}
FAULTS: dict[str, Callable[[Picture], Picture]] = {
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(2 + max(picture.size) / 200)),
    "dark": lambda picture: picture.point(lambda value: value // 5),
    "bright": lambda picture: picture.point(lambda value: 250 + value // 52),
    "low_information": lambda picture: picture.quantize(4).convert("RGB"),
    "odd_aspect": lambda picture: picture.resize((picture.width * 2, max(picture.height // 3, 4))),
}


@dataclass
class Planted:
    """What was planted, by path: copies with their originals and kinds, outliers and faults with kinds."""

    folder: Path
    copies: dict[str, tuple[str, str]] = field(default_factory=dict)
    outliers: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


def plant(images: Path, outliers: Path, folder: Path, limit: int, each: int) -> Planted:
    """Copy up to `limit` images into a folder, and plant `each` of every kind among them."""
    rng = np.random.default_rng(0)
    planted, files = Planted(folder), drawn(images, limit, rng)
    names = []
    for file in files:
        target = folder / file.parent.name / f"{file.parent.name}_{file.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).convert("RGB").save(target)
        names.append(target)
    chosen = iter(rng.permutation(len(names)).tolist())
    for kind, change in COPIES.items():
        for _ in range(each):
            original = names[next(chosen)]
            copy = original.with_name(f"{original.stem}_{kind}.jpg")
            change(Image.open(original)).save(copy, quality=80)
            planted.copies[relative(folder, copy)] = relative(folder, original), kind
    for kind, change in FAULTS.items():
        for _ in range(each):
            spoilt = names[next(chosen)]
            change(Image.open(spoilt)).save(spoilt)
            planted.faults[relative(folder, spoilt)] = kind
    side = Image.open(names[0]).size
    for kind, pictures in (("photographs", others(outliers, ALONE, rng)), ("digits", digits(ALONE))):
        for number, picture in enumerate(pictures):
            target = folder / files[number].parent.name / f"outlier_{kind}_{number}.png"
            picture.convert("RGB").resize(side).save(target)
            planted.outliers[relative(folder, target)] = kind
    return planted


def drawn(images: Path, limit: int, rng: np.random.Generator) -> list[Path]:
    """Up to so many files of a folder, in path order."""
    files = sorted(path for path in images.rglob("*") if path.is_file())
    return [files[i] for i in sorted(rng.permutation(len(files))[:limit])]


def others(folder: Path, count: int, rng: np.random.Generator) -> list[Picture]:
    """Photographs of another data set."""
    return [Image.open(file) for file in drawn(folder, count, rng)]


def digits(count: int) -> list[Picture]:
    """Handwritten digits."""
    return [Image.fromarray(np.uint8(rows * 15.9)) for rows in load_digits().images[:count]]


def relative(folder: Path, path: Path) -> str:
    """The path as every method is made to name it."""
    return path.relative_to(folder).as_posix()


def own(workspace: Workspace) -> dict[str, Any]:
    """What curator finds, in the form of the peers, with the seconds of each verb."""
    seconds = {}

    def timed(verb: Callable[[], tuple[Any, Any]], name: str) -> Any:
        started = time.perf_counter()
        frame = verb()[1]
        seconds[name] = time.perf_counter() - started
        return frame

    groups = timed(lambda: curator.duplicates(workspace), "duplicates")
    far = timed(lambda: curator.outliers(workspace, count=10**9), "outliers")
    bad = timed(lambda: curator.faults(workspace), "faults")
    return {
        "duplicates": [list(members) for _, members in groups.groupby("group").path],
        "outlier_scores": dict(zip(far.path, far["strangeness"], strict=True)),
        "outliers": list(far.path[far.is_outlier.astype(bool)]),
        "faults": {kind: list(rows.path) for kind, rows in bad.groupby("fault")},
        "seconds": seconds,
        "peak": peak_memory(),
    }


def peer(method: str, pythons: Sequence[Path], planted: Planted, work: Path) -> dict[str, Any] | None:
    """What a peer finds, run by the first interpreter that has it; None where none does."""
    script = Path(__file__).with_name("fault_peers.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for python in pythons:
        command = [str(python), "-P", str(script), method, str(planted.folder), str(work.resolve())]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if not done.returncode:
            found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return found
        print(f"{method} did not run: {done.stderr.strip().splitlines()[-1][:200]}", file=sys.stderr)
    return None


def print_duplicates(found: dict[str, dict[str, Any]], planted: Planted) -> None:
    """Copies found by kind, and images that are listed as duplicates of something else."""
    print(f"\n| copies found | {' | '.join(COPIES)} | other images listed |\n{'|---' * (len(COPIES) + 2)}|")
    for method, result in found.items():
        if "duplicates" not in result:
            continue
        partners: dict[str, set[str]] = {}
        for group in result["duplicates"]:
            for path in group:
                partners.setdefault(path, set()).update(group)
        hits = dict.fromkeys(COPIES, 0)
        for copy, (original, kind) in planted.copies.items():
            hits[kind] += original in partners.get(copy, ())
        involved = set(planted.copies) | {original for original, _ in planted.copies.values()}
        listed = len(set(partners) - involved)
        print(f"| {method} | {cells(hits.values(), planted.copies.values())} | {listed} |")


def cells(hits: Iterable[int], kinds: Iterable[tuple[str, str]]) -> str:
    """Found of planted."""
    each = len(list(kinds)) // len(COPIES)
    return " | ".join(f"{hit} of {each}" for hit in hits)


def print_outliers(found: dict[str, dict[str, Any]], planted: Planted) -> None:
    """How outliers rank against all other images, and how many are called so."""
    kinds = sorted(set(planted.outliers.values()))
    heads = " | ".join(f"AUROC, {kind}" for kind in kinds)
    print(
        f"\n| outliers | {heads} | found of {len(planted.outliers)} | others listed |\n|---|---|---|---|---|"
    )
    for method, result in found.items():
        if "outlier_scores" not in result:
            continue
        scores = result["outlier_scores"]
        sound = [path for path in scores if path not in planted.outliers and path not in planted.faults]
        ranks = []
        for kind in kinds:
            strange = [path for path, which in planted.outliers.items() if which == kind]
            values = [scores[path] for path in [*sound, *strange]]
            ranks.append(roc_auc_score([False] * len(sound) + [True] * len(strange), values))
        listed = set(result["outliers"])
        right, wrong = len(listed & set(planted.outliers)), len(listed & set(sound))
        print(f"| {method} | {' | '.join(f'{rank:.3f}' for rank in ranks)} | {right} | {wrong} |")


def print_faults(found: dict[str, dict[str, Any]], planted: Planted) -> None:
    """Faulty pictures found by kind, and sound ones listed."""
    print(f"\n| faults found, sound listed | {' | '.join(FAULTS)} |\n{'|---' * (len(FAULTS) + 1)}|")
    for method, result in found.items():
        if "faults" not in result:
            continue
        row = []
        for kind in FAULTS:
            listed = set(result["faults"].get(kind, ()))
            wanted = {path for path, which in planted.faults.items() if which == kind}
            sound = listed - set(planted.faults) - set(planted.outliers)
            row.append(f"{len(listed & wanted)} of {len(wanted)}, {len(sound)}")
        print(f"| {method} | {' | '.join(row)} |")


def print_costs(found: dict[str, dict[str, Any]]) -> None:
    """Seconds and memory."""
    print("\n| | seconds | peak memory, MiB |\n|---|---|---|")
    for method, result in found.items():
        seconds = result["seconds"]
        if isinstance(seconds, dict):
            said = ", ".join(f"{verb} {value:.1f}" for verb, value in seconds.items())
        else:
            said = f"{seconds:.1f}"
        print(f"| {method} | {said} | {result['peak'] / 2**20:,.0f} |")


def main() -> None:
    """Plant, embed, run every method, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--outliers", type=Path, required=True)
    parser.add_argument(
        "--peers",
        type=Path,
        nargs="*",
        default=[],
        help="Pythons with cleanlab, imagededup, cleanvision, fastdup",
    )
    parser.add_argument("--work", type=Path, default=Path("build/faults"), help="an empty or new folder")
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--each", type=int, default=50, help="how many of each kind are planted")
    options = parser.parse_args()
    folder = options.work.resolve() / "planted"
    planted = plant(options.images, options.outliers, folder, options.limit, options.each)
    workspace = Workspace.create(options.work / "workspace", folder)
    started = time.perf_counter()
    report = embed(workspace)
    print(f"{report.images:,} images embedded in {time.perf_counter() - started:.0f} s")
    state = load_state(workspace)
    np.save(options.work / "embeddings.npy", state.embeddings)
    paths = [image.path for image in state.images(np.arange(len(state.image_ids)))]
    (options.work / "paths.json").write_text(json.dumps(paths))
    found = {"curator": own(workspace)}
    for method in METHODS if options.peers else ():
        result = peer(method, options.peers, planted, options.work)
        found |= {} if result is None else {method: result}
    for show in (print_duplicates, print_outliers, print_faults):
        show(found, planted)
    print_costs(found)


if __name__ == "__main__":
    main()
