"""Folder of images to embeddings, index and kNN graph; only what is new or changed is read."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from curator.encoders import Encoder, load_encoder
from curator.errors import CuratorError
from curator.images import Found, scan
from curator.jobs._artifacts import build_artifacts
from curator.jobs._encoding import encoded_batches
from curator.jobs._reading import ReadImage, read_batches
from curator.jobs.labels import label_from_folders
from curator.jobs.progress import Progress, silent
from curator.store.catalog import PAGE, FileEntry, Reading, record
from curator.store.runs import recorded
from curator.store.vectors import VectorFile
from curator.store.workspace import Workspace
from curator.tables import cells, write_csv

BROKEN_FILE = "broken.csv"
DEFAULT_ENCODER = "bundled"
HARMLESS_REASONS = ("other_extension", "already_scanned")  # nothing of the user's is missing


class Choice(NamedTuple):
    """What an embed run remembers for the next one."""

    encoder: str = DEFAULT_ENCODER
    weights: Path | None = None
    k: int = 50
    follow_symlinks: bool = False


@dataclass(frozen=True)
class EmbedReport:
    """What an embed run did: images = embedded now + reused from before + copies of others among them.

    `broken_list` names the file that lists unreadable images, if there are any.
    """

    images: int
    embedded: int
    reused: int
    copies: int
    broken: int
    ignored: int
    gone: int
    labelled: int
    encoder: str
    dim: int
    broken_list: str | None


def embed(
    workspace: Workspace,
    *,
    encoder: str | None = None,
    weights: Path | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    k: int | None = None,
    labels_from_folders: bool = False,
    follow_symlinks: bool | None = None,
    progress: Progress = silent,
) -> EmbedReport:
    """Bring catalog, embeddings, index and graph in line with the image folder.

    Killed at any moment and run again, it goes on where it was, to the same bytes. Encoder, weights, k (50 at
    first) and whether links are followed are remembered: leave them out to go on with them.
    """
    choice = _choice(workspace, encoder, weights, k, follow_symlinks)
    network = load_encoder(choice.encoder, weights=choice.weights, device=device, batch_size=batch_size)
    parameters = {
        "encoder": asdict(network.spec),
        "k": choice.k,
        "labels_from_folders": labels_from_folders,
        "follow_symlinks": choice.follow_symlinks,
    }
    with workspace.locked("embed"), recorded(workspace.database, "embed", parameters) as outcome:
        _take_stock(workspace, choice.follow_symlinks, progress)
        vectors = _vector_file(workspace, network)
        embedded = _embed_pending(workspace, network, vectors, progress)
        ready = workspace.catalog.counts().get("ready", 0)
        listing = _list_broken(workspace)
        if not ready:
            raise CuratorError(f"none of the images in {workspace.images} could be read: see {listing}")
        build_artifacts(workspace, network.spec.fingerprint, vectors, choice.k, progress)
        workspace.set(
            "encoder", network.spec.fingerprint
        )  # last: until then, the former encoder's results stand
        workspace.set("embed", json.dumps(choice._asdict(), default=str))
        labelled = label_from_folders(workspace) if labels_from_folders else 0
        report = _report(workspace, network, embedded, labelled, listing)
        outcome |= asdict(report)
    return report


def remembered_encoder(workspace: Workspace, *, device: str = "auto") -> Encoder:
    """The encoder that made the current embeddings; CuratorError where what is at hand is another one."""
    choice = _choice(workspace, None, None, None, None)
    network = load_encoder(choice.encoder, weights=choice.weights, device=device)
    if network.spec.fingerprint != workspace.encoder:
        raise CuratorError(
            f"{choice.encoder} or the image decoder is not what the embeddings here were made with: "
            f"run `{workspace.embed_command}`"
        )
    return network


def _choice(
    workspace: Workspace, encoder: str | None, weights: Path | None, k: int | None, follow: bool | None
) -> Choice:
    """What was asked for, and for the rest what was chosen the last time."""
    stored = workspace.find_setting("embed")
    try:
        before = Choice(**json.loads(stored)) if stored else Choice()
    except (ValueError, TypeError) as error:
        damaged = (
            f"what was chosen in {workspace.folder} is damaged ({error}): restore curator.db from a copy"
        )
        raise CuratorError(damaged) from error
    if encoder is None and weights is None:
        encoder, weights = before.encoder, Path(before.weights) if before.weights else None
    return Choice(
        encoder=encoder or DEFAULT_ENCODER,
        weights=None if weights is None else weights.resolve(),
        k=before.k if k is None else k,
        follow_symlinks=before.follow_symlinks if follow is None else follow,
    )


def _take_stock(workspace: Workspace, follow_symlinks: bool, progress: Progress) -> None:
    """Scan the folder into the catalog; an error where there is no image at all."""
    entries = _counted(scan(workspace.images, follow_symlinks=follow_symlinks), progress)
    ahead: list[FileEntry] = []
    for entry in entries:  # an unmounted disk looks like an empty folder: the catalog must not believe it
        ahead.append(entry)
        if entry.state != "ignored":
            break
    else:
        held = f"{len(ahead)} files, none of them an image" if ahead else "no file"
        raise CuratorError(
            f"there are no images in {workspace.images} ({held}): "
            "JPEG, PNG, WebP, BMP, TIFF and GIF files are looked for, in all its subfolders"
        )
    workspace.catalog.synchronize(chain(ahead, entries))


def _counted(found: Iterator[Found], progress: Progress) -> Iterator[FileEntry]:
    for number, file in enumerate(found, 1):
        if number % PAGE == 0:
            progress("scan", number, 0)
        state = "pending" if file.reason is None else "broken"
        if file.reason in HARMLESS_REASONS:
            state = "ignored"
        yield FileEntry(file.path, file.size, file.mtime_ns, state, file.reason, file.message)


def _vector_file(workspace: Workspace, network: Encoder) -> VectorFile:
    """Open this encoder's vectors; damaged ones are dropped, so that their images are read again."""
    spec = network.spec
    folder = workspace.encoder_folder(spec.fingerprint)
    vectors = VectorFile(workspace.database, folder, spec.fingerprint, asdict(spec), spec.dim)
    vectors.drop_damaged()
    return vectors


def _embed_pending(workspace: Workspace, network: Encoder, vectors: VectorFile, progress: Progress) -> int:
    """Read and embed all that waits, a batch at a time; returns how many vectors are new."""
    total = workspace.catalog.count_to_read(vectors.encoder_id)
    done = new = 0
    batches = read_batches(workspace, network.spec, vectors.encoder_id, network.batch_size)
    for batch in encoded_batches(network, vectors, batches):
        with workspace.database.writing() as connection:
            vectors.append(connection, batch.contents, batch.rows)
            record(connection, [_reading(image) for image in batch.images])
        done, new = done + len(batch.images), new + len(batch.contents)
        progress("embed", done, total)
    return new


def _reading(image: ReadImage) -> Reading:
    return Reading(image.image_id, image.content_hash, image.width, image.height, image.reason, image.message)


def _list_broken(workspace: Workspace) -> Path | None:
    path = workspace.folder / BROKEN_FILE
    rows = list(workspace.catalog.broken())
    if not rows:
        path.unlink(missing_ok=True)
        return None
    write_csv(cells(rows, ["path", "reason", "message"]), path, overwrite=True)
    return path


def _report(
    workspace: Workspace, network: Encoder, embedded: int, labelled: int, listing: Path | None
) -> EmbedReport:
    counts = workspace.catalog.counts()
    images, contents = counts.get("ready", 0), workspace.catalog.count_contents()
    return EmbedReport(
        images=images,
        embedded=embedded,
        reused=contents - embedded,
        copies=images - contents,
        broken=counts.get("broken", 0),
        ignored=counts.get("ignored", 0),
        gone=counts.get("gone", 0),
        labelled=labelled,
        encoder=network.spec.name,
        dim=network.spec.dim,
        broken_list=None if listing is None else str(listing),
    )
