"""The verb: serve the review page of a workspace to this machine's browser until interrupted."""

import getpass
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from curator.errors import CuratorError
from curator.review.app import Review, make_app
from curator.review.security import new_token
from curator.review.session import checked_name
from curator.review.sitting import Sitting
from curator.store.workspace import Workspace

PORT = 8421
_TRIED = 20  # ports from there on
_TURN = (
    0.0005  # seconds that the advisor's thread may keep a click waiting for the interpreter; usually 0.005
)
_WAITING = 1024  # connections


def review(
    workspace: Workspace,
    *,
    port: int | None = None,
    annotator: str | None = None,
    overlap: float = 0.0,
    browser: bool = True,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve the page on 127.0.0.1, tell its address, and return when the server is stopped.

    Args:
        workspace: with embeddings; labels are not needed yet.
        port: None for the first free one from 8421 on; 0 for any.
        annotator: in whose name labels are stored, unless a browser says another; None for the user of this
            machine.
        overlap: the share of each annotator's images that others have labelled, to measure agreement by.
        browser: open the page in one.
        announce: is told the address, which holds the token.

    Raises:
        MissingWorkError: there are no embeddings yet.
        CuratorError: the port is taken, an annotator that cannot be one, an overlap outside 0 to 1.

    """
    if not 0 <= overlap <= 1:
        raise CuratorError(f"the overlap is to be {overlap}: wanted a share from 0 to 1")
    name = checked_name(annotator or _user(), "annotator")
    listener, token = _listener(port), new_token()
    bound = int(listener.getsockname()[1])
    sitting = Sitting(
        workspace,
        begin=lambda: Review.of(workspace, name, overlap),
        make_app=lambda review: make_app(review, token=token, port=bound),
    )
    address = f"http://127.0.0.1:{bound}/?token={token}"
    config = uvicorn.Config(
        sitting, log_level="warning", access_log=False, server_header=False, lifespan="off"
    )
    sys.setswitchinterval(_TURN)
    sitting.start()
    announce(address)
    if browser:
        webbrowser.open(address)
    try:
        with _ended_politely():
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        sitting.stop()
        listener.close()


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Let SIGTERM, which uvicorn raises anew once it has stopped, end the process as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread hears signals
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "reviewer"


def _listener(port: int | None) -> socket.socket:
    for candidate in range(PORT, PORT + _TRIED) if port is None else [port]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
            listener.listen(_WAITING)  # before the address is told: whoever comes early waits
        except OSError:
            listener.close()
            continue
        return listener
    wanted = f"port {port} is" if port is not None else f"ports {PORT} to {PORT + _TRIED - 1} are"
    raise CuratorError(f"{wanted} taken: name a free one with --port, or let one be found with --port 0")
