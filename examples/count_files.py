"""Count the lines, words, functions and classes of files: one job for each file.

    cardoon worker count_files:app -p 2     in one terminal
    python count_files.py ~/src             in another

`cardoon demo` runs this very file. Jobs are kept in ./cardoon.db, or where CARDOON_URL says.
"""

import ast
import hashlib
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from cardoon import Cardoon, current_job

app = Cardoon("count_files")


@dataclass
class Counted:
    """What is in a file: lines and words as `wc` counts them; definitions where it is Python that parses."""

    lines: int
    words: int
    sha256: str
    functions: int | None = None
    classes: int | None = None


class Hiccup(Exception):
    """Something that passes by itself, as a busy disk or a slow network would."""


@app.task(retry_for=Hiccup, default_retry_delay=0.2)
def count(path: str) -> Counted:
    """Read one file. Where that is impossible, only this job fails."""
    hiccup_now_and_then(path)
    lines = words = 0
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        for line in file:
            lines += line.endswith(b"\n")
            words += len(line.split())
            digest.update(line)
    functions, classes = definitions(path) if path.endswith(".py") else (None, None)
    return Counted(lines, words, digest.hexdigest(), functions, classes)


def definitions(path: str) -> tuple[int | None, int | None]:
    """How many functions and classes a Python file defines; None for one that does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kinds = Counter(map(type, statements(ast.parse(Path(path).read_bytes()))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None, None
    return kinds[ast.FunctionDef] + kinds[ast.AsyncFunctionDef], kinds[ast.ClassDef]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All that is below a node but expressions: nothing is defined in them, and they are most of a tree."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from statements(child)


def hiccup_now_and_then(path: str) -> None:
    """Fail the first try of one file in fifty, always the same ones, so that there is a retry to see."""
    job = current_job()
    if not job.called_directly and job.retries == 0 and crc32(path.encode()) % 50 == 0:
        raise Hiccup("this would have worked a moment later")


def main() -> None:
    """Send a job for each file of a folder, wait for all of them, and print the totals."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    jobs = count.map(str(path) for path in folder.rglob("*") if path.is_file())
    results = [job.get(propagate=False) for job in jobs]
    counted = [result for result in results if isinstance(result, Counted)]
    print(f"{len(counted):,} of {len(jobs):,} files were counted")
    print(f"{sum(c.lines for c in counted):,} lines")
    print(f"{sum(c.functions or 0 for c in counted):,} functions")
    print(f"{sum(c.classes or 0 for c in counted):,} classes")


if __name__ == "__main__":
    main()
