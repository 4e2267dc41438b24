"""What `import cardoon` offers: each name once, documented, and nothing by accident."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import cardoon
from cardoon.tasks import declare

TREE = ast.parse(Path(cardoon.__file__).read_text("utf-8"))
TYPED = next(node for node in TREE.body if isinstance(node, ast.If))
"""What type checkers see at once, and programs when they first ask for it."""

MODULES_AT_MOST = 100
"""A drift is noticed here; the figure itself, and msgspec's share of it (63), stand in docs/benchmarks.md."""


def bound_names() -> list[str]:
    """Every name that the package binds at its top, in order."""
    names = []
    for node in [*TREE.body, *TYPED.body]:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


PUBLIC = [name for name in bound_names() if not name.startswith("_")]


def test_each_name_is_exported_once() -> None:
    assert [name for name, times in Counter(bound_names()).items() if times > 1] == []


def test_all_lists_exactly_the_public_names() -> None:
    listed = getattr(cardoon, "__all__", None)
    assert listed is not None, "without __all__ type checkers refuse `from cardoon import ...`"
    assert len(listed) == len(set(listed))
    assert set(listed) == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(cardoon, name)), name


def test_nothing_private_is_offered_under_a_public_name() -> None:
    imported = [alias for node in TREE.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert [a.name for a in imported if a.name.startswith("_")] == []
    assert all(not a.asname or a.asname.startswith("_") or a.asname in PUBLIC for a in imported)


def test_nothing_else_is_public_but_the_packages_own_modules() -> None:
    others = {name for name in vars(cardoon) if not name.startswith("_")} - set(PUBLIC)
    strangers = {name for name in others if not _is_own_module(getattr(cardoon, name))}
    assert strangers == set()


def _is_own_module(found: object) -> bool:
    return isinstance(found, ModuleType) and found.__name__.startswith("cardoon.")


def test_the_words_of_celery_mean_the_same_things() -> None:
    assert cardoon.Celery is cardoon.Cardoon
    assert cardoon.shared_task is declare.task
    assert callable(cardoon.task)  # a module of that name, once it is imported


def test_importing_it_loads_few_modules() -> None:
    program = "import sys; before = len(sys.modules); import cardoon; print(len(sys.modules) - before)"
    said = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert int(said) <= MODULES_AT_MOST
