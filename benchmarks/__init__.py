"""How fast Cardoon is, beside what the same machine allows: `python -m benchmarks`.

Each scenario measures Cardoon and its floor in the same run, in turns. `docs/benchmarks.md` is
written from here; no number in it is typed by hand.
"""
