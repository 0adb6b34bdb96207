"""How quickly the review page answers, and how far a person gets on it.

    python -m benchmarks.review latency [--images 100000] [--labels 200]
    python -m benchmarks.review load [--clients 50] [--minutes 5]
    python -m benchmarks.review effort IMAGES [--reference FILE] [--decisions 400] [--glance 0]
    python -m benchmarks.review map [--points 100000 1000000]

`latency` makes a workspace of that many synthetic images with a random projection for an encoder, starts
`curator review` over it, and labels in one go without pause, as no person would. `load` lets many clients do
so at once, each with a name of its own, and watches the memory of the server. `effort` lets a scripted person
who knows the truth (the folders of IMAGES) label one by one, and in grids. Each look at a screen, key and
click is a decision, and takes as long as `--seconds` says; each image of a grid takes `--glance` besides.
Accuracy is that of propagation on a sixth of the images, about which the person is never asked. With
`--reference`, the embeddings are those of that file, whose array `train` has 5,000 rows a class. `map` lays
random clusters out, and draws them in a headless Chromium.
"""

import argparse
from pathlib import Path

from benchmarks.review.effort import effort
from benchmarks.review.latency import latency
from benchmarks.review.load import load
from benchmarks.review.map import draw_map


def main() -> None:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    quick = parts.add_parser("latency")
    quick.add_argument("--images", type=int, default=100_000)
    quick.add_argument("--labels", type=int, default=200)
    quick.add_argument("--seconds", type=float, default=0.2)
    crowd = parts.add_parser("load")
    crowd.add_argument("--images", type=int, default=20_000)
    crowd.add_argument("--clients", type=int, default=50)
    crowd.add_argument("--minutes", type=float, default=5)
    far = parts.add_parser("effort")
    far.add_argument("images", type=Path)
    far.add_argument("--reference", type=Path)
    far.add_argument("--decisions", type=int, default=400)
    far.add_argument("--seconds", type=float, default=0.2)
    far.add_argument("--glance", type=float, default=0.0)
    drawn = parts.add_parser("map")
    drawn.add_argument("--points", type=int, nargs="+", default=[100_000, 1_000_000])
    drawn.add_argument("--no-layout", action="store_true", help="random places: only draw")
    given = parser.parse_args()
    if given.part == "latency":
        latency(given.images, given.labels, given.seconds)
    elif given.part == "load":
        load(given.images, given.clients, given.minutes)
    elif given.part == "effort":
        effort(given.images, given.reference, given.decisions, given.seconds, given.glance)
    else:
        draw_map(given.points, layout=not given.no_layout)


if __name__ == "__main__":
    main()
