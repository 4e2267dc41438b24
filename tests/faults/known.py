"""What the sweep has found and nobody has mended yet.

Each is passed over wherever its sign appears, and is a test of its own that must fail: once the engine is
mended that test says so, and the entry goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """`sign` finds it in what the sweep says; the case and the kind of failure show it."""

    what: str
    sign: str
    case: str
    kind: str

    def shows_in(self, line: str) -> bool:
        return re.search(self.sign, line) is not None


DEFECTS: tuple[Defect, ...] = ()
