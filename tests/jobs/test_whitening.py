"""Whitened and averaged embeddings in a workspace: never mixed, remembered, applied to what comes later."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from curator.encoders import load_encoder
from curator.encoders.whitening import fit_whitening
from curator.errors import CuratorError
from curator.images import read_image
from curator.jobs._artifacts import load_embeddings
from curator.jobs.chosen_encoder import remembered_encoder
from curator.jobs.embed import embed
from curator.jobs.encoders import list_encoders, use_encoder
from curator.jobs.finetune import finetune
from curator.jobs.similar import similar
from curator.store import Workspace

from .conftest import picture


def rows(workspace: Workspace) -> npt.NDArray[np.float32]:
    return np.asarray(load_embeddings(workspace).array("embeddings"), dtype=np.float32)


def test_embeddings_are_whitened_and_go_back(workspace: Workspace) -> None:
    plain_report = embed(workspace)
    plain = rows(workspace)
    report = embed(workspace, whiten=6)
    assert (report.embedded, report.dim) == (0, 6)
    assert report.encoder == f"{plain_report.encoder}, whitened"
    wanted = fit_whitening(plain, 6).apply(plain)
    agreement = (rows(workspace) * wanted).sum(axis=1)
    np.testing.assert_allclose(agreement, 1, atol=0.01)
    embed(workspace, whiten=0)
    assert np.array_equal(rows(workspace), plain)


def test_the_fit_stays_for_new_images_until_it_is_asked_for_again(workspace: Workspace, photos: Path) -> None:
    embed(workspace, whiten=6)
    first, before = workspace.encoder, rows(workspace)
    picture(1, 99).save(photos / "dog" / "99.png")
    assert embed(workspace).embedded == 1
    assert workspace.encoder == first
    kept = [row.path for row in workspace.catalog.ready()].index("dog/99.png")
    assert np.array_equal(np.delete(rows(workspace), kept, axis=0), before)
    embed(workspace, whiten=6)
    assert workspace.encoder != first
    assert workspace.encoder is not None
    use_encoder(workspace, str(first))
    with pytest.raises(CuratorError, match="no single encoder"):
        use_encoder(workspace, "none")
    assert [each.name for each in list_encoders(workspace)].count("bundled, whitened") == 2


def test_queries_are_projected_as_the_embeddings_were(workspace: Workspace, photos: Path) -> None:
    embed(workspace, whiten=6, views="flip")
    image = photos / "dog" / "03.png"
    frame = similar(workspace, image, count=3)
    assert frame.path[0] == "dog/03.png"
    assert frame.similarity[0] == pytest.approx(1, abs=5e-3)
    encoder = remembered_encoder(workspace, device="cpu")
    assert encoder.fingerprint == workspace.encoder
    found = encoder.encode(encoder.spec.decode(read_image(image)).pixels[None])
    stored = rows(workspace)[[row.path for row in workspace.catalog.ready()].index("dog/03.png")]
    np.testing.assert_allclose(found[0], stored, atol=0.02)


def test_views_make_other_embeddings_and_are_remembered(workspace: Workspace) -> None:
    embed(workspace)
    plain = workspace.encoder
    assert embed(workspace, views="flip").embedded == 60
    assert workspace.encoder == load_encoder(device="cpu", views="flip").fingerprint != plain
    assert embed(workspace).encoder == "bundled, flip"
    assert embed(workspace, encoder="bundled").embedded == 0  # the encoder as it comes, known from before
    assert workspace.encoder == plain


def test_too_many_components_leave_the_former_embeddings(workspace: Workspace) -> None:
    embed(workspace)
    before = workspace.encoder
    with pytest.raises(CuratorError, match="give --whiten 1 to 59"):
        embed(workspace, whiten=60)
    assert workspace.encoder == before
    assert embed(workspace).embedded == 0


def test_fine_tuning_asks_for_the_encoder_as_it_comes(workspace: Workspace) -> None:
    embed(workspace, whiten=6, labels_from_folders=True)
    with pytest.raises(CuratorError, match=r"starts from an encoder as it comes.*--encoder bundled` first"):
        finetune(workspace)
