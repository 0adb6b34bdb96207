"""An ONNX network that passes for one of torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class OnnxNetwork(nn.Module):
    """Images [b, 3, s, s] to features [b, dim], on the CPU. Sessions may be run from many threads at once."""

    def __init__(self, session: Any, output: str) -> None:
        super().__init__()
        self._session = session
        self._output = output
        self._input = session.get_inputs()[0].name
        first = session.get_inputs()[0].shape[0]
        self._batch = first if isinstance(first, int) else None  # some files take so many images, no others

    def forward(self, images: Tensor) -> Tensor:
        """Features [b, dim], on the images' device."""
        parts = [images] if self._batch is None else list(torch.split(images, self._batch))
        features = torch.cat([self._run(part) for part in parts])[: len(images)]
        return features.to(images.device)

    def _run(self, part: Tensor) -> Tensor:
        pixels = np.ascontiguousarray(part.cpu().numpy())
        if self._batch is not None and len(pixels) < self._batch:
            pixels = np.concatenate([pixels, np.zeros((self._batch - len(pixels), *pixels.shape[1:]), "f4")])
        return torch.from_numpy(self._session.run([self._output], {self._input: pixels})[0])

    def __deepcopy__(self, memo: object) -> OnnxNetwork:
        """Itself: sessions cannot be copied, and nothing in it ever changes."""
        return self
