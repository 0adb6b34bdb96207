"""Maps as pictures and as pages: the right size, the right colours, nothing from elsewhere."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from curator.map_page import map_page
from curator.pictures.map_view import MapView
from curator.pictures.palette import NOTHING, palette, palettes
from curator.pictures.plots import plot_map

MARKUP = "<img src=x onerror='document.title=1'>.png"
CLASSES = ["</script><b>cat", "dog $x_1$", "_eel"]


def view(n: int = 90, *, doubt: bool = False) -> MapView:
    """A ring of images, every third of each class, every tenth without a label."""
    turns = np.linspace(0, 2 * np.pi, n, endpoint=False)
    places = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)
    labels = np.where(np.arange(n) % 10 == 9, -1, np.arange(n) % 3)
    doubts = np.where(labels < 0, np.nan, np.arange(n) / n) if doubt else None
    return MapView(places, labels, CLASSES, doubts, f"{n} images")


def seen(path: Path) -> set[tuple[int, int, int]]:
    """The colours of a picture that fill more than a few pixels."""
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    return {(int(r), int(g), int(b)) for (r, g, b), count in zip(colours, counts, strict=True) if count > 9}


def values(page: str) -> dict[str, Any]:
    """The data that a page holds."""
    [text] = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_picture_has_its_size_and_every_class_in_its_colour(tmp_path: Path) -> None:
    plot_map(view(), tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.size == (1350, 990)
    hues = {tuple(map(int, colour)) for colour in palette(doubt=False)[[0, 1, 2, NOTHING], :3]}
    assert hues <= seen(tmp_path / "map.png"), "the legend shows them, whatever lies over what on the map"


@pytest.mark.parametrize("n", [1, 2, 5000])
@pytest.mark.parametrize("doubt", [False, True])
def test_few_and_many_can_be_drawn(tmp_path: Path, n: int, doubt: bool) -> None:
    plot_map(view(n, doubt=doubt), tmp_path / "map.png", dpi=80)
    assert len(seen(tmp_path / "map.png")) > 1


def test_many_classes_share_a_legend(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(300)]
    labels = np.repeat(np.arange(300), np.where(np.arange(300) == 299, 5, 1))
    crowd = MapView(np.zeros((304, 2), np.float32), labels, names, None, "304 images")
    keys, more = crowd.legend(10)
    assert [key.name for key in keys] == [*names[:9], names[299]]
    assert (keys[-1].images, keys[-1].code, more) == (5, 299 - NOTHING, 290)
    assert (crowd.codes < NOTHING).all()
    plot_map(crowd, tmp_path / "map.png", dpi=50)


def test_classes_have_different_colours_on_both_grounds() -> None:
    for dark in (False, True):
        assert len(np.unique(palette(doubt=False, dark=dark)[:40], axis=0)) == 40
    tables = np.frombuffer(palettes(), np.uint8).reshape(4, 256, 4)
    assert (tables[..., 3] == 255).all()
    assert np.array_equal(tables[2], palette(doubt=True))


def test_a_page_needs_nothing_else_and_holds_hostile_names_as_text() -> None:
    page = map_page(view(), [MARKUP] * 90, [b"\xff\xd8"] * 90)
    assert not re.search(r"https?://|<link|\bsrc=\"[^\"]|@import|^import ", page, re.MULTILINE)
    assert MARKUP not in page
    assert "</script><b>" not in page
    data = values(page)
    assert data["paths"][3] == MARKUP
    assert len(data["pictures"]) == 90
    assert data["classes"] == CLASSES
    assert data["nothing"] == 9


def test_doubts_are_drawn_last_and_names_follow_their_dots() -> None:
    shown = view(doubt=True)
    page = values(map_page(shown, [str(row) for row in range(90)], []))
    rows = np.array(page["paths"]).astype(int)
    assert sorted(rows) == list(range(90))
    codes = np.frombuffer(base64.b64decode(page["codes"]), np.uint8)
    assert np.array_equal(codes, shown.codes[rows])
    assert (codes[:9] == NOTHING).all()
    assert (np.diff(codes[9:].astype(int)) >= 0).all()
    places = np.frombuffer(base64.b64decode(page["places"]), "<f4").reshape(-1, 2)
    assert np.array_equal(places, shown.places[rows])
