"""`cardoon demo` as its users meet it: real files, a real worker, a real kill."""

from __future__ import annotations

import csv
import ctypes
import fcntl
import hashlib
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from waiting import until

from cardoon.cli.demo.tally import tally
from cardoon.cli.demo.watch import Kill
from cardoon.engines.memory import MemoryEngine
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport, failed, retrying, succeeded

CHECKOUT = Path(__file__).parents[2]
MODULES = 240
SECONDS = 60
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


class Hall:
    """A folder of files to count, a folder to sit in, and a folder for whatever is temporary."""

    def __init__(self, place: Path) -> None:
        self.files, self.seat, self.temporary = (place / name for name in ("files", "seat", "tmp of %41?#"))
        for folder in (self.files, self.seat, self.temporary):
            folder.mkdir()
        self.definitions: dict[str, tuple[str, str]] = {}

    def write(self, name: str, content: bytes, functions: str = "", classes: str = "") -> Path:
        path = self.files / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.definitions[str(path)] = (functions, classes)
        return path

    def fill(self, modules: int = MODULES) -> None:
        for number in range(modules):
            functions, classes = number % 40 + 20, number % 5
            self.write(
                f"p{number % 7}/m{number}.py", module(functions, classes), str(functions), str(classes)
            )

    def expected(self, path: str) -> list[str]:
        """What stands in demo.csv for this file, by other means than the demo's."""
        data = Path(path).read_bytes()
        words = len(re.findall(rb"\S+", data))
        sums = [str(data.count(b"\n")), str(words), hashlib.sha256(data).hexdigest()]
        return [path, *sums, *self.definitions[path], "succeeded", ""]

    @property
    def csv(self) -> Path:
        return self.seat / "demo.csv"

    def rows(self) -> list[list[str]]:
        with self.csv.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))[1:]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "cardoon", "demo", *words]

    @property
    def environment(self) -> dict[str, str]:
        """With settings of a developer that a demo must not take."""
        more = {"CARDOON_TASK_ALWAYS_EAGER": "1", "CARDOON_URL": "nonsense://", "TMPDIR": str(self.temporary)}
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        return {**kept, **more, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm"}

    def start(self, *words: str, **options: object) -> subprocess.Popen[str]:
        started: subprocess.Popen[str] = subprocess.Popen(
            self.command(*words),
            cwd=self.seat,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )
        return started

    def run(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def on_terminal(
        self, *words: str, columns: int = 80, at: bytes = b"", typed: bytes = b""
    ) -> tuple[int, str]:
        """Run it on a terminal and type something when `at` appears: the exit code and what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.seat)
            os.execve(sys.executable, self.command(*words), self.environment)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        shown = b""
        while data := _read(terminal):
            shown += data
            if typed and at in shown:
                os.write(terminal, typed)
                typed = b""
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def processes(self) -> list[int]:
        """All that live in this hall: they inherited its temporary folder."""
        mark = f"TMPDIR={self.temporary}".encode()
        found = [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
        return [int(f.name) for f in found if mark in _bytes(f / "environ").split(b"\0")]

    def is_clean(self) -> bool:
        return not self.processes() and not list(self.temporary.iterdir())


def module(functions: int, classes: int) -> bytes:
    """A Python file that takes a moment to parse."""
    parts = [f"class C{n}:\n    value = {{'a': [{n}, 'b'], 'c': ({n},)}}\n" for n in range(classes)]
    parts += [
        f"{'async ' * (n % 2)}def f{n}(a, b={n}):\n    if a > b:\n        return [x + b for x in a]\n"
        for n in range(functions)
    ]
    return "\n".join(parts).encode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""  # the other side is closed


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""  # that process is gone


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    made = Hall(tmp_path)
    yield made
    for pid in made.processes():
        os.kill(pid, signal.SIGKILL)


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, f"no {pattern!r} in:\n{text}"
    return int(found[1].replace(",", ""))


# -- the whole of it


def test_every_file_is_counted_exactly_once_although_a_worker_process_is_killed(hall: Hall) -> None:
    hall.fill()
    hall.write("broken.py", b"def half(:\n")
    hall.write("null.py", b"x = 1\0\n")
    hall.write("empty.txt", b"")
    hall.write("no newline at the end.txt", b"one two\nthree")
    hall.write('comma, "quote" and\nnewline.txt', b"word\r\n")
    hall.write("\u00e9\u4e2d.txt", b"\xff\xfe caf\xe9\n")
    done = hall.run(str(hall.files))
    assert (done.returncode, done.stderr) == (0, "")

    rows = hall.rows()
    assert rows == [hall.expected(path) for path in sorted(hall.definitions)]

    out, files = done.stdout, MODULES + 6
    assert "Every file was counted exactly once. The counts are in demo.csv." in out
    assert number(r"files +([\d,]+)", out) == files
    for position, name in enumerate(("lines", "words", "", "functions", "classes"), 1):
        if name:
            assert number(rf"  {name} +([\d,]+)", out) == sum(int(row[position] or 0) for row in rows)
    assert number(r"in ([\d,]+) Python files", out) == MODULES

    assert "killed one of the worker's 2 processes" in out
    retried = number(r"retried +([\d,]+) jobs?", out)
    assert retried == sum(crc32(path.encode()) % 50 == 0 for path in hall.definitions)
    in_hands = number(r"killed +1 process, with ([\d,]+) jobs?", out)
    assert number(r"attempts +([\d,]+)", out) == files + retried + in_hands
    assert number(r"speed +([\d,]+) jobs/s", out) > 0
    assert in_hands
    assert re.search(r"recovery +[\d.]+ m?s from the kill", out)
    assert "cardoon demo --source > count_files.py" in out

    percents = [int(p) for p in re.findall(r"^ *(\d+) %", out, re.MULTILINE)]
    assert percents == sorted(percents)
    assert len(percents) <= 11
    assert percents[-1] == 100
    assert "\r" not in out
    until(hall.is_clean)


def test_a_terminal_shows_a_bar_and_no_line_is_wider(hall: Hall) -> None:
    hall.fill()
    code, shown = hall.on_terminal(str(hall.files))
    assert code == 0
    drawn = [part for line in shown.split("\n") for part in line.split("\r")]
    assert max(map(len, drawn)) <= 80
    bars = [line for line in drawn if "\u2501" in line]
    assert bars[-1].startswith("100 %")
    assert bars[-1].endswith(f"{MODULES} of {MODULES} files")
    assert len({line.count("\u2501") for line in bars}) > 3, "it grew"
    assert "Every file was counted exactly once." in shown
    until(hall.is_clean)


@pytest.mark.parametrize("columns", [40, 12])
def test_a_narrow_terminal_gets_a_narrow_bar(hall: Hall, columns: int) -> None:
    hall.fill(10)
    code, shown = hall.on_terminal(str(hall.files), columns=columns)
    bars = [part for line in shown.split("\n") for part in line.split("\r") if re.match(r" *\d+ %  ", part)]
    assert code == 0
    assert bars
    assert max(map(len, bars)) < columns


# -- what cannot be counted


def _drop_the_right_to_read_everything() -> None:
    """What root has to lose for a file to be unreadable; others have it not."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_unreadable_files_are_failed_jobs_and_change_nothing_else(hall: Hall) -> None:
    hall.fill(30)
    secrets = [hall.write(f"secret{n}.py", b"x = 1\n") for n in range(7)]
    for secret in secrets:
        secret.chmod(0)
    less = {"preexec_fn": _drop_the_right_to_read_everything}
    if subprocess.run(["head", "-c1", str(secrets[0])], capture_output=True, **less).returncode == 0:  # type: ignore[call-overload]
        pytest.skip("this root cannot give up the right to read everything")
    done = hall.run(str(hall.files), **less)
    assert done.returncode == 0
    assert (
        "7 jobs failed, and changed nothing else:\n  secret0.py  PermissionError: Permission denied"
        in done.stdout
    )
    assert "  and 2 more: see demo.csv" in done.stdout
    assert "counted exactly once, but the 7 files above" in done.stdout
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80
    failures = [row for row in hall.rows() if row[6] == "failed"]
    assert [row[0] for row in failures] == [str(secret) for secret in secrets]
    assert all(row[1:6] == [""] * 5 and "Permission denied" in row[7] for row in failures)
    for row in hall.rows():
        if row not in failures:
            assert row == hall.expected(row[0])


def test_what_is_no_regular_file_is_left_out_and_said(hall: Hall) -> None:
    kept = hall.write("kept.txt", b"here\n")
    hall.write("__pycache__/kept.cpython-311.pyc", b"cache")
    hall.write("old.pyc", b"cache")
    (hall.files / "link.txt").symlink_to(kept)
    (hall.files / "round").symlink_to(hall.files)
    os.mkfifo(hall.files / "pipe")
    (hall.files / os.fsdecode(b"caf\xe9.txt")).write_text("undecodable")
    with socket.socket(socket.AF_UNIX) as listener:
        folder = os.open(hall.files, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{folder}/socket")  # a socket's path must be short
        os.close(folder)
        done = hall.run(str(hall.files))
    assert done.returncode == 0
    left_out = done.stdout.partition("left out: ")[2].partition("\nsent")[0].replace("\n  ", " ")
    assert left_out == (
        "1 cache folder, 1 compiled file, 2 special files, 2 symbolic links, 1 undecodable name"
    )
    assert hall.rows() == [hall.expected(str(kept))]
    assert "nothing: the work was done before a process could be killed" in done.stdout


def test_an_empty_folder_is_said_to_be_empty(hall: Hall) -> None:
    done = hall.run(str(hall.files))
    assert done.returncode == 0
    assert done.stdout == f"There are no files in {hall.files}: nothing to count.\n"
    assert not hall.csv.exists()


@pytest.mark.parametrize("wrong", ["missing", "file.txt"])
def test_a_wrong_folder_is_a_usage_error(hall: Hall, wrong: str) -> None:
    hall.write("file.txt", b"")
    done = hall.run(str(hall.files / wrong))
    assert done.returncode == 2
    assert wrong in done.stderr
    assert "Traceback" not in done.stderr
    until(hall.is_clean)


def test_only_an_earlier_demo_is_written_over(hall: Hall) -> None:
    hall.write("one.txt", b"1\n")
    hall.csv.write_text("mine\n")
    refused = hall.run(str(hall.files))
    assert refused.returncode == 1
    assert "another demo.csv" in refused.stderr
    assert hall.csv.read_text() == "mine\n"
    hall.csv.unlink()
    assert [hall.run(str(hall.files)).returncode for _ in range(2)] == [0, 0]
    assert [path.name for path in hall.seat.iterdir()] == ["demo.csv"]


# -- what it leaves


def test_ctrl_c_takes_everything_away(hall: Hall) -> None:
    hall.fill()
    code, shown = hall.on_terminal(str(hall.files), at=b"killed one of", typed=b"\x03\x03")
    assert code == 130
    assert "Traceback" not in shown
    until(hall.is_clean)
    assert not hall.csv.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_takes_everything_away(hall: Hall, number: int) -> None:
    hall.fill()
    with hall.start(str(hall.files)) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "started a worker" in line)
        process.send_signal(number)
        _out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    until(hall.is_clean)


def test_no_worker_outlives_a_demo_that_is_killed(hall: Hall) -> None:
    hall.fill()
    with hall.start(str(hall.files)) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "killed one of" in line)
        process.kill()
        process.communicate(timeout=SECONDS)
    until(lambda: not hall.processes())


def test_keep_leaves_a_folder_whose_jobs_can_be_looked_at(hall: Hall) -> None:
    hall.write("one.txt", b"1\n")
    done = hall.run(str(hall.files), "--keep")
    (folder,) = hall.temporary.iterdir()
    assert f"The jobs are in {folder}." in done.stdout
    environment = {**hall.environment, "CARDOON_TASK_ALWAYS_EAGER": "", "CARDOON_URL": "sqlite:///jobs.db"}
    listed = subprocess.run(
        [sys.executable, "-m", "cardoon", "jobs", "list"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "count_files.count" in listed.stdout
    assert "succeeded" in listed.stdout


def test_source_prints_the_example_itself(hall: Hall) -> None:
    done = hall.run("--source")
    assert done.stdout == (CHECKOUT / "examples" / "count_files.py").read_text(encoding="utf-8")


# -- whether the claim could be false


def _end(engine: MemoryEngine, claim: Claim) -> None:
    numbers = b'{"lines": 1, "words": 1, "sha256": "0"}'
    assert engine.settle([(claim, succeeded(numbers))]) == []


def test_a_lost_or_doubled_or_unfinished_file_would_be_noticed() -> None:
    engine = MemoryEngine("memory://")
    paths = ["a", "b", "b", "c", "x"]
    engine.push([Message(id=clock.new_id(), task="count", args=[path]) for path in paths])
    for claim in engine.claim("w", None, 4):
        _end(engine, claim)
    assert tally(engine, ["a", "b", "c", "lost", "x"], None).faults == [
        "1 file without a job",
        "1 file with more than one job",
        "1 job ready",
        "4 ends written for 5 files",
    ]
    assert "1 job that nobody sent" in tally(engine, ["a", "b", "c", "x"][:3], None).faults


def test_the_attempts_and_the_recovery_are_read_from_what_the_engine_kept() -> None:
    engine = MemoryEngine("memory://")
    engine.push([Message(id=clock.new_id(), task="count", args=[path]) for path in "abc"])
    first, second, third = engine.claim("victim", None, 3)
    _end(engine, first)
    error = ErrorReport(type="Hiccup")
    assert engine.settle([(second, retrying(clock.now(), error))]) == []
    kill = Kill("victim", 0, clock.now())
    assert engine.retire("victim").returned == [third.id]
    claims = [*engine.claim("other", None, 1), *engine.claim("other", None, 1)]
    for claim in claims:
        end = failed(error) if claim.id == third.id else succeeded(b'{"lines": 1, "words": 1, "sha256": "0"}')
        assert engine.settle([(claim, end)]) == []
    found = tally(engine, list("abc"), kill)
    assert (found.faults, found.attempts, found.retried, found.returned) == ([], 5, 1, 1)
    assert found.recovery is not None
    assert 0 < found.recovery <= found.seconds
    assert [row.path for row in found.failed] == ["c"]


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_it_plays_on_the_server_that_is_named_and_leaves_nothing_there(
    hall: Hall, kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    hall.fill(20)
    environment = {**hall.environment, "CARDOON_URL": url}
    command = hall.command(str(hall.files))
    done = subprocess.run(command, cwd=hall.seat, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"sent 20 jobs to {url.partition('?')[0]}" in done.stdout
    assert "Every file was counted exactly once." in done.stdout
    assert rooms_of(url) == []


def rooms_of(url: str) -> list[str]:
    """The rooms of demos on this server."""
    if url.startswith("redis"):
        redis = pytest.importorskip("redis")
        with redis.Redis.from_url(url.partition("?")[0]) as client:
            return [str(key) for key in client.scan_iter("{demo*")]
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url.partition("?")[0]) as db:
        return [name for (name,) in db.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'demo%'")]
