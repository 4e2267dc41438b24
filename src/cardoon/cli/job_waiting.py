"""`cardoon jobs wait` and `logs`: staying with jobs until they end."""

from __future__ import annotations

import time

import click
import msgspec

from cardoon.cli.exits import FAILED
from cardoon.cli.job_table import short, took
from cardoon.cli.options import app_option, examples, json_option, url_option, verbose_option
from cardoon.cli.picking import resolve
from cardoon.cli.target import engine_to_look_at
from cardoon.cli.text import count, document, visible
from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.job import Job
from cardoon.model.states import State

_LONGEST_WAIT = 60.0
_FOLLOW_SECONDS = 0.5
_WELL = (State.SUCCEEDED, State.RESULT_LOST, State.SKIPPED)


@click.command(
    epilog=examples("cardoon jobs wait 1f0c3a9e", "cardoon jobs wait 1f0c3a9e 5b71d20c --timeout 60")
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait at most so long.")
@app_option
@url_option
@verbose_option
def wait(ids: tuple[str, ...], timeout: float | None, app: str | None, url: str | None) -> None:
    """Wait until jobs have ended; a line for each as it ends.

    Exits with 0 if all succeeded or were skipped, with 1 if one did not or the time is up.
    """
    engine = engine_to_look_at(app, url)
    left = {resolve(engine, id).id for id in ids}
    deadline = None if timeout is None else clock.monotonic() + timeout
    well = True
    while left:
        seconds = _LONGEST_WAIT if deadline is None else max(0.0, deadline - clock.monotonic())
        ended = engine.wait_results(left, min(seconds, _LONGEST_WAIT))
        for job in ended.values():
            click.echo(_ended(job))
            well = well and job.state in _WELL
        left -= ended.keys()
        if deadline is not None and clock.monotonic() >= deadline:
            break
    engine.close()
    if left:
        click.echo(f"{count(len(left), 'job')} did not end within {timeout:g} s", err=True)
    click.get_current_context().exit(0 if well and not left else FAILED)


def _ended(job: Job) -> str:
    why = str(job.error or job.note).partition("\n")[0]
    said = f"{short(job.id)}  {job.state}  {job.task}  {took(job, clock.now())}"
    return visible(f"{said}  {why}" if why else said)


class Line(msgspec.Struct, frozen=True):
    """A line that was logged in a job. `t` is seconds since the epoch."""

    t: float = 0.0
    level: str = ""
    logger: str = ""
    text: str = ""


@click.command(epilog=examples("cardoon jobs logs 1f0c3a9e", "cardoon jobs logs 1f0c3a9e --follow"))
@click.argument("id")
@click.option("--follow", is_flag=True, help="Stay until the job has ended.")
@app_option
@url_option
@json_option
@verbose_option
def logs(id: str, follow: bool, app: str | None, url: str | None, as_json: bool) -> None:
    """Show what was logged while a job ran, in all its attempts."""
    if follow and as_json:
        raise click.UsageError("--follow has no end that --json could wait for")
    engine = engine_to_look_at(app, url)
    job = resolve(engine, id)
    if as_json:
        document(_lines(engine, job.id))
    else:
        _print_lines(engine, job, follow)
    engine.close()


def _print_lines(engine: Engine, job: Job, follow: bool) -> None:
    told = _print_new(engine, job.id, 0)
    while follow and not job.final:
        engine.wait_results([job.id], _FOLLOW_SECONDS)
        found = engine.result(job.id)
        if found is None:
            break
        job = found
        told = _print_new(engine, job.id, told)  # after its end was seen, so that nothing is missed
    if not told:
        click.echo("nothing was logged" if job.final else "nothing was logged yet", err=True)


def _print_new(engine: Engine, id: str, told: int) -> int:
    """Print the lines from this one on; how many there are now."""
    lines = _lines(engine, id)
    for line in lines[told:]:
        click.echo(_readable(line))
    return len(lines)


def _lines(engine: Engine, id: str) -> list[Line]:
    return [_line(data) for some in engine.annotations(id, "log") for data in some.split(b"\n")]


def _line(data: bytes) -> Line:
    try:
        return msgspec.json.decode(data, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Line(text=data.decode("utf-8", "backslashreplace"))


def _readable(line: Line) -> str:
    at = f"{time.strftime('%H:%M:%S', time.localtime(line.t))}.{int(line.t * 1000) % 1000:03d} "
    head = f"{at if line.t else ''}{line.level.upper():<7} {line.logger} "
    return "\n".join(visible(part) for part in (head.lstrip() + line.text).splitlines())
