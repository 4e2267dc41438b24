"""Layers: callables around sending or running a job, `layer(job, call_next)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

J = TypeVar("J")

CallNext = Callable[[J], Any]
Layer = Callable[[J, CallNext[J]], Any]


def compose(layers: Sequence[Layer[J]], innermost: CallNext[J]) -> CallNext[J]:
    """The layers around the innermost callable, the first one outermost."""
    call = innermost
    for layer in reversed(layers):
        call = partial(_through, layer, call)
    return call


def _through(layer: Layer[J], call_next: CallNext[J], job: J) -> Any:
    return layer(job, call_next)
