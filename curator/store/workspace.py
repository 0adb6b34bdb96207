"""A workspace: the `.curator` folder with everything that is known about one folder of images."""

import os
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from curator.addresses import is_address, is_remote
from curator.errors import CuratorError, MissingWorkError
from curator.store._html import summary
from curator.store._place import check_not_lost, database_place, is_workspace, settle_database
from curator.store.assignments import Assignments
from curator.store.catalog import Catalog
from curator.store.database import Database, upsert
from curator.store.history import History
from curator.store.labels import Labels
from curator.store.lock import Lease
from curator.store.samples import Samples
from curator.store.schema import encoder, setting

FOLDER_NAME = ".curator"
REMOTE = "remote"  # the folder in a workspace with the list of images on the network, and what was fetched
_CLASSES_SHOWN = 10


class Workspace:
    """Catalog, labels and artifacts of one image folder. The image folder itself is never written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._images: Path | None = None
        self._writing = False
        check_not_lost(self.folder)
        self.database = Database(database_place(self.folder))
        self.catalog = Catalog(self.database)
        self.labels = Labels(self.database)
        self.assignments = Assignments(self.database)
        self.history = History(self.database)
        self.samples = Samples(self.database)

    @classmethod
    def create(cls, folder: Path, images: Path | str, *, database: str | None = None) -> "Workspace":
        """Open the workspace in `folder`, making it if need be, for the images in `images`.

        `images` is a folder, a file that holds images (.tar, .npy, .parquet, .arrow), an address such as
        s3://bucket/photos, or a .urls file with an address in each line. Catalog and labels are kept in the
        PostgreSQL database at the address `database`, where one is given when the workspace is made; else in
        a file in `folder`.
        """
        if not is_address(images):
            check_there(Path(images))
        if folder.resolve().is_relative_to(Path(images).resolve()) and not is_workspace(folder):
            raise CuratorError(
                f"the workspace {folder} would lie among the images in {images}, where nothing is ever "
                f"written: run outside of that folder, or add --workspace"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CuratorError(f"cannot make the workspace {folder}: {error.strerror}") from error
        settle_database(folder, database)
        workspace = cls(folder)
        workspace._settle_on(images)
        return workspace

    @classmethod
    def place_for(cls, images: Path | str) -> Path:
        """Where the workspace for `images` is or should be: the nearest here or above, if it is for them."""
        found = _nearest(Path.cwd())
        if found is not None:
            workspace = cls(found)
            if workspace.find_setting("images") is not None and workspace.source == _whole(images):
                return found
        return Path(FOLDER_NAME)

    @classmethod
    def open(cls, folder: Path | None = None) -> "Workspace":
        """Open the workspace in `folder`, or the nearest one at or above the current folder, as git does."""
        return cls(cls.find(folder))

    @classmethod
    def find(cls, folder: Path | None = None) -> Path:
        """The folder that `open` would open; MissingWorkError where there is none."""
        found = _nearest(Path.cwd()) if folder is None else folder
        if found is None:
            raise MissingWorkError(
                f"no workspace ({FOLDER_NAME}) here or in any folder above: "
                "make one with `curator embed FOLDER`, or name one with --workspace"
            )
        if not is_workspace(found) and is_workspace(found / FOLDER_NAME):
            found = found / FOLDER_NAME
        if not is_workspace(found):
            check_not_lost(found)
            raise MissingWorkError(f"{found} is not a workspace: make one with `curator embed FOLDER`")
        return found

    def __repr__(self) -> str:
        return f"Workspace({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        return summary(self.facts())

    def facts(self) -> dict[str, str]:
        """What a notebook shows of it, in words."""
        states, labels = self.catalog.counts(), Counter(said.label for said in self.labels.current().values())
        largest = ", ".join(f"{name} {count:,}" for name, count in labels.most_common(_CLASSES_SHOWN))
        rest = f" and {len(labels) - _CLASSES_SHOWN:,} more" if len(labels) > _CLASSES_SHOWN else ""
        return {
            "workspace": str(self.folder),
            "images": f"{states.get('ready', 0):,} in {self.source}",
            "unreadable": f"{states.get('broken', 0):,}",
            "encoder": self.encoder_name or f"none yet: run {self.embed_command}",
            "labels": f"{labels.total():,} of {len(labels):,} classes",
            "classes": (largest + rest) or "none yet",
            "next": "curator.next_step(workspace)",
        }

    @property
    def encoder_name(self) -> str | None:
        """Name of the encoder that the newest embeddings came from; None before the first."""
        query = select(encoder.c.spec).where(encoder.c.fingerprint == self.encoder)
        with self.database.reading() as connection:
            spec = connection.execute(query).scalar()
        return None if spec is None else str(spec["name"])

    @property
    def images(self) -> Path:
        """What the paths of images are relative to, absolute: a folder, or a file that holds images.

        Of images on the network it is the list of them.
        """
        if self._images is None:  # asked for once a line of a label file
            source = self.source
            name = Path(str(source).rstrip("/")).name
            self._images = self.folder / REMOTE / f"{name}.remote" if is_remote(source) else Path(source)
        return self._images

    @property
    def source(self) -> Path | str:
        """Where the images come from: an absolute path, or an address."""
        return self._absolute(self.setting("images"))

    @property
    def encoder(self) -> str | None:
        """Fingerprint of the encoder that the newest embeddings came from; None before the first."""
        return self.find_setting("encoder")

    def encoder_folder(self, fingerprint: str) -> Path:
        """Where the vectors, embeddings, index and graph of one encoder live."""
        return self.folder / "encoders" / fingerprint[:16]

    def setting(self, name: str) -> str:
        """A stored setting; MissingWorkError where it was never set."""
        value = self.find_setting(name)
        if value is None:
            raise MissingWorkError(f"{self.folder} has no {name} yet: run `curator embed FOLDER` first")
        return value

    @property
    def embed_command(self) -> str:
        """What to type, here and now, to bring this workspace up to date."""
        elsewhere = _nearest(Path.cwd()) != self.folder
        words = ["curator", "embed", str(self.source), *(["-w", str(self.folder)] if elsewhere else [])]
        return shlex.join(words)

    def set(self, name: str, value: str) -> None:
        """Store a setting."""
        self._images = None
        with self.database.writing() as connection:
            upsert(connection, setting, [{"name": name, "value": value}], "name")

    @contextmanager
    def locked(self, verb: str) -> Iterator[Lease]:
        """Be the one process that writes artifacts here; yields a check that it still is."""
        with self.database.artifacts_locked(self.folder, verb) as lease:
            self._writing = True
            try:
                yield lease
            finally:
                self._writing = False

    def other_writer(self) -> str | None:
        """Which other command writes artifacts here now, in words; None where none does."""
        return None if self._writing else self.database.artifacts_holder(self.folder)

    def find_setting(self, name: str) -> str | None:
        """A stored setting, or None."""
        with self.database.reading() as connection:
            value = connection.execute(select(setting.c.value).where(setting.c.name == name)).scalar()
        return None if value is None else str(value)

    def _settle_on(self, images: Path | str) -> None:
        known = self.find_setting("images")
        if known is None or self._untouched():
            if known is not None and self._absolute(known) != _whole(images):
                self.catalog.clear()
            self.set("images", self._portable(images))
        elif self._absolute(known) != _whole(images):
            raise CuratorError(
                f"the workspace {self.folder} is for the images in {self._absolute(known)}, not {images}: "
                "run in another folder, or name another workspace with --workspace"
            )

    def _untouched(self) -> bool:
        """Whether nothing was ever finished here: a first embed of the wrong folder binds nobody to it."""
        return self.encoder is None and self.labels.empty()

    def _portable(self, images: Path | str) -> str:
        """Relative to the workspace's parent where it lies below it, so that both can move together."""
        absolute, parent = _whole(images), self.folder.parent
        if isinstance(absolute, str):
            return absolute
        return absolute.relative_to(parent).as_posix() if absolute.is_relative_to(parent) else str(absolute)

    def _absolute(self, stored: str) -> Path | str:
        return stored if is_address(stored) else (self.folder.parent / stored).resolve()


def check_there(images: Path) -> None:
    """CuratorError unless `images` is there and can be read."""
    if not images.exists():
        raise CuratorError(f"there is no folder {images}")
    if not os.access(images, os.R_OK | (os.X_OK if images.is_dir() else 0)):
        raise CuratorError(f"{images} may not be read: check its permissions")


def _whole(source: Path | str) -> Path | str:
    """A source as it is compared: an address as it is, a path absolute."""
    return str(source) if is_address(source) else Path(source).resolve()


def _nearest(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if is_workspace(folder / FOLDER_NAME):
            return folder / FOLDER_NAME
    return None
