"""Loaders: where an application finds its settings and its task modules, and what hears of its worker."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cardoon.context import current_job
from cardoon.model.errors import ConfigurationError, InvalidOption

if TYPE_CHECKING:
    from cardoon.app import Cardoon

LOADER = "CELERY_LOADER"
CONFIG_MODULE = "CELERY_CONFIG_MODULE"
DJANGO = "DJANGO_SETTINGS_MODULE"


class Conf(dict[str, Any]):
    """Settings as they were written, as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the loader's configuration has no {name!r}") from None


class BaseLoader:
    """Derive from it and name the class: `CELERY_LOADER=package.module.Class`, or `Cardoon(loader=...)`.

    Each process makes one for each application, when that first needs its settings.
    """

    def __init__(self, app: Cardoon) -> None:
        self.app = app

    def read_configuration(self) -> Mapping[str, Any]:
        """The settings, in any spelling; not asked for where `config_from_object` gave some."""
        return {}

    @property
    def module(self) -> str | None:
        """The module that `read_configuration` reads unasked; names in it that are no settings are noted."""
        return None

    @cached_property
    def conf(self) -> Conf:
        """What `read_configuration` gives, read once."""
        return Conf(self.read_configuration())

    def on_worker_init(self) -> None:
        """Once in each worker process, before it imports tasks; what this raises ends the process."""

    def on_task_init(self, task_id: str, task: Any) -> None:
        """Before each attempt, in its thread, in eager mode too; what this raises fails the attempt."""

    def import_task_module(self, module: str) -> ModuleType:
        """Import a module that declares tasks."""
        return importlib.import_module(module)

    def import_default_modules(self) -> None:
        """Import what the settings `imports` and `include` name."""
        for module in (*self.app.settings.imports, *self.app.settings.include):
            self.import_task_module(module)


class DefaultLoader(BaseLoader):
    """Reads `celeryconfig`, or the module that CELERY_CONFIG_MODULE names, if it is on the import path."""

    @property
    def module(self) -> str | None:
        """See `BaseLoader.module`."""
        return os.environ.get(CONFIG_MODULE) or "celeryconfig"

    def read_configuration(self) -> Mapping[str, Any]:
        """See `BaseLoader.read_configuration`; a module that is named must be there."""
        named = os.environ.get(CONFIG_MODULE)
        if named:
            return as_mapping(imported(named))
        return as_mapping(imported("celeryconfig")) if installed("celeryconfig") else {}


class DjangoLoader(BaseLoader):
    """Reads Django's settings, imports `tasks` of each installed app, gives each job a living database."""

    def read_configuration(self) -> Mapping[str, Any]:
        """See `BaseLoader.read_configuration`."""
        return as_mapping(_django_settings())

    def import_default_modules(self) -> None:
        """See `BaseLoader.import_default_modules`."""
        _set_up_django()
        super().import_default_modules()
        self.app.autodiscover_tasks(force=True)

    def on_task_init(self, task_id: str, task: Any) -> None:
        """Close what an earlier job left of connections that are too old or dead; Django opens new ones."""
        if current_job().is_eager:
            return  # the connections are those of the caller
        for connection in imported("django.db:connections").all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()
            if connection.connection is not None and not connection.is_usable():
                connection.close()


class UnnamedLoader(DefaultLoader):
    """Where no loader is named: Django's settings if there are some, else `celeryconfig`."""

    @property
    def module(self) -> str | None:
        """See `BaseLoader.module`."""
        return None if _uses_django() else super().module

    def read_configuration(self) -> Mapping[str, Any]:
        """See `BaseLoader.read_configuration`."""
        return as_mapping(_django_settings()) if _uses_django() else super().read_configuration()

    def import_default_modules(self) -> None:
        """See `BaseLoader.import_default_modules`."""
        if _uses_django():
            _set_up_django()
        super().import_default_modules()


_NAMED: dict[str, type[BaseLoader]] = {"default": DefaultLoader, "django": DjangoLoader}


def loader_class(given: str | type[BaseLoader] | None) -> type[BaseLoader]:
    """The class that is given, by itself or by name, else the one that CELERY_LOADER names.

    Raises ConfigurationError when that is no loader.
    """
    wanted = given or os.environ.get(LOADER) or UnnamedLoader
    found = wanted if not isinstance(wanted, str) else _NAMED.get(wanted) or imported(wanted, "loader")
    if isinstance(found, type) and issubclass(found, BaseLoader):
        return found
    raise ConfigurationError(
        f"{wanted!r} is no loader; name a class derived from cardoon.loaders.BaseLoader, or one of "
        + ", ".join(_NAMED)
    )


# -- Django


def _uses_django() -> bool:
    return bool(os.environ.get(DJANGO)) and installed("django")


def _django_settings() -> Any:
    return imported("django.conf:settings")


def _set_up_django() -> Any:
    """Have Django's applications ready, unless they are being loaded just now; their registry."""
    apps = imported("django.apps:apps")
    if not apps.loading:
        imported("django:setup")()
    return apps


def installed_apps() -> list[str]:
    """The packages of Django's INSTALLED_APPS, with Django set up; raises InvalidOption without Django."""
    if not installed("django"):
        raise InvalidOption(
            "autodiscover_tasks() without packages reads Django's INSTALLED_APPS; name the packages"
        )
    apps = _set_up_django()
    if not apps.ready:
        return list(_django_settings().INSTALLED_APPS)  # we are imported by what loads them
    return [config.name for config in apps.get_app_configs()]


# -- modules by name


def installed(module: str) -> bool:
    """Whether a module can be imported; imports at most the packages around it."""
    from importlib.util import find_spec  # here: only who reads settings from elsewhere pays for it

    try:
        return module in sys.modules or find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # what stands before the last dot is missing, or no package


def imported(path: str, what: str = "settings") -> Any:
    """The module, or what stands in it, at `package.module`, `package.module:name` or `package.module.name`.

    Raises ConfigurationError when it is not there or cannot be imported.
    """
    module, _, attribute = path.partition(":")
    try:
        if not attribute and "." in module and not installed(module):
            module, _, attribute = path.rpartition(".")
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{what} {path!r} cannot be read: {error}") from error


def as_mapping(obj: Any) -> Mapping[str, Any]:
    """The values of a mapping, or the public attributes of a module or object that may be settings."""
    if isinstance(obj, Mapping):
        return obj
    names = dir(obj)
    values = {name: getattr(obj, name, None) for name in names if not name.startswith("_")}
    return {n: v for n, v in values.items() if not isinstance(v, (ModuleType, type)) and not callable(v)}


def import_if_there(module: str) -> None:
    """Import a module; that it is missing is fine, that something inside it is missing is not."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
