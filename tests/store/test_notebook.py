"""What a notebook shows of a workspace and of the images in a table."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curator.errors import CuratorError
from curator.jobs.embed import embed
from curator.notebook import show
from curator.store import Workspace


def test_summary_tells_what_is_there_and_runs_nothing(tmp_path: Path) -> None:
    images = tmp_path / "<b>photos & more"
    images.mkdir()
    workspace = Workspace.create(tmp_path / ".curator", images)
    page = workspace._repr_html_()
    assert "0 in " in page
    assert "&lt;b&gt;photos &amp; more" in page
    assert "<b>" not in page
    assert "none yet: run curator embed" in page
    assert repr(workspace) == f"Workspace({str(tmp_path / '.curator')!r})"


def make_table(folder: Path) -> tuple[Workspace, pd.DataFrame]:
    """Two images, one of which is gone since, and a table about them."""
    for number, name in enumerate(("a<b>.png", "c.png")):
        (folder / "photos").mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 100 * number, np.uint8)).save(folder / "photos" / name)
    workspace = Workspace.create(folder / ".curator", folder / "photos")
    embed(workspace, k=1)
    (folder / "photos" / "c.png").unlink()
    return workspace, pd.DataFrame(
        {"path": ["a<b>.png", "c.png"], "given_label": ["<i>cat", "dog"], "score": [0.25, 1.0], "id": "0"}
    )


def test_pictures_hold_the_images_of_a_table_and_what_it_says_of_each(tmp_path: Path) -> None:
    shown = show(*make_table(tmp_path))
    page = shown._repr_html_()
    data = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', page)
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(data[0])))).shape == (8, 8, 3)
    assert data[1] == ""  # cannot be read any more: a gap, and the rest all the same
    assert "given label &lt;i&gt;cat<br>score 0.25" in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert repr(shown) == "<2 pictures: a<b>.png, c.png>"


def test_pictures_are_as_many_and_tell_as_much_as_was_asked_for(tmp_path: Path) -> None:
    shown = show(*make_table(tmp_path), count=1, columns=["id"], side=50)
    assert [(card.path, list(card.lines)) for card in shown.cards] == [("a<b>.png", ["id 0"])]
    assert "width:50px" in shown._repr_html_()


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [("path", "no column 'path': it has given_label, score, id"), ("score", "no column 'score'")],
)
def test_a_table_that_lacks_a_column_is_refused(tmp_path: Path, missing: str, complaint: str) -> None:
    workspace, table = make_table(tmp_path)
    with pytest.raises(CuratorError, match=complaint):
        show(workspace, table.drop(columns=missing), columns=["score"])


def test_a_path_of_another_workspace_is_refused(tmp_path: Path) -> None:
    workspace, table = make_table(tmp_path)
    with pytest.raises(CuratorError, match=r"no image 'b.png'"):
        show(workspace, table.assign(path="b.png"))
