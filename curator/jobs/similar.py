"""The images most like a given one, in the workspace or not."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.encoders import Encoder
from curator.errors import CuratorError
from curator.images import UnreadableImageError, read_image
from curator.jobs._artifacts import load_index
from curator.jobs.chosen_encoder import remembered_encoder
from curator.jobs.state import State, load_state
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

COLUMNS = ["rank", "path", "similarity", "given_label", "id"]


def similar(
    workspace: Workspace,
    image: Path,
    *,
    count: int = 10,
    device: str = "auto",
    output: Path | None = None,
    overwrite: bool = False,
) -> pd.DataFrame:
    """The `count` images of the workspace most similar to the image file, best first, as a table.

    An image that is in the workspace finds itself first. Raises `CuratorError` where the file cannot be read,
    or where the encoder of the embeddings is not at hand any more.
    """
    check_output(output, overwrite=overwrite)
    state = load_state(workspace)
    encoder = remembered_encoder(workspace, device=device)
    vector = _encoded(encoder, image)
    rows, similarities = load_index(workspace, state.embeddings).search(vector, count)
    frame = _frame(state, rows[0], similarities[0])
    if output is not None:
        write_csv(frame, output, overwrite=overwrite)
    return frame


def _encoded(encoder: Encoder, image: Path) -> npt.NDArray[np.float16]:
    try:
        pixels = encoder.spec.decode(read_image(image)).pixels
    except UnreadableImageError as error:
        raise CuratorError(f"{image} {error.message}") from error
    return encoder.encode(pixels[None]).astype(np.float16)


def _frame(state: State, rows: npt.NDArray[np.int64], similarities: npt.NDArray[np.float32]) -> pd.DataFrame:
    found = [
        {
            "rank": place + 1,
            "path": image.path,
            "similarity": float(similarity),
            "given_label": state.name(int(state.labels[row])),
            "id": image.content_hash,
        }
        for place, (row, similarity, image) in enumerate(
            zip(rows, similarities, state.images(rows), strict=True)
        )
    ]
    return cells(found, COLUMNS)
