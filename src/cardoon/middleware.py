"""Layers: callables around sending or running a job, `layer(job, call_next)`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

J = TypeVar("J")
J_contra = TypeVar("J_contra", contravariant=True)


class CallNext(Protocol[J_contra]):
    """What a layer calls to go on: the next layer, at last the sending or the running itself."""

    def __call__(self, job: J_contra, /) -> Any:
        """Go on with this job; answers what came of it."""


class Layer(Protocol[J]):
    """A callable around sending (of a `Message`) or around running (of a `Request`)."""

    def __call__(self, job: J, call_next: CallNext[J], /) -> Any:
        """Do something before, after or instead of `call_next(job)`."""


def compose(layers: Sequence[Layer[J]], innermost: CallNext[J]) -> CallNext[J]:
    """The layers around the innermost callable, the first one outermost."""
    call = innermost
    for layer in reversed(layers):
        call = partial(_through, layer, call)
    return call


def _through(layer: Layer[J], call_next: CallNext[J], job: J) -> Any:
    return layer(job, call_next)
