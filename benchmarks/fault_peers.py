"""One method on planted faults, in a process of its own: run by `benchmarks.faults`, prints one JSON object.

    python benchmarks/fault_peers.py METHOD FOLDER WORK

WORK holds `embeddings.npy` and `paths.json`, for methods that need features. Needs no curator, so that it can
run in an environment that holds the peers only.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Found = dict[str, Any]
CLEANVISION = {
    "blurry": "blurred",
    "dark": "dark",
    "light": "bright",
    "low_information": "low_information",
    "odd_aspect_ratio": "odd_aspect",
    "grayscale": "odd_colour",
}


def cleanlab(_folder: Path, work: Path) -> Found:
    """Datalab on the embeddings: near duplicates and outliers."""
    from cleanlab import Datalab

    paths = json.loads((work / "paths.json").read_text())
    rows = np.load(work / "embeddings.npy").astype(np.float32)
    lab = Datalab(data={"row": list(range(len(rows)))}, verbosity=0)
    lab.find_issues(features=rows, issue_types={"near_duplicate": {}, "outlier": {}})
    near, far = lab.get_issues("near_duplicate"), lab.get_issues("outlier")
    sets = near["near_duplicate_sets"]
    groups = [[row, *map(int, sets[row])] for row in np.flatnonzero(near["is_near_duplicate_issue"])]
    flagged = np.flatnonzero(far["is_outlier_issue"])
    return {
        "duplicates": [[paths[row] for row in group] for group in groups],
        "outlier_scores": dict(zip(paths, (1 - far["outlier_score"]).tolist(), strict=True)),
        "outliers": [paths[row] for row in flagged],
    }


def imagededup(folder: Path, _work: Path) -> Found:
    """Perceptual hashes, at the package's default distance of 10 bits."""
    from imagededup.methods import PHash

    hasher = PHash(verbose=False)
    hashes = hasher.encode_images(image_dir=str(folder), recursive=True, num_enc_workers=1)
    near = hasher.find_duplicates(encoding_map=hashes, num_dist_workers=1)
    return {"duplicates": [[path, *others] for path, others in near.items() if others]}


def cleanvision(folder: Path, _work: Path) -> Found:
    """CleanVision: faults of pictures, and duplicates by equal perceptual hashes."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder), verbose=False)
    lab.find_issues(n_jobs=1, verbose=False)
    issues = lab.issues
    relative = [str(Path(path).relative_to(folder.resolve())) for path in issues.index]
    faults = {
        ours: [path for path, bad in zip(relative, issues[f"is_{name}_issue"], strict=True) if bad]
        for name, ours in CLEANVISION.items()
    }
    sets = [*lab.info["exact_duplicates"]["sets"], *lab.info["near_duplicates"]["sets"]]
    named = [[str(Path(path).relative_to(folder.resolve())) for path in group] for group in sets]
    return {"duplicates": named, "faults": faults}


def fastdup(folder: Path, work: Path) -> Found:
    """The default run, with its own small network: connected components of near duplicates, and outliers."""
    from fastdup import create

    lab = create(input_dir=str(folder), work_dir=str(work / "fastdup"))
    lab.run(num_threads=1, overwrite=True, verbose=False)
    table, far = lab.connected_components()[0], lab.outliers()
    table["path"] = [str(Path(path).relative_to(folder)) for path in table["filename"]]
    groups = [list(paths) for _, paths in table.groupby("component_id")["path"]]
    flagged = {str(Path(path).relative_to(folder)) for path in far["filename_outlier"]}
    return {"duplicates": [group for group in groups if len(group) > 1], "outliers": sorted(flagged)}


def peak_memory() -> int:
    """Bytes of this process at most, since it was started (Linux): `getrusage` counts its parent's, too."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


METHODS: dict[str, Callable[[Path, Path], Found]] = {
    "cleanlab": cleanlab,
    "imagededup": imagededup,
    "cleanvision": cleanvision,
    "fastdup": fastdup,
}


def main() -> None:
    """Run one method and print what it found, in how many seconds and bytes."""
    method, folder, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    started = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        found = METHODS[method](folder, work)
    seconds = time.perf_counter() - started
    print(json.dumps({**found, "seconds": seconds, "peak": peak_memory()}))


if __name__ == "__main__":
    main()
