"""Whole files made unwhole: bytes flipped, cut, doubled, moved, replaced by numbers that often do harm."""

import numpy as np

NUMBERS = [b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0", b'"', b"\n", b",", b"'"]


def mutated(seed: bytes, rng: np.random.Generator) -> bytes:
    """Between one and eight changes to a file."""
    data = bytearray(seed)
    for _ in range(int(rng.integers(1, 9))):
        place, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 17))
        kind = int(rng.integers(5))
        if kind == 0 and place < len(data):
            data[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = data[place : place + length]
        elif kind == 3:
            number = NUMBERS[int(rng.integers(len(NUMBERS)))]
            data[place : place + len(number)] = number
        else:
            data[place : place + length] = rng.bytes(length)
    return bytes(data)
