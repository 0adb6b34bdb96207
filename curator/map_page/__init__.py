"""A map as one HTML file that needs nothing else: no network, no server, no second file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from curator.pictures.map_view import MapView
from curator.pictures.palette import palettes

__all__ = ["map_page"]

_MOST_KEYS = 40  # classes in the legend
# The review page's own code, in the order in which each uses what stands before it.
_SCRIPTS = ("review/static/colours.js", "review/static/points.js", "map_page/page.js")


def map_page(view: MapView, paths: Sequence[str], pictures: Sequence[bytes]) -> str:
    """The page: drag, zoom, point at an image to see it, choose a class in the legend.

    Args:
        view: the map.
        paths: of the images, [n]; they may hold any characters.
        pictures: a JPEG for each image, [n], empty where there is none; or none at all.

    """
    script, style = _script(), _read("map_page/page.css")
    policy = (
        f"default-src 'none'; img-src data:; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(view.title),
        "style": style,
        "script": script,
        "data": _data(view, paths, pictures),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda hole: parts[hole[1]], _read("map_page/page.html"))


def _data(view: MapView, paths: Sequence[str], pictures: Sequence[bytes]) -> str:
    keys, more = view.legend(_MOST_KEYS)
    order = view.order
    values: dict[str, Any] = {
        "places": _base64(view.places[order].astype("<f4").tobytes()),
        "codes": _base64(view.codes[order].tobytes()),
        "labels": _base64(view.labels[order].astype("<i4").tobytes()),
        "palettes": _base64(palettes()),
        "by": "label" if view.doubts is None else "doubt",
        "classes": list(view.classes),
        "legend": [key._asdict() for key in keys],
        "more": more,
        "nothing": int((view.codes == 255).sum()),
        "paths": [paths[row] for row in order.tolist()],
        "pictures": [_base64(pictures[row]) for row in order.tolist()] if pictures else [],
    }
    return json.dumps(values).replace("<", "\\u003c")  # no text can end the element that holds it


def _script() -> str:
    """One module of all scripts: what they import from each other stands in it."""
    joined = "\n".join(_read(name) for name in _SCRIPTS)
    return re.sub(r"^(import .*\n|export )", "", joined, flags=re.MULTILINE)


def _read(name: str) -> str:
    return files("curator").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{_base64(hashlib.sha256(text.encode()).digest())}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
