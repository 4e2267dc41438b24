"""The counts that were kept, and what differs from them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from benchmarks.guard.steps import Steps
from benchmarks.piece import FOLDER, as_json

FILE = FOLDER / "guard.json"
MARGIN = 0.05
"""A path may grow by this much. Counts do not vary with the machine or its load: this is for small mends."""


class Counted(msgspec.Struct, frozen=True):
    """The steps of each path on one engine, with the versions they depend on."""

    versions: Mapping[str, str]
    paths: Mapping[str, Steps]


def read() -> dict[str, Counted]:
    """By engine; empty where nothing was kept yet."""
    return msgspec.json.decode(FILE.read_bytes(), type=dict[str, Counted]) if FILE.exists() else {}


def write(counted: Mapping[str, Counted]) -> None:
    """Keep these; engines that are not among them stay as they were."""
    FILE.write_bytes(as_json({**read(), **counted}))


def growth(now: Steps, before: Steps) -> float:
    """By which part the worst of the three grew; negative when all shrank."""
    pairs = [
        (now.instructions, before.instructions),
        (now.calls, before.calls),
        (now.engine, before.engine),
    ]
    return max((new - old) / max(old, 1.0) for new, old in pairs)
