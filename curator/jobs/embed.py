"""Folder of images to embeddings, index and kNN graph; only what is new or changed is read."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from curator.encoders import Encoder, load_encoder
from curator.errors import CuratorError
from curator.images import Found, scan
from curator.jobs._artifacts import build_embeddings, build_graph
from curator.jobs._encoding import encoded_batches
from curator.jobs._reading import ReadImage, read_batches
from curator.jobs.labels import label_from_folders
from curator.jobs.progress import Progress, silent
from curator.store.catalog import PAGE, FileEntry, Reading, pages, record
from curator.store.runs import recorded
from curator.store.vectors import VectorFile
from curator.store.workspace import Workspace
from curator.tables import cells, write_csv

BROKEN_FILE = "broken.csv"
HARMLESS_REASONS = ("other_extension", "already_scanned")  # nothing of the user's is missing


@dataclass(frozen=True)
class EmbedReport:
    """What an embed run did. `broken_list` names the file that lists unreadable images, if there are any."""

    images: int
    embedded: int
    reused: int
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
    k: int = 50,
    labels_from_folders: bool = False,
    follow_symlinks: bool = False,
    progress: Progress = silent,
) -> EmbedReport:
    """Bring catalog, embeddings, index and graph in line with the image folder.

    Killed at any moment and run again, it goes on where it was, to the same bytes.
    """
    network = load_encoder(encoder or "bundled", weights=weights, device=device, batch_size=batch_size)
    parameters = {
        "encoder": asdict(network.spec),
        "k": k,
        "labels_from_folders": labels_from_folders,
        "follow_symlinks": follow_symlinks,
    }
    with workspace.locked("embed"), recorded(workspace.database, "embed", parameters) as outcome:
        _take_stock(workspace, follow_symlinks, progress)
        vectors = _vector_file(workspace, network)
        embedded = _embed_pending(workspace, network, vectors, progress)
        ready = workspace.catalog.counts().get("ready", 0)
        listing = _list_broken(workspace)
        if not ready:
            raise CuratorError(f"none of the images in {workspace.images} could be read: see {listing}")
        workspace.set("encoder", network.spec.fingerprint)
        embeddings = build_embeddings(workspace, vectors)
        build_graph(workspace, embeddings, k, progress)
        labelled = label_from_folders(workspace) if labels_from_folders else 0
        report = _report(workspace, network, embedded, labelled, listing)
        outcome |= asdict(report)
    return report


def _take_stock(workspace: Workspace, follow_symlinks: bool, progress: Progress) -> None:
    """Scan the folder into the catalog; an error where there is no image at all."""
    catalog = workspace.catalog
    found = scan(workspace.images, follow_symlinks=follow_symlinks)
    catalog.synchronize(_counted(found, progress))
    counts = catalog.counts()
    if not any(counts.get(state) for state in ("pending", "ready", "broken")):
        others = counts.get("ignored", 0)
        held = f"{others} files, none of them an image" if others else "no file"
        raise CuratorError(
            f"there are no images in {workspace.images} ({held}): "
            "JPEG, PNG, WebP, BMP, TIFF and GIF files are looked for, in all its subfolders"
        )


def _counted(found: Iterator[Found], progress: Progress) -> Iterator[FileEntry]:
    for number, file in enumerate(found, 1):
        if number % PAGE == 0:
            progress("scan", number, 0)
        state = "pending" if file.reason is None else "broken"
        if file.reason in HARMLESS_REASONS:
            state = "ignored"
        yield FileEntry(file.path, file.size, file.mtime_ns, state, file.reason, file.message)


def _vector_file(workspace: Workspace, network: Encoder) -> VectorFile:
    """Open this encoder's vectors; images whose vector is missing or damaged wait to be read again."""
    spec = network.spec
    folder = workspace.encoder_folder(spec.fingerprint)
    vectors = VectorFile(workspace.database, folder, spec.fingerprint, asdict(spec), spec.dim)
    vectors.drop_damaged()
    for page in pages(workspace.catalog.ready(), PAGE):
        known = vectors.known([row.content_hash for row in page])
        workspace.catalog.forget([row.id for row in page if row.content_hash not in known])
    return vectors


def _embed_pending(workspace: Workspace, network: Encoder, vectors: VectorFile, progress: Progress) -> int:
    """Read and embed all that waits, a batch at a time; returns how many vectors are new."""
    total = workspace.catalog.counts().get("pending", 0)
    done = new = 0
    batches = read_batches(workspace, network.spec, network.batch_size)
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
    images = counts.get("ready", 0)
    return EmbedReport(
        images=images,
        embedded=embedded,
        reused=images - embedded,
        broken=counts.get("broken", 0),
        ignored=counts.get("ignored", 0),
        gone=counts.get("gone", 0),
        labelled=labelled,
        encoder=network.spec.name,
        dim=network.spec.dim,
        broken_list=None if listing is None else str(listing),
    )
