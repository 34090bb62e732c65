# Everything runs in .venv, which is made on first use and brought up to date when
# pyproject.toml changes. Needed beforehand: make, and Python 3.11 or newer with venv.
#   make test ARGS="-k tls -x"      options for pytest
#   make test PYTHON=python3.12     another Python, for a new .venv

.DEFAULT_GOAL := help
.SUFFIXES:

# The newest Python that is new enough and can make a virtual environment.
PYTHON ?= $(shell for python in python3.15 python3.14 python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
		2>/dev/null && echo $$python && break; done)
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

tour: .venv/run.stamp ## a tour of what fildes does, in ten seconds, without a network
	@$(BIN)/fildes tour $(ARGS)

test: .venv/dev.stamp ## run the tests; ARGS="-k word -x" goes to pytest
	@$(BIN)/python -X dev -m pytest $(ARGS)

check: .venv/dev.stamp ## formatting, lint, types and the rules of the repository
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet tests/test_repository.py

coverage: .venv/dev.stamp ## run the tests and list the lines and branches they miss
	@$(BIN)/python -X dev -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage report

bench: .venv/bench.stamp ## measure, compare with others, write benchmarks/RESULTS.md
	@$(BIN)/python benchmarks/run.py $(ARGS)

soak: .venv/dev.stamp ## a million short connections through a relay; ARGS="tls 50000" for others
	@nice $(BIN)/python benchmarks/soak.py $(ARGS)

clean: ## remove what was made, .venv included
	rm -rf .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "fildes needs Python 3.11 or newer with venv;" \
		"on Debian: apt-get install python3 python3-venv" >&2; exit 1; }
	@echo "making .venv with $(PYTHON)" >&2
	@$(PYTHON) -m venv .venv

# Without a network, packages that are already there will do.
.venv/run.stamp: pyproject.toml | $(BIN)/python
	@$(PIP) --editable . || { $(BIN)/python -c 'import fildes, idna' && \
		echo "pip failed; going on with the packages in .venv" >&2; }
	@touch $@

# --group (PEP 735) needs pip 25.1, newer than what Debian 12's Python brings along.
.venv/dev.stamp: .venv/run.stamp
	@{ $(PIP) 'pip>=25.1' && $(PIP) --group dev; } || { \
		$(BIN)/python -c 'import coverage, hypothesis, mypy, pytest, trio, trustme' && \
		echo "pip failed; going on with the packages in .venv" >&2; }
	@touch $@

# A peer that cannot be had is a row without figures.
.venv/bench.stamp: .venv/dev.stamp
	@$(PIP) --group bench || echo "pip failed; going on with the packages in .venv" >&2
	@touch $@

.PHONY: help tour test check coverage bench soak clean
