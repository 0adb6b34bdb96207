"""Which images there are on the network, for a workspace whose images come from there."""

from pathlib import Path

from curator.addresses import is_address, is_remote
from curator.images.network import images_at
from curator.images.remote import addressed, write_listing
from curator.store.workspace import Workspace


def take_listing(workspace: Workspace) -> None:
    """Ask anew which images there are; CuratorError, and nothing changed, where nobody answers."""
    source = workspace.source
    if is_remote(source):
        found = images_at(str(source)) if is_address(source) else addressed(Path(source))
        write_listing(workspace.images, found)
