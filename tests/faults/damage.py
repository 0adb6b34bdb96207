"""Damage to any file of a workspace, by chance but the same for the same seed."""

from pathlib import Path

import numpy as np

KINDS = ("flip", "cut", "append", "zero", "swap")


def damaged(case: Path, seed: int, *, database: bool) -> str:
    """Damage one file of a case's workspace; says which, and how."""
    rng = np.random.default_rng([seed, database])
    files = sorted(path for path in (case / ".curator").rglob("*") if path.is_file() and path.stat().st_size)
    path = rng.choice(np.array([path for path in files if (path.name == "curator.db") == database]))
    kind, data = str(rng.choice(KINDS)), bytearray(path.read_bytes())
    place = int(rng.integers(len(data)))
    length = int(rng.integers(1, 64))
    if kind == "flip":
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del data[place:]
    elif kind == "append":
        data += rng.bytes(length)
    elif kind == "zero":
        data[place : place + length] = bytes(len(data[place : place + length]))
    else:
        other = int(rng.integers(len(data)))
        data[place : place + length], data[other : other + length] = (
            data[other : other + length],
            data[place : place + length],
        )
    path.write_bytes(data)
    return f"{kind} at {place} in {path.relative_to(case)}"
