"""Tries laws on engines in a process of its own: `python try_laws.py "sqlite locks/one_holder" ...`.

Prints, as one JSON object, for each how it was broken; the empty text where it was kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cardoon.testing.conformance import arena_for, laws
from cardoon.testing.conformance.hands import Crew
from cardoon.testing.conformance.suite import KEPT, judge


def broken(names: list[str], folder: Path) -> Iterator[tuple[str, str]]:
    known, crew = {law.id: law for law in laws()}, Crew()
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{folder}/jobs.db?profile=fast"}
    for name in names:
        engine, _, id = name.partition(" ")
        verdict = judge(known[id], arena_for(urls[engine]), crew)
        yield name, "" if verdict.verdict == KEPT else f"{verdict.verdict}: {verdict.detail}"
    crew.close()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        print(json.dumps(dict(broken(sys.argv[1:], Path(folder)))))
