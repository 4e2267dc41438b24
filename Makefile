# One word each. Every verb sets up what it needs: git, make and Python 3.11 with venv are enough.

PYTHON ?= python3
BIN := .venv/bin

ENGINE ?= sqlite
JOBS ?= 20000
KILLS ?= 200
FAULTS ?= $(KILLS)
SEED ?= 1

.PHONY: demo test lint types docs guard bench bench-peers torture setup clean

demo: setup
	$(BIN)/cardoon demo

test: setup
	$(BIN)/python -m pytest --durations=10 --numprocesses=auto --maxprocesses=4 --dist=worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy
	$(BIN)/basedpyright

docs: setup
	$(BIN)/python -m tests.docs.test_rendered --write
	$(BIN)/python -m tests.docs.test_guarantees --write
	$(BIN)/python -m tests.docs.test_engines --write
	$(BIN)/python -m tests.architecture.test_walk --write

guard: setup
	$(BIN)/python -m benchmarks.guard

bench: guard
	$(BIN)/python -m benchmarks $(addprefix --engine ,$(ENGINES))

bench-peers: setup
	$(BIN)/python -m benchmarks.peers --install
	$(BIN)/python -m benchmarks.peers

torture: setup
	$(BIN)/python -m cardoon.testing.torture --jobs $(JOBS) --faults $(FAULTS) --seed $(SEED) $(if $(URL),--url $(URL),--engine $(ENGINE))

setup: .venv/.made

.venv/.made: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv .venv-peers build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
