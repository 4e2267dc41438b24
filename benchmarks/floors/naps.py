"""The least that naps take, so many at once, with what Python brings along.

As `python -m benchmarks.floors.naps WAY JOBS AT_ONCE SECONDS` it is the process that naps, and prints the
seconds from the first start to the last end.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.worker import python


def seconds(way: str, jobs: int, at_once: int, nap: float) -> float:
    """In a process of its own."""
    return float(python("-m", __name__, way, str(jobs), str(at_once), str(nap)))


def _in_threads(jobs: int, at_once: int, nap: float) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(time.sleep, [nap] * jobs))


def _on_a_loop(jobs: int, at_once: int, nap: float) -> None:
    asyncio.run(_share(iter([nap] * jobs), at_once))


async def _share(naps: Iterator[float], at_once: int) -> None:
    async def runner() -> None:
        for nap in naps:
            await asyncio.sleep(nap)

    await asyncio.gather(*(runner() for _ in range(at_once)))


WAYS: dict[str, Callable[[int, int, float], None]] = {"threads": _in_threads, "async": _on_a_loop}


def main() -> None:
    """The process."""
    way, jobs, at_once, nap = sys.argv[1:]
    begun = time.perf_counter()
    WAYS[way](int(jobs), int(at_once), float(nap))
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
