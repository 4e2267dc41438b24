"""From `module:app` to the application, with the import error itself when that fails."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from cardoon.app import Cardoon
from cardoon.model.errors import AppNotFound, CardoonError
from cardoon.settings import PYPROJECT, pyproject_app

VARIABLE = "CARDOON_APP"
GUESSES = ("app", "main", "tasks")


def find_app(path: str | None = None) -> Cardoon:
    """The application at `module:name` or `module`; without a path, where one would look for it.

    Looks at CARDOON_APP, then `[tool.cardoon] app` in pyproject.toml, then app.py, main.py and tasks.py
    here. Raises AppNotFound with the import error itself and the next step.
    """
    here = str(Path.cwd())
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)
    path = path or os.environ.get(VARIABLE) or _from_pyproject() or _guess()
    module_name, _, attribute = path.partition(":")
    module = _imported(module_name, path)
    return _named(module, attribute, path) if attribute else _only_one(module, path)


def _from_pyproject() -> str | None:
    """The path that pyproject.toml names; it is meant from the folder of that file, so modules there win."""
    path = pyproject_app()
    if path is None:
        return None
    here = Path.cwd()
    folder = next(place for place in (here, *here.parents) if _names_an_app(place / PYPROJECT))
    if folder != here and str(folder) != sys.path[0]:
        sys.path.insert(0, str(folder))
    return path


def _names_an_app(pyproject: Path) -> bool:
    return pyproject.is_file() and pyproject_app(pyproject) is not None


def _guess() -> str:
    for name in GUESSES:
        if Path(f"{name}.py").is_file():
            return name
    raise AppNotFound(
        f"no application named and none found: write `cardoon worker module:app`, set {VARIABLE}, or put "
        'app = "module:app" under [tool.cardoon] in pyproject.toml'
    )


def _imported(module: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise AppNotFound(_failure(module, error)) from error
        raise AppNotFound(
            f"{path!r}: there is no module {error.name!r} in {Path.cwd()} or on the path"
        ) from error
    except (Exception, SystemExit) as error:
        raise AppNotFound(_failure(module, error)) from error


def import_tasks(app: Cardoon) -> None:
    """Import what declares the tasks of an application; raises AppNotFound with the import error itself."""
    try:
        app.import_tasks()
    except CardoonError:
        raise
    except (Exception, SystemExit) as error:
        raise AppNotFound(_failure("tasks", error)) from error


def _failure(what: str, error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"importing {what} failed: {type(error).__name__}: {text}{_place(error)}"


def _place(error: BaseException) -> str:
    """Where it was raised: the last line of the user's own, not one of Cardoon or of the import system."""
    if isinstance(error, SyntaxError):
        return f" ({error.filename}:{error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_of_the_user(f.filename)]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _is_of_the_user(file: str) -> bool:
    return "importlib" not in file and not file.startswith(str(Path(__file__).parents[1]))


def _named(module: ModuleType, attribute: str, path: str) -> Cardoon:
    found = module
    for name in attribute.split("."):
        found = getattr(found, name, None)  # type: ignore[assignment]
    if callable(found) and not isinstance(found, Cardoon):
        found = found()
    if isinstance(found, Cardoon):
        return found
    others = [f"{module.__name__}:{name}" for name in _apps_in(module)]
    hint = f"; did you mean {', '.join(others)}?" if others else ""
    raise AppNotFound(f"{path!r} is no Cardoon application{hint}")


def _only_one(module: ModuleType, path: str) -> Cardoon:
    found = _apps_in(module)
    if len(set(map(id, found.values()))) == 1:
        return next(iter(found.values()))
    for name in ("app", "celery"):
        if name in found:
            return found[name]
    if found:
        raise AppNotFound(
            f"{path!r} has several applications: {', '.join(f'{path}:{name}' for name in found)}"
        )
    if find_spec(f"{module.__name__}.celery") is not None if hasattr(module, "__path__") else False:
        return _only_one(_imported(f"{module.__name__}.celery", path), path)
    raise AppNotFound(f"{path!r} has no Cardoon application; make one: app = Cardoon({module.__name__!r})")


def _apps_in(module: ModuleType) -> dict[str, Cardoon]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Cardoon)}
