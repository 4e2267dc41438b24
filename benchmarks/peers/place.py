"""What an adapter is told by the runner, in its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

URL = os.environ.get("PEER_URL", "")
"""Of a Redis or PostgreSQL that holds nothing else; empty where a file is to be used."""

FOLDER = Path(os.environ.get("PEER_FOLDER", "."))
"""An empty folder on a disk."""

AT_ONCE = int(os.environ.get("PEER_AT_ONCE", "0"))
"""So many jobs are to be able to sleep at once; 0 where none of them sleeps."""

FLAVOUR = os.environ.get("PEER_FLAVOUR", "")
"""Which of its ways an adapter is to show, if it has several."""

TIMEOUT_SECONDS = 10


def program(name: str) -> str:
    """A command of this environment."""
    return str(Path(sys.executable).with_name(name))
