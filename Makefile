# Everything works from a fresh clone: each target makes its own environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check bench wheel clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Elman needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.done  ## train a character-level language model and let it write (under three minutes)
	$(BIN)/elman train language-model --config recipes/demo.yaml --out runs/demo --overwrite

test: $(VENV)/.done  ## run the test suite
	$(BIN)/python -m pytest

check: $(VENV)/.done  ## style, types, import layers, docstrings
	$(BIN)/ruff format --check src tests examples benchmarks
	$(BIN)/ruff check src tests examples benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.done  ## measure; prints the tables of docs/benchmarks.md (some minutes)
	$(BIN)/python benchmarks/training_loop.py
	$(BIN)/python benchmarks/recurrent.py

wheel: $(VENV)/.done  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist

clean:  ## remove the environment and everything built
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
