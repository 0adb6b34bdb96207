"""Many people at once for some minutes: how long answers take, and whether the server's memory stays flat."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.review._serving import Page, make_workspace, serving

_PAUSE = 1.0  # seconds between an answer and the next of one person


def load(images: int, clients: int, minutes: float) -> None:
    """Print latency and memory minute by minute, and labels given twice."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), images)
        truth = {row.id: row.path.split("/")[0] for row in workspace.catalog.ready()}
        with serving(workspace) as (server, address), ThreadPoolExecutor(clients) as pool:
            end = time.perf_counter() + 60 * minutes
            people = [pool.submit(_person, Page(address), number, truth, end) for number in range(clients)]
            for minute in range(1, round(minutes) + 1):
                time.sleep(60)
                print(f"minute {minute}: server has {_memory(server.pid):.0f} MB", flush=True)
            _tell([each for person in people for each in person.result()])
        said = workspace.labels.statements()
        print(
            f"{len(said)} labels, {len(said) - len({each.image_id for each in said})} images labelled twice"
        )


def _person(page: Page, number: int, truth: dict[int, str], end: float) -> list[tuple[float, float]]:
    """Label until the end; when each answer came, and how many milliseconds it took."""
    page.name(f"person {number}")
    found: list[tuple[float, float]] = []
    rng = np.random.default_rng(number)
    answer = page.ask("GET", "/api/label?client=b")
    while time.perf_counter() < end and answer["cards"]:
        time.sleep(_PAUSE * float(rng.uniform(0.5, 1.5)))
        image = answer["cards"][0]["id"]
        said = {
            "client": "b",
            "action": str(len(found)),
            "ids": [image],
            "label": truth[image],
            "view": "label",
        }
        answer = page.ask("POST", "/api/label", said)
        found.append((time.perf_counter() - end, page.times[-1]))
    return found


def _tell(found: list[tuple[float, float]]) -> None:
    moments, times = np.array(found).T
    for name, part in (
        ("first half", moments < np.median(moments)),
        ("second half", moments >= np.median(moments)),
    ):
        p50, p99, most = np.percentile(times[part], [50, 99, 100])
        print(f"{name}: {part.sum()} answers, median {p50:.0f} ms, p99 {p99:.0f}, longest {most:.0f}")


def _memory(process: int) -> float:
    """Megabytes that a process has in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000
