"""The nemesis: does its worst to the processes of a run, and writes down beforehand what it does.

Every strike is drawn from the seed. What falls at what moment is the machine's to say.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

from cardoon.engines.contract import BEAT_SECONDS, SILENCE_SECONDS
from cardoon.failpoints.names import NAMES
from cardoon.model import clock
from cardoon.testing import faults
from cardoon.testing.faults import Worker
from cardoon.testing.torture import storm
from cardoon.testing.torture.fleet import Fleet
from cardoon.testing.torture.ledger import SUFFIX, Ledger, read_file
from cardoon.testing.torture.setup import Setup
from cardoon.testing.torture.storm import storm_over

KILLS = {"child": 40, "supervisor": 12, "group": 15, "force": 8, "producer": 15, "failpoint": 10}
"""Of a hundred kills so many are of each kind; `force` is a second TERM."""

OTHERS = {"stop child": 10, "stop worker": 12, "stop supervisor": 4, "deploy": 10}
"""Besides a hundred kills, so many of these."""

_STORMS = {**storm.KILLS, **storm.OTHERS}

_TWO_BEATS = 2 * BEAT_SECONDS
LOST_AFTER = {
    "stop child": SILENCE_SECONDS,
    "stop worker": SILENCE_SECONDS - _TWO_BEATS,
    "stop supervisor": SILENCE_SECONDS - _TWO_BEATS,
}
"""After so many seconds, and not earlier, a standstill may cost a process its jobs: who is not heard may have
beaten last a while before it."""

SHORTEST_STOP = 1.0
_MERCY_SECONDS = 3.0
"""A worker with a failpoint is replaced by a healthy one after so long."""
_HITS = (5, 40)
_IMPATIENCE_SECONDS = 0.2
_BUSY_FIRST = 0.7

PLACES = [name for name in NAMES if name.partition(".")[0] in ("claim", "run", "hb", "fin", "sweep")]
"""The failpoints that a worker passes."""


def kills_among(struck: Mapping[str, int]) -> int:
    """How many of these misfortunes were kills: of processes, of the server, of connections."""
    return sum(struck.get(kind, 0) for kind in (*KILLS, *storm.KILLS))


class Nemesis:
    """Strikes when told to. `log` is the ledger that it writes into."""

    def __init__(self, setup: Setup, fleet: Fleet, log: Ledger) -> None:
        self._setup = setup
        self._fleet = fleet
        self._log = log
        self._chance = random.Random(f"nemesis {setup.seed}")
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._still: dict[int, Worker] = {}
        self._storm = storm_over(setup, self._chance, log, self._after)
        self.struck: Counter[str] = Counter()

    @property
    def kills(self) -> int:
        """How many kills there were, of processes and of connections."""
        return kills_among(self.struck)

    @property
    def has_done(self) -> bool:
        """Whether it has killed as often as it should, and everything that it stopped goes on again."""
        return self.kills >= self._setup.kills and not self._later

    def tend(self) -> None:
        """Do what is due: let go on what stood still, replace what was made to fail."""
        now = clock.monotonic()
        due = [act for moment, act in self._later if moment <= now]
        self._later = [(moment, act) for moment, act in self._later if moment > now]
        for act in due:
            act()

    def strike(self) -> None:
        """One misfortune: a kill, or another one."""
        kinds = {**KILLS, **OTHERS, **(_STORMS if self._storm else {})}
        (kind,) = self._chance.choices(list(kinds), list(kinds.values()))
        if self._strike(kind):
            self.struck[kind] += 1

    def _strike(self, kind: str) -> bool:
        """Whether there was anybody to strike."""
        if self._storm and kind in _STORMS:
            return self._storm.strike(kind)
        return bool(getattr(self, f"_{kind.replace(' ', '_')}")())

    # -- kills; each says whether there was anybody to kill

    def _child(self) -> bool:
        worker = self._victim()
        children = worker.children() if worker else []
        if not children:
            return False
        busy = [pid for pid in children if self._is_busy(pid)]
        child = self._chance.choice(busy if busy and self._chance.random() < _BUSY_FIRST else children)
        self._log.write("kill", data={"kind": "child", "pids": [child]})
        faults.kill(child)
        return True

    def _is_busy(self, pid: int) -> bool:
        """Whether the last that it wrote is the start of a body."""
        files = list(self._setup.folder.glob(f"worker-{pid}-*{SUFFIX}"))
        records = read_file(files[-1]) if files else []
        return bool(records) and records[-1].event == "start"

    def _supervisor(self) -> bool:
        return self._kill_whole("supervisor", Worker.kill_supervisor, self._victim())

    def _group(self) -> bool:
        return self._kill_whole("group", Worker.kill_group, self._victim())

    def _force(self) -> bool:
        """The second TERM gives back what runs; it comes when the first was heard."""
        worker = self._victim()
        if worker is not None:
            worker.terminate()
            self._after(_IMPATIENCE_SECONDS, lambda: self._kill_whole("force", Worker.terminate, worker))
        return worker is not None

    def _kill_whole(self, kind: str, how: Callable[[Worker], None], worker: Worker | None) -> bool:
        if worker is None or not worker.lives:
            return False
        pids = worker.children()
        self._log.write("kill", data={"kind": kind, "pids": pids, "supervisor": worker.supervisor})
        how(worker)
        return True

    def _producer(self) -> bool:
        living = [p for p in self._fleet.producers.values() if p.poll() is None]
        if not living:
            return False
        process = self._chance.choice(living)
        self._log.write("kill", data={"kind": "producer", "pids": [process.pid]})
        process.kill()
        return True

    def _failpoint(self) -> bool:
        """Another worker comes in the place of one, and will kill itself somewhere."""
        before = self._victim()
        if before is None:
            return False
        place, hit = self._chance.choice(PLACES), self._chance.randint(*_HITS)
        self._fleet.dismiss(before)
        armed = self._fleet.hire(faults.failing_at(f"{place}=kill@{hit}"))
        self._log.write("arm", data={"supervisor": armed.supervisor, "place": place, "hit": hit})
        self._after(_MERCY_SECONDS, lambda: self._replace(armed))
        return True

    # -- others

    def _deploy(self) -> bool:
        worker = self._victim()
        if worker is not None:
            self._log.write("deploy", data={"supervisor": worker.supervisor})
            self._replace(worker)
        return worker is not None

    def _replace(self, worker: Worker) -> None:
        if worker in self._fleet.workers and worker.lives:
            self._fleet.dismiss(worker)
            self._fleet.tend()

    def _stop_child(self) -> bool:
        """Its supervisor goes on beating for it, and ends it after a while."""
        worker = self._victim()
        children = worker.children() if worker else []
        child = [self._chance.choice(children)] if children else []
        return self._stop("stop child", worker, child, child)

    def _stop_worker(self) -> bool:
        worker = self._victim()
        family = faults.family_of(worker.supervisor) if worker else []
        return self._stop("stop worker", worker, family, family)

    def _stop_supervisor(self) -> bool:
        """Its processes go on, and nobody beats for them."""
        worker = self._victim()
        if worker is None:
            return False
        return self._stop("stop supervisor", worker, [worker.supervisor], worker.children())

    def _stop(self, kind: str, worker: Worker | None, pids: list[int], affects: list[int]) -> bool:
        """Let at most one worker stand still at a time, so that others take over."""
        if self._still or worker is None or not pids:
            return False
        seconds = self._chance.uniform(SHORTEST_STOP, self._setup.longest_stop)
        about = {
            "kind": kind,
            "pids": pids,
            "affects": affects,
            "after": LOST_AFTER[kind],
            "seconds": seconds,
        }
        self._log.write("stop", data=about)
        faults.stop(*pids)
        self._still[worker.supervisor] = worker
        self._after(seconds, lambda: self._go_on(worker, pids))
        return True

    def _go_on(self, worker: Worker, pids: list[int]) -> None:
        faults.go_on(*pids)
        del self._still[worker.supervisor]
        self._log.write("resume", data={"pids": pids})

    def _after(self, seconds: float, act: Callable[[], object]) -> None:
        self._later.append((clock.monotonic() + seconds, act))

    def _victim(self) -> Worker | None:
        """A worker that runs, not the one that stands still."""
        living = [w for w in self._fleet.workers if w.lives and w.supervisor not in self._still]
        return self._chance.choice(living) if living else None
