# Two commands do everything, set-up included: `make search` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
TORCH ?=
# Tests run in as many processes as there are processors, up to four: each holds torch in memory.
PARALLEL := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup search test lint types unit cases docs slow dist lowest format clean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(VENV)/.installed  ## Make the virtual environment with the pinned packages

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("RoSearch needs Python 3.11.5 or later, %s is %s: give another one by PYTHON=..." % (sys.executable, sys.version.split()[0]) if sys.version_info < (3, 11, 5) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[report,onnx,pos,ray,tensorboard,mlflow,excel,sklearn,docs,dev]"
	@touch $@

search: setup  ## The main job: search robust students for `mr` (ARGS="--candidates 48 ..." for more)
	$(BIN)/rosearch search $(ARGS)

test: lint types docs unit  ## Lint, types, the documentation and the whole test suite

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

unit: setup
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

cases: setup  ## Inputs that broke this or its neighbours once, in under 3 minutes
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest $(PARALLEL) tests/cases -m "not slow" $(ARGS)

docs: setup  ## Build the documentation into site/; a dead link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

slow: setup  ## The tests that take minutes each; CI runs them too
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest $(PARALLEL) -m slow $(ARGS)

dist: setup  ## Build wheel and sdist, and use the wheel in a clean environment (TORCH=2.13.0: that one)
	$(BIN)/python benchmarks/clean_install.py $(if $(TORCH),--torch $(TORCH))

lowest: setup  ## Tests with the lowest version that pyproject.toml allows of each package
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/clean_install.py --lowest $(if $(TORCH),--torch $(TORCH))

format: setup  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove the virtual environment and caches; runs stay
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
