"""What a demo shows while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
import time

import click

from cardoon.cli.text import count, visible

_WIDEST = 80
_REDRAW_SECONDS = 0.05
_STEPS = 10


class Screen:
    """Shows how many of `total` files are done, and lines in between. Writes to stdout."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = -1
        self._shown_at = 0.0
        self._live = is_terminal()

    def show(self, done: int) -> None:
        """So many are done now."""
        self._done = done
        self._draw_if_due() if self._live else self._print_if_due()

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        self.clear()
        click.echo(text)
        if self._live:
            self._draw()

    def clear(self) -> None:
        """Take the bar away."""
        if self._live:
            _write(f"\r{' ' * (width() - 1)}\r")

    def _print_if_due(self) -> None:
        step = self._done * _STEPS // self._total
        if step > self._shown:
            self._shown = step
            click.echo(f"{self._percent()}  {self._words()}")

    def _draw_if_due(self) -> None:
        due = time.monotonic() - self._shown_at >= _REDRAW_SECONDS or self._done == self._total
        if due and self._done != self._shown:
            self._draw()

    def _draw(self) -> None:
        self._shown, self._shown_at = self._done, time.monotonic()
        _write(f"\r{self._bar()}")

    def _bar(self) -> str:
        words = self._words().rjust(len(f"{self._total:,} of {count(self._total, 'file')}"))
        room = max(0, width() - len(f"{self._percent()}    {words} "))
        filled = room * self._done // self._total
        full, empty = ("━", "─") if _speaks_unicode() else ("#", ".")
        line = f"{self._percent()}  {full * filled}{empty * (room - filled)}  {words}"
        return line[: width() - 1]

    def _percent(self) -> str:
        return f"{100 * self._done // self._total:3d} %"

    def _words(self) -> str:
        return f"{self._done:,} of {count(self._total, 'file')}"


def is_terminal() -> bool:
    """Whether stdout is a terminal that can redraw a line."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """The columns to use: those of the terminal, 80 at most."""
    return min(shutil.get_terminal_size().columns, _WIDEST)


def fit(text: str, columns: int) -> str:
    """The text in what stdout can print, and on a terminal cut in its middle to so many columns."""
    encoding = sys.stdout.encoding or "ascii"
    text = visible(text).encode(encoding, "backslashreplace").decode(encoding)
    if not is_terminal() or len(text) <= columns:
        return text
    half = max(columns - 3, 2)
    return f"{text[: half // 2]}...{text[-(half - half // 2) :]}"


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _write(text: str) -> None:
    click.echo(text, nl=False)
    sys.stdout.flush()
