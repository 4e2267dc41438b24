"""Eager mode: one message, and all that follows it, run in the caller on an engine of its own."""

from __future__ import annotations

import msgspec

from cardoon.app import Cardoon
from cardoon.context import Surroundings
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model import message as envelope
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome
from cardoon.model.states import State
from cardoon.worker.execution import execute

EAGER = Surroundings(is_eager=True)
_WORKER = "eager"


def run_inline(app: Cardoon, message: Message) -> Engine:
    """Run a message now, its retries at once, its follow-ups too; the engine that remembers the ends.

    The message makes the journey through the wire form, the claim and the settling as it would in a
    worker. Not emulated: delays, expiry, queues, priorities and time limits.
    """
    engine = connect("memory://")
    plain = msgspec.structs.replace(message, due=None, expires=None)
    engine.push([envelope.decode(envelope.encode(plain))])
    while claims := engine.claim(_WORKER, None, 1):
        engine.settle([(claim, _at_once(execute(app, claim, EAGER))) for claim in claims])
    return engine


def _at_once(end: Outcome) -> Outcome:
    return msgspec.structs.replace(end, due=0.0) if end.state is State.RETRYING else end
