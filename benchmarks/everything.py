"""Every measurement of docs/benchmarks.md, one after the other: hours.

    python -m benchmarks.everything --data FOLDER [--output build/benchmarks] [--only audit live]

FOLDER holds `cifar10.zip`, `cifar10n.npz`, `imagenette-mini.zip` and `reference-embeddings.npz`; without
--data only what needs none of them is run. Each benchmark writes NAME.md with its command, machine and date,
and the pictures are drawn anew in docs/images.
"""

import argparse
import platform
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from curator_indexes.runtime import usable_cpus

# {data} and {images}, a folder with the archives unpacked, make a benchmark one that needs the data.
COMMANDS = {
    "live": "live updates solve",
    "knn_graph": "knn_graph peers million scaling rounds limit",
    "queries_scale": "queries scale",
    "figures": "figures docs/images --reference {data}/reference-embeddings.npz",
    "knn_graph_real": "knn_graph real --reference {data}/reference-embeddings.npz",
    "propagation": "propagation --reference {data}/reference-embeddings.npz",
    "queries": "queries balanced imbalanced --reference {data}/reference-embeddings.npz --limit 12000",
    "audit": "audit detection --reference {data}/reference-embeddings.npz --human {data}/cifar10n.npz",
    "audit_samples": "audit samples bursts --reference {data}/reference-embeddings.npz "
    "--human {data}/cifar10n.npz --every 5",
    "annotators": "annotators --reference {data}/reference-embeddings.npz",
    "cifar10": "cifar10 --data {data}",
    "outliers": "outliers --embeddings {data}/reference-embeddings.npz --images {images}/cifar10/train",
    "faults": "faults --images {images}/imagenette-mini --outliers {images}/cifar10/test",
    "scale": "scale",
    "memory": "memory",
    "cluster_crashes": "cluster_crashes",
    "review": "review effort {images}/cifar10/test",
    "paper": "paper --images {images}/cifar10/train --test {images}/cifar10/test --encoder bundled",
}
ARCHIVES = ("cifar10", "imagenette-mini")
PACKAGES = ("torch", "faiss-cpu", "numpy", "scipy")


def main() -> None:
    """Run them, and go on where one fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    images = None if options.data is None else unpacked(options.data, options.output / "images")
    failed = [
        name
        for name in options.only
        if not ("{" in COMMANDS[name] and images is None)
        and not ran(name, COMMANDS[name].format(data=options.data, images=images), options.output)
    ]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; what they said is in {options.output}")


def unpacked(data: Path, folder: Path) -> Path:
    """The archives of images, unpacked once."""
    for name in ARCHIVES:
        if not (folder / name).exists():
            with zipfile.ZipFile(data / f"{name}.zip") as archive:
                archive.extractall(folder)
    return folder


def ran(name: str, command: str, output: Path) -> bool:
    """Run one benchmark, and write what it prints; whether it went well."""
    print(f"benchmarks.{command}", flush=True)
    start = datetime.now(UTC)
    done = subprocess.run(
        [sys.executable, "-m", *f"benchmarks.{command}".split()], capture_output=True, text=True, check=False
    )
    minutes = (datetime.now(UTC) - start).total_seconds() / 60
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    machine = f"{usable_cpus()} CPUs ({platform.machine()}), Python {platform.python_version()}"
    when = f"{start:%Y-%m-%d}, {minutes:.0f} minutes"
    head = f"    python -m benchmarks.{command}\n\n{when}, {machine}, {versions}\n\n"
    said = "" if done.returncode == 0 else f"\nIt failed:\n\n{done.stderr}"
    (output / f"{name}.md").write_text(head + done.stdout + said, encoding="utf-8")
    return done.returncode == 0


if __name__ == "__main__":
    main()
