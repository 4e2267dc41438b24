"""The supervisor: the parent of the worker processes. It runs no task and imports no application."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import msgspec

from cardoon.engines import silence
from cardoon.engines.contract import Engine, Retired
from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.model.job import Report
from cardoon.worker.plan import Child, Hello, Plan
from cardoon.worker.process import BYE, EXIT_CONFIGURATION, EXIT_UNAVAILABLE, own_report
from cardoon.worker.services.contract import Service
from cardoon.worker.services.heartbeat import Heartbeat
from cardoon.worker.services.sweep import Sweep
from cardoon.worker.timeouts import HARD_LIMIT_EXIT

log = logging.getLogger("cardoon.supervisor")

_TICK_SECONDS = 0.5
_SHORT_LIFE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 5.0
_HOPELESS = (EXIT_CONFIGURATION, EXIT_UNAVAILABLE)


class Process:
    """One worker process as its supervisor sees it. Each start is a new incarnation with an id of its own."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.worker = clock.new_id()
        self.number = number
        self.started = clock.monotonic()
        self.hello: Hello | None = None
        self.done = False
        self.link, theirs = socket.socketpair()
        child = Child(
            plan=plan, worker=self.worker, number=number, supervisor=os.getpid(), socket=theirs.fileno()
        )
        command = [sys.executable, "-m", "cardoon.worker.process", msgspec.json.encode(child).decode()]
        self.popen = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        pid = self.popen.pid
        self.report = msgspec.structs.replace(
            own_report(child), pid=pid, pid_started=silence.process_start(pid)
        )

    def hear(self) -> bool:
        """Take in what it says; False at the end of the line."""
        data = self.link.recv(65_536)
        said_bye = data.endswith(BYE)
        self.done |= said_bye
        words = data.removesuffix(BYE)
        if words and self.hello is None:
            self.hello = msgspec.json.decode(words, type=Hello)
        return bool(data)

    def signal(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)


class Supervisor:
    """Spawns, watches and replaces processes, beats and sweeps for them; ends when told, or all is done."""

    def __init__(self, plan: Plan, events: Events) -> None:
        self._plan = plan
        self._events = events
        self._selector = selectors.DefaultSelector()
        self._processes: dict[int, Process] = {}
        self._engine: Engine | None = None
        self._services: list[tuple[Service, float]] = []
        self._respawns: list[tuple[float, int]] = []
        self._signals: list[int] = []
        self._quick_deaths = 0
        self._deadline: float | None = None
        self._timeout = 0.0
        self._exit = 0

    def run(self) -> int:
        """Until all processes are gone for good; the exit code."""
        self._listen_to_signals()
        for number in range(1, self._plan.processes + 1):
            self._spawn(number)
        while self._processes or self._respawns:
            self._look(self._until_next())
            self._respawn_due()
            self._serve()
            self._enforce_deadline()
        self._close()
        return self._exit

    # -- processes

    def _spawn(self, number: int) -> None:
        process = Process(self._plan, number)
        self._processes[number] = process
        self._selector.register(process.link, selectors.EVENT_READ, process)

    def _look(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, Process):
                self._hear(key.data)
            else:
                self._obey(key.fileobj)  # type: ignore[arg-type]

    def _hear(self, process: Process) -> None:
        if self._processes.get(process.number) is not process:
            return  # buried by another way a moment ago
        try:
            heard = process.hear()
        except ConnectionError:
            heard = False
        if not heard:
            self._bury(process)
        elif process.hello is not None:
            self._meet(process.hello)

    def _meet(self, hello: Hello) -> None:
        if self._engine is None:
            self._engine = connect(hello.url, profile=hello.profile, retention=hello.retention)
            self._timeout = (
                self._plan.shutdown_timeout
                if self._plan.shutdown_timeout is not None
                else hello.shutdown_timeout
            )
            now = clock.monotonic()
            services: list[Service] = [
                Heartbeat(self._engine, self._reports, self._disown),
                Sweep(self._engine, self._events),
            ]
            self._services = [(service, now) for service in services]
        else:
            self._services = [(s, 0.0 if isinstance(s, Heartbeat) else due) for s, due in self._services]

    def _bury(self, process: Process) -> None:
        """The line to a process ended: it is dead, or it closed its descriptors and will be."""
        self._selector.unregister(process.link)
        process.link.close()
        process.signal(signal.SIGKILL)
        code = process.popen.wait()
        del self._processes[process.number]
        self._retire(process, code)
        if code in _HOPELESS and process.hello is None:
            self._give_up(code)
        elif self._deadline is None and not process.done:
            self._respawn_later(process)

    def _retire(self, process: Process, code: int) -> None:
        if self._engine is None:
            return
        crashed = not process.done and code != HARD_LIMIT_EXIT and not self._forced
        retired = self._try(lambda engine: engine.retire(process.worker, crashed=crashed)) or Retired([], [])
        if not process.done:
            ended = f"signal {-code}" if code < 0 else f"exit {code}"
            self._events.emit(
                "worker.lost", worker=process.report.name, ended=ended, returned=len(retired.returned)
            )
        for id in retired.quarantined:
            self._events.emit("job.quarantined", id, worker=process.report.name)

    def _respawn_later(self, process: Process) -> None:
        """At once, but a process that dies young is replaced more and more slowly."""
        lived = clock.monotonic() - process.started
        self._quick_deaths = (
            self._quick_deaths + 1 if lived < _SHORT_LIFE_SECONDS and process.hello is None else 0
        )
        pause = min(0.1 * 2.0**self._quick_deaths, _LONGEST_PAUSE_SECONDS) if self._quick_deaths else 0.0
        self._respawns.append((clock.monotonic() + pause, process.number))

    def _respawn_due(self) -> None:
        due = [(when, number) for when, number in self._respawns if when <= clock.monotonic()]
        for entry in due:
            self._respawns.remove(entry)
            self._spawn(entry[1])

    def _give_up(self, code: int) -> None:
        """Every process would fail alike: the others are stopped too."""
        self._exit = self._exit or code
        self._stop()

    # -- services

    def _reports(self) -> Iterator[Report]:
        return (process.report for process in self._processes.values())

    def _disown(self, worker: str) -> None:
        """Somebody declared this worker dead: its claims are lost, so a fresh incarnation takes its place."""
        for process in self._processes.values():
            if process.worker == worker:
                process.signal(signal.SIGKILL)

    def _serve(self) -> None:
        now = clock.monotonic()
        for index, (service, due) in enumerate(self._services):
            if due <= now:
                self._services[index] = (
                    service,
                    now + service.every * 0.9 + clock.full_jitter(service.every * 0.2),
                )
                self._try(lambda _engine, service=service: service.run())  # type: ignore[misc]

    def _try(self, action: Callable[[Engine], Retired | None]) -> Retired | None:
        if self._engine is None:
            return None
        try:
            return action(self._engine)
        except EngineError as error:
            log.warning("the engine failed: %s", error)
            return None

    def _until_next(self) -> float:
        moments = [due for _, due in self._services] + [when for when, _ in self._respawns]
        moments += [self._deadline] if self._deadline is not None else []
        return max(0.0, min([_TICK_SECONDS * 4, *(m - clock.monotonic() for m in moments)]))

    # -- signals

    @property
    def _forced(self) -> bool:
        return len(self._signals) > 1

    def _listen_to_signals(self) -> None:
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        self._bells = reader, writer
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._selector.register(reader, selectors.EVENT_READ, None)

    def _obey(self, bell: socket.socket) -> None:
        for number in bell.recv(64):
            if number == signal.SIGCHLD:
                self._find_dead()
            elif number in (signal.SIGTERM, signal.SIGINT):
                self._signals.append(number)
                self._first() if len(self._signals) == 1 else self._second(number)

    def _find_dead(self) -> None:
        """A dead process whose line somebody else still holds, such as a child that its task forked."""
        for process in list(self._processes.values()):
            if process.popen.poll() is not None:
                self._drain(process)

    def _drain(self, process: Process) -> None:
        """Hear its last words, if there are any, before it is buried."""
        process.link.setblocking(False)
        try:
            while process.hear():
                pass
        except (BlockingIOError, ConnectionError):
            pass
        self._bury(process)

    def _first(self) -> None:
        log.info("stopping: claiming nothing more, waiting for what runs (again to force)")
        self._stop()

    def _second(self, number: int) -> None:
        log.warning("forced: running jobs go back to their queues")
        self._exit = 128 + number
        self._kill()

    def _stop(self) -> None:
        self._respawns.clear()
        self._deadline = clock.monotonic() + self._timeout
        for process in self._processes.values():
            process.signal(signal.SIGTERM if process.hello else signal.SIGKILL)

    def _enforce_deadline(self) -> None:
        if self._deadline is not None and clock.monotonic() >= self._deadline and self._processes:
            log.warning("the shutdown timeout passed: running jobs go back to their queues")
            self._signals += [signal.SIGTERM, signal.SIGTERM]
            self._deadline += _LONGEST_PAUSE_SECONDS
            self._kill()

    def _kill(self) -> None:
        for process in self._processes.values():
            process.signal(signal.SIGKILL)

    def _close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for bell in self._bells:
            bell.close()
        if self._engine is not None:
            self._engine.close()
