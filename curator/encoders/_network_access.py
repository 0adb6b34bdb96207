"""Whether a download can be made at all, found out in seconds instead of a library's minutes of retries."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

from curator.errors import CuratorError

_PATIENCE = 10  # seconds
_TRUE = ("1", "true", "yes", "on")


def require_reachable(url: str, *, encoder: str, put_at: Path | str) -> None:
    """Raise `CuratorError`, naming the ways out, unless `url` answers; HF_HUB_OFFLINE=1 is believed."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE:
        raise CuratorError(offline_message(url, encoder, put_at, "HF_HUB_OFFLINE is set"))
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "curator"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310 - addresses from torchvision and timm
            return
    except urllib.error.HTTPError:
        return  # a server that answers can be reached; the download itself will say more
    except (OSError, ValueError) as error:
        raise CuratorError(offline_message(url, encoder, put_at, str(error))) from error


def offline_message(url: str, encoder: str, put_at: Path | str, cause: str) -> str:
    """What to do when the weights of `encoder` are neither here nor to be had."""
    return (
        f"the weights of encoder {encoder} are not on this machine and cannot be downloaded ({cause}). "
        f"Either fetch {url} on another machine and put it at {put_at}, or pass a file: "
        f"--encoder {encoder} --weights FILE"
    )
