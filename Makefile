# waysight: `make demo` watches a simulated city work; `make test` runs everything.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export UV_LINK_MODE ?= copy
SEED ?= 1
MINUTES ?= 10

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-stream bench-growth bench-models bench-wrong-fines chaos docs clean

help: ## show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.txt pyproject.toml tools/bootstrap.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash tools/bootstrap.sh
	@touch $@

setup: $(STAMP) ## install everything: packages, Kafka, registry, Triton (about 3 minutes, once)
	@$(BIN)/waysight setup

demo: setup ## watch a city work; writes out/demo/
	@$(BIN)/waysight demo

test: setup ## all tests, real parts included
	@$(BIN)/python -m pytest

check: $(STAMP) ## format, lint, types, fast tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/python tools/typecheck.py
	@$(BIN)/python tools/generate_messages.py --check
	@$(BIN)/python -m pytest -q -m "not integration"

bench: setup ## measurements against named references, as ratios
	@$(BIN)/python -m bench

RECORDS ?= 1000000
RUNS ?= 3
bench-stream: setup ## our stream worker against Quix Streams, PyFlink, Bytewax and a plain loop (RECORDS=, RUNS=)
	@$(BIN)/python -m bench.stream --records $(RECORDS) --runs $(RUNS)

bench-growth: setup ## its cost over partitions, workers, hotlist and cameras; p99 of an alert (soak: see docs)
	@$(BIN)/python -m bench.growth growth latency --runs $(RUNS)

bench-models: setup ## models against what one would install instead (needs the shared photographs)
	@$(BIN)/python -m bench models tracking

SEEDS ?= 1..12
bench-wrong-fines: setup ## how often a fine is wrong, on filmed cities made to mislead (SEEDS=1..12; about 3 minutes each)
	@$(BIN)/python -m bench.wrong_fines --seeds $(SEEDS)

ROWS ?= 10000000
bench-exports: setup ## exports and reports over ROWS= violations against ClickHouse's own INTO OUTFILE (RUNS=)
	@$(BIN)/python -m bench.exports --rows $(ROWS) --runs $(RUNS)

chaos: setup ## ten minutes of harm under load, SEED=n (MINUTES=n); the ledger must balance
	@$(BIN)/python -m chaos --seed $(SEED) --minutes $(MINUTES)

docs: $(STAMP) ## generated pages of docs/
	@$(BIN)/python tools/generate_docs.py
	@$(BIN)/python tools/generate_data.py

clean: ## stop the local stack and remove what was built (downloads stay cached)
	@if [ -x $(BIN)/waysight ]; then $(BIN)/waysight down || true; fi
	rm -rf $(VENV) .waysight out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
