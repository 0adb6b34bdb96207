"""A process that has imported everything and forks a child for each command: a child costs no start-up."""

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
PLAIN = {"CuratorError", "VectorError", "OSError"}  # what `curator_cli._edge` tells without a traceback
SECONDS = 120.0  # after which a child counts as hanging


@dataclass(frozen=True)
class Order:
    """A command, on which case, and what befalls it.

    `most_bytes`: no file may grow beyond them. `seconds`: it is killed after so long, wherever it is.
    """

    verb: str
    case: str
    fault: str = "none"
    moment: int = -1
    most_bytes: int | None = None
    user: int | None = None
    seconds: float = SECONDS


@dataclass(frozen=True)
class Ending:
    """How a command ended: steps counted, the signal that killed it, or the error that it raised."""

    steps: int
    killed: int
    error: str | None
    message: str

    @property
    def plain(self) -> bool:
        """Whether it ended well, or with an error of which the command line makes one line."""
        return not self.killed and (self.error is None or bool(PLAIN & set(self.error.split())))


class Runner:
    """Hands orders to the forking process, one at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, verb: str, case: Path, fault: str = "none", moment: int = -1, **rest: Any) -> Ending:
        """Run a verb in a child and wait for its end."""
        asked, told = _open(self._process.stdin), _open(self._process.stdout)
        asked.write(json.dumps(asdict(Order(verb, str(case), fault, moment, **rest))) + "\n")
        asked.flush()
        line = told.readline()
        if not line:
            raise RuntimeError("the forking process has ended")
        return Ending(**json.loads(line))


def environment(threads: int = 1) -> dict[str, str]:
    """The environment of a process that runs this checkout on so many threads."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "indexes", ROOT / "cli")))
    chosen = {"CURATOR_THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "PYTHONPATH": paths}
    return os.environ | chosen


@contextmanager
def running() -> Iterator[Runner]:
    """A runner, for as long as the block lasts."""
    command = [sys.executable, "-m", "tests.faults.runner"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        yield Runner(process)
        _open(process.stdin).close()


def _open(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the forking process has no such stream")
    return stream


def _serve() -> None:
    with tempfile.TemporaryDirectory() as scratch:  # whatever is imported when it is used, is used here
        rehearse(Path(scratch))
    gc.collect()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(_forked(Order(**json.loads(line))))) + "\n")
        sys.stdout.flush()


def rehearse(root: Path) -> None:
    """Run every command once, in this very process."""
    from tests.faults.verbs import VERBS, make_case

    case = make_case(root)
    for verb in VERBS.values():
        verb(case)


def _forked(order: Order) -> Ending:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with suppress(BaseException):
            os.write(writing, json.dumps(asdict(_carried_out(order))).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return Ending(**json.loads(said)) if said and not killed else Ending(-1, killed, None, "")


def _carried_out(order: Order) -> Ending:
    from tests.faults.moments import Moments
    from tests.faults.verbs import VERBS

    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # nobody catches it: the same as kill -9
    signal.setitimer(signal.ITIMER_REAL, order.seconds)
    moments = Moments(Path(order.case), order.fault, order.moment)
    if order.user is not None:
        os.setuid(order.user)
    if order.most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.most_bytes, order.most_bytes))
    moments.install()
    try:
        VERBS[order.verb](Path(order.case))
    except BaseException as error:
        kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
        return Ending(moments.count, 0, kinds, str(error))
    return Ending(moments.count, 0, None, "")


if __name__ == "__main__":
    _serve()
