"""A database with a few images in it."""

from pathlib import Path

import pytest

from curator.store.catalog import Catalog, FileEntry, Reading, record
from curator.store.database import Database


@pytest.fixture
def database(tmp_path: Path, database_address: str | None) -> Database:
    """An empty database."""
    return Database(database_address or tmp_path / "curator.db")


@pytest.fixture
def images(database: Database) -> list[int]:
    """Ids of twelve images that were read."""
    catalog = Catalog(database)
    catalog.synchronize([FileEntry(f"{i:02}.png", 10, 1, "pending", None, None) for i in range(12)])
    ids = [known.id for known in catalog.find([f"{i:02}.png" for i in range(12)]).values()]
    with database.writing() as connection:
        record(connection, [Reading(image_id, f"content {image_id}", 8, 8) for image_id in ids])
    return sorted(ids)
