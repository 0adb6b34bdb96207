"""The map of a workspace as a picture or as a page."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curator.errors import CuratorError
from curator.jobs._propagation import probabilities
from curator.jobs._thumbnails import thumbnail_or_nothing
from curator.jobs.audit import doubted
from curator.jobs.layout import make_layout
from curator.jobs.state import State, load_state
from curator.map_page import map_page
from curator.pictures.map_view import MapView
from curator.pictures.plots import check_plot, plot_map
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import check_output
from curator_indexes.files import atomic_path
from curator_indexes.runtime import usable_cpus

WAYS = ("label", "proposed", "doubt")
_MOST_PICTURES = 3000  # images whose pictures go into a page: about 6 MB
_SIDE = 96  # pixels of such a picture


@dataclass(frozen=True)
class MapReport:
    """What was drawn: how many images, how many of them with a colour, and the file."""

    images: int
    coloured: int
    color: str
    pictures: int
    output: str


def map_images(
    workspace: Workspace,
    *,
    color: str = "label",
    output: Path = Path("map.png"),
    seed: int = 0,
    overwrite: bool = False,
) -> MapReport:
    """Draw all images in the plane, alike ones near each other; named so because Python has a `map`.

    Args:
        workspace: with embeddings; labels are needed for doubts only.
        color: "label" as given, "proposed" by propagation where none is given, or "doubt" of given labels.
        output: a .png picture, which needs matplotlib, or an .html page, which holds the images' pictures
            where they are at most 3,000.
        seed: of the layout, where there is none yet, and of the audit.
        overwrite: whether a file there may be replaced.

    Raises:
        CuratorError: another colour or kind of file, a file that may not be replaced, no matplotlib.
        MissingWorkError: there are no embeddings yet, or no labels to doubt.

    """
    if color not in WAYS:
        raise CuratorError(f"the map cannot be coloured by {color!r}: wanted {', '.join(WAYS)}")
    page = output.suffix.lower() in (".html", ".htm")
    if page:
        check_output(output, overwrite=overwrite)
    elif output.suffix.lower() == ".png":
        check_plot(output, overwrite=overwrite)
    else:
        raise CuratorError(f"{output} is neither a .png nor an .html file by its name: give it such a name")
    with recorded(workspace.database, "map", {"color": color, "seed": seed}) as outcome:
        state = load_state(workspace)
        view = map_view(state, color, seed=seed)
        if page:
            pictures = _write_page(state, view, output)
        else:
            plot_map(view, output)
            pictures = 0
        report = MapReport(len(view.labels), int((view.codes < 255).sum()), color, pictures, str(output))
        outcome |= vars(report)
    return report


def map_view(state: State, color: str, *, seed: int = 0) -> MapView:
    """Places of all images, made where there are none yet, and what their colours say."""
    labels, doubts = state.labels, None
    if color == "doubt":
        doubts = doubted(state, seed=seed)[0].error_probability
    elif color == "proposed" and state.any_label:
        labels = np.where(labels >= 0, labels, probabilities(state).argmax(axis=1))
    places = make_layout(state.workspace, seed=seed)
    said = {"label": "given label", "proposed": "given or proposed label", "doubt": "doubt"}[color]
    title = f"{len(labels):,} {'image' if len(labels) == 1 else 'images'} by {said}"
    return MapView(places, labels, state.names, doubts, title)


def _write_page(state: State, view: MapView, output: Path) -> int:
    """Write the page; returns how many pictures are in it."""
    images = state.images(np.arange(len(view.labels)))
    pictures: list[bytes] = []
    if len(images) <= _MOST_PICTURES:
        with ThreadPoolExecutor(usable_cpus()) as pool:
            pictures = list(
                pool.map(lambda image: thumbnail_or_nothing(state.workspace, image, _SIDE), images)
            )
    text = map_page(view, [image.path for image in images], pictures)
    with atomic_path(output) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return sum(map(bool, pictures))
