"""What a command speaks to: the application with its tasks, or only its engine."""

from __future__ import annotations

import os
from pathlib import Path

from cardoon.app import Cardoon
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model.errors import AppNotFound, EngineUnavailable
from cardoon.settings import Loaded, load, pyproject_app
from cardoon.worker.finder import GUESSES, VARIABLE, find_app, import_tasks


def load_app(path: str | None) -> Cardoon:
    """The application with everything imported that declares tasks."""
    app = find_app(path)
    import_tasks(app)
    return app


def engine_of(app: str | None, url: str | None) -> Engine:
    """The engine at `url`, else that of the application, else that of the settings where they name one."""
    if url:
        return connect(url)
    if app_path(app):
        return find_app(app).engine
    return connect_by(settings_alone())


def engine_to_look_at(app: str | None, url: str | None) -> Engine:
    """As `engine_of`, for commands that only look: raises EngineUnavailable rather than make a file."""
    engine = engine_of(app, url)
    file = missing_file(engine)
    if file is None:
        return engine
    if url or not app_path(app):
        raise EngineUnavailable(no_file(file))
    raise EngineUnavailable(f"no jobs yet: {file} is made by the first delay() or by `cardoon migrate`")


def missing_file(engine: Engine) -> Path | None:
    """The file that this engine would make at its first call; None where nothing is to be made.

    Where the folder is missing too, the engine itself refuses and makes nothing.
    """
    path = getattr(engine, "path", None)
    if isinstance(path, Path) and path.parent.is_dir() and not path.exists():
        return path
    return None


def no_file(file: Path) -> str:
    """What to say where an address leads to no file."""
    return f"there is no file {file}; is the address right? `cardoon migrate` would make it"


def app_path(given: str | None) -> str | None:
    """Where `find_app` would look, or None if it had nowhere to look."""
    named = given or os.environ.get(VARIABLE) or pyproject_app()
    return named or next((name for name in GUESSES if Path(f"{name}.py").is_file()), None)


def settings_alone() -> Loaded:
    """The settings of the environment and pyproject.toml; raises AppNotFound when these name no engine."""
    loaded = load({})
    if loaded.sources["url"] == "default":
        raise AppNotFound(
            f"no application and no engine named: add -A module:app, --url, or set {VARIABLE} or CARDOON_URL"
        )
    return loaded


def connect_by(loaded: Loaded) -> Engine:
    """The engine that these settings name."""
    settings = loaded.settings
    return connect(settings.url, profile=settings.profile, retention=settings.result_expires)
