"""What is wrong with a workspace, and what can be put right here and now."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy import select

from curator.errors import CuratorError
from curator.images import UnreadableImageError, image_facts, read_image
from curator.jobs._reading import content_hash
from curator.jobs.kept_runs import KIND as RUN
from curator.jobs.kept_runs import runs_folder
from curator.jobs.status import status
from curator.store.database import copy_database, database_problems
from curator.store.runs import close_run, unfinished_runs
from curator.store.schema import encoder
from curator.store.vectors import VectorFile
from curator.store.workspace import Workspace
from curator_indexes.artifacts import leftovers, read_artifact
from curator_indexes.errors import DamagedFileError

_NAMED = 5  # images named of those that are gone or changed
Repair = Callable[[], None]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: which check found it, where, what it is, and what to do.

    `harm` is false where nothing is lost or wrong yet. `repaired` says that it was put right.
    """

    check: str
    where: str
    what: str
    advice: str
    harm: bool = True
    repaired: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """All findings of a workspace; `healthy` when none is left that does harm."""

    workspace: str
    findings: list[Finding]

    @property
    def healthy(self) -> bool:
        """Whether nothing that does harm is left."""
        return all(found.repaired or not found.harm for found in self.findings)


Found = tuple[Finding, Repair | None]


def doctor(
    folder: Path | None = None, *, repair: bool = False, contents: bool = False, backup: Path | None = None
) -> Diagnosis:
    """Check everything that a workspace consists of.

    Args:
        folder: the workspace; by default the nearest here or above.
        repair: put right what can be, without touching a label: damaged results are removed, so that the next
            `curator embed` or `curator propagate` makes them again.
        contents: read every image again, and compare it with what was embedded: finds decayed files.
        backup: copy the database, which holds all labels, to this new file, if nothing is wrong with it.

    Raises:
        MissingWorkError: there is no workspace.
        CuratorError: another process writes, and so nothing can be repaired; or the backup exists.

    """
    place = Workspace.find(folder).resolve()
    broken = list(_check_database(place))
    if broken:  # nothing else can be told without it
        return Diagnosis(str(place), broken)
    workspace = Workspace(place)
    if backup is not None:
        _back_up(workspace, backup)
    found = list(_check_idle(workspace))  # before the lock is taken here
    checks = (*CHECKS, _check_contents) if contents else CHECKS
    with workspace.locked("doctor") if repair else nullcontext():
        found += [item for check in checks for item in check(workspace)]
        findings = [_treated(*item, repair=repair) for item in found]
    return Diagnosis(str(place), findings)


def _treated(finding: Finding, treatment: Repair | None, *, repair: bool) -> Finding:
    if treatment is None or not repair:
        return finding
    treatment()
    return replace(finding, repaired=True)


def _back_up(workspace: Workspace, target: Path) -> None:
    if target.exists():
        raise CuratorError(f"{target} exists, and may be a copy that you need: name another file")
    copy_database(workspace.database.place, target)


def _check_database(folder: Path) -> Iterator[Finding]:
    """Every page of the database, and each table against its indexes."""
    for problem in database_problems(folder):
        yield Finding(
            "database",
            str(folder / "curator.db"),
            f"the database is damaged: {problem}",
            "restore it from a copy (`curator doctor --backup FILE` makes one); nothing was changed",
        )


def _check_vectors(workspace: Workspace) -> Iterator[Found]:
    """The checksum of each stretch of vectors."""
    with workspace.database.reading() as connection:
        known = connection.execute(select(encoder.c.fingerprint, encoder.c.spec, encoder.c.dim)).all()
    for fingerprint, spec, dim in known:
        place = workspace.encoder_folder(fingerprint)
        vectors = VectorFile(workspace.database, place, fingerprint, spec, dim)
        lost = sum(part.row_count for part in vectors.damaged())
        if lost:
            what = f"{lost:,} vectors are missing or do not match their checksum"
            again = f"run `{workspace.embed_command}`: it embeds these images again"
            yield Finding("vectors", str(vectors.path), what, again), vectors.drop_damaged


def _check_artifacts(workspace: Workspace) -> Iterator[Found]:
    """The checksums of embeddings, indexes, graphs and the propagation."""
    for place in _artifacts(workspace):
        try:
            kept = place.parent.parent == runs_folder(workspace)
            read_artifact(place, RUN if kept else place.name)
        except DamagedFileError as error:
            maker = "curator propagate" if place.name == "propagation" else workspace.embed_command
            again = f"run `{maker}`: it makes the {place.name} again"
            again = "it was kept for `curator diff` alone, and cannot be made again" if kept else again
            yield Finding("artifacts", str(place), str(error), again), partial(shutil.rmtree, place)


def _check_leftovers(workspace: Workspace) -> Iterator[Found]:
    """What killed commands left half written."""
    half = [path for place in _artifacts(workspace) for path in leftovers(place)]
    for path in [*half, *workspace.folder.glob(".*.tmp.*")]:
        finding = Finding("leftovers", str(path), "a killed command left it", "it can be removed", harm=False)
        yield finding, partial(shutil.rmtree, path) if path.is_dir() else path.unlink


def _check_idle(workspace: Workspace) -> Iterator[Found]:
    """While nobody writes: the note of who does, and runs that began and never ended."""
    if workspace.other_writer() is not None:
        return
    note = workspace.folder / "lock.json"
    if note.exists():
        gone = "it names a process that is gone"
        finding = Finding("leftovers", str(note), gone, "it can be removed", harm=False)
        yield finding, partial(note.unlink, missing_ok=True)
    for run in unfinished_runs(workspace.database):
        what = f"{run.verb} began at {run.started_at} and has not ended: it was killed, or is under way"
        finding = Finding("runs", f"run {run.number}", what, "run it again, if it was killed", harm=False)
        yield finding, partial(close_run, workspace.database, run.number)


def _check_images(workspace: Workspace) -> Iterator[Found]:
    """Size and time of each image, against what was embedded."""
    for state, names in _changes(workspace).items():
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        what = f"{len(names):,} {state} since they were embedded: {', '.join(names[:_NAMED])}{more}"
        again = f"run `{workspace.embed_command}`"
        yield Finding("images", str(workspace.images), what, again, harm=False), None


def _changes(workspace: Workspace) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, size, mtime_ns in workspace.catalog.ready_files():
        try:
            now = image_facts(workspace.images / path)
        except UnreadableImageError:
            found.setdefault("images are gone", []).append(path)
        else:
            if now != (size, mtime_ns):
                found.setdefault("images have changed", []).append(path)
    return found


def _check_contents(workspace: Workspace) -> Iterator[Found]:
    """Every byte of each image whose size and time say that it is the one that was embedded."""
    known = {path: content for _, path, content in workspace.catalog.ready()}
    for path, size, mtime_ns in workspace.catalog.ready_files():
        file = workspace.images / path
        try:
            now, data = image_facts(file), read_image(file)
        except UnreadableImageError:
            continue  # the check of sizes and times tells
        if now == (size, mtime_ns) and content_hash(data) != known[path]:
            what = "its bytes have changed, though neither its size nor its time has: the disk may fail"
            yield Finding("contents", str(file), what, "restore it from a copy"), None


def _check_stale(workspace: Workspace) -> Iterator[Found]:
    """What no longer fits together."""
    for line in status(workspace).stale:
        yield Finding("stale", str(workspace.folder), line, "as it says", harm=False), None


CHECKS: tuple[Callable[[Workspace], Iterator[Found]], ...] = (
    _check_vectors,
    _check_artifacts,
    _check_leftovers,
    _check_images,
    _check_stale,
)


def _artifacts(workspace: Workspace) -> list[Path]:
    places = [*workspace.folder.glob("encoders/*/*"), *runs_folder(workspace).glob("*/*")]
    return sorted(place for place in places if place.is_dir())
