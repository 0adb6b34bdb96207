"""Images whose balls of one radius together hold the most images; needs neither labels nor embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curator.queries._greedy import cosines, greedy_cover
from curator.queries._pool import Picks, Pool
from curator.queries.herding import represents
from curator_indexes import KnnGraph

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def coverage(pool: Pool, budget: int) -> Picks:
    """ProbCover: pick the image whose ball holds the most images that no earlier ball holds.

    Yehuda, Dekel, Hacohen and Weinshall, "Active Learning Through a Covering Lens" (NeurIPS 2022), algorithm
    1, on the edges of the graph: see `balls`. The score is the number of images newly held. When everything
    is held, herding goes on from there, with score 0.
    """
    everyone = np.ones(pool.graph.n)
    cover = greedy_cover(pool, balls(pool.graph), everyone, budget, near_identical=np.inf)
    count = int((cover.gains > 0).sum())
    ids, reasons = cover.ids[:count], [_words(int(gain)) for gain in cover.gains[:count]]
    if count < budget:
        further = greedy_cover(pool.after(ids), cosines(pool.graph), everyone, budget - count)
        ids = np.concatenate([ids, further.ids])
        reasons += [represents(int(each)) for each in further.represented]
    return Picks(ids, cover.gains, reasons)


def balls(graph: KnnGraph) -> csr_array:
    """1 for rows joined by an edge of at least the median similarity to the last neighbour, else 0, [n, n].

    So no label is needed for the radius, and half of the rows have all their neighbours in their ball. The
    paper's rule (the largest radius at which .95 of the balls are pure in k-means clusters) takes clusters
    that are nearly classes.
    """
    kernel = cosines(graph)
    least = np.median(graph.similarities[:, -1]) if graph.k else 1.0
    kernel.data = (kernel.data >= least).astype(np.float32)
    kernel.eliminate_zeros()
    return kernel


def _words(count: int) -> str:
    if count == 1:
        return "far from every image labelled or picked before"
    return f"centre of a dense unlabelled group of {count:,} images"
