"""Tries every law on one engine and tells which it keeps."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable

import msgspec

from cardoon.engines import urls
from cardoon.testing.conformance.arena import Arena, arena_for
from cardoon.testing.conformance.bench import Connect, bench_in, lacks
from cardoon.testing.conformance.facts import Broken
from cardoon.testing.conformance.hands import Crew
from cardoon.testing.conformance.law import Law, laws

KEPT, BROKEN, NOT_DECLARED = "kept", "broken", "not declared"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one law; `detail` says how it was broken, or which capability is not declared."""

    law: str
    guarantee: str
    text: str
    verdict: str
    detail: str = ""
    seconds: float = 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all of them."""

    url: str
    profile: str
    verdicts: list[Verdict]

    @property
    def ok(self) -> bool:
        """Whether no law is broken."""
        return not any(v.verdict == BROKEN for v in self.verdicts)

    @property
    def totals(self) -> Counter[str]:
        """How many laws have each verdict."""
        return Counter(v.verdict for v in self.verdicts)


def _nobody_listens(verdict: Verdict) -> None:
    """Progress is of no interest."""


def run(
    url: str,
    only: str = "",
    *,
    connect: Connect = urls.connect,
    told: Callable[[Verdict], None] = _nobody_listens,
) -> Report:
    """Try the laws (with the word `only` in them) on the engine of this URL, each in a fresh place.

    `told` hears each verdict when it falls. Laws about several processes always open the engine by
    its URL; `connect` opens it for the others.
    """
    arena, crew = arena_for(url), Crew()
    verdicts = []
    try:
        profile = _profile(arena, crew, connect)
        for law in laws(only):
            verdicts.append(judge(law, arena, crew, connect))
            told(verdicts[-1])
    finally:
        crew.close()
        arena.cleanup()
    return Report(url=url, profile=profile, verdicts=verdicts)


def _profile(arena: Arena, crew: Crew, connect: Connect) -> str:
    with bench_in(arena, crew, connect) as bench:
        return bench.engine.profile().name


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
            missing = lacks(law.needs, arena, bench.engine)
            if missing:
                return NOT_DECLARED, ", ".join(missing)
            law.check(bench)
    except Broken as broken:
        return BROKEN, str(broken)
    except Exception:
        return BROKEN, traceback.format_exc()
    return KEPT, ""
