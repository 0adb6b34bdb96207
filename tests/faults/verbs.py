"""The commands that write, on a small workspace: `case/.curator` for the images in `root/photos`."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from curator.errors import CuratorError
from curator.jobs import chosen_encoder
from curator.jobs.audit import audit
from curator.jobs.doctor import doctor
from curator.jobs.embed import embed
from curator.jobs.label_history import undo_labels
from curator.jobs.labels import export_labels, import_labels
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.jobs.status import status
from curator.store import Workspace
from curator_indexes.artifacts import read_artifact
from tests.jobs.conftest import ProjectionEncoder, picture

KINDS = ("cat", "dog", "eel")
IMAGES = 36
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.+]+")


def make_photos(folder: Path, count: int = IMAGES) -> None:
    """Images of three kinds, told apart by their name and their look."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture(number % 3, number).save(folder / f"{KINDS[number % 3]}-{number:02}.png")


def write_labels(file: Path, count: int, shift: int = 0) -> None:
    """A label file for the first images; `shift` makes other labels of them."""
    lines = [f"{KINDS[n % 3]}-{n:02}.png,{KINDS[(n + shift) % 3]}\n" for n in range(count)]
    file.write_text("path,label\n" + "".join(lines), encoding="utf-8")


def make_case(root: Path, name: str = "case") -> Path:
    """An empty case in `root`, with the photos and label files that all cases there share."""
    if not (root / "photos").exists():
        make_photos(root / "photos")
        write_labels(root / "labels.csv", 12)
        write_labels(root / "corrections.csv", 4, shift=1)
    case = root / name
    case.mkdir()
    return case


def opened(case: Path) -> Workspace:
    """The workspace of a case."""
    setattr(chosen_encoder, "load_encoder", lambda *_args, **_options: ProjectionEncoder())  # noqa: B010
    return Workspace.create(case / ".curator", case.parent / "photos")


def _embed(case: Path) -> None:
    embed(opened(case), k=10)


def _import(case: Path) -> None:
    import_labels(opened(case), case.parent / "labels.csv", annotator="ann")


def _correct(case: Path) -> None:
    import_labels(opened(case), case.parent / "corrections.csv", annotator="ann")


def _undo(case: Path) -> None:
    undo_labels(opened(case))


def _export(case: Path) -> None:
    export_labels(opened(case), case / "exported.csv", overwrite=True)


def _propagate(case: Path) -> None:
    propagate(opened(case), output=case / "predictions.csv", overwrite=True)


def _query(case: Path) -> None:
    query(opened(case), 5, output=case / "to_label.csv", overwrite=True)


def _hand_out(case: Path) -> None:
    query(opened(case), 5, annotator="bob", output=case / "to_label.csv", overwrite=True)


def _audit(case: Path) -> None:
    audit(opened(case), everything=True, output=case / "suspects.csv", overwrite=True)


def _sample(case: Path) -> None:
    audit(opened(case), sample=4, output=case / "sample.csv", overwrite=True)


def _look(case: Path) -> None:
    status(opened(case))


def _doctor(case: Path) -> None:
    """Raise where the doctor finds harm."""
    diagnosis = doctor(case / ".curator")
    if not diagnosis.healthy:
        raise CuratorError(str(diagnosis.findings))


VERBS: dict[str, Callable[[Path], None]] = {
    "embed": _embed,
    "import": _import,
    "propagate": _propagate,
    "query": _query,
    "hand out": _hand_out,
    "audit": _audit,
    "sample": _sample,
    "correct": _correct,
    "undo": _undo,
    "export": _export,
    "look": _look,
    "doctor": _doctor,
}
READERS = ("look", "doctor")
PIPELINE = tuple(verb for verb in VERBS if verb not in READERS)
ONCE = frozenset({"undo", "sample"})  # done a second time, they do a second thing


def results(case: Path) -> dict[str, str]:
    """Checksums of all that a workspace says: artifacts, and tables written for people."""
    found = tables(case)
    for manifest in (case / ".curator").rglob("manifest.json"):
        if "under-way" in manifest.parts:
            continue
        place = manifest.parent
        kind = "run" if place.parent.parent.name == "runs" else place.name
        files = read_artifact(place, kind).manifest.files
        found |= {f"{place.parent.name}/{place.name}/{name}": checksum for name, checksum in files.items()}
    return found


def tables(case: Path) -> dict[str, str]:
    """Checksums of the tables written for people, but not of what a killed command left of one."""
    return {path.name: _told(path) for path in case.glob("[!.]*.csv")}


def _told(table: Path) -> str:
    """The checksum of a table but for the times in it."""
    return hashlib.sha256(_TIME.sub(b"<time>", table.read_bytes())).hexdigest()


def log(case: Path) -> list[tuple[object, ...]]:
    """Everything that was said of any image, without the time, and what was drawn and handed out."""
    wanted = (
        "SELECT id, image_id, label, annotator, source, content_hash, batch, undoes FROM label_event",
        "SELECT sample_id, rank, image_id, label FROM audit_draw",
        "SELECT image_id, annotator FROM assignment ORDER BY image_id, annotator",
    )
    with Workspace.open(case / ".curator").database.reading() as connection:
        found = [connection.execute(text(query)).all() for query in wanted]
    return [(number, *row) for number, rows in enumerate(found) for row in rows]
