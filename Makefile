# `make run` and `make test` set everything up in .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests on every core, a file's tests on one: what its fixtures train or build is made once.
PYTEST := $(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist loadfile

.PHONY: run test check lint quick format bench clean

run: $(READY)
	$(BIN)/ganbench run infogan acgan

test: $(READY)
	$(PYTEST)

check: lint quick

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

quick: $(READY)
	$(PYTEST) -m "not slow"

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m benchmarks

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ganbench needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV): torch and its companions, about two minutes and 5 GB on Linux."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info
