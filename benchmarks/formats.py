"""Every format written, read back, and loaded by the tool it is for: the table of docs/formats.md.

    python -m benchmarks.formats [--peers PYTHON ...]

PYTHON is the interpreter of an environment with some of datasets, pycocotools, label-studio-sdk, datumaro,
fiftyone, torchvision, webdataset, embedding-atlas (with anywidget), cleanlab, and pandas with pyarrow, which
cannot all be installed together. The images are 60 handwritten digits of three classes, 45 of them labelled.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import curator
from curator.formats import FORMATS
from curator.store import Workspace

IMAGES, LABELLED, CLASSES = 60, 45, 3
# Formats, the name of what is written, and the tools that are to load it.
WRITTEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "csv": ("out.csv", ("pandas",)),
    "parquet": ("out.parquet", ("pandas", "datasets")),
    "jsonl": ("out.jsonl", ("datasets",)),
    "coco": ("out.json", ("pycocotools", "fiftyone")),
    "label-studio": ("tasks.json", ("label-studio-sdk", "label-studio-converter")),
    "cvat": ("out.xml", ("datumaro", "fiftyone")),
    "hugging-face": ("hf", ("datasets",)),
    "fiftyone-labels": ("fo-labels", ("fiftyone",)),
    "fiftyone": ("fo", ("fiftyone",)),
    "image-folder": ("by-class", ("torchvision", "datasets")),
    "webdataset": ("out.tar", ("webdataset",)),
    "cleanlab": ("issues.csv", ("pandas",)),
    "embedding-atlas": ("atlas.parquet", ("embedding-atlas",)),
    "knn-graph": ("graph.npz", ("cleanlab",)),
}
READ = {"hugging-face": "write-datasets", "webdataset": "write-webdataset"}  # made by the tool, read by us


def pictures(folder: Path) -> None:
    """Digits in class folders."""
    digits = load_digits(n_class=CLASSES)
    for number in range(IMAGES):
        file = folder / f"digit {digits.target[number]}" / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(digits.images[number] * 15.9)).resize((32, 32)).convert("RGB").save(file)


def ask(tool: str, place: Path, images: Path, pythons: Sequence[Path]) -> dict[str, Any] | str:
    """What a tool saw, by the first interpreter that has it; else what the last one said."""
    script = Path(__file__).with_name("format_tools.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = "not tried"
    for python in filter(Path.exists, pythons):
        command = [str(python), "-P", str(script), tool, str(place), str(images)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if not done.returncode:
            answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return answer
        said = done.stderr.strip().splitlines()[-1][:150]
        if "No module named" not in said and "PackageNotFound" not in said:
            break
    return said


def loaded(name: str, place: Path, images: Path, pythons: Sequence[Path]) -> str:
    """What the tools of a format said of a file, in words."""
    wanted = LABELLED if FORMATS[name].only_labelled else IMAGES
    words = []
    for tool in WRITTEN[name][1]:
        answer = ask(tool, place, images, pythons)
        if isinstance(answer, str):
            words.append(f"{tool}: {answer}")
            continue
        right = answer["images"] == wanted and answer["labels"] in (LABELLED, None)
        words.append(answer["tool"] if right else f"{answer} instead of {wanted} images, {LABELLED} labels")
    return "; ".join(words)


def round_trip(name: str, place: Path, images: Path, work: Path) -> str:
    """Whether labels come back into a new workspace of the same images."""
    if FORMATS[name].read is None:
        return "-"
    other = Workspace.create(work / f"back-{name}", images)
    curator.embed(other)
    report = curator.import_from(other, place, name)
    return "labels" if (report.images, report.classes) == (LABELLED, CLASSES) else str(report)


def from_tool(tool: str, name: str, images: Path, work: Path, pythons: Sequence[Path]) -> str:
    """A data set that the tool itself writes, embedded where it lies, and its labels."""
    place = work / f"made-by-{name}"
    answer = ask(tool, place, images, pythons)
    if isinstance(answer, str):
        return answer
    workspace = Workspace.create(work / f"of-{name}", place)
    found = curator.embed(workspace).images
    labels = curator.import_from(workspace, place, name)
    return f"{answer['tool']} wrote {answer['images']}: {found} embedded, {labels.images} labelled"


def main() -> None:
    """Write, read back, load; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, nargs="*", default=[], help="Pythons that have the tools")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        images = work / "photos"
        pictures(images)
        workspace = Workspace.create(work / "workspace", images)
        curator.embed(workspace, labels_from_folders=True)
        unlabelled = [row.path for row in workspace.catalog.ready()][::4]
        curator.export(workspace, work / "all.csv", "csv")
        bare = Workspace.create(work / "some", images)
        curator.embed(bare)
        rows = (work / "all.csv").read_text().splitlines()
        kept = [row for row in rows if row.split(",")[0] not in unlabelled]
        (work / "some.csv").write_text("\n".join(kept))
        curator.import_from(bare, work / "some.csv", "csv")
        print("| format | round trip | loaded by |\n|---|---|---|")
        for name, (file, _) in WRITTEN.items():
            curator.export(bare, work / file, name)
            back = round_trip(name, work / file, images, work)
            print(f"| `{name}` | {back} | {loaded(name, work / file, images, options.peers)} |", flush=True)
        for name, tool in READ.items():
            print(f"| `{name}` in | | {from_tool(tool, name, images, work, options.peers)} |", flush=True)


if __name__ == "__main__":
    main()
