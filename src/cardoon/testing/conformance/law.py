"""A law: a sentence about engines, and the function that tries to break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from cardoon.testing.conformance.bench import Bench

Check = Callable[[Bench], None]

GROUPS = (
    "push",
    "batches",
    "payloads",
    "lease",
    "claim",
    "queues",
    "settle",
    "again",
    "repeat",
    "annotate",
    "wait",
    "standby",
    "cancel",
    "terminate",
    "replay",
    "delete",
    "orders",
    "held",
    "retire",
    "evidence",
    "suspects",
    "sweep",
    "clock",
    "results",
    "find",
    "locks",
    "limits",
    "schedules",
    "life",
    "races",
    "races_of_operators",
    "kills",
    "cuts",
    "network",
    "server",
    "museum",
)
"""The modules `laws_<group>`, in the order in which they are told."""


@dataclass(frozen=True)
class Law:
    """`needs` names capabilities of the engine (`shared`, `durable`), or what can be done to it: `clock`,
    that a law can move its time; `network` and `server`, what `reach` says of its URL.
    """

    group: str
    name: str
    guarantee: str
    text: str
    needs: tuple[str, ...]
    check: Check

    @property
    def id(self) -> str:
        """The name by which one law is asked for."""
        return f"{self.group}/{self.name}"


_laws: dict[str, Law] = {}


def law(guarantee: str, *, needs: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Declare a function of a module `laws_<group>` to be a law; its docstring is the law's text."""

    def declare(check: Check) -> Check:
        group = check.__module__.rpartition("laws_")[2]
        text = " ".join((check.__doc__ or "").split())
        declared = Law(group, check.__name__, guarantee, text, needs, check)
        if not text or declared.id in _laws:
            raise ValueError(f"law {declared.id} has no sentence, or its name is taken")
        _laws[declared.id] = declared
        return check

    return declare


def laws(only: str = "") -> list[Law]:
    """Every law, those of one group together; `only` keeps those with this word in id, guarantee or text."""
    for group in GROUPS:
        import_module(f"cardoon.testing.conformance.laws_{group}")
    return [law for law in _laws.values() if not only or _about(law, only.lower())]


def _about(law: Law, word: str) -> bool:
    return word == law.guarantee.lower() or word in law.id or word in law.text.lower()
