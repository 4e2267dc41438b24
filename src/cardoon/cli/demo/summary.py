"""What a demo says in the end."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import click

from cardoon.cli.demo.files import Found
from cardoon.cli.demo.screen import fit, width
from cardoon.cli.demo.tally import Row, Tally
from cardoon.cli.demo.watch import Kill
from cardoon.cli.demo.worker import PROCESSES
from cardoon.cli.text import count, duration

_SHOWN_FAILURES = 5
_LABEL = 11
_NEXT = (
    ("{cardoon} demo --source > count_files.py", "the tasks you just saw, to change"),
    ("{cardoon} worker count_files:app -p 2", "a worker that runs them"),
    ("{python} count_files.py .", "a job for each file here"),
)


def opening(top: str, found: Found) -> str:
    """What will be counted, and what not."""
    words = f"Counting {count(len(found.paths), 'file')} of , one job for each"
    lines = [words.replace(" ,", f" {fit(top, width() - len(words))},")]
    if found.left_out:
        parts = (count(n, what) for what, n in sorted(found.left_out.items()))
        lines.append(click.wrap_text(f"left out: {', '.join(parts)}", width(), subsequent_indent="  "))
    return "\n".join(lines)


def closing(tally: Tally, kill: Kill | None, top: str) -> str:
    """The totals, the speed, the attempts, what failed, and whether all is well."""
    blocks = [_totals(tally), _failures(tally.failed, top), _course(tally, kill), _verdict(tally)]
    return "\n\n".join(block for block in blocks if block)


def say_next() -> None:
    """Three lines to type, with what each does beside it, or above where the terminal is too narrow."""
    cardoon, python = installed()
    lines = [(line.format(cardoon=cardoon, python=python), what) for line, what in _NEXT]
    longest = max(len(line) for line, _ in lines)
    beside = all(longest + len(what) + 5 <= width() for _, what in lines)
    click.echo("\nNext:")
    for line, what in lines:
        click.echo(f"  {line:<{longest}}   {what}" if beside else f"  # {what}\n  {line}")


def installed() -> tuple[str, str]:
    """How to type `cardoon` and `python` here: by name if they are on the PATH, else by where they lie."""
    if shutil.which("cardoon"):
        return "cardoon", "python"
    python = Path(sys.executable)
    script = shutil.which("cardoon", path=str(python.parent))
    return _typed(Path(script)) if script else f"{_typed(python)} -m cardoon", _typed(python)


def _typed(program: Path) -> str:
    """The program's path in the words of a shell, from the current folder if it lies inside."""
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))


def _totals(tally: Tally) -> str:
    counted = tally.counted
    parsed = sum(numbers.functions is not None for numbers in counted)
    totals = {
        "files": len(counted),
        "lines": sum(n.lines for n in counted),
        "words": sum(n.words for n in counted),
        "functions": sum(n.functions or 0 for n in counted),
        "classes": sum(n.classes or 0 for n in counted),
    }
    lines = [f"  {name:<{_LABEL}}{value:>12,}" for name, value in totals.items()]
    return "\n".join(["", *lines]) + f"   in {count(parsed, 'Python file')}"


def _failures(failed: list[Row], top: str) -> str:
    if not failed:
        return ""
    lines = [f"{count(len(failed), 'job')} failed, and changed nothing else:"]
    for row in failed[:_SHOWN_FAILURES]:
        reason = fit(row.reason, width() // 2)
        path = row.path.removeprefix(top).lstrip("/")
        lines.append(f"  {fit(path, width() - len(reason) - 4)}  {reason}")
    if len(failed) > _SHOWN_FAILURES:
        lines.append(f"  and {len(failed) - _SHOWN_FAILURES:,} more: see demo.csv")
    return "\n".join(lines)


def _course(tally: Tally, kill: Kill | None) -> str:
    jobs = len(tally.rows)
    speed = jobs / tally.seconds if tally.seconds > 0 else 0.0
    lines = [
        f"{'speed':<{_LABEL}}{speed:,.0f} jobs/s: {count(jobs, 'job')} in {duration(tally.seconds)} "
        f"on {PROCESSES} processes",
        f"{'attempts':<{_LABEL}}{tally.attempts:,} in all",
        f"{'retried':<{_LABEL}}{count(tally.retried, 'job')} that failed once, on purpose",
        f"{'killed':<{_LABEL}}{_killed(tally, kill)}",
    ]
    if tally.recovery is not None:
        lines.append(
            f"{'recovery':<{_LABEL}}{duration(tally.recovery)} from the kill until one of them ran again"
        )
    return "\n".join(f"  {line}" for line in lines)


def _killed(tally: Tally, kill: Kill | None) -> str:
    if kill is None:
        return "nothing: the work was done before a process could be killed"
    return f"1 process, with {count(tally.returned, 'job')} in its hands"


def _verdict(tally: Tally) -> str:
    if tally.faults:
        return "\n".join(["Something is wrong:", *(f"  {fault}" for fault in tally.faults)])
    failed = len(tally.failed)
    if failed:
        return f"Every file was counted exactly once, but the {count(failed, 'file')} above. See demo.csv."
    return "Every file was counted exactly once. The counts are in demo.csv."
