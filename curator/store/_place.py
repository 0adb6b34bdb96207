"""Where a workspace keeps its database: in a file beside it, or at an address that it remembers."""

import os
from pathlib import Path

from curator.errors import CuratorError
from curator.store._postgresql import checked_url, without_password

DATABASE_NAME = "curator.db"
ADDRESS_NAME = "database.url"  # holds no password
ENVIRONMENT = "CURATOR_DATABASE"  # the same address, perhaps with one


def is_workspace(folder: Path) -> bool:
    """Whether a folder is a workspace."""
    return (folder / DATABASE_NAME).is_file() or (folder / ADDRESS_NAME).is_file()


def database_place(folder: Path) -> Path | str:
    """The database of the workspace in a folder: a file, or an address."""
    remembered = folder / ADDRESS_NAME
    if not remembered.is_file():
        return folder / DATABASE_NAME
    address, given = _address(remembered), os.environ.get(ENVIRONMENT)
    return given if given and without_password(checked_url(given)) == address else address


def check_not_lost(folder: Path) -> None:
    """CuratorError where the database of a workspace in use is gone: a new one would hide that."""
    path = folder / DATABASE_NAME
    if (folder / ADDRESS_NAME).is_file() or not (folder / "encoders").is_dir():
        return
    if not path.is_file() or not path.stat().st_size:
        raise CuratorError(
            f"the database {path}, with all labels, is gone or empty: restore it from a copy, "
            f"or to begin anew remove the whole folder {folder}"
        )


def settle_database(folder: Path, given: str | None) -> None:
    """Remember the address of a new workspace's database; CuratorError where it has another already."""
    if given is None:
        return
    remembered, address = folder / ADDRESS_NAME, without_password(checked_url(given))
    if remembered.is_file():
        known = _address(remembered)
    else:
        known = str(folder / DATABASE_NAME) if (folder / DATABASE_NAME).is_file() else address
    if known != address:
        raise CuratorError(
            f"the workspace {folder} keeps its labels in {known}: to move them, write them out with "
            "`curator label export`, make another workspace with --workspace, and import them there"
        )
    remembered.write_text(f"{address}\n", encoding="utf-8")


def _address(remembered: Path) -> str:
    try:
        return remembered.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise CuratorError(
            f"{remembered} is damaged: write the address of the database into it, postgresql+psycopg://USER@HOST/NAME"
        ) from error
