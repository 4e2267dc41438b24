"""Tries every law on one engine, or on several side by side, and tells which they keep."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Self
from urllib.parse import urlsplit

import msgspec

from cardoon.engines import urls
from cardoon.model.url import mask
from cardoon.testing.conformance.arena import Arena, arena_for
from cardoon.testing.conformance.bench import Connect, bench_in, lacks
from cardoon.testing.conformance.facts import Broken
from cardoon.testing.conformance.hands import Crew
from cardoon.testing.conformance.law import Law, laws
from cardoon.testing.conformance.reach import reach

KEPT, BROKEN, NOT_DECLARED = "kept", "broken", "not declared"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one law; `detail` says how it was broken, or which capability is not declared."""

    law: str
    guarantee: str
    text: str
    verdict: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def is_broken(self) -> bool:
        """Whether the engine does not keep it."""
        return self.verdict == BROKEN


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all of them; `version` and `sentence` are of the engine's profile."""

    url: str
    engine: str
    profile: str
    version: str
    sentence: str
    capabilities: list[str]
    verdicts: list[Verdict]

    @property
    def ok(self) -> bool:
        """Whether no law is broken."""
        return not any(v.is_broken for v in self.verdicts)

    @property
    def totals(self) -> Counter[str]:
        """How many laws have each verdict."""
        return Counter(v.verdict for v in self.verdicts)


Told = Callable[[list[Verdict]], None]


def _nobody_listens(verdicts: list[Verdict]) -> None:
    """Progress is of no interest."""


def run(url: str, only: str = "", *, connect: Connect = urls.connect, told: Told = _nobody_listens) -> Report:
    """Try the laws (with the word `only` in them) on the engine of this URL, each in a fresh place.

    `told` hears each verdict when it falls. Laws about several processes always open the engine by
    its URL; `connect` opens it for the others.
    """
    return side_by_side([url], only, connect=connect, told=told)[0]


def side_by_side(
    of: Sequence[str], only: str = "", *, connect: Connect = urls.connect, told: Told = _nobody_listens
) -> list[Report]:
    """Try each law on the engines of all these URLs before the next; `told` hears their verdicts together."""
    with ExitStack() as end:
        courts = [end.enter_context(Court(url, connect)) for url in of]
        for law in laws(only):
            told([court.judge(law) for court in courts])
        return [court.report() for court in courts]


class Court:
    """One engine under trial. One that refuses, or cannot be reached, is not tried: entering raises that."""

    def __init__(self, url: str, connect: Connect) -> None:
        self._url, self._connect = url, connect
        self._arena, self._crew = arena_for(url), Crew()
        self._verdicts: list[Verdict] = []

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self._arena.cleanup)
            undo.callback(self._crew.close)
            self._blank = self._examined()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.close()
        self._arena.cleanup()

    def judge(self, law: Law) -> Verdict:
        """Try one law in a fresh place."""
        self._verdicts.append(judge(law, self._arena, self._crew, self._connect))
        return self._verdicts[-1]

    def report(self) -> Report:
        """What came of the laws so far."""
        return msgspec.structs.replace(self._blank, verdicts=self._verdicts)

    def _examined(self) -> Report:
        with bench_in(self._arena, self._crew, self._connect) as bench:
            profile = bench.engine.profile()
            declared = msgspec.structs.asdict(bench.engine.capabilities)
            reached = sorted(reach(bench.url))
        return Report(
            url=mask(self._url),
            engine=urlsplit(self._url).scheme,
            profile=profile.name,
            version=profile.version,
            sentence=profile.sentence,
            capabilities=[*(name for name, there in declared.items() if there), *reached],
            verdicts=[],
        )


def judge(law: Law, arena: Arena, crew: Crew, connect: Connect = urls.connect) -> Verdict:
    """Try one law in a fresh place."""
    start = time.perf_counter()
    verdict, detail = _tried(law, arena, crew, connect)
    return Verdict(
        law=law.id,
        guarantee=law.guarantee,
        text=law.text,
        verdict=verdict,
        detail=detail,
        seconds=round(time.perf_counter() - start, 3),
    )


def _tried(law: Law, arena: Arena, crew: Crew, connect: Connect) -> tuple[str, str]:
    try:
        with bench_in(arena, crew, connect) as bench:
            missing = lacks(law.needs, arena, bench)
            if missing:
                return NOT_DECLARED, ", ".join(missing)
            law.check(bench)
    except Broken as broken:
        return BROKEN, str(broken)
    except Exception:
        return BROKEN, traceback.format_exc()
    return KEPT, ""
