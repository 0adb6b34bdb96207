"""Views: same seed same views, values stay in range, weak ones stay close and strong ones do not."""

import torch

from curator.finetuning.views import strong_view, weak_view


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures() -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(torch.rand(16, 3, 40, 40, generator=generator()), 9, stride=1)


def test_same_seed_same_view_and_values_stay_between_0_and_1() -> None:
    for view in (weak_view, strong_view):
        first, second = (view(pictures(), generator(3), flip=True) for _ in range(2))
        assert torch.equal(first, second)
        assert not torch.equal(first, view(pictures(), generator(4), flip=True))
        assert first.shape == pictures().shape
        assert first.min() >= 0
        assert first.max() <= 1


def test_a_weak_view_is_nearer_than_a_strong_one() -> None:
    images = pictures()
    weak = (weak_view(images, generator(), flip=False) - images).abs().mean()
    strong = (strong_view(images, generator(), flip=False) - images).abs().mean()
    assert 0 < weak < strong / 2


def rising(view: torch.Tensor) -> torch.Tensor:
    return view[:, 0, 16, 24] > view[:, 0, 16, 8]


def test_without_flip_no_image_is_mirrored() -> None:
    ramp = torch.linspace(0, 1, 32).expand(64, 3, 32, 32)
    assert rising(weak_view(ramp, generator(), flip=False)).all()
    assert 10 < int(rising(weak_view(ramp, generator(), flip=True)).sum()) < 54
