"""The one place where FAISS, torch and their threads are set up.

FAISS and torch wheels each bring an OpenMP runtime of their own. Three troubles follow, each settled here:

- **macOS**: the second runtime to load aborts the process ("OMP: Error #15"), whichever package comes first,
  and teams of OpenMP threads from two runtimes crash each other (pytorch#149201, faiss-wheels#73). So a
  second runtime is allowed to load before either package is imported, and FAISS never forms a team: it
  computes only in the worker threads of `curator_indexes._blocks`, each limited to one OpenMP thread
  (`limit_faiss_to_this_thread`).
- **Order of imports**: with the above it is free. Still, import neither package directly: call `load_faiss`
  or `load_torch`, so that the settings are there before the libraries are.
- **Oversubscription**: torch counts the machine's cores, not those this process may use; four threads on two
  cores run slower than one, and a team waits for its slowest thread. So torch computes in one thread too, and
  whole batches run side by side in a pool. Every pool in the project asks `usable_cpus`.

One OpenMP thread a worker has a second use: a matrix product over fixed rows then gives the same bits
whatever the number of workers, which is what makes graphs equal byte for byte on any machine size.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from curator_indexes.errors import VectorError

_THREADS_VARIABLE = "CURATOR_THREADS"
_PRODUCT_FROM = 4096


def usable_cpus() -> int:
    """How many threads to compute with: the CPUs this process may run on, or `CURATOR_THREADS` if set.

    Raises:
        VectorError: `CURATOR_THREADS` is not a whole number of at least 1.

    """
    wanted = os.environ.get(_THREADS_VARIABLE, "").strip()
    if wanted:
        return _parse_threads(wanted)
    if hasattr(os, "sched_getaffinity"):  # absent on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parse_threads(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise VectorError(f"{_THREADS_VARIABLE} is {text!r}: wanted a whole number of at least 1, or nothing")
    return int(text)


def load_faiss() -> Any:
    """The `faiss` module, imported on first use. Compute with it only inside `curator_indexes._blocks`."""
    _allow_second_openmp()
    faiss = import_module("faiss")
    # Queries times dimensions from which FAISS searches by matrix product. Its own threshold, 128,000 in some
    # releases, leaves a search of 512 queries six times slower than it could be.
    if faiss.cvar.distance_compute_blas_threshold > _PRODUCT_FROM:
        faiss.cvar.distance_compute_blas_threshold = _PRODUCT_FROM
    return faiss


def limit_faiss_to_this_thread() -> None:
    """Let FAISS calls made from the calling thread start no OpenMP threads; other threads are not touched."""
    load_faiss().omp_set_num_threads(1)


def load_torch() -> Any:
    """The `torch` module, imported on first use; on the CPU it then computes in the calling thread alone.

    torch keeps that setting for each thread apart: call this in every thread that computes.
    """
    _allow_second_openmp()
    torch = import_module("torch")
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    return torch


@contextmanager
def torch_team() -> Iterator[None]:
    """Let torch compute with all usable CPUs for a while: one training step cannot run beside the next."""
    torch = load_torch()
    torch.set_num_threads(usable_cpus())
    try:
        yield
    finally:
        torch.set_num_threads(1)


def _allow_second_openmp() -> None:
    if sys.platform == "darwin":
        os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "TRUE")
