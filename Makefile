# `make` lists what can be made. Everything is installed into .venv, from the exact versions in requirements/.
PYTHON ?= python3

venv := .venv
python := $(venv)/bin/python
install := $(python) -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test slow torch lint types check format pages lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(venv)/.runtime  ## train on a small table and show what comes out
	@$(python) scripts/demo.py

test: $(venv)/.test  ## run the tests, without the slow ones
	$(python) -m pytest -n auto --dist worksteal

slow: $(venv)/.test  ## run the slow tests
	XLA_FLAGS= $(python) -m pytest -m slow -n auto --dist worksteal --durations=15

# Not in the lock: hundreds of megabytes, and another build for every kind of machine.
torch: $(venv)/.test  ## install PyTorch too: tests that compare with it skip where it is not
	$(install) torch==2.13.0

lint: $(venv)/.test  ## check format and style
	$(python) -m ruff format --check .
	$(python) -m ruff check .

types: $(venv)/.test  ## check the type annotations
	$(python) -m mypy --strict src

check: lint types test  ## what must pass before a change is handed in

format: $(venv)/.test  ## write format and the style that can be mended by itself
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

pages: $(venv)/.test  ## write docs/techniques anew from docstrings and techniques.toml
	@$(python) scripts/techniques.py

lock:  ## write requirements/ anew from the ranges in pyproject.toml
	PYTHON=$(PYTHON) scripts/lock

clean:  ## remove the environment, caches and the demo
	rm -rf $(venv) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist demo

# Two stamps: what is installed already is installed again only where its list has changed.
$(venv)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gammabeta needs Python 3.11 or newer, and $(PYTHON) is older: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "installing into $(venv) (a minute or two)"
	@$(PYTHON) -m venv $(venv)
	@$(install) --require-hashes -r requirements/runtime.txt
	@$(install) --no-deps --no-build-isolation -e .
	@touch $@

$(venv)/.test: requirements/test.txt $(venv)/.runtime
	@echo "installing what the tests need into $(venv)"
	@$(install) --require-hashes -r requirements/test.txt
	@touch $@
