"""The guides: every Python block is executed in its order, every table is what the code says.

The blocks of one page make one module, `tasks`, while a worker on a thread runs what they send, unless they
start workers of their own; a block that begins with the comment `# folder/file.py` is that file instead.
"""

from __future__ import annotations

import builtins
import doctest
import importlib
import re
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from tests import servers

from cardoon import Cardoon, exceptions
from cardoon.events import KINDS
from cardoon.model import states
from cardoon.model.codec import _RULES
from cardoon.model.options import ALIASES, TaskOptions
from cardoon.model.states import CELERY_NAMES, State
from cardoon.tasks.call import OPTIONS
from cardoon.tasks.hooks import HOOKS
from cardoon.tasks.task import MAGIC
from cardoon.worker.coroutines import close_loop
from cardoon.worker.execution import execute

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w/]+\.py)\n")
CELL = re.compile(r"`([^`]+)`")

MODULE = "tasks"
IDLE_SECONDS = 0.2


def guide(name: str) -> str:
    return (ROOT / "docs" / "guides" / name).read_text("utf-8")


# -- the blocks


class Page:
    """One guide while it is executed."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.module = ModuleType(MODULE)
        self.source = folder / f"{MODULE}.py"
        self.module.__file__ = str(self.source)
        self._written = ""

    @property
    def names(self) -> dict[str, Any]:
        return vars(self.module)

    def execute(self, kind: str, text: str, line: int) -> None:
        if kind == "pycon":
            self._talk(text, line)
        elif (file := FILE.match(text)) and file[1] != self.source.name:
            self._write(file[1], text)
        else:
            self._add(text)

    def _add(self, text: str) -> None:
        """More of the module; the lines before keep their numbers, so that tracebacks are right."""
        before = self._written.count("\n")
        self._written += text
        self.source.write_text(self._written, "utf-8")
        code = compile("\n" * before + text, self.source, "exec", dont_inherit=True)
        exec(code, self.names)

    def _write(self, file: str, text: str) -> None:
        target = self.folder / file
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, "utf-8")
        importlib.invalidate_caches()

    def _talk(self, text: str, line: int) -> None:
        test = doctest.DocTestParser().get_doctest(text, {}, self.path.name, str(self.path), line)
        test.globs = self.names  # the names that a session makes are there for the next one
        told: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append, clear_globs=False)
        assert not told, "".join(told)


@contextmanager
def working(app: Cardoon) -> Generator[None, None, None]:
    """A worker on a thread of this process, for the time of the block."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            while claims := app.engine.claim("worker", None, 1):
                app.engine.settle([(claims[0], execute(app, claims[0]))])
            app.engine.wait(None, IDLE_SECONDS)
        close_loop()  # a worker's loop ends with its process; this one must not outlive the test

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        app.engine.wake()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory of a guide; the modules imported from it are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_every_python_block_of_a_guide_does_what_it_shows(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, text = Page(path, folder), path.read_text("utf-8")
    if "faults.RedisServer(" in text:
        servers.private("redis")  # or it is skipped
    monkeypatch.setitem(sys.modules, MODULE, page.module)
    (first, *others) = [(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in BLOCK.finditer(text)]
    page.execute(*first)
    app: Cardoon = page.names["app"]
    with nullcontext() if "faults.Worker(" in text else working(app):
        for block in others:
            page.execute(*block)
    app.close()


# -- the tables


def table(page: str, head: str) -> dict[str, list[str]]:
    """The rows below the table head that begins with this cell: the name in the first cell -> the others."""
    lines = iter(page.splitlines())
    next(line for line in lines if line.startswith(f"| {head} |"))
    next(lines)
    rows: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith("|"):
            break
        name, *rest = [cell.strip() for cell in line.strip("|").split("|")]
        found = CELL.findall(name)
        assert found[0] not in rows, f"two rows for {found[0]}"
        rows[found[0]] = rest
    return rows


def shown(default: object) -> str:
    plain = isinstance(default, float)
    return f"`{default:g}`" if plain else f"`{default!r}`"


def test_the_options_of_tasks_are_all_there_with_their_defaults() -> None:
    page = guide("tasks.md")
    declared = {field.name: shown(field.default) for field in msgspec.structs.fields(TaskOptions)}
    assert {name: cells[0] for name, cells in table(page, "Option").items()} == declared
    assert all(f"`{word}`" in page for word in (*ALIASES, *HOOKS, *MAGIC))


def test_the_options_of_calls_are_all_there() -> None:
    assert sorted(table(guide("sending.md"), "Option")) == sorted(OPTIONS)


def test_the_words_for_states_are_all_there_with_the_states_they_stand_for() -> None:
    words: dict[str, set[str]] = {states.PROGRESS: {State.RUNNING}, states.UNKNOWN: set()}
    for state, word in CELERY_NAMES.items():
        words.setdefault(word, set()).add(state)
    rows = table(guide("results.md"), "`AsyncResult.state`")
    assert {word: set(CELL.findall(cells[0])) for word, cells in rows.items()} == words


def test_the_kinds_of_events_are_all_there() -> None:
    assert list(table(guide("extending.md"), "Kind")) == list(KINDS)


def test_the_errors_of_delay_are_what_the_guide_says_they_also_are() -> None:
    pairs = re.findall(r"^\| `(\w+)`, also an? `(\w+)` \|", guide("sending.md"), re.MULTILINE)
    assert len(pairs) == 5
    for name, other in pairs:
        kind = getattr(exceptions, name)
        assert issubclass(kind, exceptions.CallRefused)
        assert issubclass(kind, getattr(builtins, other))


def test_the_kinds_of_values_that_may_travel_are_all_there() -> None:
    page = guide("sending.md")
    known = {kind.__name__ for kind in _RULES} - {"bytearray"}
    assert [name for name in sorted(known) if f"`{name}`" not in page] == []


# -- the pages


def test_the_readme_leads_to_every_guide() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [page.name for page in GUIDES if f"(docs/guides/{page.name})" not in readme] == []
