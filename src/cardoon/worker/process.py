"""One worker process: the application, a loop and a pool, until it is told to stop or its parent dies."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys

import msgspec

from cardoon.app import Cardoon
from cardoon.context import Surroundings
from cardoon.engines.contract import Engine
from cardoon.logs import LEVELS, EventLog, set_up
from cardoon.model.errors import (
    AppNotFound,
    ConfigurationError,
    EngineDamaged,
    EngineError,
    EngineRefused,
    EngineUnavailable,
)
from cardoon.model.url import mask
from cardoon.worker import exits
from cardoon.worker.attempts import Attempts
from cardoon.worker.finder import find_app, import_tasks
from cardoon.worker.forks import obey_no_more
from cardoon.worker.job_log import JobLog
from cardoon.worker.last_words import LastWords
from cardoon.worker.lifetime import Bounds
from cardoon.worker.link import Bye, Hello, Link
from cardoon.worker.loop import Loop
from cardoon.worker.patience import Patience
from cardoon.worker.places import Places
from cardoon.worker.plan import Orders
from cardoon.worker.report import own_report
from cardoon.worker.slate import Noted, Slate
from cardoon.worker.timeouts import Limits
from cardoon.worker.watch import Watch

log = logging.getLogger("cardoon.worker")

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Entered by `python -m cardoon.worker.process`, with what the supervisor says as the one argument."""
    sys.exit(be_worker(msgspec.json.decode(sys.argv[1], type=Orders)))


def born(orders: Orders) -> int:
    """Entered by a process that was forked: as `main`, whatever was to become of it; its exit code."""
    try:
        return be_worker(orders)
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1


def be_worker(orders: Orders) -> int:
    """Be the process that these orders are for, until it ends; its exit code."""
    sys.argv[:] = [__file__]
    die_with_parent(orders.supervisor)
    link, slate = _open(orders)
    try:
        code = run(orders, link, slate)
    except (AppNotFound, ConfigurationError) as error:
        code = _refuse(error, exits.MISCONFIGURED)
    except EngineError as error:
        code = _refuse(error, exits.UNAVAILABLE)
    sys.stdout.flush()
    return code


def _open(orders: Orders) -> tuple[Link, Slate]:
    """The line and the slate that were inherited, and a log that goes to both the world and the slate.

    The inherited descriptor itself stays open: the line must end with the process, not a moment before.
    """
    for descriptor in (orders.line, orders.slate):
        os.set_inheritable(descriptor, False)
    slate = Slate(orders.slate)
    faulthandler.enable(slate.stack_file, all_threads=False)
    plan, name = orders.plan, f"worker-{orders.number}"
    set_up(
        plan.log_level or "info",
        json_lines=plan.log_format == "json",
        logfile=plan.logfile,
        # Of our own: a task may close sys.stderr.
        stream=os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace"),
        process=name,
    )
    (handler,) = logging.root.handlers
    handler.setFormatter(Noted(handler.formatter or logging.Formatter(), slate))
    return Link(socket.socket(fileno=os.dup(orders.line))), slate


def _refuse(error: Exception, code: int) -> int:
    """Say why there is no starting; the traceback only to who asked for everything."""
    log.error("%s", error, exc_info=logging.root.isEnabledFor(logging.DEBUG))
    return code


def run(orders: Orders, link: Link, slate: Slate) -> int:
    """Load, say hello, work; the exit code."""
    app = find_app(orders.plan.app)
    app.begin_worker()
    import_tasks(app)
    gc.freeze()  # what is imported by now stays: collections need not walk it
    _reach(app.engine, again=orders.again)
    report = own_report(orders)
    places = _furnish(app, orders, report.name, link, slate)
    link.say(_hello(app))
    app.engine.beat([report])
    app.events.emit(
        "worker.ready",
        worker=orders.worker,
        pid=os.getpid(),
        tasks=len(app.tasks),
        engine=mask(app.settings.url),
    )
    places.run()
    app.events.emit("worker.stopping", worker=orders.worker)
    app.close()
    link.say(Bye())
    return 0


def _reach(engine: Engine, *, again: bool) -> None:
    """Until the engine is open. One that refuses us at the start of a worker is told at once; later on it may
    be that somebody mends it, and jobs run meanwhile in other processes of the same worker.
    """
    patience = Patience()
    while True:
        try:
            engine.open()
            return patience.rewarded() if patience.failures else None
        except EngineDamaged:
            raise
        except EngineRefused as error:
            if not again:
                raise
            patience.rest(error)
        except EngineUnavailable as error:
            patience.rest(error)


def _furnish(app: Cardoon, orders: Orders, name: str, link: Link, slate: Slate) -> Places:
    """Everything that runs jobs and watches over them, ready to run."""
    plan = orders.plan
    here, job_log = _surroundings(app, orders, name), JobLog()
    logging.root.addHandler(job_log)
    bounds, limits = Bounds(plan.lifetime), Limits(app, slate)
    loop = Loop(app, orders.worker, plan.queues, burst=plan.burst, allowed=bounds.jobs)
    last_words = LastWords(app, loop)
    places = Places(plan, app, loop, Attempts(app, limits, job_log, here), limits, last_words)
    _obey_signals(loop)
    Watch(app, loop, link, bounds, last_words, job_log).start()
    return places


def _surroundings(app: Cardoon, orders: Orders, name: str) -> Surroundings:
    level = orders.plan.log_level or app.settings.worker_log_level
    logging.getLogger().setLevel(LEVELS[level])
    app.events.listen(EventLog(), EventLog.heard_at(level))
    return Surroundings(hostname=name, loglevel=LEVELS[level], logfile=orders.plan.logfile)


def _hello(app: Cardoon) -> Hello:
    settings = app.settings
    return Hello(
        app=app.main,
        url=settings.url,
        profile=settings.profile,
        retention=settings.result_expires,
        shutdown_timeout=settings.worker_shutdown_timeout,
        processes=settings.worker_concurrency,
    )


def _obey_signals(loop: Loop) -> None:
    """TERM drains. INT comes to the whole terminal at once and is the supervisor's to judge. QUIT writes
    the stacks of this process to stderr, even while a task holds everything up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    faulthandler.register(signal.SIGQUIT, all_threads=True)
    obey_no_more()


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, even while user code holds everything up."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(exits.ORPHANED)


if __name__ == "__main__":
    main()
