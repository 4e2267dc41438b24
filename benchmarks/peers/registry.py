"""The systems that are measured side by side, and what is to be installed for each."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import msgspec

from benchmarks.place import ROOT

OURS = "cardoon"
_ADAPTERS = ROOT / "benchmarks" / "peers" / "systems"


class System(msgspec.Struct, frozen=True, kw_only=True):
    """`jobs` is how many it drains: so many that it takes some seconds.

    `kind` is one of the servers, or `sqlite`; `python` the least version it needs, where that is not ours;
    `sleeps` says that a process of it can run several jobs that sleep.
    """

    name: str
    adapter: str
    kind: str
    jobs: int
    packages: Sequence[str] = ()
    python: str = ""
    flavour: str = ""
    sleeps: bool = True

    @property
    def ours(self) -> bool:
        return self.adapter == OURS

    @property
    def environment(self) -> str:
        """The name of its folder below `.venv-peers`."""
        return self.adapter.replace("_", "-")

    @property
    def notes(self) -> str:
        """How it is configured, as its adapter says."""
        source = (_ADAPTERS / f"{self.adapter}.py").read_text("utf-8")
        return " ".join((ast.get_docstring(ast.parse(source)) or "").split())


_PSYCOPG = "psycopg[binary,pool]"
_HUEY = {"adapter": "huey", "packages": ("huey", "redis", "hiredis")}
_ARDIQ = {"adapter": "ardiq", "packages": ("ardiq", "uvloop"), "python": "3.12"}
_DJANGO = {"adapter": "django_tasks_db", "packages": ("django-tasks-db[compat]", _PSYCOPG), "sleeps": False}

SYSTEMS = (
    System(name="cardoon", adapter=OURS, kind="redis", jobs=30_000),
    System(name="cardoon, async def", adapter=OURS, kind="redis", jobs=30_000, flavour="async"),
    System(name="celery", adapter="celery", kind="redis", jobs=3_000, packages=("celery[redis]", "hiredis")),
    System(
        name="dramatiq", adapter="dramatiq", kind="redis", jobs=8_000, packages=("dramatiq[redis]", "hiredis")
    ),
    System(name="rq", adapter="rq", kind="redis", jobs=2_500, packages=("rq", "hiredis"), sleeps=False),
    System(name="huey", kind="redis", jobs=6_000, **_HUEY),  # type: ignore[arg-type]
    System(name="arq", adapter="arq", kind="redis", jobs=3_000, packages=("arq", "hiredis", "uvloop")),
    System(
        name="taskiq",
        adapter="taskiq",
        kind="redis",
        jobs=6_000,
        packages=("taskiq", "taskiq-redis", "hiredis", "uvloop", "orjson"),
    ),
    System(
        name="saq",
        adapter="saq",
        kind="redis",
        jobs=6_000,
        packages=("saq[redis,hiredis]", "uvloop", "typing_extensions"),
    ),
    System(name="streaq", adapter="streaq", kind="redis", jobs=3_000, packages=("streaq", "uvloop")),
    System(name="ardiq", kind="redis", jobs=20_000, **_ARDIQ),  # type: ignore[arg-type]
    System(name="cardoon", adapter=OURS, kind="redis-always", jobs=20_000),
    System(name="huey", kind="redis-always", jobs=3_000, **_HUEY),  # type: ignore[arg-type]
    System(name="ardiq", kind="redis-always", jobs=10_000, **_ARDIQ),  # type: ignore[arg-type]
    System(name="cardoon", adapter=OURS, kind="postgres", jobs=20_000),
    System(
        name="procrastinate",
        adapter="procrastinate",
        kind="postgres",
        jobs=2_500,
        packages=("procrastinate", _PSYCOPG),
    ),
    System(
        name="chancy",
        adapter="chancy",
        kind="postgres",
        jobs=8_000,
        packages=("chancy", "click", _PSYCOPG, "uvloop"),
    ),
    System(name="django-tasks-db", kind="postgres", jobs=2_500, **_DJANGO),  # type: ignore[arg-type]
    System(name="cardoon", adapter=OURS, kind="sqlite", jobs=30_000),
    System(name="huey", kind="sqlite", jobs=4_000, **_HUEY),  # type: ignore[arg-type]
    System(name="django-tasks-db", kind="sqlite", jobs=2_500, **_DJANGO),  # type: ignore[arg-type]
)
"""In the order of the tables; ours first of each kind, because the others are compared with it."""
