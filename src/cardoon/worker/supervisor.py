"""The supervisor: the parent of the worker processes. It runs no task and imports no application."""

from __future__ import annotations

import logging
import os
import selectors
import signal
from collections.abc import Callable, Iterator

from cardoon.engines.contract import Engine, Retired
from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.model.job import Report
from cardoon.worker.child import Child
from cardoon.worker.plan import Hello, Plan
from cardoon.worker.process import EXIT_CONFIGURATION, EXIT_UNAVAILABLE
from cardoon.worker.services.contract import Service
from cardoon.worker.services.heartbeat import Heartbeat
from cardoon.worker.services.sweep import Sweep
from cardoon.worker.signals import Signals
from cardoon.worker.timeouts import HARD_LIMIT_EXIT

log = logging.getLogger("cardoon.supervisor")

LONGEST_PAUSE_SECONDS = 5.0
EARLY_DEATHS = 5
"""So many deaths in a row before any process was ready, and the worker gives up."""

_LOOK_SECONDS = 2.0
_HOPELESS = (EXIT_CONFIGURATION, EXIT_UNAVAILABLE)


class Supervisor:
    """Spawns, watches and replaces children, beats and sweeps for them; ends when told, or all is done.

    The first child is started alone: what it says of the application decides how many follow.
    """

    def __init__(self, plan: Plan, events: Events) -> None:
        self._plan = plan
        self._events = events
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, Child] = {}
        self._respawns: dict[int, float] = {}
        self._services: dict[Service, float] = {}
        self._engine: Engine | None = None
        self._early_deaths = 0
        self._signals = 0
        self._deadline: float | None = None
        self._timeout = 0.0
        self._exit = 0

    def run(self) -> int:
        """Until all children are gone for good; the exit code."""
        bell = Signals()
        self._selector.register(bell, selectors.EVENT_READ)
        self._spawn(1)
        while self._children or self._respawns:
            self._look(bell)
            self._respawn_due()
            self._serve()
            self._enforce_deadline()
            self._end_lingering()
        self._selector.close()
        bell.close()
        if self._engine is not None:
            self._engine.close()
        return self._exit

    def _look(self, bell: Signals) -> None:
        for key, _ in self._selector.select(self._until_next()):
            if isinstance(key.data, Child):
                self._hear(key.data)
        for number in bell.arrived():
            self._obey(number)

    def _until_next(self) -> float:
        moments = [*self._services.values(), *self._respawns.values()]
        moments += [self._deadline] if self._deadline is not None else []
        return max(0.0, min([_LOOK_SECONDS, *(m - clock.monotonic() for m in moments)]))

    # -- children

    def _spawn(self, number: int) -> None:
        child = Child(self._plan, number)
        self._children[number] = child
        self._selector.register(child.link, selectors.EVENT_READ, child)

    def _hear(self, child: Child) -> None:
        if self._children.get(child.number) is not child:
            return  # buried a moment ago
        is_new = child.hello is None
        if not child.hear():
            self._bury(child)
        elif is_new and child.hello is not None:
            self._meet(child.hello)

    def _meet(self, hello: Hello) -> None:
        if self._engine is None:
            self._begin(hello)
        for service in self._services:
            if isinstance(service, Heartbeat):
                self._services[service] = clock.monotonic()

    def _begin(self, hello: Hello) -> None:
        """The first hello: now it is known where jobs are kept, and how many children there are to be."""
        plan = self._plan
        self._engine = engine = connect(hello.url, profile=hello.profile, retention=hello.retention)
        self._timeout = hello.shutdown_timeout if plan.shutdown_timeout is None else plan.shutdown_timeout
        services: list[Service] = [
            Heartbeat(engine, self._reports, self._disown),
            Sweep(engine, self._events, self._find_dead),
        ]
        self._services = dict.fromkeys(services, clock.monotonic())
        if self._deadline is None:
            for number in range(2, (plan.processes or hello.processes or available_cpus()) + 1):
                self._spawn(number)

    def _bury(self, child: Child) -> None:
        """Its line ended: it is dead, or it closed its descriptors and will be."""
        self._selector.unregister(child.link)
        code = child.end()
        del self._children[child.number]
        self._retire(child, code)
        if code in _HOPELESS and child.hello is None:
            self._give_up(code)
        elif self._deadline is None and not (child.done and self._plan.burst):
            self._respawn_later(child)

    def _retire(self, child: Child, code: int) -> None:
        if self._engine is None:
            return
        crashed = not child.done and code != HARD_LIMIT_EXIT and self._signals < 2
        retired = self._try(lambda engine: engine.retire(child.worker, crashed=crashed)) or Retired([], [])
        if not child.done:
            ended = f"signal {-code}" if code < 0 else f"exit {code}"
            count = len(retired.returned)
            self._events.emit("worker.lost", worker=child.report.name, ended=ended, returned=count)
        for id in retired.quarantined:
            self._events.emit("job.quarantined", id, worker=child.report.name)

    def _find_dead(self) -> None:
        """Bury the dead, also one whose line somebody else holds, such as a process that its task forked."""
        for child in list(self._children.values()):
            if child.popen.poll() is not None:
                child.hear_last_words()
                self._bury(child)

    def _respawn_later(self, child: Child) -> None:
        """At once, but a child that dies before it is ready is replaced more and more slowly."""
        self._early_deaths = 0 if child.hello is not None else self._early_deaths + 1
        if self._engine is None and self._early_deaths >= EARLY_DEATHS:
            log.error("the worker process died %d times before it was ready; giving up", self._early_deaths)
            self._give_up(1)
            return
        pause = min(0.1 * 2.0**self._early_deaths, LONGEST_PAUSE_SECONDS) if self._early_deaths else 0.0
        self._respawns[child.number] = clock.monotonic() + pause

    def _respawn_due(self) -> None:
        for number, when in list(self._respawns.items()):
            if when <= clock.monotonic():
                del self._respawns[number]
                self._spawn(number)

    def _give_up(self, code: int) -> None:
        """Every child would fail alike: the others are stopped too."""
        self._exit = self._exit or code
        self._stop()

    # -- services

    def _serve(self) -> None:
        for service, due in self._services.items():
            if due <= clock.monotonic():
                jittered = service.every * 0.9 + clock.full_jitter(service.every * 0.2)
                self._services[service] = clock.monotonic() + jittered
                self._try(lambda _engine, run=service.run: run())  # type: ignore[misc]

    def _try(self, action: Callable[[Engine], Retired | None]) -> Retired | None:
        if self._engine is None:
            return None
        try:
            return action(self._engine)
        except EngineError as error:
            log.warning("the engine failed: %s", error)
        except Exception:
            log.exception("a service failed; the others go on")
        return None

    def _reports(self) -> Iterator[Report]:
        return (child.report for child in self._children.values())

    def _disown(self, worker: str) -> None:
        """Somebody declared this worker dead: its claims are lost, so a fresh incarnation takes its place."""
        for child in self._children.values():
            if child.worker == worker:
                child.signal(signal.SIGKILL)

    # -- stopping

    def _obey(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._find_dead()
            return
        self._signals += 1
        if self._signals == 1:
            log.info("stopping: claiming nothing more, waiting for what runs (again to force)")
            self._stop()
        else:
            log.warning("forced: running jobs go back to their queues")
            self._exit = 128 + number
            self._kill()

    def _stop(self) -> None:
        self._respawns.clear()
        self._deadline = clock.monotonic() + self._timeout
        for child in self._children.values():
            child.signal(signal.SIGTERM if child.hello else signal.SIGKILL)

    def _enforce_deadline(self) -> None:
        if self._deadline is None or clock.monotonic() < self._deadline or not self._children:
            return
        if self._signals < 2 and any(child.hello for child in self._children.values()):
            log.warning("the shutdown timeout passed: running jobs go back to their queues")
        self._signals = max(self._signals, 2)
        self._deadline = clock.monotonic() + LONGEST_PAUSE_SECONDS
        self._kill()

    def _end_lingering(self) -> None:
        """Their work is settled: a thread that a task left behind must not keep them for ever."""
        for child in self._children.values():
            if child.done and clock.monotonic() - child.left > LONGEST_PAUSE_SECONDS:
                child.signal(signal.SIGKILL)

    def _kill(self) -> None:
        for child in self._children.values():
            child.signal(signal.SIGKILL)


def available_cpus() -> int:
    """As many as this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
