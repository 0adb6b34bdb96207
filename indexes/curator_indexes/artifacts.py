"""Results on disk that are whole, checksummed, and know what they were made from.

An artifact is a folder:

    manifest.json       kind, versions, inputs, facts, {file: sha256}: the list of what is valid
    data-<token>/       the files themselves

A write fills a fresh data folder, flushes it, and then replaces the manifest in one rename: that rename is
the commit. Killed before it, the old artifact is untouched; after it, the new one stands. The former data
stay until the next write, for readers that have just opened them; so does what a killed write left over.
One writer at a time: the caller holds the lock.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._manifest import Manifest, check_name, read_manifest, write_manifest
from curator_indexes.errors import DamagedFileError
from curator_indexes.files import NPY_ERRORS, sha256_file, sync_file, sync_folder

Content = NDArray[Any] | Callable[[Path], None]

_MAPPED_BYTES = 1 << 16  # smaller files are read whole: a mapping costs a page and an open file


@dataclass(frozen=True)
class Artifact:
    """A verified artifact: every file had its checksum when this was made."""

    folder: Path
    manifest: Manifest

    @property
    def inputs(self) -> dict[str, Any]:
        """What the artifact was made from, as given to `write_artifact`."""
        return self.manifest.inputs

    @property
    def facts(self) -> dict[str, Any]:
        """What was found while making it, as given to `write_artifact`."""
        return self.manifest.facts

    def path(self, name: str) -> Path:
        """Where the file `name` lies.

        Raises:
            DamagedFileError: the artifact has no such file.

        """
        if name not in self.manifest.files:
            raise _damaged(self.folder, name, f"is not among its files {sorted(self.manifest.files)}")
        return self.folder / self.manifest.data / name

    def array(self, name: str, *, mmap: bool = True) -> NDArray[Any]:
        """The array stored as `name`, read-only and memory-mapped unless it is small or `mmap` is false.

        Raises:
            DamagedFileError: there is no such array.

        """
        path = self.path(f"{name}.npy")
        mapped = mmap and path.stat().st_size >= _MAPPED_BYTES
        try:
            array: NDArray[Any] = _map(path) if mapped else _read(path)
        except NPY_ERRORS as error:
            raise _damaged(self.folder, path.name, f"is no plain array ({error})") from error
        return array


def write_artifact(
    folder: Path,
    kind: str,
    inputs: Mapping[str, Any],
    contents: Mapping[str, Content],
    *,
    facts: Mapping[str, Any] | None = None,
    version: int = 1,
) -> None:
    """Write an artifact, replacing an older one in `folder` all at once.

    Args:
        folder: the artifact's folder; made where it is missing.
        kind: what it holds, such as "graph"; `read_artifact` must ask for the same.
        inputs: what it is made from, in JSON's types: compare it later to see whether the artifact is stale.
        contents: arrays, stored as `<name>.npy`, or functions that write the file named by their key to a
            given path.
        facts: what was found on the way (a recall, a method), in JSON's types.
        version: of the layout of `contents`; a reader that asks for another refuses the artifact.

    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder, keep=_current_data(folder))
    data = folder / f"data-{secrets.token_hex(6)}"
    data.mkdir()
    try:
        files = dict(_write_content(data, name, content) for name, content in contents.items())
        sync_folder(data)
        sync_folder(folder)
        write_manifest(folder, Manifest(kind, version, data.name, dict(inputs), dict(facts or {}), files))
    except BaseException:
        if _current_data(folder) != data.name:  # the rename may be done, and what came after it have failed
            shutil.rmtree(data, ignore_errors=True)
        raise
    sync_folder(folder.parent)


def _write_content(data: Path, name: str, content: Content) -> tuple[str, str]:
    check_name(name)
    path = data / (f"{name}.npy" if isinstance(content, np.ndarray) else name)
    if isinstance(content, np.ndarray):
        np.save(path, content, allow_pickle=False)
    else:
        content(path)
    sync_file(path)
    return path.name, sha256_file(path)


def _remove_leftovers(folder: Path, keep: str | None) -> None:
    for path in folder.glob("data-*"):
        if path.name != keep:
            # A reader may still hold a mapped file of an older version; Windows then refuses, and the next
            # write tries.
            shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".manifest.*.tmp.json"):
        path.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Path]:
    """What killed writes left in an artifact's folder, beside the data in use and the former ones."""
    current = _current_data(folder)
    others = sorted(folder.glob("data-*"), key=lambda path: path.stat().st_mtime_ns)
    others = [path for path in others if path.name != current]
    return [*others[:-1], *folder.glob(".manifest.*.tmp.json")]


def _current_data(folder: Path) -> str | None:
    try:
        return read_manifest(folder).data
    except DamagedFileError:
        return None


def read_artifact(folder: Path, kind: str, *, version: int = 1) -> Artifact:
    """Open an artifact after checking every byte of it.

    Raises:
        DamagedFileError: a file is missing, changed or cut short, or the artifact is of another kind or
        version.

    """
    manifest = read_manifest(folder)
    if (manifest.kind, manifest.version) != (kind, version):
        found, wanted = f"{manifest.kind} version {manifest.version}", f"{kind} version {version}"
        raise _damaged(folder, "manifest.json", f"is of a {found}, not of a {wanted}")
    for name, expected in manifest.files.items():
        path = folder / manifest.data / name
        if not path.is_file():
            raise _damaged(folder, name, "is missing")
        if sha256_file(path) != expected:
            raise _damaged(folder, name, "has changed since it was written")
    return Artifact(folder, manifest)


def find_artifact(folder: Path, kind: str, inputs: Mapping[str, Any]) -> Artifact | None:
    """The artifact, where there is one, whole and made from these inputs; else None."""
    try:
        found = read_artifact(folder, kind) if folder.exists() else None
    except DamagedFileError:
        return None
    return found if found is not None and found.inputs == inputs else None


def read_inputs(folder: Path) -> dict[str, Any] | None:
    """What the artifact in `folder` was made from, by its manifest alone; None where there is none.

    Raises:
        DamagedFileError: the manifest has been changed.

    """
    return read_manifest(folder).inputs if (folder / "manifest.json").exists() else None


def _map(path: Path) -> NDArray[Any]:
    mapped: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    return mapped


def _read(path: Path) -> NDArray[Any]:
    """Read a .npy file and nothing else: `numpy.load` would open archives and pickles too."""
    with path.open("rb") as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _damaged(folder: Path, name: str, what: str) -> DamagedFileError:
    return DamagedFileError(
        f"{folder}: {name} {what}. Nothing was read from it; delete the folder and rebuild it."
    )
