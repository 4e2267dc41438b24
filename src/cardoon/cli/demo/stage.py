"""Where a demo plays: a fresh folder with the example, and a file there, or a room on the user's server, for
its jobs. None of the user's settings but the URL of that server.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import chdir, contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple
from urllib.parse import quote

import click

import cardoon
from cardoon.app import Cardoon
from cardoon.cli.demo.signals import undisturbed
from cardoon.engines import rooms
from cardoon.model.url import mask
from cardoon.tasks.task import Task

EXAMPLE = "count_files"
_DATABASE = "jobs.db"
_SETTINGS = ("CARDOON_", "DJANGO_SETTINGS_MODULE")


class Stage(NamedTuple):
    """The folder, the room on a server if there is one, and the application and the task of the example."""

    folder: Path
    room: str
    app: Cardoon
    task: Task[[str], Any]

    @property
    def target(self) -> str:
        """What the jobs are sent to."""
        return mask(self.room).partition("?")[0] or "a new SQLite file"

    @property
    def jobs(self) -> str:
        """Where they are found when they are kept."""
        return mask(self.room) or str(self.folder)


def example() -> Path:
    """The example's file: beside the package when it is installed, else in the checkout."""
    package = Path(cardoon.__file__).parent
    places = [folder / "examples" / f"{EXAMPLE}.py" for folder in (package, package.parents[1])]
    for place in places:
        if place.is_file():
            return place
    raise click.ClickException(f"this installation lacks {places[0]}")


@contextmanager
def stage(*, keep: bool) -> Generator[Stage]:
    """Play in a new folder, which is removed in the end unless it is to `keep`, whatever happens.

    So is the room on a server.
    """
    source = example()
    folder = Path(mkdtemp(prefix="cardoon-demo-"))
    try:
        with (
            _room(keep=keep) as room,
            _settings_of_the_demo(room or f"sqlite:///{quote(str(folder / _DATABASE))}"),
            chdir(folder),
        ):
            module = _loaded(Path(shutil.copy(source, folder)))
            try:
                yield Stage(folder, room, module.app, module.count)
            finally:
                module.app.close()
    finally:
        if not keep:
            with undisturbed():
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _room(*, keep: bool) -> Generator[str]:
    """The URL of a new room on the user's server; empty where there is no server."""
    server = os.environ.get("CARDOON_URL", "")
    if not rooms.has_rooms(server):
        yield ""
        return
    room = rooms.new(server, "demo")
    try:
        yield room
    finally:
        if not keep:
            with undisturbed():
                rooms.remove(room)


@contextmanager
def _settings_of_the_demo(url: str) -> Generator[None]:
    """An environment, for this process and the worker, in which only what the demo needs is set."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(_SETTINGS):
            del os.environ[name]
    os.environ["CARDOON_URL"] = url
    os.environ["CARDOON_WARN_NO_CONSUMER"] = "no"  # its worker starts when the jobs are there
    if before.get("PYTHONPATH"):
        os.environ["PYTHONPATH"] = _absolute(before["PYTHONPATH"])
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _loaded(file: Path) -> Any:
    """The module of this file under its own name, as the worker will know it."""
    spec = spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _absolute(paths: str) -> str:
    """A search path that means the same from another folder."""
    return os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))
