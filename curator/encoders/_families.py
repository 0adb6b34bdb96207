"""The contract that a family of encoders meets, one family per file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from curator.encoders._loaded import Loaded


class Weights(StrEnum):
    """Where the weights of a family come from when no file is given."""

    INCLUDED = "included"  # they lie in the package
    DOWNLOADED = "downloaded"  # on first use
    OWN = "own"  # whoever wrote the encoder knows
    FILE = "file"  # nowhere: a file is needed
    NONE = "none"  # there are none, and a file is refused


@dataclass(frozen=True)
class Extra:
    """The packages that an optional part of curator needs, and the name under which pip installs them."""

    name: str
    packages: tuple[str, ...]

    @property
    def installed(self) -> bool:
        """Whether all of them are there; nothing is imported."""
        return all(find_spec(package) is not None for package in self.packages)

    @property
    def command(self) -> str:
        """What to type to have them."""
        return f"pip install 'curator[{self.name}]'"


@dataclass(frozen=True)
class Family:
    """Encoders that are found and loaded in one way.

    `names()` lists those that can be had without a file, without prefix; `accepts(name)` says what other
    names are understood, such as one with an input size. `load(name, weights)` is called with torch set up;
    `weights` None means the family's own. Names of a family that is not `prefixed` stand alone, without
    "family:". `extra` is what must be installed before any of this is called.
    """

    names: Callable[[], list[str]]
    load: Callable[[str, Path | None], Loaded]
    weights: Weights
    accepts: Callable[[str], bool] = lambda _name: False
    prefixed: bool = True
    extra: Extra | None = None

    def knows(self, name: str) -> bool:
        """Whether `load` can be asked for this name."""
        return self.accepts(name) or name in self.names()

    @property
    def missing(self) -> str | None:
        """The command that installs what this family needs; None where it is there."""
        return None if self.extra is None or self.extra.installed else self.extra.command
