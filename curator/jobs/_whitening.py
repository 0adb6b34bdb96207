"""Whitening of a workspace's embeddings: fitted once, stored beside what it made, applied from then on."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curator.encoders import EncoderSpec
from curator.encoders.options import whitened_spec
from curator.encoders.whitening import Whitening, fit_whitening
from curator.store.vectors import VectorFile
from curator.store.workspace import Workspace
from curator_indexes.artifacts import read_artifact, write_artifact
from curator_indexes.errors import DamagedFileError

KIND = "whitening"
FITTED_ROWS = 20_000  # contents sampled for the fit: far more than the components have directions


@dataclass(frozen=True)
class WhitenedRows:
    """An encoder's vectors, whitened when they are gathered."""

    vectors: VectorFile
    whitening: Whitening

    @property
    def dim(self) -> int:
        """Numbers a row."""
        return self.whitening.dim

    def gather(self, hashes: Sequence[str]) -> npt.NDArray[np.float16]:
        """Whitened rows [m, dim] of these contents."""
        return self.whitening.apply(self.vectors.gather(hashes)).astype(np.float16)


def stored_whitening(workspace: Workspace, base: EncoderSpec, dim: int) -> Whitening | None:
    """The whitening of the current embeddings, where it is whole and of this encoder and dimension."""
    if workspace.encoder is None:
        return None
    folder = workspace.encoder_folder(workspace.encoder) / KIND
    with suppress(DamagedFileError):
        if folder.exists():
            artifact = read_artifact(folder, KIND)
            if artifact.inputs == _inputs(base, dim):
                return Whitening(np.array(artifact.array("center")), np.array(artifact.array("projection")))
    return None


def store_whitening(workspace: Workspace, base: EncoderSpec, vectors: VectorFile, dim: int) -> Whitening:
    """Fit on a seeded sample of the workspace's contents, and keep the result."""
    contents = sorted({row.content_hash for row in workspace.catalog.ready()})
    if len(contents) > FITTED_ROWS:
        kept = np.random.default_rng(0).choice(len(contents), FITTED_ROWS, replace=False)
        contents = [contents[place] for place in np.sort(kept)]
    whitening = fit_whitening(vectors.gather(contents), dim)
    folder = workspace.encoder_folder(whitened_spec(base, whitening).fingerprint) / KIND
    arrays = {"center": whitening.center, "projection": whitening.projection}
    write_artifact(folder, KIND, _inputs(base, dim), arrays)
    return whitening


def _inputs(base: EncoderSpec, dim: int) -> dict[str, object]:
    return {"encoder": base.fingerprint, "dim": dim}
