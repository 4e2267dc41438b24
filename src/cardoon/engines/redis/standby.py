"""How workers stand by for work, and what they are handed meanwhile.

A job that is pushed while a worker stands by with nothing to do is claimed for it in the same step, and told
on its ear. A word may be lost. So each standing by has a number, and ends in one of three ways: by a word of
that number, by an answer of the server that it lasted until then, or in doubt.
"""

from __future__ import annotations

from typing import NamedTuple

Handed = tuple[bytes, bytes]
"""The key of a job that was claimed for a worker, and its record."""


class Hands:
    """What was handed to the workers of one engine object, until they take it."""

    def __init__(self) -> None:
        self.told: dict[str, list[Handed | None]] = {}
        """By worker; None stands for something that it may not have heard of."""

    def give(self, worker: str, handed: Handed | None) -> None:
        """A job that is the worker's now, or doubt whether there is one."""
        self.told.setdefault(worker, []).append(handed)

    def take(self, worker: str) -> tuple[list[Handed], bool]:
        """What was handed to it, and whether something may have been that it did not hear of; each once."""
        told = self.told.pop(worker, [])
        return [handed for handed in told if handed], None in told


class Stand(NamedTuple):
    """A standing by: its number, and the worker that may be handed a job, empty for nobody."""

    number: int
    worker: str


class Standby:
    """Whether, and under which number, one ear stands by."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._last = 0
        self._words: dict[int, Handed | None] = {}
        self.now: Stand | None = None

    def begin(self, worker: str) -> Stand:
        """From now on, as long as nobody says otherwise, it stands by for this worker."""
        self._last += 1
        self.now = Stand(self._last, worker)
        return self.now

    def hear(self, number: int, handed: Handed | None) -> None:
        """A word to who stood by under this number: there is work, or this job."""
        self._words[number] = handed

    @property
    def worker(self) -> str:
        """For whom it stands by; empty for nobody."""
        return self.now.worker if self.now else ""

    @property
    def heard(self) -> bool:
        """Whether a word came, which ends it."""
        return self.now is not None and self.now.number in self._words

    def end(self, stand: Stand | None, lasted: bool) -> None:
        """It stood by so, until now or until it was told; what it was handed is given on."""
        if self.now is stand:
            self.now = None
        if stand is None:
            return
        was_told, handed = stand.number in self._words, self._words.get(stand.number)
        self._words = {number: word for number, word in self._words.items() if number > stand.number}
        in_doubt = not lasted and not was_told
        if stand.worker and (handed or in_doubt):
            self._hands.give(stand.worker, handed)
