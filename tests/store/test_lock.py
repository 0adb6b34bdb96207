"""One writer at a time, and the lock dies with its holder."""

import subprocess
import sys
from pathlib import Path

import pytest

from curator.errors import CuratorError
from curator.store.lock import write_lock

HOLD = """
import sys, time
from pathlib import Path
from curator.store.lock import write_lock
with write_lock(Path(sys.argv[1]), "embed"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_writer_is_told_who_holds_the_lock_and_gets_it_when_the_holder_is_killed(
    tmp_path: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        wait = write_lock(tmp_path, "propagate", wait=0.05)
        with pytest.raises(CuratorError, match=rf"`curator embed` \(process {holder.pid}\)"), wait:
            pass
        holder.kill()
        holder.wait()
    with write_lock(tmp_path, "propagate", wait=5):
        pass
