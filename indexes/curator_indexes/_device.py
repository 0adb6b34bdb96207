"""Exact search on a GPU, by torch where that finds CUDA: candidates only, similarities are computed again."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np

from curator_indexes._rows import Floats, Ids, Rows
from curator_indexes.runtime import load_torch

DEVICE_ROWS = 8192  # queries at once
_MOST_VALUES = 1 << 28  # similarities at once: a gigabyte
_BYTES_PER_VALUE = 32  # of free memory for each of them: two threads, and what sorting takes
_HELD_SHARE = 0.5  # of the free memory, for rows that stay on the device


class DeviceSearch:
    """Searches rows [n, d] on a device; those that do not fit there are sent over again for each call."""

    def __init__(self, rows: Rows, device: str) -> None:
        self._rows, self._device = rows, device
        free = _free_memory(device)
        self._size = max(1, min(_MOST_VALUES, free // _BYTES_PER_VALUE) // DEVICE_ROWS)
        fits = 4 * len(rows) * rows.d <= _HELD_SHARE * free
        self._held = [self._sent(low) for low in range(0, len(rows), self._size)] if fits else None

    def __call__(self, queries: Floats, m: int) -> Ids:
        """The m <= n rows nearest to each query [b, d], int64 [b, m], in no promised order."""
        torch = load_torch()
        near = torch.from_numpy(queries).to(self._device)
        best = torch.empty((len(queries), 0), device=self._device)
        ids = torch.empty((len(queries), 0), dtype=torch.int64, device=self._device)
        for number, low in enumerate(range(0, len(self._rows), self._size)):
            base = self._sent(low) if self._held is None else self._held[number]
            similarities, places = (near @ base.T).topk(min(m, len(base)), dim=1)
            best, ids = torch.cat([best, similarities], dim=1), torch.cat([ids, places + low], dim=1)
            best, chosen = best.topk(min(m, best.shape[1]), dim=1)
            ids = ids.gather(1, chosen)
        found: Ids = ids.cpu().numpy()
        return found

    def _sent(self, low: int) -> Any:
        block = self._rows.block(low, min(low + self._size, len(self._rows)))
        return load_torch().from_numpy(np.ascontiguousarray(block)).to(self._device)


def find_device() -> str | None:
    """The device to search on; None where there is no GPU that torch can use.

    torch, which takes seconds to import, is only asked where there is a driver.
    """
    driver = Path("/proc/driver/nvidia").exists() or which("nvidia-smi") is not None
    if not driver or find_spec("torch") is None:
        return None
    return "cuda" if load_torch().cuda.is_available() else None


def _free_memory(device: str) -> int:
    free: int = load_torch().cuda.mem_get_info(device)[0]
    return free
