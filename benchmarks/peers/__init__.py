"""Cardoon beside its peers, in one run and in turns: `python -m benchmarks.peers`.

Each peer lives in an environment of its own below `.venv-peers`, because their pins exclude each other, and
is driven through its adapter in `systems`, which is all that knows it.
"""
