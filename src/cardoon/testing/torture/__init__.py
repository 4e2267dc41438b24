"""Torture: real workers under real kills, and a ledger that says what truly happened.

    python -m cardoon.testing.torture --jobs 20000 --kills 200 --seed 1

Producers and workers write down what they do, a nemesis kills and stops them, and at the end a checker
holds the ledgers against what the engine says. `zombies` tries whether attempts that lost their jobs can
still write.
"""
