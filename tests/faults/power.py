"""Cutting the power: what may be on the disk then, and what the engine makes of it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock, outcome
from cardoon.model.message import Message

from .contents import FILE, Contents, contents, difference
from .disk import Platter
from .still import StillClock
from .story import COMMITTED, PROMISED, Promise, Story


@dataclass
class Moment:
    """The power goes here: what had been committed, and what callers had been told, in this order."""

    step: int
    committed: int
    promises: list[Promise]
    files: dict[str, bytes]


@dataclass
class Verdict:
    """What is wrong with what was found, in words; nothing, if all is well."""

    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Jobs that a caller was told of and that are not there as it was told."""


def moments(story: Story, count: int, *, honest: bool = True) -> Iterator[Moment]:
    """The power goes at so many random moments of the story, each on a disk of its own."""
    chance = Random(f"{story.seed} power")
    cuts = Counter(chance.randint(0, len(story.steps)) for _ in range(count))
    platter, committed, promises = Platter(honest=honest), 0, list[Promise]()
    for number in range(len(story.steps) + 1):
        for _ in range(cuts[number]):
            yield Moment(number, committed, promises[:], platter.found(chance))
        if number == len(story.steps):
            return
        name, what = story.steps[number]
        if name == COMMITTED:
            committed += 1
        elif name == PROMISED:
            promises += what
        else:
            platter.play(story.steps[number])


def judge(folder: Path, story: Story, moment: Moment, *, whole_tail: bool = True) -> Verdict:
    """Start again on what the disk kept. Without `whole_tail` only what was promised is judged."""
    for name, data in moment.files.items():
        (folder / name).write_bytes(data)
    verdict = Verdict()
    engine = SqliteEngine(f"sqlite:///{folder / FILE}?profile={story.profile}")
    try:
        _judge(engine, story, moment, verdict, whole_tail)
    except Exception as error:  # whatever a damaged file makes of it
        verdict.wrong.append(f"{type(error).__name__}: {error}")
    finally:
        engine.close()
        shutil.rmtree(folder)
    return verdict


def _judge(engine: SqliteEngine, story: Story, moment: Moment, verdict: Verdict, whole_tail: bool) -> None:
    engine.open()
    with engine._files.reading() as db:
        sound = db.execute("PRAGMA integrity_check").fetchall()
        found = contents(db)
    if sound != [("ok",)]:
        verdict.wrong.append(f"integrity_check: {sound}")
        return
    verdict.lost = [p.id for p in moment.promises if not _kept(engine, p)]
    if whole_tail:
        verdict.wrong += _not_as_it_was(found, story, moment)
    if story.profile == "durable":
        verdict.wrong += [f"{id} is not as its caller was told" for id in verdict.lost]
    verdict.wrong += _does_not_work(engine)


def _kept(engine: SqliteEngine, promise: Promise) -> bool:
    job = engine.result(promise.id)
    if job is None or promise.state is None:
        return job is not None
    return (job.state, job.result) == (promise.state, promise.result)


def _not_as_it_was(found: Contents, story: Story, moment: Moment) -> list[str]:
    """The file is as it was after some commit: the last, or that under way; in `fast`, any before too."""
    first = max(0, moment.committed - 1) if story.profile == "durable" else 0
    allowed = story.states[first : moment.committed + 1] or story.states[:1]
    if found in allowed:
        return []
    nearest = allowed[-1]
    return [f"it is as it never was; compared with the last commit:\n{difference(found, nearest)}"]


def _does_not_work(engine: SqliteEngine) -> list[str]:
    """A new job can be sent, claimed and ended."""
    with clock.use(StillClock()):
        engine.push([Message(id="after", task="t", queue="after")])
        claims = engine.claim("after", ["after"], 1)
        refused = engine.settle([(claim, outcome.succeeded(None)) for claim in claims])
    return [] if len(claims) == 1 and not refused else ["a new job cannot be run"]
