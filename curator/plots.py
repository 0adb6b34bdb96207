"""Pictures of results, as PNG files; matplotlib is an extra."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator._votes import Reals
from curator.errors import CuratorError
from curator.simulation import Simulation
from curator_indexes.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_plot", "plot_reliability", "plot_simulation"]

_BINS = 15


def check_plot(path: Path | None, *, overwrite: bool) -> None:
    """CuratorError, before any work is done, where a plot could not be made or written at the end."""
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise CuratorError(f"{path} is no PNG file by its name: give the plot a name that ends in .png")
    try:
        import matplotlib  # noqa: F401 - only to know whether it is there
    except ImportError as error:
        raise CuratorError("plots need matplotlib: pip install 'curator[plots]'") from error
    if path.exists() and not overwrite:
        raise CuratorError(f"{path} exists, and may hold work of yours: add --overwrite to replace it")
    if not path.parent.is_dir():
        raise CuratorError(f"cannot write {path}: there is no folder {path.parent}")


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


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
