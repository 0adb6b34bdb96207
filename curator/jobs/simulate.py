"""Labelling replayed on the labels of the workspace: people choose a strategy on their own data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curator.jobs.progress import Progress, silent
from curator.jobs.state import load_state
from curator.pictures.plots import check_plot, plot_simulation
from curator.planning.simulation import Simulation
from curator.planning.simulation import simulate as replayed
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

COLUMNS = ["strategy", "budget", "accuracy", "standard_error", "seeds"]


@dataclass(frozen=True)
class SimulateReport:
    """`best`: the strategy with the highest mean accuracy over all budgets; `plot` where one was drawn."""

    labels: int
    held_out: int
    seeds: int
    best: str
    plot: str | None


def simulate(
    workspace: Workspace,
    *,
    strategies: Sequence[str] = ("auto", "random"),
    budgets: Sequence[int] | None = None,
    seeds: int = 3,
    holdout: float = 0.2,
    output: Path | None = None,
    plot: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[SimulateReport, pd.DataFrame]:
    """Replay labelling with each strategy on the labels at hand; accuracy with standard errors per budget.

    Args:
        workspace: with embeddings and labels.
        strategies: names as for `curator query`.
        budgets: numbers of labels to measure at; None for 10, 20, 50, 100 and so on.
        seeds: how often; each holds out other labels.
        holdout: the share of the labels to test on.
        output: where to write the table.
        plot: where to draw it, a PNG file; needs matplotlib.
        overwrite: whether files there may be replaced.
        progress: told of every round.

    Raises:
        CuratorError: too few labels, unknown strategies, budgets beyond the labels, no matplotlib for a plot.
        MissingWorkError: there are no embeddings yet.

    """
    check_output(output, overwrite=overwrite)
    check_plot(plot, overwrite=overwrite)
    parameters = {"strategies": list(strategies), "budgets": budgets and list(budgets), "seeds": seeds}
    with recorded(workspace.database, "simulate", parameters | {"holdout": holdout}) as outcome:
        state = load_state(workspace)
        found = replayed(
            state.graph,
            state.labels,
            strategies=strategies,
            budgets=budgets,
            seeds=seeds,
            holdout=holdout,
            embeddings=state.embeddings,
            told=lambda done, total: progress("simulate", done, total),
        )
        frame = _frame(found)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        if plot is not None:
            plot_simulation(found, plot)
        best = found.strategies[int(found.mean.mean(axis=1).argmax())]
        labels = int((state.labels >= 0).sum())
        report = SimulateReport(labels, found.held_out, seeds, best, None if plot is None else str(plot))
        outcome |= vars(report)
    return report, frame


def _frame(found: Simulation) -> pd.DataFrame:
    mean, error = found.mean, found.standard_error
    rows = [
        {
            "strategy": strategy,
            "budget": budget,
            "accuracy": float(mean[row, column]),
            "standard_error": float(error[row, column]),
            "seeds": found.accuracy.shape[2],
        }
        for row, strategy in enumerate(found.strategies)
        for column, budget in enumerate(found.budgets)
    ]
    return cells(rows, COLUMNS)
