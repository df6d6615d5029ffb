"""Finds the pool that `cloud-node up` runs on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple


class LocalPool(NamedTuple):
    urls: list[str]
    secret: str | None


def find_local_pool() -> LocalPool | None:
    """What `cloud-node up` left in CLOUD_NODE_DATA_DIR, or in `.cloud-node/data` here or in a folder above."""
    named = os.environ.get("CLOUD_NODE_DATA_DIR")
    here = Path.cwd()
    folders = [Path(named)] if named else [folder / ".cloud-node" / "data" for folder in (here, *here.parents)]
    for folder in folders:
        try:
            profile = json.loads((folder / "profile.json").read_text("utf-8"))
            urls = [str(url) for url in profile["urls"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        try:
            secret = Path(profile["secretFile"]).read_text("utf-8").strip()
        except (OSError, KeyError, TypeError):
            secret = ""
        return LocalPool(urls, secret or None)
    return None
