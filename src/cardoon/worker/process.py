"""One worker process: the application, a loop and a pool, until it is told to stop or its parent dies."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import threading

import msgspec

from cardoon.app import Cardoon
from cardoon.context import Surroundings
from cardoon.engines import silence
from cardoon.logs import LEVELS, EventLog, set_up
from cardoon.model import clock
from cardoon.model.errors import AppNotFound, ConfigurationError, EngineError
from cardoon.model.job import Report
from cardoon.model.url import mask
from cardoon.worker.execution import execute
from cardoon.worker.finder import find_app, import_tasks
from cardoon.worker.loop import Loop
from cardoon.worker.plan import Hello, Orders
from cardoon.worker.pools.solo import SoloPool
from cardoon.worker.timeouts import Limits

log = logging.getLogger("cardoon.worker")

EXIT_UNAVAILABLE = 69
EXIT_CONFIGURATION = 78
EXIT_ORPHANED = 70
BYE = b"bye"
"""Said by a process that ends in order: an exit code alone may be a task's own `os._exit(0)`."""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Entered by `python -m cardoon.worker.process`, with what the supervisor says as the one argument."""
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    die_with_parent(orders.supervisor)
    plan, name = orders.plan, f"worker-{orders.number}"
    set_up(plan.log_level or "info", json_lines=plan.log_format == "json", logfile=plan.logfile, process=name)
    try:
        code = run(orders)
    except (AppNotFound, ConfigurationError) as error:
        code = _refuse(error, EXIT_CONFIGURATION)
    except EngineError as error:
        code = _refuse(error, EXIT_UNAVAILABLE)
    sys.stdout.flush()
    sys.exit(code)


def _refuse(error: Exception, code: int) -> int:
    """Say why there is no starting; the traceback only to who asked for everything."""
    log.error("%s", error, exc_info=logging.root.isEnabledFor(logging.DEBUG))
    return code


def run(orders: Orders) -> int:
    """Load, say hello, work; the exit code."""
    app = find_app(orders.plan.app)
    import_tasks(app)
    gc.freeze()  # what is imported by now stays: collections need not walk it
    app.engine.open()
    level = orders.plan.log_level or app.settings.worker_log_level
    logging.getLogger().setLevel(LEVELS[level])
    app.events.listen(EventLog(), EventLog.heard_at(level))
    loop = Loop(app, orders.worker, orders.plan.queues, burst=orders.plan.burst)
    _obey_signals(loop)
    link = _say_hello(app, orders)
    app.engine.beat([own_report(orders)])
    app.engine.unpark(list(app.tasks))
    here = Surroundings(hostname=own_report(orders).name, loglevel=LEVELS[level], logfile=orders.plan.logfile)
    loop.pool = SoloPool(lambda claim: execute(app, claim, here), loop.settle, Limits(app))
    app.events.emit(
        "worker.ready",
        worker=orders.worker,
        pid=os.getpid(),
        tasks=len(app.tasks),
        engine=mask(app.settings.url),
    )
    loop.run()
    app.events.emit("worker.stopping", worker=orders.worker)
    app.close()
    link.sendall(BYE)
    return 0


def own_report(orders: Orders) -> Report:
    """What is to be known of this process, before it claims anything."""
    return Report(
        worker=orders.worker,
        supervisor=str(orders.supervisor),
        name=f"{orders.plan.name or silence.host()}/{orders.number}",
        host=silence.host(),
        boot=silence.boot_id(),
        pid=os.getpid(),
        pid_started=silence.process_start(os.getpid()),
        queues=orders.plan.queues or [],
        started=clock.now(),
    )


def _obey_signals(loop: Loop) -> None:
    """TERM drains. INT comes to the whole terminal at once and is the supervisor's to judge."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    os.register_at_fork(after_in_child=_obey_no_more)


def _obey_no_more() -> None:
    """What a task forks is no worker: it must die of the signals that its parent ends it with."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)


def _say_hello(app: Cardoon, orders: Orders) -> socket.socket:
    settings = app.settings
    hello = Hello(
        app=app.main,
        url=settings.url,
        profile=settings.profile,
        retention=settings.result_expires,
        tasks=len(app.tasks),
        shutdown_timeout=settings.worker_shutdown_timeout,
        processes=settings.worker_concurrency,
    )
    link = socket.socket(fileno=orders.socket)
    link.set_inheritable(False)
    link.sendall(msgspec.json.encode(hello))
    threading.Thread(target=_watch_parent, args=(link,), name="cardoon-parent", daemon=True).start()
    return link


def _watch_parent(link: socket.socket) -> None:
    """The supervisor says nothing more; the end of the line means that it is dead."""
    with contextlib.suppress(OSError):  # a supervisor that dies with our words unread resets the line
        while link.recv(4096):
            pass
    os._exit(EXIT_ORPHANED)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, even while user code holds everything up."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(EXIT_ORPHANED)


if __name__ == "__main__":
    main()
