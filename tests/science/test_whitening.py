"""Whitening: unit covariance, the directions of a plain eigendecomposition, errors that say what would do."""

import numpy as np
import pytest

from curator.encoders.whitening import Whitening, fit_whitening
from curator.errors import CuratorError


def rows(count: int = 500, width: int = 12) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rng = np.random.default_rng(0)
    made = rng.normal(size=(count, width)) * np.linspace(1, 2, width) + 0.5
    unit: np.ndarray[tuple[int, int], np.dtype[np.float32]] = (
        made / np.linalg.norm(made, axis=1, keepdims=True)
    ).astype(np.float32)
    return unit


def test_components_are_uncorrelated_and_equally_wide() -> None:
    fitted = fit_whitening(rows(), 8)
    moved = (rows() - fitted.center) @ fitted.projection
    covariance = moved.T @ moved / len(moved)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3)
    np.testing.assert_allclose(np.diag(covariance), 1, atol=0.01)


def test_rows_have_length_one_and_do_not_depend_on_each_other() -> None:
    fitted, embeddings = fit_whitening(rows(), 5), rows()
    whitened = fitted.apply(embeddings)
    assert whitened.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(fitted.apply(embeddings[7:8])[0], whitened[7], atol=1e-6)


def test_the_widest_components_come_first() -> None:
    embeddings = rows()
    wide, narrow = fit_whitening(embeddings, 9), fit_whitening(embeddings, 3)
    assert np.array_equal(wide.projection[:, :3], narrow.projection)
    axes = np.linalg.svd(embeddings.astype(float) - embeddings.astype(float).mean(0))[2][:3]
    found = narrow.projection / np.linalg.norm(narrow.projection, axis=0)
    np.testing.assert_allclose(np.abs(axes @ found), np.eye(3), atol=1e-3)


def test_same_rows_same_digest_and_others_another() -> None:
    assert fit_whitening(rows(), 4).sha256 == fit_whitening(rows(), 4).sha256
    assert fit_whitening(rows(), 4).sha256 != fit_whitening(rows()[:-1], 4).sha256


def test_what_lies_in_the_middle_stays_zero() -> None:
    fitted = Whitening(np.ones(3, np.float32), np.eye(3, dtype=np.float32))
    assert not fitted.apply(np.ones((2, 3))).any()


@pytest.mark.parametrize(("count", "dim"), [(500, 13), (5, 5), (500, 0)])
def test_more_components_than_there_are_is_an_error(count: int, dim: int) -> None:
    with pytest.raises(CuratorError, match=r"give --whiten 1 to \d+"):
        fit_whitening(rows(count), dim)
