"""Places where a process can be made to fail, for tests; off unless the environment names them.

    CARDOON_FAILPOINTS="fin.after_commit_before_reply=kill@3; claim.before=sleep:0.2@1/10"

Each is `NAME=action[:argument][@when]`; the names stand in `names`, the actions in `actions`. `when`
is the number of the hit at which it happens in this process, or `1/k`: at each hit with this chance,
drawn from CARDOON_FAILPOINTS_SEED. Without `when` it happens at every hit. The variable is read once,
when this module is imported (with the first engine, at the latest); what makes no sense in it is a
ConfigurationError there.
"""

from __future__ import annotations

import os

VARIABLE = "CARDOON_FAILPOINTS"
SEED = "CARDOON_FAILPOINTS_SEED"

armed = bool(os.environ.get(VARIABLE, "").strip())
"""Whether anything was named. Test this first: `if failpoints.armed: failpoints.hit("claim.before")`."""

if armed:
    from cardoon.failpoints.plan import Plan  # only then: it loads what no other process needs

    _plan = Plan.read(os.environ[VARIABLE], os.environ.get(SEED, ""))


def hit(name: str) -> None:
    """Pass this place: what the environment asked for happens here. Names of your own begin with `own.`."""
    if armed:
        _plan.hit(name)
