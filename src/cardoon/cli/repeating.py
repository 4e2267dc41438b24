"""Showing something again and again, for who wants to watch it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from cardoon.model import clock

SECONDS = 2.0
_HOME, _CLEAR_REST = "\x1b[H", "\x1b[J"

watch_option = click.option("--watch", is_flag=True, help="Show it anew every 2 s, until Ctrl-C.")


def shown(show: Callable[[], Any], *, watch: bool) -> None:
    """Show it once, or again and again: on a terminal in its place, else one below the other."""
    if not watch:
        show()
        return
    in_place = sys.stdout.isatty()
    if in_place:
        click.clear()
    while True:
        if in_place:
            sys.stdout.write(_HOME + _CLEAR_REST)
        show()
        sys.stdout.flush()
        clock.sleep(SECONDS)
