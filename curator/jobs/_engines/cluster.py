"""Images read and encoded, and graphs searched, by the machines of a Ray cluster.

Ray only schedules: its tasks are the functions that the local engine calls. Tasks, not actors, because Ray
then does by itself what a cluster needs: a task whose worker or machine is lost runs again elsewhere, pixels
that were lost with it are read again, and machines that join get work at once. A worker process keeps its
encoder from one task to the next.
"""

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from curator.encoders import EncoderSpec
from curator.errors import CuratorError
from curator.images import decoder_fingerprint
from curator.jobs._engines import _tasks
from curator.jobs._engines._contract import Batch, Item, Load, Vectors
from curator.jobs._engines._tasks import Order
from curator.jobs._reading import ReadImage
from curator_indexes.errors import VectorError

RETRIES = 5  # times that a task is begun anew after its worker has died
_PATIENCE = 10.0  # seconds
_AHEAD = 2  # tasks under way or waiting for each processor

Result = TypeVar("Result")


@contextmanager
def ray_engine(load: Load, device: str, address: str | None) -> Iterator["RayEngine"]:
    """An engine on the cluster at `address`, by default the one on this machine, or a new one until the end.

    A process that is connected already stays so.
    """
    ray = load_ray()
    if address is not None:
        _check_answers(address)
    connected = ray.is_initialized()
    if not connected:
        _connect(address)
    try:
        yield RayEngine(load, device)
    finally:
        if not connected:
            ray.shutdown()


def load_ray() -> Any:
    """The `ray` module; CuratorError with the command to type where it is absent."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read on import: nothing is sent anywhere
    try:
        return import_module("ray")
    except ModuleNotFoundError as error:
        raise CuratorError("the engine ray needs a package more: pip install 'curator[ray]'") from error


def _connect(address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    try:
        load_ray().init(address=address, **quiet)
    except Exception as error:  # Ray raises all kinds, plain `Exception` among them
        where = f"at {address}" if address else "to be had here"
        raise CuratorError(f"no Ray cluster {where} ({_first_line(error)}): {_START}") from error


def _check_answers(address: str) -> None:
    """CuratorError unless somebody listens there: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise CuratorError(f"{address!r} is no address of a Ray cluster: wanted HOST:PORT")
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except OSError as error:
        raise CuratorError(f"no Ray cluster answers at {address} ({error}): {_START}") from error


_START = "start one with `ray start --head`, and give --address as it says, or leave it out"


class _Held(NamedTuple):
    """Pixels somewhere in the cluster, and which images they are of, for people."""

    parts: Sequence[Any]
    images: str


class RayEngine:
    """An engine whose tasks run wherever the cluster has room: one for each GPU where there are any."""

    def __init__(self, load: Load, device: str) -> None:
        machines = _machines()
        gpus = int(sum(machine.get("GPU", 0) for machine in machines))
        if device == "cuda" and not gpus:
            raise CuratorError("no machine of the cluster has a GPU: leave --device out")
        self._cpus = int(sum(machine["CPU"] for machine in machines))
        # One search a machine, in as many threads as the smallest has: each holds the codes of all rows.
        self._threads = max(1, int(min(machine["CPU"] for machine in machines)))
        on_gpu = bool(gpus) and device in ("auto", "cuda")
        self.lanes = gpus if on_gpu else self._cpus
        self.facts = {"engine": "ray", "machines": len(machines), "workers": self.lanes}
        room = {"num_gpus": 1, "num_cpus": 0} if on_gpu else {"num_cpus": 1}
        self._read, self._encode = (
            _remote(_tasks.read, num_returns=2),
            _remote(_tasks.encode_contents, **room),
        )
        order = Order(uuid4().hex, partial(load, "cuda" if on_gpu else "cpu"), decoder_fingerprint())
        self.spec, self.batch_size = _described(order, room)
        self._order = replace(order, encoder=self.spec.fingerprint)

    def read(self, folder: Path, batches: Iterable[Sequence[Item]]) -> Iterator[Batch]:
        """Read the batches in order, some ahead of the one that is asked for."""
        begun: deque[tuple[Sequence[Item], Any, Any]] = deque()
        for items in batches:
            begun.append((items, *self._read.remote(self._order, folder, items, self.spec)))
            if len(begun) > _AHEAD * self._cpus:
                yield self._finished(folder, *begun.popleft())
        while begun:
            yield self._finished(folder, *begun.popleft())

    def encode(self, batch: Batch, contents: Sequence[str]) -> "_Encoding":
        """Begin to encode these of the batch's contents."""
        held: _Held = batch.pixels
        return _Encoding(self._encode.remote(self._order, contents, *held.parts), held.images)

    def map_blocks(
        self, work: Callable[[int, int], Result], spans: Iterable[tuple[int, int]]
    ) -> Iterator[Result]:
        """`work(low, high)` of each span, in order, on machines that share the files it names."""
        run = _remote(_tasks.run_block, threads=self._threads, num_cpus=self._threads)
        key, shared = uuid4().hex, load_ray().put(work)
        begun: deque[tuple[Any, str]] = deque()
        for low, high in spans:
            begun.append((run.remote(key, shared, low, high), f"rows {low:,} to {high - 1:,}"))
            if len(begun) > _AHEAD * max(1, self._cpus // self._threads):
                yield _got(*begun.popleft())
        while begun:
            yield _got(*begun.popleft())

    def _finished(self, folder: Path, items: Sequence[Item], facts: Any, pixels: Any) -> Batch:
        images = f"the images {items[0][1]} to {items[-1][1]}"
        try:
            return Batch(_got(facts, images), _Held([pixels], images))
        except _DiedError:
            return self._one_by_one(folder, items, images)

    def _one_by_one(self, folder: Path, items: Sequence[Item], images: str) -> Batch:
        """A batch with an image that kills whoever reads it: that one is broken, the others are not."""
        tasks = [self._read.remote(self._order, folder, [item], self.spec) for item in items]
        facts: list[ReadImage] = []
        parts: list[Any] = []
        for (image_id, path), (fact, pixels) in zip(items, tasks, strict=True):
            try:
                facts += _got(fact, path)
                parts.append(pixels)
            except _DiedError:
                killed = f"killed {RETRIES + 1} workers that were to read it: make another copy of it"
                facts.append(ReadImage(image_id, reason="crash", message=killed))
        return Batch(facts, _Held(parts, images))


class _Encoding:
    """Vectors that a task works out."""

    def __init__(self, task: Any, images: str) -> None:
        self._task, self._images = task, images

    def result(self) -> Vectors:
        """Wait for them."""
        rows: Vectors = _got(self._task, self._images)
        return rows


class _DiedError(CuratorError):
    """A task whose workers died, one after the other."""


def _machines() -> list[dict[str, float]]:
    """CPUs, GPUs and more of each machine that can be given work."""
    alive = [node["Resources"] for node in load_ray().nodes() if node["Alive"]]
    machines = [resources for resources in alive if resources.get("CPU", 0) >= 1]
    if not machines:
        raise CuratorError("no machine of the cluster has a processor to give: add one with `ray start`")
    return machines


def _remote(function: Callable[..., Any], *, threads: int = 1, **options: Any) -> Any:
    """A task of that function. Without `max_calls` a worker with a GPU would end after each."""
    environment = {"env_vars": {"CURATOR_THREADS": str(threads)}}
    fixed = {"max_retries": RETRIES, "max_calls": 0, "runtime_env": environment}
    return load_ray().remote(**fixed, **options)(function)


def _described(order: Order, room: dict[str, int]) -> tuple[EncoderSpec, int]:
    spec, batch_size = _got(_remote(_tasks.describe, **room).remote(order), "the encoder")
    return spec, batch_size


def _got(task: Any, what: str) -> Any:
    """What a task returned; CuratorError naming what it worked on."""
    ray = load_ray()
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, CuratorError | VectorError | OSError | MemoryError):
            raise CuratorError(f"{what}: {error.cause}") from error
        error.add_note(f"while a worker had {what}")
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise _DiedError(f"{what}: {RETRIES + 1} workers died of it, one after the other") from error
    except ray.exceptions.RayError as error:
        again = "run the same command again, it goes on from here"
        raise CuratorError(f"{what}: the cluster failed ({_first_line(error)}): {again}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
