"""Draw the pictures of docs/concepts.md, from real handwritten digits embedded by the bundled encoder.

python docs/draw_concepts.py
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from PIL import Image
from sklearn.datasets import load_digits

import curator
from curator.jobs.state import State, load_state
from curator.pictures.layout import layout
from curator.pictures.palette import NOTHING, palette

IMAGES = Path(__file__).parent / "images"
COLOURS = palette(doubt=False)[:, :3] / 255.0
INK, GREY, RED = "#1c2733", "#6b7682", "#c0461e"
EPOCHS = 25  # of the map of all images: clusters that still fill the picture
DOUBTS = (1, 0.83, 0.36, 0.18, 0)  # error probabilities to show a label of
AGREEMENTS = ((2, 1.0), (8, 0.75), (9, 0.5))  # a class, and the share of neighbours that are of it
SHADES = "gray_r"  # dark on light, as on paper


def embedded(folder: Path) -> State:
    """All digits as images, embedded."""
    for number, pixels in enumerate(load_digits().images):
        path = folder / "digits" / f"{number:04}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.uint8(pixels * 15.9)).save(path)
    workspace = curator.Workspace.create(folder / ".curator", folder / "digits")
    curator.embed(workspace)
    return load_state(workspace)


def draw_neighbors(state: State, digits: Any) -> None:
    """Three images, each with its nearest neighbours and their similarities; red where of another class."""
    columns = 8
    same = digits.target[state.graph.neighbors[:, :columns]] == digits.target[:, None]
    agreed = same.mean(axis=1)
    shown = [int(np.flatnonzero((digits.target == c) & (agreed == share))[0]) for c, share in AGREEMENTS]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    for line, row in zip(figure.subplots(len(shown), columns + 1), shown, strict=True):
        picture(line[0], digits.images[row], frame=INK)
        line[0].set_title("image", fontsize=10, color=GREY, pad=3)
        for column, axes in enumerate(line[1:]):
            picture(axes, digits.images[state.graph.neighbors[row, column]])
            similarity, colour = state.graph.similarities[row, column], INK if same[row, column] else RED
            axes.set_title(f"{similarity:.2f}", fontsize=10, color=colour, pad=3)
    save(figure, "concept-neighbors.png")


def draw_graph(state: State, digits: Any) -> None:
    """Images of three classes in the plane, joined to their neighbours by lines as thick as affinities."""
    rng = np.random.default_rng(3)
    classes = [rng.choice(np.flatnonzero(digits.target == c), 13, replace=False) for c in (3, 8, 9)]
    rows = np.concatenate(classes)
    vectors = np.asarray(state.embeddings[rows], np.float32)
    graph = curator.knn_graph(vectors, k=4)
    places = layout(curator.knn_graph(vectors, k=12), seed=1) * (1.0, 0.75)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    ends = [(i, j) for i, near in enumerate(graph.neighbors) for j in near]
    widths = 9 * graph.similarities.ravel().astype(float) ** 8
    axes.add_collection(
        LineCollection([places[[i, j]] for i, j in ends], linewidths=widths, colors="#9db4c8")
    )
    for place, row in zip(places, rows, strict=True):
        box = OffsetImage(digits.images[row], zoom=3, cmap=SHADES, interpolation="bicubic")
        style = {"edgecolor": COLOURS[digits.target[row]], "linewidth": 1.5, "boxstyle": "square,pad=0.1"}
        axes.add_artist(AnnotationBbox(box, place, bboxprops=style))
    low, high = places.min(axis=0) - 0.1, places.max(axis=0) + 0.1
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes.set_axis_off()
    save(figure, "concept-graph.png")


def draw_spread(state: State, digits: Any) -> None:
    """The same map three times: no label, what 10 labels spread to, what 50 do."""
    places = layout(state.graph, embeddings=state.embeddings, epochs=EPOCHS)
    figure = Figure(figsize=(9, 3.3), layout="constrained")
    labels = np.full(len(places), -1)
    for axes, count in zip(figure.subplots(1, 3), (0, 10, 50), strict=True):
        if count:
            wanted = count - int((labels >= 0).sum())
            asked = curator.query(state.graph, labels, wanted, embeddings=state.embeddings, n_classes=10).ids
            labels[asked] = digits.target[asked]
        colours, title = np.tile(COLOURS[NOTHING], (len(places), 1)), "1,797 images, no label"
        if count:
            soft = curator.propagate(state.graph, labels, embeddings=state.embeddings, n_classes=10)
            sure = np.clip(soft.confidence, 0, 1)[:, None]
            colours = sure * COLOURS[soft.predictions] + (1 - sure) * COLOURS[NOTHING]
            right = (soft.predictions == digits.target)[labels < 0].mean()
            title = f"{count} labels: {right:.0%} of the others right"
        axes.scatter(*places.T, s=4, c=colours, linewidths=0)
        given = np.flatnonzero(labels >= 0)
        axes.scatter(
            *places[given].T, s=24, c=COLOURS[labels[given]], edgecolors=INK, linewidths=1, marker="D"
        )
        axes.set_title(title, fontsize=10, color=INK)
        axes.set_aspect("equal")
        axes.set_axis_off()
    save(figure, "concept-propagation.png")


def draw_doubt(state: State, digits: Any) -> None:
    """Labels from surely wrong to surely right, with the labels of the nearest images."""
    rng, truth = np.random.default_rng(3), digits.target
    given = np.where(rng.random(len(truth)) < 0.05, rng.integers(0, 10, len(truth)), truth)
    doubts = curator.audit(state.graph, given, embeddings=state.embeddings).error_probability
    figure = Figure(figsize=(9, 3.1), layout="constrained")
    for wanted, (top, bottom) in zip(DOUBTS, figure.subplots(2, 5, height_ratios=(2, 1)).T, strict=True):
        row = int(np.abs(doubts - wanted).argmin())
        picture(top, digits.images[row], frame=INK)
        top.set_title(f'"{given[row]}": {doubts[row]:.0%} wrong', fontsize=11, color=INK)
        votes = np.bincount(given[state.graph.neighbors[row][:20]], minlength=10)
        shown = np.flatnonzero(votes)
        bottom.bar(range(len(shown)), votes[shown], color=COLOURS[shown])
        bottom.set_xticks(range(len(shown)), [str(label) for label in shown])
        bottom.set(ylim=(0, 20), yticks=[], xlim=(-3 + len(shown) / 2, 2 + len(shown) / 2))
        bottom.spines[["top", "right", "left"]].set_visible(False)
    save(figure, "concept-doubt.png")


def picture(axes: Axes, pixels: Any, frame: str = "#d5dbe1") -> None:
    """One digit in a frame, smoothed as the writer's pen was."""
    axes.imshow(pixels, cmap=SHADES, interpolation="bicubic")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(frame)


def save(figure: Figure, name: str) -> None:
    """Write a picture, on white as the others are."""
    figure.savefig(IMAGES / name, dpi=120, bbox_inches="tight", pad_inches=0.08)
    print(IMAGES / name)


def main() -> None:
    """Draw all of them."""
    digits = load_digits()
    with tempfile.TemporaryDirectory() as folder:
        state = embedded(Path(folder))
        for draw in (draw_neighbors, draw_graph, draw_spread, draw_doubt):
            draw(state, digits)


if __name__ == "__main__":
    main()
