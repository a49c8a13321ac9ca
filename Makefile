# Everything a newcomer needs: `make demo`, `make test`, `make lint`, `make clean`.
VENV ?= .venv
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; \
	done)
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed-
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.PHONY: demo test lint clean help

help:
	@echo "make demo   set up, load the CDNOW shop, backtest, forecast, write the HTML report"
	@echo "make test   set up, run all tests"
	@echo "make lint   ruff and mypy"
	@echo "make clean  remove the environment, caches and the demo shop"

demo: $(STAMP)demo
	$(BIN)/worth demo

# PYTEST_FLAGS passes options on, e.g. make test PYTEST_FLAGS="-k horizon"
test: $(STAMP)test
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(STAMP)test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build .pytest_cache .hypothesis .ruff_cache .mypy_cache demo-shop
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer with its venv module is needed and was not found." >&2; \
		echo "Install it (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than both files only if what they ask for is installed, so installs are not repeated in vain.
$(STAMP)%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing worthwhile[$*] into $(VENV); the first time takes some minutes"
	$(INSTALL) -e ".[$*]"
	@touch $@
