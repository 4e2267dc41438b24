"""Which jobs a run sends: a pure function of its seed, so that every process knows the same ones."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

QUEUES = ("mails", "images", "reports")
CHILDREN = 2

SHARES = {
    "brief": 35,
    "nap": 30,
    "doze": 10,
    "again": 10,
    "long": 5,
    "chain": 4,
    "family": 4,
    "poison": 1,
    "cancelled": 1,
}
"""Of a hundred jobs so many are of each kind."""

DEATHS = ("kill", "exit", "segfault")
"""How poison ends its process."""

_DELAYED, _DELAY = 0.1, (0.1, 2.0)
_UNSURE = 0.5


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One job to send. `seconds` is how long its body takes, `countdown` how long it is delayed.

    `times` is how often it retries, `ways` how it dies. `follows` are the ids of what it links to or
    sends. A sender that does not know whether it was stored sends an `insists` job again, under its id.
    """

    id: str
    kind: str
    queue: str
    priority: int
    seconds: float = 0.0
    countdown: float = 0.0
    times: int = 0
    way: str = ""
    follows: tuple[str, ...] = ()
    insists: bool = True


def planned(seed: int, jobs: int) -> list[Planned]:
    """The jobs of a run."""
    chance = random.Random(f"plan {seed}")
    kinds = chance.choices(list(SHARES), list(SHARES.values()), k=jobs)
    return [_job(f"{seed}-{number}", kind, chance) for number, kind in enumerate(kinds)]


def _job(id: str, kind: str, chance: random.Random) -> Planned:
    job = Planned(
        id=id,
        kind=kind,
        queue=chance.choice(QUEUES),
        priority=chance.randrange(10),
        countdown=chance.uniform(*_DELAY) if chance.random() < _DELAYED else 0.0,
        insists=chance.random() > _UNSURE,
    )
    return msgspec.structs.replace(job, **_DETAILS.get(kind, _nothing)(id, chance))


def _nothing(_id: str, _chance: random.Random) -> dict[str, object]:
    return {}


_DETAILS: dict[str, Callable[[str, random.Random], dict[str, object]]] = {
    "nap": lambda _id, chance: {"seconds": chance.uniform(0.02, 0.08)},
    "doze": lambda _id, chance: {"seconds": chance.uniform(0.02, 0.08)},
    "again": lambda _id, chance: {"seconds": chance.uniform(0.0, 0.02), "times": chance.randint(1, 2)},
    "long": lambda _id, chance: {"seconds": chance.uniform(0.5, 1.5)},
    "chain": lambda id, _chance: {"follows": (f"{id}-then",)},
    "family": lambda id, _chance: {"follows": tuple(f"{id}-{n}" for n in range(CHILDREN))},
    "poison": lambda _id, chance: {"way": chance.choice(DEATHS)},
    "cancelled": lambda _id, chance: {"countdown": chance.choice((0.0, chance.uniform(1.0, 3.0)))},
}
