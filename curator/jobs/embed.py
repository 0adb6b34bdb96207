"""Folder of images to embeddings, index and kNN graph; only what is new or changed is read."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from curator.encoders import EncoderSpec
from curator.encoders.options import whitened_spec
from curator.errors import CuratorError
from curator.images import Found, checked_place, scan
from curator.jobs._artifacts import Rows, build_artifacts
from curator.jobs._encoding import encoded_batches
from curator.jobs._engines import Engine, open_engine
from curator.jobs._listing import take_listing
from curator.jobs._reading import ReadImage, batches_to_read
from curator.jobs._whitening import WhitenedRows, store_whitening, stored_whitening
from curator.jobs.chosen_encoder import Choice, chosen_network, new_choice, remember_choice
from curator.jobs.labels import label_from_folders
from curator.jobs.progress import Progress, every, silent
from curator.store.catalog import PAGE, FileEntry, Reading, record
from curator.store.runs import recorded
from curator.store.vectors import VectorFile
from curator.store.workspace import Workspace
from curator.tables import cells, write_csv

BROKEN_FILE = "broken.csv"
HARMLESS_REASONS = ("other_extension", "already_scanned")  # nothing of the user's is missing


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
    views: str | None = None,
    pooling: str | None = None,
    whiten: int | None = None,
    precision: str | None = None,
    device: str = "auto",
    engine: str = "local",
    address: str | None = None,
    batch_size: int | None = None,
    k: int | None = None,
    labels_from_folders: bool = False,
    follow_symlinks: bool | None = None,
    progress: Progress = silent,
) -> EmbedReport:
    """Bring catalog, embeddings, index and graph in line with the image folder.

    Killed at any moment and run again, it goes on where it was, to the same bytes. Encoder and how it is
    used, k (50 at first) and whether links are followed are remembered: leave them out to go on with them.
    Another encoder begins as it comes. `whiten` is to how many principal components, 0 for none: they are
    fitted anew whenever it is given, and new images are projected on them until then. With `engine` "ray"
    the machines of a Ray cluster read, encode and build the graph, to the same bytes; `address` is where it
    runs, if not here.
    """
    asked: dict[str, Any] = {
        "encoder": encoder,
        "weights": weights,
        "k": k,
        "follow_symlinks": follow_symlinks,
    }
    asked |= {"views": views, "pooling": pooling, "whiten": whiten, "precision": precision}
    choice = new_choice(workspace, asked)
    load = partial(chosen_network, choice, batch_size)
    with workspace.locked("embed") as lease, open_engine(engine, load, device, address) as opened:
        parameters = {
            "encoder": asdict(opened.spec),
            "labels_from_folders": labels_from_folders,
            **{name: getattr(choice, name) for name in ("k", "follow_symlinks", "whiten")},
            **opened.facts,
        }
        with recorded(workspace.database, "embed", parameters) as outcome:
            told = every(progress, outcome.note, lambda *_: lease())
            report = _brought_in_line(workspace, choice, opened, whiten is not None, told)
            if labels_from_folders:
                report = replace(report, labelled=label_from_folders(workspace))
            outcome |= asdict(report)
    return report


def _brought_in_line(
    workspace: Workspace, choice: Choice, engine: Engine, refit: bool, progress: Progress
) -> EmbedReport:
    """Catalog, embeddings, index and graph, in this order; `refit` is for the whitening."""
    _take_stock(workspace, choice.follow_symlinks, progress)
    vectors = _vector_file(workspace, engine.spec)
    embedded = _embed_pending(workspace, engine, vectors, progress)
    listing = _list_broken(workspace)
    if not workspace.catalog.counts().get("ready", 0):
        raise CuratorError(f"none of the images in {workspace.source} could be read: see {listing}")
    spec, rows = _final_rows(workspace, engine.spec, vectors, choice.whiten, refit=refit)
    build_artifacts(workspace, spec.fingerprint, rows, choice.k, progress, engine.map_blocks)
    remember_choice(workspace, spec.fingerprint, choice)
    workspace.set("encoder", spec.fingerprint)  # last: until then, the former results stand
    return _report(workspace, spec, embedded, listing)


def _final_rows(
    workspace: Workspace, spec: EncoderSpec, vectors: VectorFile, whiten: int, *, refit: bool
) -> tuple[EncoderSpec, Rows]:
    """What becomes the embeddings: the encoder's own vectors, or these whitened as before or anew."""
    if not whiten:
        return spec, vectors
    whitening = None if refit else stored_whitening(workspace, spec, whiten)
    whitening = whitening or store_whitening(workspace, spec, vectors, whiten)
    final = whitened_spec(spec, whitening)
    _vector_file(workspace, final)  # its entry in the list of encoders; the vectors stay those of `spec`
    return final, WhitenedRows(vectors, whitening)


def _take_stock(workspace: Workspace, follow_symlinks: bool, progress: Progress) -> None:
    """Scan the images into the catalog; an error where there is no image at all."""
    take_listing(workspace)
    checked_place(workspace.images)
    entries = _counted(scan(workspace.images, follow_symlinks=follow_symlinks), progress)
    ahead: list[FileEntry] = []
    for entry in entries:  # an unmounted disk looks like an empty folder: the catalog must not believe it
        ahead.append(entry)
        if entry.state != "ignored":
            break
    else:
        held = f"{len(ahead)} files, none of them an image" if ahead else "no file"
        raise CuratorError(
            f"there are no images in {workspace.source} ({held}): "
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


def _vector_file(workspace: Workspace, spec: EncoderSpec) -> VectorFile:
    """Open this encoder's vectors; damaged ones are dropped, so that their images are read again."""
    folder = workspace.encoder_folder(spec.fingerprint)
    vectors = VectorFile(workspace.database, folder, spec.fingerprint, asdict(spec), spec.dim)
    vectors.drop_damaged()
    return vectors


def _embed_pending(workspace: Workspace, engine: Engine, vectors: VectorFile, progress: Progress) -> int:
    """Read and embed all that waits, a batch at a time; returns how many vectors are new."""
    total = workspace.catalog.count_to_read(vectors.encoder_id)
    done = new = 0
    batches = batches_to_read(workspace, vectors.encoder_id, engine.batch_size)
    for batch in encoded_batches(engine, vectors, engine.read(workspace.images, batches)):
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


def _report(workspace: Workspace, spec: EncoderSpec, embedded: int, listing: Path | None) -> EmbedReport:
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
        labelled=0,
        encoder=spec.name,
        dim=spec.dim,
        broken_list=None if listing is None else str(listing),
    )
