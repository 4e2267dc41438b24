"""Outages of a server: how soon is work taken up again when it is back, and is anything run twice for it?

A worker runs jobs, some of which last. The server is killed, or falls silent, for a while in which the
worker tries again and again. When the server is back, jobs that waited all the time are to be started at
once, and the lasting ones end as what they were: the first attempt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import msgspec

from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.errors import ConfigurationError, EngineUnavailable
from cardoon.model.job import Job
from cardoon.model.message import Message
from cardoon.testing.faults import Proxy, Server, Worker
from cardoon.testing.torture.ledger import Record, read
from cardoon.testing.torture.recovery import Recovery
from cardoon.testing.torture.report import Machine, machine_of, recovery_lines
from cardoon.testing.torture.setup import Setup
from cardoon.testing.torture.weathered import APP, brief, lasting

KINDS = ("server", "black hole")
"""What happens to the server, in turn: it is killed and started again; it is not heard any more."""

LASTING = 2
WAITING = 40
DUE_SECONDS = 1.0
"""So long after they were sent those that wait fall due: the server is away by then."""

_THREADS = 4
_PATIENCE_SECONDS = 60.0


class Outages(msgspec.Struct, frozen=True, kw_only=True):
    """The figures: `outages` of so many `length` seconds each; how many jobs ran throughout, how many of all
    jobs were `repeated` for it, which must be 0, and `returns`: seconds from the return of the server to the
    next start of a job, by the kind of outage.
    """

    outages: int
    length: float
    ran_throughout: int
    repeated: int
    returns: dict[str, Recovery]
    seconds: float
    command: str
    machine: Machine

    @property
    def ok(self) -> bool:
        """Whether nothing that still ran was run again."""
        return not self.repeated


def outages(setup: Setup, count: int, length: float, told: Callable[[str], None]) -> Outages:
    """Bring about so many outages, each of so many seconds."""
    server, proxy = setup.ground.server, setup.ground.proxy
    if server is None or proxy is None:
        raise ConfigurationError("only a server of its own can be taken away; name one with --engine")
    begun, engine = clock.monotonic(), setup.engine()
    try:
        course = Course(setup, engine, server, proxy)
        with course.worker:
            for number in range(count):
                kind = KINDS[number % len(KINDS)]
                seconds = course.outage(number, kind, length)
                told(f"{clock.monotonic() - begun:5.0f} s  {kind}: jobs again after {seconds:.3f} s")
        profile = engine.profile()
    finally:
        engine.close()
    return Outages(
        outages=count,
        length=length,
        ran_throughout=count * LASTING,
        repeated=course.repeated(),
        returns={kind: Recovery.of(seconds) for kind, seconds in course.returns.items()},
        seconds=round(clock.monotonic() - begun, 1),
        command=f"python -m cardoon.testing.torture outages --outages {count} --length {length:g} "
        f"--engine {setup.ground.kind}",
        machine=machine_of(setup.ground.url, profile),
    )


class Course:
    """One worker, and one outage after the other. `returns` are seconds, by the kind of outage."""

    def __init__(self, setup: Setup, engine: Engine, server: Server, proxy: Proxy) -> None:
        self._folder = setup.folder
        self._engine = engine
        self._away = {"server": server.kill, "black hole": proxy.black_hole}
        self._back = {"server": server.start, "black hole": proxy.heal}
        self._ids: set[str] = set()
        self.returns: dict[str, list[float]] = defaultdict(list)
        self.worker = Worker(
            APP,
            *("-p", str(setup.processes), "-t", str(_THREADS), *setup.worker_args),
            folder=setup.folder,
            environment=setup.environment,
            log_file=setup.folder / "weathered.log",
        )

    def outage(self, number: int, kind: str, length: float) -> float:
        """From the start of jobs that last to their end; the seconds without a start after the return."""
        lasts = self._push([lasting.message((_gate(number),), {}, {}) for _ in range(LASTING)])
        self._until("the start of what lasts", lambda: lasts <= {r.id for r in self._starts()})
        waits = self._push([brief.message((), {}, {"countdown": DUE_SECONDS}) for _ in range(WAITING)])
        self._away[kind]()
        clock.sleep(length)
        mended = clock.monotonic()
        self._back[kind]()
        back = clock.monotonic()
        self._until("a start", lambda: any(r.seconds > mended and r.id in waits for r in self._starts()))
        (self._folder / _gate(number)).touch()
        self._until("the end of all", self._have_ended)
        first = min(r.seconds for r in self._starts() if r.seconds > mended and r.id in waits)
        self.returns[kind].append(max(0.0, first - back))
        return self.returns[kind][-1]

    def _push(self, messages: list[Message]) -> set[str]:
        self._engine.push(messages)
        ids = {message.id for message in messages}
        self._ids |= ids
        return ids

    def _starts(self) -> list[Record]:
        return [record for record in read(self._folder) if record.event == "start"]

    def _have_ended(self) -> bool:
        try:
            return all(job.final for job in self._jobs())
        except EngineUnavailable:
            return False  # its own connections noticed only now that the server was away

    def _jobs(self) -> Iterator[Job]:
        return filter(None, map(self._engine.result, self._ids))

    def repeated(self) -> int:
        """How many jobs were started more than once."""
        return sum(times > 1 for times in Counter(record.id for record in self._starts()).values())

    def _until(self, what: str, fact: Callable[[], bool]) -> None:
        self.worker.until(fact, what, _PATIENCE_SECONDS)


def _gate(number: int) -> str:
    return f"gate-{number}"


def as_text(found: Outages) -> str:
    """For people, within 80 columns."""
    machine = found.machine
    return "\n".join(
        [
            f"{found.outages:,} outages of {found.length:g} s, {found.seconds:,.0f} s",
            f"Cardoon {machine.cardoon}, {machine.engine_version or machine.engine}, {machine.profile}",
            "",
            f"  {found.ran_throughout:>7,}  jobs ran throughout",
            f"  {found.repeated:>7,}  jobs were run again",
            "",
            *recovery_lines(found.returns),
            "",
            f"again: {found.command}",
        ]
    )


def as_json(found: Outages) -> str:
    """One JSON object."""
    return msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"
