"""Failpoints in real processes: each is where its name says, and does what was asked for."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from cardoon import failpoints
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.failpoints.names import NAMES
from cardoon.failpoints.plan import Plan
from cardoon.model.errors import ConfigurationError
from cardoon.model.job import Filter
from cardoon.model.outcome import succeeded
from cardoon.model.states import State

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "cardoon"
PATIENCE = 60.0

STORY = """
import subprocess, sys
from cardoon.engines.silence import boot_id, host
from cardoon.engines.urls import connect
from cardoon.model.job import Report, Schedule
from cardoon.model.message import Message
from cardoon.model.outcome import succeeded

def tell(word):
    print(word, flush=True)

engine = connect(sys.argv[1])
engine.open()
tell("push")
engine.push([Message(id=f"j{n}", task="t") for n in range(3)])
tell("claim")
claims = engine.claim("ada", None, 2)
tell("settle")
engine.settle([(claims[0], succeeded(b"1"))])
tell("acquire")
engine.acquire("door", "me", seconds=60)
tell("renew")
engine.renew("door", "me", seconds=60)
tell("fire")
engine.save_schedule(Schedule(name="s", next_due=1.0))
engine.fire_due("s", 1.0, 2.0, [Message(id="fired", task="t")])
tell("sweep")
gone = subprocess.Popen(["true"])
gone.wait()
engine.beat([Report(worker="gone", host=host(), boot=boot_id(), pid=gone.pid, pid_started=1)])
engine.sweep()
tell("end")
engine.close()
"""
"""What every engine does; before each verb it says which one comes."""

PLACES = {
    "enq.before_send": "push",
    "enq.batch_middle": "push",
    "enq.after_commit": "push",
    "enq.after_send_before_reply": "push",
    "claim.before": "claim",
    "claim.after_commit_before_return": "claim",
    "fin.before": "settle",
    "fin.after_commit_before_reply": "settle",
    "lock.after_acquire": "acquire",
    "lock.renew": "renew",
    "sched.before_claim_moment": "fire",
    "sched.after_commit": "fire",
    "sweep.seen_dead": "sweep",
    "sweep.middle_of_batch": "sweep",
    "sweep.after_release": "sweep",
}
"""The failpoints of an engine, and the verb of the story in which each is met first."""


def environment(spec: str, seed: str = "") -> dict[str, str]:
    return {**os.environ, failpoints.VARIABLE: spec, failpoints.SEED: seed}


def run(program: str, *arguments: str, spec: str = "", seed: str = "") -> subprocess.CompletedProcess[str]:
    """A fresh interpreter with these failpoints armed."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(spec, seed),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("engine", ["memory", "sqlite"])
def test_each_failpoint_of_an_engine_is_in_its_verb(engine: str, name: str, tmp_path: Path) -> None:
    url = "memory://" if engine == "memory" else f"sqlite:///{tmp_path}/jobs.db?profile=fast"
    done = run(STORY, url, spec=f"{name}=exit:77")
    assert (done.returncode, done.stdout.split()[-1]) == (77, PLACES[name]), done.stderr


def test_the_story_has_an_end_when_nothing_fails(tmp_path: Path) -> None:
    done = run(STORY, f"sqlite:///{tmp_path}/jobs.db", spec="; ".join(f"{name}=cut" for name in NAMES))
    assert (done.returncode, done.stdout.split()[-1]) == (0, "end"), done.stderr


def killed_at(name: str, folder: Path) -> SqliteEngine:
    """The engine of a process that was killed at this place of the story, seen by another process."""
    url = f"sqlite:///{folder}/jobs.db"
    done = run(STORY, url, spec=f"{name}=kill")
    assert done.returncode == -signal.SIGKILL, done.stderr
    return SqliteEngine(url)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("enq.before_send", 0),
        ("enq.batch_middle", 0),
        ("enq.after_commit", 3),
        ("enq.after_send_before_reply", 3),
    ],
)
def test_a_producer_killed_within_its_push_has_stored_all_or_none(
    name: str, stored: int, tmp_path: Path
) -> None:
    engine = killed_at(name, tmp_path)
    assert len(engine.find(Filter()).jobs) == stored
    engine.close()


def test_claims_that_their_worker_never_saw_are_held_and_can_be_settled(tmp_path: Path) -> None:
    engine = killed_at("claim.after_commit_before_return", tmp_path)
    held = engine.held("ada")
    assert [claim.id for claim in held] == ["j0", "j1"]
    assert engine.settle([(claim, succeeded(b"1")) for claim in held]) == []
    assert engine.count()["celery"] == {State.READY: 1, State.SUCCEEDED: 2}
    engine.close()


def test_an_end_whose_answer_nobody_saw_stands(tmp_path: Path) -> None:
    engine = killed_at("fin.after_commit_before_reply", tmp_path)
    assert engine.count()["celery"] == {State.READY: 1, State.RUNNING: 1, State.SUCCEEDED: 1}
    engine.close()


def test_a_sweep_killed_in_the_middle_has_done_nothing_and_the_next_does_it(tmp_path: Path) -> None:
    engine = killed_at("sweep.middle_of_batch", tmp_path)
    assert list(engine.sweep().dead) == ["gone"]
    engine.close()


HITS = """
import sys
from cardoon import failpoints
for n in range(1, 41):
    try:
        failpoints.hit("own.step")
    except Exception as error:
        print(n, type(error).__name__)
"""


def hits(spec: str, seed: str = "") -> list[str]:
    done = run(HITS, spec=spec, seed=seed)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_it_happens_at_every_hit_or_at_one() -> None:
    assert len(hits("own.step=raise:KeyError")) == 40
    assert hits("own.step=raise:EngineUnavailable@7") == ["7 EngineUnavailable"]
    assert hits("own.step=raise:OSError@3; own.step=raise:LeaseLost@5") == ["3 OSError", "5 LeaseLost"]
    assert hits("own.other=raise:KeyError") == []


def test_chance_follows_its_seed() -> None:
    spec = "own.step=raise:KeyError@1/4"
    first, again, other = hits(spec, "1"), hits(spec, "1"), hits(spec, "2")
    assert first == again != other
    assert 0 < len(first) < 25


def test_exit_ends_the_process_with_its_code_and_nothing_more() -> None:
    done = run("import atexit\natexit.register(print, 'late')\n" + HITS, spec="own.step=exit:5@2")
    assert (done.returncode, done.stdout) == (5, "")


def test_sleep_takes_its_time() -> None:
    timed = (
        "import time; from cardoon import failpoints; t = time.monotonic(); "
        "failpoints.hit('own.step'); print(time.monotonic() - t)"
    )
    assert float(run(timed, spec="own.step=sleep:0.2").stdout) >= 0.2


STOPPED = """
import sys, threading, time
from cardoon import failpoints
ticks = []
threading.Thread(target=lambda: [(ticks.append(time.monotonic()), time.sleep(0.01)) for _ in range(10**6)],
                 daemon=True).start()
while not ticks:
    time.sleep(0.001)
print("begin", flush=True)
failpoints.hit("own.step")
while ticks[-1] - ticks[0] < 0.5:
    time.sleep(0.01)
print(max(b - a for a, b in zip(ticks, ticks[1:])), flush=True)
"""


def test_stop_freezes_every_thread_and_the_process_goes_on_by_itself() -> None:
    armed = environment("own.step=stop:0.6")
    with subprocess.Popen([sys.executable, "-c", STOPPED], env=armed, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        assert float(process.stdout.readline()) >= 0.5
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("claim.befor=kill", "did you mean 'claim.before'"),
        ("charge.before=kill", r"your own begin with 'own\.'"),
        ("claim.before", "write NAME=action"),
        ("claim.before=kil", "did you mean 'kill'"),
        ("claim.before=", "no action is called ''"),
        ("claim.before=kill:9", "write 'kill', not 'kill:9'"),
        ("claim.before=sleep", "write 'sleep:ARGUMENT', not 'sleep'"),
        ("claim.before=sleep:long", "'long' are no seconds"),
        ("claim.before=exit:-1", "'-1' is no exit code"),
        ("claim.before=raise:EngineUnavailabel", "did you mean 'EngineUnavailable'"),
        ("claim.before=raise:nearest", "no error is called 'nearest'"),
        ("claim.before=kill@0", "names no hit"),
        ("claim.before=kill@2/3", "names no hit"),
        ("claim.before=kill@1/0", "names no hit"),
        ("fin.before=kill; hb.before=stopp:1", "'hb.before=stopp:1': no action"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(spec: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refusal:
        Plan.read(spec, "")
    assert str(refusal.value).startswith("CARDOON_FAILPOINTS, ")


def test_it_is_refused_when_the_first_engine_is_imported() -> None:
    done = run("import cardoon.engines.memory", spec="claim.befor=kill")
    assert done.returncode == 1
    assert "ConfigurationError: CARDOON_FAILPOINTS, 'claim.befor=kill': no failpoint" in done.stderr


def test_unarmed_nothing_is_loaded_and_nothing_happens() -> None:
    program = (
        "import sys, cardoon.engines.urls; from cardoon import failpoints; failpoints.hit('claim.before')\n"
    )
    told = "print(failpoints.armed, 'cardoon.failpoints.plan' in sys.modules)"
    assert run(program + told, spec=" ").stdout == "False False\n"


def test_every_place_in_the_code_has_a_name() -> None:
    written = re.compile(r'failpoints\.hit\("([\w.]+)"\)')
    files = [file for file in SOURCE.rglob("*.py") if file.parent.name != "failpoints"]
    met = {name for file in files for name in written.findall(file.read_text("utf-8"))}
    assert set(PLACES) <= met <= set(NAMES)
