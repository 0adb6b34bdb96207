"""A format loaded by its own tool, in a process of its own: run by `benchmarks.formats`, prints JSON.

    python benchmarks/format_tools.py TOOL PLACE IMAGES

Needs no curator, so that it can run in an environment that holds the tools only.
"""

import importlib.metadata
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"FIFTYONE_DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
# Caches and settings of the tools stay out of the user's home.
os.environ |= dict.fromkeys(("HF_HOME", "FIFTYONE_CONFIG_PATH"), tempfile.mkdtemp())

Loaded = dict[str, Any]  # images, labels: how many the tool sees


def pandas(place: Path, _images: Path) -> Loaded:
    """A table, by the columns of labels."""
    import pandas as pd

    table = pd.read_parquet(place) if place.suffix == ".parquet" else pd.read_csv(place)
    label = next(name for name in ("label", "given_label") if name in table)
    return {"images": len(table), "labels": int((table[label].fillna("") != "").sum())}


def datasets(place: Path, _images: Path) -> Loaded:
    """A folder of images, or a table."""
    from datasets import load_dataset

    kinds = {".parquet": "parquet", ".jsonl": "json"}
    if place.is_dir():
        rows = load_dataset("imagefolder", data_dir=str(place), split="train")
        assert rows[0]["image"].size
    else:
        rows = load_dataset(kinds[place.suffix], data_files=str(place), split="train")
    return {"images": len(rows), "labels": sum(label not in (None, "") for label in rows["label"])}


def pycocotools(place: Path, _images: Path) -> Loaded:
    """COCO's own reader."""
    from pycocotools.coco import COCO

    loaded = COCO(str(place))
    return {"images": len(loaded.getImgIds()), "labels": len(loaded.getAnnIds())}


def label_studio(place: Path, _images: Path) -> Loaded:
    """Tasks, annotations and predictions against the labelling configuration."""
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface(place.with_suffix(".config.xml").read_text(encoding="utf-8"))
    interface.validate()
    tasks = json.loads(place.read_text(encoding="utf-8"))
    said = [each for task in tasks for each in task.get("annotations", [])]
    assert all(interface.validate_task({"data": task["data"]}) for task in tasks)
    assert all(interface.validate_annotation(each) for each in said)
    assert all(interface.validate_prediction(each) for task in tasks for each in task.get("predictions", []))
    return {"images": len(tasks), "labels": len(said)}


def converter(place: Path, _images: Path) -> Loaded:
    """Label Studio's own converter of exports."""
    from label_studio_sdk.converter import Converter

    config = place.with_suffix(".config.xml").read_text(encoding="utf-8")
    tasks = json.loads(place.read_text(encoding="utf-8"))
    for number, task in enumerate(tasks):  # as an export of the server has it
        task["id"] = number
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.json").write_text(json.dumps(tasks))
        Converter(config, folder).convert_to_csv(
            str(Path(folder) / "in.json"), folder, is_dir=False, sep=",", header=True
        )
        import pandas as pd

        rows = pd.read_csv(Path(folder) / "result.csv")
    return {"images": len(tasks), "labels": int(rows["choice"].notna().sum())}


def datumaro(place: Path, images: Path) -> Loaded:
    """The library under CVAT's imports and exports."""
    from datumaro import Dataset

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "annotations.xml").write_bytes(place.read_bytes())
        (Path(folder) / "images").symlink_to(images)
        items = list(Dataset.import_from(folder, "cvat"))
    return {"images": len(items), "labels": sum(len(item.annotations) for item in items)}


def fiftyone(place: Path, images: Path) -> Loaded:
    """Its importers and readers; no database is needed."""
    import fiftyone.utils.coco as coco
    import fiftyone.utils.cvat as cvat
    import fiftyone.utils.data as data

    if place.suffix == ".json":
        _, classes, _, found, labels = coco.load_coco_detection_annotations(str(place))
        assert classes
        return {"images": len(found), "labels": sum(map(len, labels.values()))}
    if place.suffix == ".xml":
        _, _, found = cvat.load_cvat_image_annotations(str(place))
        return {"images": len(found), "labels": sum(each.has_tags for each in found)}
    if (place / "samples.json").is_file():
        importer = data.LegacyFiftyOneDatasetImporter(str(place), rel_dir=str(images))
        with importer:
            samples = list(importer)
        names = ("predictions", "uniqueness", "representativeness", "hardness")
        assert all(sample.get_field(name) is not None for sample in samples for name in names)
        assert all(Path(sample.filepath).is_file() for sample in samples)
        truths = [sample for sample in samples if "ground_truth" in sample.field_names]
        assert all(sample.get_field("mistakenness") is not None for sample in truths)
        return {"images": len(samples), "labels": len(truths)}
    with data.FiftyOneImageClassificationDatasetImporter(str(place)) as importer:
        samples = list(importer)
    return {"images": len(samples), "labels": sum(label is not None for _, _, label in samples)}


def torchvision(place: Path, _images: Path) -> Loaded:
    """ImageFolder."""
    from torchvision.datasets import ImageFolder

    found = ImageFolder(str(place))
    assert found[0][0].size
    return {"images": len(found), "labels": len(found.targets)}


def webdataset(place: Path, _images: Path) -> Loaded:
    """A shard, decoded."""
    import webdataset as wds

    samples = list(wds.WebDataset(str(place), shardshuffle=False).decode("pil"))
    labels = [each for each in samples if "cls" in each and each["json"]["label"]]
    assert all(isinstance(each["cls"], int) and each["png"].size for each in labels)
    return {"images": len(samples), "labels": len(labels)}


def embedding_atlas(place: Path, _images: Path) -> Loaded:
    """The widget, with map and neighbours."""
    import pandas as pd
    from embedding_atlas.widget import EmbeddingAtlasWidget

    table = pd.read_parquet(place)
    EmbeddingAtlasWidget(table, x="projection_x", y="projection_y", neighbors="neighbors")
    return {"images": len(table), "labels": int((table["label"] != "").sum())}


def cleanlab(place: Path, _images: Path) -> Loaded:
    """The graph as Datalab takes it."""
    from cleanlab import Datalab
    from scipy import sparse

    graph = sparse.load_npz(place)
    lab = Datalab(data={"row": list(range(graph.shape[0]))}, verbosity=0)
    lab.find_issues(knn_graph=graph, issue_types={"outlier": {}, "near_duplicate": {}})
    return {"images": len(lab.get_issues("outlier")), "labels": None}


def write_datasets(place: Path, images: Path) -> Loaded:
    """A data set with images and labels, as Parquet and on disk as Arrow."""
    from datasets import load_dataset

    rows = load_dataset("imagefolder", data_dir=str(images), split="train")
    rows = rows.map(lambda row: row, load_from_cache_file=False)
    place.mkdir()
    embedded = rows.map(embed_bytes, batched=False)
    embedded.to_parquet(place / "train.parquet")
    embedded.save_to_disk(place / "arrow")
    return {"images": len(rows), "labels": len(rows)}


def embed_bytes(row: Any) -> Any:
    """The image of a row as bytes instead of a path."""
    written = io.BytesIO()
    row["image"].save(written, "PNG")
    return {"image": {"bytes": written.getvalue(), "path": None}}


def write_webdataset(place: Path, images: Path) -> Loaded:
    """Shards of ten images."""
    import webdataset as wds

    files = sorted(images.rglob("*.png"))
    place.mkdir()
    with wds.ShardWriter(str(place / "%03d.tar"), maxcount=10, verbose=0) as sink:
        for number, file in enumerate(files):
            sink.write(
                {"__key__": f"{number:05}", "png": file.read_bytes(), "json": {"label": file.parent.name}}
            )
    return {"images": len(files), "labels": len(files)}


TOOLS: dict[str, tuple[str, Callable[[Path, Path], Loaded]]] = {
    "pandas": ("pandas", pandas),
    "datasets": ("datasets", datasets),
    "pycocotools": ("pycocotools", pycocotools),
    "label-studio-sdk": ("label-studio-sdk", label_studio),
    "label-studio-converter": ("label-studio-sdk", converter),
    "datumaro": ("datumaro", datumaro),
    "fiftyone": ("fiftyone", fiftyone),
    "torchvision": ("torchvision", torchvision),
    "webdataset": ("webdataset", webdataset),
    "embedding-atlas": ("embedding-atlas", embedding_atlas),
    "cleanlab": ("cleanlab", cleanlab),
    "write-datasets": ("datasets", write_datasets),
    "write-webdataset": ("webdataset", write_webdataset),
}


def main() -> None:
    """Load one thing by one tool and say what it saw."""
    package, load = TOOLS[sys.argv[1]]
    place, images = Path(sys.argv[2]), Path(sys.argv[3])
    found = load(place, images)
    print(json.dumps({"tool": f"{package} {importlib.metadata.version(package)}", **found}))


if __name__ == "__main__":
    main()
