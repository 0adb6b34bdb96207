"""Pictures of results, as PNG files; matplotlib is an extra."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator._arrays import Reals
from curator.errors import CuratorError
from curator.pictures.map_view import MapView
from curator.pictures.palette import NOTHING, palette
from curator.planning.simulation import Simulation
from curator_indexes.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["check_matplotlib", "check_plot", "plot_map", "plot_reliability", "plot_simulation"]

_BINS = 15
_MOST_KEYS = 24  # classes in the legend of a map
_INK = 36_000  # square points of all dots of a map together, so that neither few nor many fill it


def check_plot(path: Path | None, *, overwrite: bool) -> None:
    """CuratorError, before any work is done, where a plot could not be made or written at the end."""
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise CuratorError(f"{path} is no PNG file by its name: give the plot a name that ends in .png")
    check_matplotlib()
    if path.exists() and not overwrite:
        raise CuratorError(f"{path} exists, and may hold work of yours: add --overwrite to replace it")
    if not path.parent.is_dir():
        raise CuratorError(f"cannot write {path}: there is no folder {path.parent}")


def check_matplotlib() -> None:
    """CuratorError with the command to type where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401 - only to know whether it is there
    except ImportError as error:
        raise CuratorError("plots need matplotlib: pip install 'curator[plots]'") from error


def plot_simulation(found: Simulation, path: Path) -> None:
    """Accuracy over the number of labels, a line for each strategy with its standard error as a band."""
    from matplotlib.figure import Figure  # no pyplot: no state of the process, no window

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    budgets, errors = np.array(found.budgets), np.nan_to_num(found.standard_error)
    best_last = np.argsort(-found.mean[:, -1], kind="stable")  # the legend in the order of the line ends
    for row in best_last.tolist():
        mean, error = 100 * found.mean[row], 100 * errors[row]
        (line,) = axes.plot(budgets, mean, marker="o", markersize=3.5, label=found.strategies[row])
        axes.fill_between(
            budgets, mean - error, mean + error, color=line.get_color(), alpha=0.15, linewidth=0
        )
    axes.set_xscale("log")
    axes.set_xticks(budgets, [f"{budget:,}" for budget in found.budgets])
    axes.minorticks_off()
    axes.set_xlabel("labels")
    axes.set_ylabel("accuracy of propagation, %")
    seeds = found.accuracy.shape[2]
    axes.set_title(
        f"{seeds} seeds, each with {found.held_out:,} labels held out; bands: standard error", fontsize=9
    )
    axes.legend(frameon=False, loc="lower right")
    _save(figure, path)


def plot_reliability(
    stated: Mapping[str, Reals], true: Mapping[str, npt.NDArray[np.bool_]], path: Path, *, what: str
) -> None:
    """How often what was said with a probability was so: a line for each name, on the diagonal where honest.

    Args:
        stated: probabilities by name, float [m].
        true: whether it was so, bool [m], under the same names.
        path: of the PNG file.
        what: the thing said, for the axis.

    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="0.6", linewidth=1, linestyle="--")
    for name, probabilities in stated.items():
        order = np.argsort(probabilities, kind="stable")
        parts = [part for part in np.array_split(order, _BINS) if len(part)]  # as many in each
        means = [100 * probabilities[part].mean() for part in parts]
        shares = [100 * true[name][part].mean() for part in parts]
        axes.plot(means, shares, marker="o", markersize=3.5, label=name)
    axes.set_xlabel(f"{what}: probability stated, %")
    axes.set_ylabel("share that was so, %")
    axes.legend(frameon=False, loc="upper left")
    _save(figure, path)


def plot_map(view: MapView, path: Path, *, dpi: int = 150) -> None:
    """A dot for each image, and a legend: 9 x 6.6 inches, dark on white. The axes of a map mean nothing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.6), layout="constrained")
    axes = figure.subplots()
    colours = palette(doubt=view.doubts is not None)[:, :3] / 255.0
    codes, order = view.codes, view.order
    size = float(np.clip(_INK / max(len(order), 1), 0.4, 60))
    x, y = view.places[order].T
    axes.scatter(x, y, s=size, c=colours[codes[order]], alpha=0.85, linewidths=0)
    axes.set_aspect("equal")
    axes.set_axis_off()
    figure.suptitle(view.title, fontsize=11, x=0.01, ha="left", parse_math=False)
    if view.doubts is None:
        _name_classes(axes, view, colours)
    else:
        _explain_doubts(axes, colours, gaps=bool(np.isnan(view.doubts).any()))
    _write(figure, path, dpi)


def _name_classes(axes: Axes, view: MapView, colours: Reals) -> None:
    from matplotlib.lines import Line2D

    keys, more = view.legend(_MOST_KEYS)
    names = [(f"{_shortened(key.name)} ({key.images:,})", colours[key.code]) for key in keys]
    names += [(f"{more:,} more classes", "white")] if more else []
    nothing = int((view.labels < 0).sum())
    names += [(f"none ({nothing:,})", colours[NOTHING])] if nothing else []
    # A name that begins with an underscore would be left out of the legend; a space before it helps.
    handles = [Line2D([], [], marker="o", ls="", color=colour, label=f" {name}") for name, colour in names]
    legend = axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)  # `$` is a character like others in a class name


def _shortened(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 3]}..."


def _explain_doubts(axes: Axes, colours: Reals, *, gaps: bool) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    scale = ScalarMappable(Normalize(0, 100), ListedColormap([tuple(colour) for colour in colours[:NOTHING]]))
    bar = axes.figure.colorbar(scale, ax=axes, shrink=0.6, aspect=30)
    bar.set_label("probability that the given label is wrong, %" + "; grey: no label" * gaps, fontsize=9)
    bar.outline.set_visible(False)


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    _write(figure, path, 150)


def _write(figure: Figure, path: Path, dpi: int) -> None:
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box stands for it
        figure.savefig(temporary, format="png", dpi=dpi)
