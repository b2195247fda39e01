# Everything works from a fresh clone: each target makes its own environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

JOBS ?= 2

.PHONY: help demo docs test test-long check sanitize bench gpu-pack gpu wheels clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Elman needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.done  ## train a character-level language model and let it write (under three minutes)
	$(BIN)/elman train language-model --config recipes/demo.yaml --out runs/demo --overwrite

test: $(VENV)/.done  ## run the test suite (JOBS=2 processes)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

test-long: $(VENV)/.done  ## run what takes long: soaks and whole data sets
	$(BIN)/python -m pytest -m long --durations=0

check: $(VENV)/.done  ## style, types, import layers, docstrings
	$(BIN)/ruff format --check src tests examples benchmarks recipes docs
	$(BIN)/ruff check src tests examples benchmarks recipes docs
	$(BIN)/clang-format --dry-run --Werror csrc/*.hpp csrc/*.cpp csrc/cells/*.hpp
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.done  ## write the pages of docs/tasks from the tasks' dataclasses
	$(BIN)/python docs/make_tasks.py

SANITIZED := build/sanitize
sanitize: $(VENV)/.done  ## run the compiled kernels under GCC's sanitizers: memory, undefined behaviour, threads
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(SANITIZED)/package \
	  -C build-dir=$(SANITIZED)/cmake -C install.strip=false -C cmake.define.ELMAN_SANITIZE=address,undefined .
	ELMAN_KERNELS=$$(echo $(SANITIZED)/package/elman/kernels/_kernels*.so) \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	  $(BIN)/python -m pytest tests/kernels
	g++ -std=c++20 -O1 -g -fsanitize=thread -Wno-psabi -Icsrc tests/kernels/pool_race.cpp -pthread -ldl -o $(SANITIZED)/pool_race
	$(SANITIZED)/pool_race
	g++ -std=c++20 -O1 -g -fsanitize=thread -Wno-psabi -Icsrc tests/kernels/unusual_cells.cpp -pthread -ldl -o $(SANITIZED)/unusual_cells
	$(SANITIZED)/unusual_cells

$(VENV)/.bench: $(VENV)/.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

bench: $(VENV)/.bench  ## measure against other libraries; writes the tables of docs/benchmarks.md (half an hour)
	$(BIN)/python benchmarks/training_loop.py --write docs/benchmarks.md
	$(BIN)/python benchmarks/watching.py --write docs/benchmarks.md
	$(BIN)/python benchmarks/one_step.py --write docs/benchmarks.md
	$(BIN)/python benchmarks/recurrent.py --write docs/benchmarks.md

gpu-pack: $(VENV)/.done  ## build the folder gpu-pack, from which make gpu runs without a network (needs Python 3.12 there)
	$(BIN)/python benchmarks/gpu_pack.py

gpu:  ## run the tests of GPUs and measure layers beside cuDNN; needs torch, NumPy and gpu-pack, no network
	$(PYTHON) benchmarks/gpu.py

wheels:  ## builds wheels for Linux on x86-64 and tries each in an empty environment (docs/wheels.md)
	packaging/build_wheels.sh python3.11 python3.12

clean:  ## remove the environment and everything built
	rm -rf $(VENV) dist build gpu-pack .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
