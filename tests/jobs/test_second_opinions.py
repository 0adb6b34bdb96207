"""Other encoders of a workspace have a say in why a label is doubted, as far as they know the image."""

from pathlib import Path

from curator.audits.explanations import explain
from curator.jobs.audit import audit
from curator.jobs.embed import embed
from curator.jobs.labels import import_labels
from curator.jobs.state import load_state
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture


def whys(workspace: Workspace) -> dict[str, str]:
    frame = audit(workspace, everything=True)[1]
    return dict(zip(frame.path, frame.why, strict=True))


def mislabel(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "given.csv"
    file.write_text("path,label\ncat/03.png,dog\n")
    import_labels(workspace, file)


def test_a_doubt_says_what_the_other_encoder_makes_of_it(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace, labels_from_folders=True)
    mislabel(workspace, tmp_path)
    alone = whys(workspace)
    first = workspace.encoder
    encoder.dim = 24
    embed(workspace)
    both = whys(workspace)
    assert not any(" by " in why for why in alone.values())
    assert both["cat/03.png"].endswith("; by projection16 at k = 5, 10, 20 of 5, 10, 20, 50")
    state = load_state(workspace, first)
    for row, image in enumerate(workspace.catalog.ready()):
        majorities = explain(state.graph, state.labels, [row])[0].majorities
        against = ", ".join(str(k) for k, label in majorities.items() if label != state.labels[row])
        assert f"; by projection16 at k = {against or 'none'} of " in both[image.path]


def test_an_encoder_is_silent_on_images_it_has_not_seen(
    photos: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace, labels_from_folders=True)
    picture(0, 99).save(photos / "cat" / "00b.png")
    encoder.dim = 24
    embed(workspace, labels_from_folders=True)
    said = whys(workspace)
    assert " by projection16" not in said["cat/00b.png"]
    assert sum(" by projection16" in why for why in said.values()) == 60


def test_a_damaged_graph_of_another_encoder_changes_nothing(
    workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace, labels_from_folders=True)
    first = workspace.encoder
    assert first is not None
    encoder.dim = 24
    embed(workspace)
    stored = next((workspace.encoder_folder(first) / "graph").rglob("neighbors.npy"))
    with stored.open("r+b") as file:
        file.seek(200)
        file.write(b"damaged")
    assert not any(" by " in why for why in whys(workspace).values())
