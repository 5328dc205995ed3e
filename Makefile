# Two commands do everything on a fresh machine with Python 3.10-3.13, make and a C library:
#   make demo    the main job, on real facts and a small trained model
#   make test    the tests
# Both make their own environment in .venv first.

PYTHON ?= python3
VENV ?= .venv
# The tested release. Set TORCH= to keep a torch that is already in the environment.
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-fast lint types format bench wheel demo-data clean

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	test -z "$(TORCH)" || $(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[dev]" --config-settings editable_mode=strict
	touch $@

demo: $(INSTALLED)
	$(BIN)/trackstar demo

test: $(INSTALLED) lint types
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-fast: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# A strict editable install links each file, so new files need a new install before they are seen.
types: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --no-deps --editable . --config-settings editable_mode=strict
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)
	$(BIN)/python -m tests.bench

wheel: $(INSTALLED)
	$(BIN)/python -m build --wheel

# Makes the demo's corpus and trains its model again; both are committed.
demo-data: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable ".[demo-data]" --config-settings editable_mode=strict
	$(BIN)/python -m trackstar_db.demo.corpus
	$(BIN)/python -m trackstar_db.demo.train

clean:
	rm -rf build dist *.egg-info
