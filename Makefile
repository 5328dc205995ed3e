# Two commands do everything on a fresh machine with Python 3.10-3.13, make and a C library:
#   make demo    the main job, on real facts and a small trained model
#   make test    the tests
# Both make their own environment in .venv first. Another, .venv-peers, is made by
#   make test-peers    scores against captum, kronfluence and Bergson (Python 3.11 or later)
# and .venv-superset by
#   make superset      the dashboard in Apache Superset, until Ctrl-C

PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
SUPERSET ?= .venv-superset
# For `make superset` on another database than the embedded one: the URL of a member of tda_reader, from the environment,
# because whoever is on the machine reads in the list of processes what a command is given.
export READER_URL ?=
# The tested release. Set TORCH= to keep a torch that is already in the environment.
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo demo-runs superset test test-fast test-viewer test-peers test-dashboards lint types format bench bench-full bench-report dictionary docs wheel demo-data clean

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	test -z "$(TORCH)" || $(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

demo: $(INSTALLED)
	@$(BIN)/trackstar demo
	@echo "  first, in this shell: . $(BIN)/activate"

# Further methods and judges on the demo's data, for dashboards that compare them.
demo-runs: $(INSTALLED)
	$(BIN)/trackstar demo > /dev/null
	$(BIN)/trackstar attribute --encoding demo --query-set demo --run demo --method trackstar --method less --method gold
	$(BIN)/trackstar judge entailment --runs 'demo,demo/*' --labeler alias_match
	$(BIN)/trackstar judge tail-patch --runs 'demo,demo/*' --every 4
	$(BIN)/trackstar evaluate --runs 'demo,demo/*'
	$(BIN)/trackstar refresh

$(SUPERSET)/.installed: dashboards/superset/requirements.txt dashboards/superset/constraints.txt
	test -x $(SUPERSET)/bin/python || $(PYTHON) -m venv $(SUPERSET)
	$(SUPERSET)/bin/python -m pip install --quiet --requirement $< --constraint dashboards/superset/constraints.txt
	touch $@

superset: $(INSTALLED) $(SUPERSET)/.installed
	@$(BIN)/python -m dashboards.superset.up --environment $(SUPERSET)

# The dashboard in headless Chromium (Debian's package chromium), with pictures for the docs.
test-dashboards: demo-runs $(SUPERSET)/.installed
	$(BIN)/python -m pip install --quiet playwright
	$(BIN)/python -m dashboards.superset.look --environment $(SUPERSET) --pictures docs/images

test: $(INSTALLED) lint types
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

# The viewer's, with fifty browsers for a minute instead of seconds, and pictures for the docs.
test-viewer: $(INSTALLED)
	TRACKSTAR_LOAD_SECONDS=60 TRACKSTAR_PICTURES=docs/images $(BIN)/python -m pytest tests/viewer

test-fast: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow"

# Peers ask for torchvision, and transformers then imports it, which fails where it was built for another torch.
$(PEERS)/.installed: tests/peers/requirements.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet --requirement tests/peers/requirements.txt
	$(PEERS)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio
	touch $@

test-peers: $(PEERS)/.installed
	cd tests/peers && OMP_NUM_THREADS=1 $(abspath $(PEERS))/bin/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy follows folders, not the mapping of an editable install: it is shown the package as a wheel lays it out.
types: $(INSTALLED)
	rm -rf build/types && mkdir -p build/types/trackstar_db
	ln -s $(CURDIR)/trackstar_db/* $(CURDIR)/loaders $(CURDIR)/migrations $(CURDIR)/sql build/types/trackstar_db/
	cd build/types && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Ratios against references, in minutes; the results go into BENCHMARKS.md.
bench: $(INSTALLED)
	$(BIN)/python -m tests.bench

# Also a million rows (16 GB of disk for a while) and the tables of quality.
bench-full: $(INSTALLED)
	$(BIN)/python -m tests.bench --full

# BENCHMARKS.md again from the kept results, after a change of its words.
bench-report: $(INSTALLED)
	$(BIN)/python -m tests.bench.report

# docs/data-dictionary.md again, from the comments in sql/.
dictionary: $(INSTALLED)
	$(BIN)/trackstar init
	$(BIN)/python -m trackstar_db.database.dictionary > docs/data-dictionary.md

# The documentation site, in build/site.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: $(INSTALLED)
	$(BIN)/python -m build --wheel

# Makes the demo's corpus and trains its model again; both are committed.
demo-data: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable ".[demo-data]"
	$(BIN)/python -m trackstar_db.demo.corpus
	$(BIN)/python -m trackstar_db.demo.train

clean:
	rm -rf build dist *.egg-info
