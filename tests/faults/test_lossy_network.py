"""A short torture over a network that loses packets and is slow: real retransmissions, by the kernel.

TORTURE_SEED repeats its jobs and its kills; which packets are lost is the kernel's choice.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests import servers

from cardoon.testing import faults
from cardoon.testing.torture.ground import Ground
from cardoon.testing.torture.run import run
from cardoon.testing.torture.setup import Setup

SEED = int(os.environ.get("TORTURE_SEED") or random.randrange(1_000_000))
LOST = 0.1
ONE_WAY_SECONDS = 0.02


@pytest.mark.parametrize("kind", sorted(servers.KINDS))
def test_lost_packets_lose_no_job_and_run_none_twice(kind: str, tmp_path: Path) -> None:
    print(f"TORTURE_SEED={SEED}")
    with servers.private(kind) as server, faults.Proxy(server.address) as proxy:
        proxy.lose(LOST)
        proxy.delay(ONE_WAY_SECONDS)
        ground = Ground(proxy.through(server.url), server.url)
        setup = Setup(
            seed=SEED, jobs=60, kills=3, folder=tmp_path, ground=ground, workers=2, longest_stop=2.0
        )
        report = run(setup, print)
    assert report.violations == []
    assert set(report.counts.values()) == {0}
    assert report.kills == 3
