"""Where images are read and encoded: in this process, or on the machines of a Ray cluster.

Both engines call the same functions on the same batches, so that a vector does not depend on the engine.
"""

from contextlib import AbstractContextManager

from curator.errors import CuratorError
from curator.jobs._engines._contract import Engine, Load
from curator.jobs._engines.local import local_engine

__all__ = ["ENGINES", "Engine", "open_engine"]

ENGINES = ("local", "ray")


def open_engine(
    name: str, load: Load, device: str, address: str | None = None
) -> AbstractContextManager[Engine]:
    """The engine called `name`, ready to read images for the encoder that `load` loads.

    `address` is that of a running cluster. Raises CuratorError where engine or address make no sense.
    """
    if name not in ENGINES:
        raise CuratorError(f"unknown engine {name!r}: give one of {', '.join(ENGINES)}")
    if name == "ray":
        from curator.jobs._engines.cluster import ray_engine  # Ray is an extra, and slow to import

        return ray_engine(load, device, address)
    if address is not None:
        raise CuratorError(f"only Ray can use a cluster at {address}: add --engine ray")
    return local_engine(load, device)
