"""The supervisor: the parent of the worker processes. It runs no task and imports no application."""

from __future__ import annotations

import logging
import os
import selectors
import signal
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from cardoon.engines.contract import CALL_SECONDS, Engine, Heard
from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.model import clock
from cardoon.worker import exits
from cardoon.worker.born import Born
from cardoon.worker.child import Child
from cardoon.worker.cpus import available_cpus
from cardoon.worker.crew import LONGEST_PAUSE_SECONDS, Crew
from cardoon.worker.link import End, Hello, Leaving, Quiet
from cardoon.worker.office import Office
from cardoon.worker.plan import Plan
from cardoon.worker.services.autoscale import Autoscale
from cardoon.worker.services.contract import Service
from cardoon.worker.services.heartbeat import Heartbeat
from cardoon.worker.services.sweep import Sweep
from cardoon.worker.signals import Signals
from cardoon.worker.stacks import stacks
from cardoon.worker.undertaker import Undertaker

if TYPE_CHECKING:
    from cardoon.worker.probe import Probe

log = logging.getLogger("cardoon.supervisor")

EARLY_DEATHS = 5
"""So many deaths in a row before any process was ready, and the worker gives up."""

_LOOK_SECONDS = 0.8
"""Deadlines are read from memory, which wakes nobody: so soon one is noticed after it was set."""
_HOPELESS = (exits.MISCONFIGURED, exits.UNAVAILABLE)


class Supervisor:
    """Keeps a crew at work; its office talks with the engine. Ends when told, or when all is done.

    The first process is started alone: what it says of the application decides how many follow. All
    processes are started by the main thread: they end with the thread that started them (prctl(2)).
    """

    def __init__(self, plan: Plan, events: Events, probe: Probe | None = None) -> None:
        self._plan = plan
        self._probe = probe
        self._events = events
        self._selector = selectors.DefaultSelector()
        self._crew = Crew(plan, self._selector)
        self._bell = Signals()
        self._posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._office: Office | None = None
        self._signals = 0
        self._quiet = False
        self._deadline: float | None = None
        self._timeout = 0.0
        self._exit = 0

    def run(self) -> int:
        """Until all processes are gone for good; the exit code. Raises Born in each that was forked."""
        try:
            return self._supervise()
        except Born:
            self._selector.close()
            self._bell.close()
            self._crew.let_go()
            raise

    def _supervise(self) -> int:
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._crew.spawn(1)
        self._tell_probe()
        while self._crew:
            self._look()
            self._crew.respawn_due()
            self._crew.end_overtime()
            self._crew.end_frozen()
            self._enforce_deadline()
            self._crew.end_lingering()
            self._crew.press_for_stacks()
            self._tell_probe()
        self._selector.close()
        self._close_office(clock.monotonic() + 2 * CALL_SECONDS)
        self._bell.close()
        return self._exit

    def _close_office(self, deadline: float) -> None:
        """Let it write down how the last ones ended; what it cannot write, other workers find out."""
        if self._office is None:
            return
        self._office.begin_to_close()
        while not self._office.closed(0.1) and clock.monotonic() < deadline:
            for number in self._bell.arrived():
                self._obey(number)

    def _look(self) -> None:
        for key, _ in self._selector.select(self._until_next()):
            if isinstance(key.data, Child):
                self._hear(key.data)
        for number in self._bell.arrived():
            self._obey(number)
        while not self._posted.empty():
            self._posted.get()()

    def _until_next(self) -> float:
        moments = [*self._crew.moments()]
        moments += [self._deadline] if self._deadline is not None else []
        return max(0.0, min([_LOOK_SECONDS, *(m - clock.monotonic() for m in moments)]))

    def _post(self, action: Callable[[], None]) -> None:
        """Do this in the main thread, soon; for the office."""
        self._posted.put(action)
        self._bell.wake()

    def _tell_probe(self) -> None:
        """Healthy while processes can be started and the engine can be spoken with."""
        if self._probe is None:
            return
        failure = self._office.failure if self._office is not None else ""
        if not failure and self._crew.early_deaths:
            failure = f"{self._crew.early_deaths} processes in a row ended before they were ready"
        self._probe.update(not failure, failure, self._crew.ready)

    # -- the crew

    def _hear(self, child: Child) -> None:
        if child not in self._crew:
            return  # buried a moment ago
        for word in child.hear():
            if isinstance(word, Hello):
                self._meet(child, word)
            elif isinstance(word, Leaving) and self._deadline is None:
                log.info("%s makes place for another: it %s", child.report.name, word.why)
                self._crew.replace(child)
        if not child.link.open:
            self._bury(child)

    def _meet(self, child: Child, hello: Hello) -> None:
        self._crew.early_deaths, self._crew.has_begun = 0, True
        if self._quiet:
            child.link.say(Quiet(True))
        if self._office is None:
            self._office = self._begin(hello)
        self._office.hurry(Heartbeat)

    def _begin(self, hello: Hello) -> Office:
        """The first hello: now it is known where jobs are kept, and how many processes there are to be."""
        plan = self._plan
        engine = connect(hello.url, profile=hello.profile, retention=hello.retention)
        self._timeout = hello.shutdown_timeout if plan.shutdown_timeout is None else plan.shutdown_timeout
        undertaker = Undertaker(engine, self._events)
        office = Office(engine, undertaker, self._crew.mourn)
        if self._deadline is None:
            least = plan.autoscale and plan.autoscale[1]
            self._crew.grow_to(least or plan.processes or hello.processes or available_cpus())
        office.open(self._services(engine, undertaker))  # last, as its threads are the end of forking
        return office

    def _services(self, engine: Engine, undertaker: Undertaker) -> list[Service]:
        services: list[Service] = [
            Heartbeat(engine, lambda: [child.report for child in self._crew], self._take_orders),
            Sweep(engine, self._events, undertaker.mourn),
        ]
        if self._plan.autoscale is not None:
            most, least = self._plan.autoscale
            services.append(Autoscale(engine, self._plan.queues, self._resize, most, least))
        return services

    def _resize(self, size: int) -> None:
        """Let there be so many processes."""
        self._post(lambda: self._crew.resize(size) if self._deadline is None else None)

    def _bury(self, child: Child) -> None:
        in_place = child in self._crew.in_place()
        death = self._crew.bury(child)
        if self._office is not None:
            self._office.hand_in(msgspec.structs.replace(death, forced=death.forced or self._signals >= 2))
        if death.code in _HOPELESS and child.hello is None:
            self._give_up(death.code)
        elif in_place and self._deadline is None and not (child.done and self._plan.burst):
            self._replace(child)

    def _replace(self, child: Child) -> None:
        self._crew.early_deaths += child.hello is None
        if self._office is None and self._crew.early_deaths >= EARLY_DEATHS:
            log.error("the worker process died %d times before it was ready; giving up", EARLY_DEATHS)
            self._give_up(1)
            return
        self._crew.respawn_later(child.number)

    def _find_dead(self) -> None:
        for child in self._crew.dead():
            child.link.hear_no_more()
            while child.link.open and child.hear():
                pass
            self._bury(child)

    def _give_up(self, code: int) -> None:
        """Every process would fail alike: the others are stopped too."""
        self._exit = self._exit or code
        self._stop()

    # -- orders

    def _take_orders(self, heard: Heard) -> None:
        """What the engine had to say to these processes. An order for one of them is for the whole worker.

        Runs in the office.
        """
        ours = {child.worker: child for child in self._crew}
        for worker in heard.retired & ours.keys():
            # Declared dead: its claims are lost, so a fresh incarnation takes its place.
            ours[worker].signal(signal.SIGKILL)
        for worker in heard.terminate.keys() & ours.keys():
            for id in heard.terminate[worker]:
                ours[worker].link.say(End(id))
        orders = set(heard.orders.values())
        if "stop" in orders:
            self._post(self._stop_as_ordered)
        self._be_quiet("quiet" in orders)

    def _stop_as_ordered(self) -> None:
        if self._deadline is None:
            log.info("stopping: ordered so")
            self._stop()

    def _be_quiet(self, quiet: bool) -> None:
        if quiet != self._quiet:
            self._quiet = quiet
            log.info("claiming nothing, as ordered" if quiet else "claiming again, as ordered")
            self._crew.say(Quiet(quiet))

    # -- stopping

    def _obey(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._find_dead()
            self._crew.look_for_stopped()
        elif number == signal.SIGQUIT:
            log.warning("stacks of the supervisor, process %d:\n%s", os.getpid(), stacks())
            self._crew.ask_for_stacks()
        else:
            self._end(number)

    def _end(self, number: int) -> None:
        """The first signal drains, the second gives the running jobs back, the third kills."""
        self._signals += 1
        if self._signals == 1:
            self._stop()  # first, so that who reads the line knows that every process was told
            log.info("stopping: claiming nothing more, waiting for what runs (again to force)")
            return
        self._exit = 128 + number
        self._crew.kill()
        if self._signals > 2:
            log.error("killed by a third signal")
            os._exit(self._exit)
        log.warning("forced: running jobs go back to their queues")

    def _stop(self) -> None:
        self._deadline = clock.monotonic() + self._timeout
        self._crew.stop()

    def _enforce_deadline(self) -> None:
        if self._deadline is None or clock.monotonic() < self._deadline or not self._crew:
            return
        if self._signals < 2 and any(child.hello for child in self._crew):
            log.warning("the shutdown timeout passed: running jobs go back to their queues")
        self._signals = max(self._signals, 2)
        self._deadline = clock.monotonic() + LONGEST_PAUSE_SECONDS
        self._crew.kill()
