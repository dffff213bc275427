PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE := $(VENV)/node/package.json
BROWSER := $(VENV)/.browser
BENCH := $(VENV)/.bench
KERAS2 := $(VENV)/keras2/.installed
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-browser test-all corpus bench table schemas docs clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# What only `test-all` asks: a second implementation of RFC 6902, and what editors show of a patch.
$(NODE): Makefile
	@command -v npm >/dev/null || { echo "make test-all needs Node.js and npm" >&2; exit 1; }
	npm install --silent --no-fund --no-audit --prefix $(VENV)/node fast-json-patch@3.1.1 yaml-language-server@1.25.0
	@touch $@

# Keras 2, in a Python of its own, computes what the upgraded models must compute too.
$(KERAS2): Makefile
	$(PYTHON) -m venv $(VENV)/keras2
	$(VENV)/keras2/bin/python -m pip install --quiet --disable-pip-version-check 'tensorflow==2.21.*' 'tf-keras==2.21.*'
	@touch $@

# What the benchmarks need beyond the tests.
$(BENCH): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

# What drives the browser; Chromium itself is the system's.
$(BROWSER): $(STAMP)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { echo "make test-browser needs Chromium (apt install chromium)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[browser]'
	@touch $@

demo: $(STAMP)
	$(BIN)/python examples/digits/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow"

test-browser: $(BROWSER)
	$(BIN)/python -m pytest tests/browser

test-all: $(STAMP) $(NODE) $(KERAS2)
	$(BIN)/python -m pytest

corpus: $(STAMP)
	$(BIN)/python -m tests.corpus

bench: $(BENCH)
	$(BIN)/python -m benchmarks

table: $(STAMP)
	$(BIN)/python tools/layer_table.py
	$(BIN)/python tools/layer_texts.py

schemas: $(STAMP)
	mkdir -p schemas
	$(BIN)/python -m patchspec schema patch > schemas/patch.schema.json
	$(BIN)/python -m patchspec schema plan > schemas/plan.schema.json
	$(BIN)/python -m patchspec schema inspect > schemas/inspect.schema.json
	$(BIN)/python -m patchspec schema probe > schemas/probe.schema.json
	$(BIN)/python -m patchspec schema comparison > schemas/comparison.schema.json
	$(BIN)/python -m patchspec schema diff > schemas/diff.schema.json
	$(BIN)/python -m patchspec schema lint > schemas/lint.schema.json

docs: $(STAMP)
	$(BIN)/python -m tests.docs

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
