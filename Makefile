# Everything a developer does, from a fresh clone: Python 3.11 or newer and make are enough.
PYTHON ?= python3
ARGS ?=
SECONDS ?= 60
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench fuzz

help: ## Say what the targets do
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  ARGS="..." goes to the command: make demo ARGS=--once, make test ARGS="-k handoff"'

setup: $(STAMP) ## Make .venv from the lock (the other targets do it by themselves)

demo: $(STAMP) ## Run a whole cell pair on this machine
	@$(BIN)/cellbridge demo $(ARGS)

test: $(STAMP) ## Run the tests
	@$(BIN)/python -m pytest $(ARGS)

check: $(STAMP) ## Lint, formatting, types, and whether the locks are fresh
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_lock.py

bench: $(STAMP) ## Measure mint and verify against their limits
	@$(BIN)/python -m bench $(ARGS)

fuzz: $(STAMP) ## Mutate signed documents for SECONDS=60; what is found is kept
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

# The environment is made again only when what it is made from has changed.
$(STAMP): pyproject.toml requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "cellbridge needs Python 3.11 or newer, and $(PYTHON) is not there" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "cellbridge needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments: its venv or ensurepip module is missing." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv (a minute or two the first time)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
