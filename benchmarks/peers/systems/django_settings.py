"""The settings of Django for django-tasks-db."""

from __future__ import annotations

from urllib.parse import urlsplit

from benchmarks.peers.place import FOLDER, URL

_parts = urlsplit(URL)
_POSTGRES = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": _parts.path.lstrip("/"),
    "USER": _parts.username,
    "HOST": _parts.hostname,
    "PORT": _parts.port,
    "CONN_MAX_AGE": None,
}
_SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": str(FOLDER / "django.db"),
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    },
}

SECRET_KEY = "peers"
USE_TZ = True
INSTALLED_APPS = ["django_tasks", "django_tasks_db"]
DATABASES = {"default": _POSTGRES if URL else _SQLITE}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
