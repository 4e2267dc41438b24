"""Systems side by side: a table for each kind of server, what is missing and why, how each is configured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.peers.kill import JOBS, PATIENCE_SECONDS, Killed
from benchmarks.peers.measure import Size
from benchmarks.peers.report import COLUMNS, Column, Entry, Report

TITLES = {
    "redis": "On Redis that writes to its disk once a second",
    "redis-always": "On Redis that answers when it is on the disk",
    "postgres": "On PostgreSQL",
    "sqlite": "On SQLite",
}

_HEAD = """\
All in one run and in turns (round 1: each system, round 2: each system, ...), on the same servers and the \
same cores, each time in an empty place, the workers in two processes. PostgreSQL and SQLite wait for the \
disk, for everybody. Most systems on Redis write many times for a job and are run with `appendfsync \
everysec`, so that is where all are compared; some also where it is `always`, which is what Cardoon calls \
durable. Medians of {rounds}; in brackets the least and the most; then the ratio to Cardoon on the same \
server within each round (above 1 is faster for rates, slower for times). A difference under 10 % is a \
tie. `{command}` made this."""

_HOW = """\
`sends`: {sends:,} jobs, one after the other, the sender on one core and the server on the other; then both \
on the same one. `bulk`: as many as are left to its number of jobs, where the system has a way to send many \
or to have 100 calls under way. `drain`: all of those, from the first begin of a job to the last end, as the \
jobs themselves tell; acknowledgements that are written later are not in it, results are stored where the \
system stores them; CPU is that of all processes of the worker meanwhile, not the server's. `round trip`: \
{calls} calls, one after the other (fewer where they take more than 5 s), of a worker that does nothing \
else; then {idle_calls} calls with {idle:g} s between them. `50 ms x 100`: {naps:,} jobs that sleep 50 ms, \
100 at once in all: the ideal time as a part of what it took."""


_KILL = (
    f"{JOBS} jobs of half a second; as soon as one runs, all processes of the worker are killed, and a new "
    f"worker is started at once. After how long the last of those that ran began again, and what did not "
    f"end in {PATIENCE_SECONDS:g} s: it may come back later, or never. Once each, with the "
    "settings below, which leave it to each what it does after a crash."
)


def section(report: Report) -> Iterator[str]:
    """The lines of the page."""
    size = report.size
    rounds = f"{size.rounds} round{'s' if size.rounds > 1 else ''}"
    yield from ("## Beside its peers", "", _HEAD.format(rounds=rounds, command=report.command), "")
    yield from (_how(size), "")
    for kind, title in TITLES.items():
        yield from _table(title, [entry for entry in report.entries if entry.system.kind == kind])
    yield from _missing(report)
    yield from _kills(report.entries)
    yield from ("### How each is configured", "")
    yield from dict.fromkeys(f"- **{e.system.adapter}**{_versions(e)}: {e.notes}" for e in report.entries)
    yield from ("", "| | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in report.facts.items())
    yield ""


def _how(size: Size) -> str:
    return _HOW.format(
        sends=size.sends,
        calls=size.calls,
        idle_calls=size.idle_calls,
        idle=size.idle_seconds,
        naps=size.naps,
    )


def _table(title: str, entries: list[Entry]) -> Iterator[str]:
    if not entries:
        return
    yield from (f"### {title}", "", f"| | {' | '.join(column.title for column in COLUMNS)} |")
    yield f"|---|{'---|' * len(COLUMNS)}"
    ours = next((entry for entry in entries if entry.system.ours), None)
    for entry in entries:
        cells = " | ".join(_cell(entry, column, ours) for column in COLUMNS)
        yield f"| {entry.system.name} | {cells} |"
    yield ""


def _cell(entry: Entry, column: Column, ours: Entry | None) -> str:
    spread = entry.spread(column.name)
    if spread is None:
        return "-"
    middle, least, most = (
        f"{value:,.{column.places}f}" for value in (spread.median, spread.least, spread.most)
    )
    ends = f" [{least}..{most}]" if least != most else ""
    ratio = entry.ratio(column.name, ours) if ours and entry is not ours else None
    beside = "" if ratio is None else f" {ratio:.2f}x"
    return f"{middle}{column.unit}{ends}{beside}"


def _missing(report: Report) -> Iterator[str]:
    """The reason of each figure that is not there."""
    reasons: dict[str, list[str]] = {}
    for entry in report.entries:
        for column in COLUMNS:
            if entry.spread(column.name) is None:
                where = f"{entry.system.name} ({entry.system.kind}): {_told(entry.why(column.name))}"
                reasons.setdefault(where, []).append(column.title)
    yield from ("### What is missing", "")
    yield from ([f"- {where} ({'; '.join(what)})" for where, what in reasons.items()] or ["Nothing."])
    yield ""


def _kills(entries: Sequence[Entry]) -> Iterator[str]:
    if all(entry.killed is None for entry in entries):
        return
    yield from ("### `kill -9` of everything", "", _KILL, "")
    yield "| | on | ran at the kill | last began again after | not ended | ended twice |"
    yield "|---|---|---|---|---|---|"
    for entry in entries:
        cells = _kill_cells(entry.missing or entry.killed or "not tried")
        yield f"| {entry.system.name} | {entry.system.kind} | {' | '.join(cells)} |"
    yield ""


def _kill_cells(killed: Killed | str) -> list[str]:
    if isinstance(killed, str):
        return [_told(killed), "-", "-", "-"]
    again = "-" if killed.again is None else f"{killed.again:.1f} s"
    return [str(killed.ran), again, str(killed.gone), str(killed.twice)]


def _told(reason: str) -> str:
    return reason.replace("|", "/").replace("\n", " ")


def _versions(entry: Entry) -> str:
    told = ", ".join(f"{name} {version}" for name, version in entry.versions.items())
    return f" ({told})" if told else ""
