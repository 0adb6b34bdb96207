"""A folder for each class, as torchvision's ImageFolder and many others read it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

from curator.errors import CuratorError
from curator.formats._reading import label_lines, line
from curator.formats._writing import link_image, new_folder
from curator.formats.dataset import Dataset, Format, Options
from curator.images import IMAGE_EXTENSIONS
from curator.tables import LabelLine

_UNSAFE = '/\\:*?"<>|%'  # of which some system makes a path, a pattern or nothing at all
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
)


def read(source: Path) -> list[LabelLine]:
    """The class folder of each image, whatever folders lie between."""
    if not source.is_dir():
        raise CuratorError(f"{source} is not a folder: name the one that holds the class folders")
    paths = [path.relative_to(source) for path in source.glob("*/**/*") if _is_image(path)]

    def parse(number: int, path: Path) -> list[LabelLine]:
        return [line(number, Path(*path.parts[1:]).as_posix(), unquote(path.parts[0]))]

    return label_lines(source, sorted(paths), parse, "image")


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_EXTENSIONS and path.is_file()


def write(out: Path, dataset: Dataset, options: Options) -> None:
    """A link to each labelled image, under its whole path, in the folder of its class."""
    with new_folder(out) as folder:
        for record in dataset.labelled:
            target = folder / folder_name(record.label) / record.path
            link_image(dataset.images / record.path, target, options.link)


def folder_name(label: str) -> str:
    """A class as the name of a folder that is safe on any system; `unquote` undoes it."""
    name = "".join(quote(letter, safe="") if letter in _UNSAFE else letter for letter in label)
    if name.startswith((".", " ")):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if name.endswith((".", " ")):
        name = f"{name[:-1]}%{ord(name[-1]):02X}"
    if name.lower().split(".")[0] in _RESERVED:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name


FORMAT = Format(
    "image-folder",
    "A folder for each class.",
    read,
    write,
    entry="image",
    writes_folder=True,
    links_images=True,
    only_labelled=True,
)
