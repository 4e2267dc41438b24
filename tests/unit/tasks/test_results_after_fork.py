"""Results that are awaited in a process that was forked while its parent awaited some."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = '''
import asyncio
import os
import threading

from cardoon import Cardoon
from cardoon.worker.execution import execute

app = Cardoon("forks", url="sqlite:///jobs.db", profile="fast", warn_no_consumer=False)


@app.task(name="add")
def add(x: int, y: int) -> int:
    return x + y


def run_what_is_ready():
    while claims := app.engine.claim("worker", None, 1):
        app.engine.settle([(claims[0], execute(app, claims[0]))])


async def awaited(handle, begun):
    """The value; `begun` is called when the job is being waited for."""
    waiting = asyncio.ensure_future(handle.aget(30))
    await asyncio.sleep(0)
    begun()
    return await waiting


parents, childs = add.apply_async((1, 2), queue="later"), add.delay(3, 4)
app.engine.pause("later")
values, begun = [], threading.Event()
thread = threading.Thread(target=lambda: values.append(asyncio.run(awaited(parents, begun.set))), daemon=True)
thread.start()
begun.wait()
hears, says = os.pipe()
pid = os.fork()
if pid == 0:
    print("child:", asyncio.run(awaited(childs, lambda: os.write(says, b"begun"))), flush=True)
    os._exit(0)
os.read(hears, 5)
run_what_is_ready()
assert os.waitpid(pid, 0)[1] == 0
app.engine.resume("later")
run_what_is_ready()
thread.join(30)
print("parent:", *values)
'''


def test_parent_and_child_each_get_what_they_await(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["child: 7", "parent: 3"]
