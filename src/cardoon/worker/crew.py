"""The processes of a worker: spawned, watched, replaced."""

from __future__ import annotations

import logging
import selectors
import signal
from collections.abc import Iterator

from cardoon import failpoints
from cardoon.engines.contract import SILENCE_SECONDS
from cardoon.model import clock
from cardoon.worker.child import Child
from cardoon.worker.death import Death
from cardoon.worker.link import Mourn, Stacks, ToProcess
from cardoon.worker.plan import Plan

log = logging.getLogger("cardoon.supervisor")

LONGEST_PAUSE_SECONDS = 5.0
OVERTIME_SECONDS = 0.5
"""So long a process may take to end itself after a hard limit, before its supervisor does it."""
PATIENCE_SECONDS = 1.0
"""So long a process may take to write its stacks by itself."""


class Crew:
    """Numbered places, each with a process or the moment when one will be started. A process that leaves
    has given its place to another and still runs its last jobs.
    """

    def __init__(self, plan: Plan, selector: selectors.BaseSelector) -> None:
        self._plan = plan
        self._selector = selector
        self._places: dict[int, Child] = {}
        self._leaving: list[Child] = []
        self._respawns: dict[int, float] = {}
        self.early_deaths = 0
        self.has_begun = False
        """Whether any process was ready yet."""

    def __iter__(self) -> Iterator[Child]:
        """Those of this moment; the office looks at them, too."""
        return iter([*self._places.values(), *self._leaving])

    def __bool__(self) -> bool:
        return bool(self._places or self._leaving or self._respawns)

    def __contains__(self, child: Child) -> bool:
        return self._places.get(child.number) is child or child in self._leaving

    def in_place(self) -> list[Child]:
        """Those that hold a place; the others leave."""
        return list(self._places.values())

    @property
    def ready(self) -> int:
        """How many take jobs."""
        return sum(child.hello is not None and not child.done for child in self)

    @property
    def size(self) -> int:
        """How many places there are."""
        return len(self._places.keys() | self._respawns.keys())

    def spawn(self, number: int) -> None:
        """Fill this place; when the system gives no process, later."""
        if failpoints.armed:
            failpoints.hit("run.before_fork")
        try:
            child = Child(self._plan, number, again=self.has_begun)
        except OSError as error:
            self.early_deaths += 1
            self.respawn_later(number)
            log.error("no process could be started (%s); again in a while", error)
            return
        self._places[number] = child
        self._selector.register(child.link, selectors.EVENT_READ, child)

    def grow_to(self, size: int) -> None:
        """Open places up to this many."""
        for number in range(self.size + 1, size + 1):
            self.spawn(number)

    def resize(self, size: int) -> None:
        """Open places, or close the last ones, until there are so many."""
        self.grow_to(size)
        while self.size > size:
            self.shrink()

    def shrink(self) -> None:
        """Close the last place: its process ends when its jobs have."""
        number = max(self._places.keys() | self._respawns.keys())
        self._respawns.pop(number, None)
        child = self._places.pop(number, None)
        if child is not None:
            self._leaving.append(child)
            child.stop()

    def replace(self, child: Child) -> None:
        """It leaves: another takes its place at once."""
        if self._places.get(child.number) is child:
            del self._places[child.number]
            self._leaving.append(child)
            self.spawn(child.number)

    def bury(self, child: Child) -> Death:
        """Its line ended: it is dead, or it closed its descriptors and will be."""
        self._selector.unregister(child.link)
        if child in self._leaving:
            self._leaving.remove(child)
        else:
            del self._places[child.number]
        death = child.end()
        if child.done and child.left_processes():
            log.warning("%s ended and left processes behind that its tasks had started", death.name)
        return death

    def respawn_later(self, number: int) -> None:
        """At once, but what dies before it is ready is replaced more and more slowly."""
        pause = min(0.1 * 2.0**self.early_deaths, LONGEST_PAUSE_SECONDS) if self.early_deaths else 0.0
        self._respawns[number] = clock.monotonic() + pause

    def respawn_due(self) -> None:
        """Fill the places whose moment has come."""
        for number, when in list(self._respawns.items()):
            if when <= clock.monotonic():
                del self._respawns[number]
                self.spawn(number)

    def dead(self) -> list[Child]:
        """Those that ended, also when somebody else holds their line, such as what their task forked."""
        return [child for child in self if child.is_dead()]

    def say(self, word: ToProcess) -> None:
        """Tell all that are ready."""
        for child in self:
            if child.hello is not None:
                child.link.say(word)

    def ask_for_stacks(self) -> None:
        """Let each write into its log where everything stands."""
        for child in self:
            if child.hello is not None:
                child.asked_for_stacks = clock.monotonic()
                child.link.say(Stacks())

    def press_for_stacks(self) -> None:
        """Those that did not answer hold the interpreter's lock: let faulthandler write, to their stderr."""
        for child in self:
            asked = child.asked_for_stacks
            if asked is not None and clock.monotonic() - asked > PATIENCE_SECONDS:
                child.asked_for_stacks = None
                child.signal(signal.SIGQUIT)

    def kill(self) -> None:
        """End all of them now."""
        for child in self:
            child.signal(signal.SIGKILL)

    def mourn(self, jobs: list[str]) -> bool:
        """Let a process that is ready tell the hooks of these jobs; False when there is none."""
        for child in self:
            if child.hello is not None and not child.done:
                child.link.say(Mourn(jobs))
                return True
        return False

    def let_go(self) -> None:
        """Close what leads to them; for what was forked beside them."""
        for child in self:
            child.let_go()

    def stop(self) -> None:
        """No place is filled again; all end when their jobs have."""
        self._respawns.clear()
        for child in self:
            child.stop()

    def end_overtime(self) -> None:
        """End those whose job passed its hard limit a while ago: they could not do it themselves."""
        for child in self:
            moment, _, id = child.slate.deadline
            if moment and clock.monotonic() > moment + OVERTIME_SECONDS and not child.overtime:
                log.error("killed %s: %s is over its time limit", child.report.name, id)
                child.overtime = True
                child.signal(signal.SIGKILL)

    def look_for_stopped(self) -> None:
        """The kernel says that something became of one: perhaps somebody stopped it, or let it go on."""
        for child in self:
            child.look_whether_stopped()

    def end_frozen(self) -> None:
        """End those that somebody stopped and did not continue: their jobs run elsewhere, free of charge."""
        for child in self:
            if not child.frozen and child.stopped_for() >= SILENCE_SECONDS:
                log.error("killed %s: it was stopped by a signal", child.report.name)
                child.frozen = True
                child.signal(signal.SIGKILL)

    def end_lingering(self) -> None:
        """Their work is settled: a thread that a task left behind must not keep them for ever."""
        for child in self:
            if child.done and clock.monotonic() - child.left > LONGEST_PAUSE_SECONDS:
                child.signal(signal.SIGKILL)

    def moments(self) -> Iterator[float]:
        """When something is due: a respawn, or the end of a process that is over time, or stopped."""
        yield from self._respawns.values()
        for child in self:
            moment = child.slate.deadline[0]
            if moment and not child.overtime:
                yield moment + OVERTIME_SECONDS
            if child.stopped_since is not None and not child.frozen:
                yield child.stopped_since + SILENCE_SECONDS
