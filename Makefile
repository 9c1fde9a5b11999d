# Every target sets up what it needs in .venv; `make` alone lists the targets.
PYTHON ?= python3
# The ends of the range that test-matrix tries, and what pytest is to run there (everything).
OLDEST ?= python3.11
NEWEST ?= python3.13
TESTS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-matrix lint format audit fuzz bench bench-prior clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Adapt English sample reviews to German with the offline encoder
	$(BIN)/isogloss demo --to de --output runs/demo

test: $(READY) ## Run the tests (minutes)
	$(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadfile

test-all: $(READY) ## Run every test, the slow ones too (those of Ray where isogloss[ray] is installed)
	$(BIN)/python -m pytest -q -m "not gpu"

test-matrix: ## Run the tests (or TESTS=...) on the oldest and newest Python and libraries, each in an environment of its own
	$(PYTHON) tests/matrix.py --oldest $(OLDEST) --newest $(NEWEST) -- $(TESTS)

lint: $(READY) ## Check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: $(READY) ## Look for known vulnerabilities in the dependencies and for risky code
	$(BIN)/pip install -q -c constraints.txt --editable '.[offline,dev,audit]'
	$(BIN)/bandit -q -c pyproject.toml -r src
	$(BIN)/pip check
	$(BIN)/pip-audit --disable-pip --no-deps -r constraints.txt

fuzz: $(READY) ## Throw random and damaged files at every reader, for ten minutes
	$(BIN)/python fuzz/run.py --minutes 10

bench: $(READY) ## Time our training step against a published-style one
	$(BIN)/python benchmarks/train_step.py

bench-prior: $(READY) ## Compare prior estimators with QuaPy's on simulated and real classifiers
	$(BIN)/pip install -q -c constraints.txt --editable '.[offline,dev,bench]'
	$(BIN)/python benchmarks/label_shift.py

clean: ## Remove the environment and what tools left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist

# torch comes first, by its exact version, so that no newer build with accelerator packages is drawn in.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $$(grep '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[offline,dev]'
	@touch $@
