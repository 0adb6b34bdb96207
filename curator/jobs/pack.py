"""A data set of Python's, image by image into an archive that every verb reads."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from curator.errors import CuratorError
from curator.formats.webdataset import new_shard
from curator.tables import LABEL_COLUMNS, check_label, check_output

_IMAGE_KEYS = ("image", "img", "pixels", "photo")  # of samples that are dicts
_QUICKLY = 1  # zlib's level: a third more bytes than the default, in a quarter of the time


@dataclass(frozen=True)
class PackReport:
    """How many images were written, how many of them with a label, of how many classes, and where."""

    images: int
    labelled: int
    classes: int
    output: str


def pack(
    dataset: Iterable[Any], output: Path, *, labels: Sequence[Any] | None = None, overwrite: bool = False
) -> PackReport:
    """Write the images of a Python data set into a .tar shard: embed it, and import its labels from it.

    One image is in memory at a time, and pixels are kept without loss. The shard is an image source like any
    folder: `Workspace.create(".curator", output)`, then `import_from(workspace, output, "webdataset")`.

    Args:
        dataset: a numpy array uint8 [n, h, w] or [n, h, w, 3]; a torchvision or Hugging Face data set without
            transforms; anything that gives images, pairs of image and label, or dicts with both. Images are
            those of Pillow, or uint8 arrays.
        output: the .tar file to write.
        labels: one for each image, instead of those in the data set; None for no label. Numbers are looked up
            in the classes that the data set names, if it names any.
        overwrite: whether a file there may be replaced.

    Raises:
        CuratorError: a file that may not be written, or what is no image or label, by its place.

    """
    check_output(output, overwrite=overwrite)
    if output.suffix.lower() != ".tar":
        raise CuratorError(f"{output} would not be read as an archive: name a .tar file")
    names = _class_names(dataset)
    said: set[str] = set()
    images = labelled = 0
    with new_shard(output) as add:
        for images, (image, label) in enumerate(_samples(dataset, labels), 1):
            text = _label(label, names, images - 1)
            add(images - 1, ".png", _png(image, images - 1))
            if text:
                add(images - 1, ".json", json.dumps({"label": text}).encode())
                labelled += 1
                said.add(text)
        if not images:
            raise CuratorError("the data set holds no image")
    return PackReport(images, labelled, len(said), str(output))


def _samples(dataset: Any, labels: Sequence[Any] | None) -> Iterator[tuple[Any, Any]]:
    """Image and label of each sample."""
    if labels is not None and hasattr(dataset, "__len__") and len(labels) != len(dataset):
        raise CuratorError(f"there are {len(labels):,} labels for {len(dataset):,} images")
    for number, sample in enumerate(_each(dataset)):
        image, label = _parts(sample)
        yield image, label if labels is None else labels[number]


def _each(dataset: Any) -> Iterator[Any]:
    """Samples by number where there are numbers: some data sets of torchvision's never end by themselves."""
    if hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__"):
        return (dataset[number] for number in range(len(dataset)))
    return iter(dataset)


def _parts(sample: Any) -> tuple[Any, Any]:
    if isinstance(sample, Mapping):
        image = next((sample[key] for key in _IMAGE_KEYS if key in sample), None)
        return image, next((sample[key] for key in LABEL_COLUMNS if key in sample), None)
    if isinstance(sample, tuple) and len(sample) >= 2:
        return sample[0], sample[1]
    return sample, None


def _class_names(dataset: Any) -> Sequence[str] | None:
    """What a data set calls its classes, in the order of their numbers, in torchvision's or datasets' way."""
    features = getattr(dataset, "features", None)
    if isinstance(features, Mapping):
        label = next((features[key] for key in LABEL_COLUMNS if key in features), None)
        return getattr(label, "names", None)
    classes = getattr(dataset, "classes", None)
    return classes if isinstance(classes, Sequence) else None


def _label(label: Any, names: Sequence[str] | None, row: int) -> str:
    """A label as text, empty for none."""
    if label is None:
        return ""
    if isinstance(label, np.integer | np.bool_) or (hasattr(label, "item") and np.ndim(label) == 0):
        label = label.item()
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise CuratorError(f"the label of image {row} is {str(label)[:40]!r}: wanted a text or a number")
    if isinstance(label, int) and names is not None:
        if label == -1:
            return ""
        if not 0 <= label < len(names):
            raise CuratorError(f"the label of image {row} is {label}, and there are {len(names)} classes")
        label = names[label]
    try:
        check_label(str(label))
    except ValueError as error:
        raise CuratorError(f"image {row}: {error}") from error
    return str(label)


def _png(image: Any, row: int) -> bytes:
    written = io.BytesIO()
    picture = _picture(image, row)
    try:
        picture.save(written, "PNG", compress_level=_QUICKLY)
    except OSError:  # a mode that PNG has not, such as CMYK
        written = io.BytesIO()
        picture.convert("RGB").save(written, "PNG", compress_level=_QUICKLY)
    return written.getvalue()


def _picture(image: Any, row: int) -> Image.Image:
    if isinstance(image, Image.Image):
        return image
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)  # a tensor's order: channels first
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        found = f"{type(image).__name__} of {pixels.dtype} {list(pixels.shape)}"
        raise CuratorError(
            f"image {row} is a {found}: wanted a Pillow image or uint8 [h, w] or [h, w, 3]; "
            "leave out transforms of the data set"
        )
    return Image.fromarray(np.ascontiguousarray(pixels))
