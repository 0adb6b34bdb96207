"""A report on a workspace, as one HTML file to show around."""

from dataclasses import dataclass
from pathlib import Path

from curator.errors import CuratorError
from curator.jobs._findings import gather
from curator.jobs.progress import Progress, silent
from curator.jobs.state import load_state
from curator.reporting import SECTIONS, report_page
from curator.reporting.findings import Findings, Unmade
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import check_output
from curator_indexes.files import atomic_path


@dataclass(frozen=True)
class ReportSummary:
    """What was written: `unmade` names the findings that cannot be made yet, and the report says why."""

    images: int
    sections: int
    unmade: list[str]
    next_step: str
    output: str
    size: int  # of the file, in bytes


def report(
    workspace: Workspace,
    *,
    output: Path = Path("report.html"),
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ReportSummary:
    """Write one HTML file on images, labels, doubts, duplicates, outliers and what to do next.

    It needs no network and no script to be read, holds at most 58 thumbnails, and runs audit, duplicates and
    outliers as they stand now.

    Args:
        workspace: with embeddings; what needs labels is left out, with the reason, where there are none.
        output: an .html file.
        seed: of the audit, the trials and the map.
        overwrite: whether a file there may be replaced.
        progress: told of every step.

    Raises:
        CuratorError: another kind of file, or one that may not be replaced.
        MissingWorkError: there are no embeddings yet.

    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise CuratorError(f"{output} is no .html file by its name: give the report such a name")
    check_output(output, overwrite=overwrite)
    with recorded(workspace.database, "report", {"seed": seed}) as outcome:
        found = gather(load_state(workspace), seed=seed, progress=progress)
        # What a file's name holds besides Unicode (half a surrogate pair) becomes a question mark.
        page = report_page(found).encode("utf-8", "replace")
        with atomic_path(output) as temporary:
            temporary.write_bytes(page)
        summary = ReportSummary(
            found.contents.images, len(SECTIONS), _unmade(found), found.next.command, str(output), len(page)
        )
        outcome |= vars(summary)
    return summary


def _unmade(found: Findings) -> list[str]:
    return [name for name, value in vars(found).items() if isinstance(value, Unmade)]
