"""Python's own data sets become archives whose pixels and labels are theirs."""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import FakeData

from curator.errors import CuratorError
from curator.formats import FORMATS
from curator.images import read_image, scan
from curator.jobs.pack import pack

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3)).astype(np.uint8)


def images_in(file: Path) -> list[Image.Image]:
    return [Image.open(io.BytesIO(read_image(file / each.path))) for each in scan(file)]


def labels_in(file: Path) -> list[str]:
    read = FORMATS["webdataset"].read
    assert read is not None
    return [line.label for line in read(file)]


class Streamed:
    """A data set that can only be gone through once, as a generator can."""

    def __iter__(self) -> Iterator[Any]:
        return ({"img": Image.fromarray(each), "label": np.int64(row % 2)} for row, each in enumerate(PIXELS))


DATASETS: dict[str, Iterable[Any]] = {
    "array": PIXELS,
    "list": [Image.fromarray(each) for each in PIXELS],
    "pairs": [(Image.fromarray(each), row % 2) for row, each in enumerate(PIXELS)],
    "tensors": [torch.from_numpy(each).permute(2, 0, 1) for each in PIXELS],
    "stream": Streamed(),
}


@pytest.mark.parametrize("name", DATASETS)
def test_pixels_are_kept_without_loss(name: str, tmp_path: Path) -> None:
    report = pack(DATASETS[name], tmp_path / "out.tar")
    assert report.images == 6
    np.testing.assert_array_equal(
        np.stack([np.asarray(each) for each in images_in(tmp_path / "out.tar")]), PIXELS
    )
    assert labels_in(tmp_path / "out.tar") == (["0", "1"] * 3 if report.labelled else [])


def test_grey_and_other_modes_are_images(tmp_path: Path) -> None:
    images = [PIXELS[0, :, :, 0], PIXELS[0, :, :, :1], Image.fromarray(PIXELS[0]).convert("CMYK")]
    pack(images, tmp_path / "out.tar")
    assert [image.mode for image in images_in(tmp_path / "out.tar")] == ["L", "L", "RGB"]


def test_torchvision_data_set_is_packed_as_it_comes(tmp_path: Path) -> None:
    report = pack(FakeData(5, (3, 8, 8), num_classes=3), tmp_path / "out.tar")
    assert (report.images, report.labelled) == (5, 5)


class LikeTorchvision(list[Any]):
    """A data set that names its classes as torchvision's do."""

    classes = ("cat", "dog")


class LikeHuggingFace(list[Any]):
    """A data set that names its classes as those of `datasets` do."""

    features: ClassVar[Any] = {"label": SimpleNamespace(names=["cat", "dog"])}


@pytest.mark.parametrize("kind", [LikeTorchvision, LikeHuggingFace])
def test_classes_have_their_names(kind: type[list[Any]], tmp_path: Path) -> None:
    file = tmp_path / "out.tar"
    assert pack(kind((PIXELS[row], label) for row, label in enumerate([1, 0, -1])), file).classes == 2
    assert labels_in(file) == ["dog", "cat"]


def test_labels_given_apart_are_taken(tmp_path: Path) -> None:
    pack(PIXELS[:3], tmp_path / "out.tar", labels=["a", None, "b"])
    assert labels_in(tmp_path / "out.tar") == ["a", "b"]


def test_same_data_set_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1.tar", "2.tar"):
        pack(PIXELS, tmp_path / name, labels=range(6))
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    with tarfile.open(tmp_path / "1.tar") as opened:
        assert opened.getnames()[:3] == ["00000000.png", "00000000.json", "00000001.png"]


@pytest.mark.parametrize(
    ("dataset", "more", "complaint"),
    [
        ([PIXELS[0], PIXELS[0] / 255], {}, r"image 1 is a ndarray of float64 \[4, 5, 3\]: wanted"),
        (["a.png"], {}, "image 0 is a str"),
        ([(PIXELS[0], 0.5)], {}, "label of image 0 is '0.5'"),
        ([(PIXELS[0], "a\nb")], {}, "image 0: the label .* control character"),
        ([], {}, "holds no image"),
        (PIXELS, {"labels": ["a"]}, "1 labels for 6 images"),
    ],
)
def test_what_is_no_image_or_label_is_named(
    dataset: Any, more: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(CuratorError, match=complaint):
        pack(dataset, tmp_path / "out.tar", **more)
    assert not list(tmp_path.iterdir())


def test_place_that_would_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match=r"name a \.tar file"):
        pack(PIXELS, tmp_path / "out.tgz")
    (tmp_path / "out.tar").touch()
    with pytest.raises(CuratorError, match="exists"):
        pack(PIXELS, tmp_path / "out.tar")
